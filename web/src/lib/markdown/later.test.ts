//! What a page loads later, while the workspace that serves it may be away.

import { expect, test } from 'vitest';
import { later } from './later';

const failing = (times: number) => {
  let tries = 0;
  return async () => {
    tries += 1;
    if (tries <= times) throw new TypeError('Failed to fetch');
    return tries;
  };
};

test('what cannot be loaded now is loaded later, and what never can be is no error', async () => {
  expect(await later(failing(0), [1, 1])).toBe(1);
  expect(await later(failing(2), [1, 1])).toBe(3);
  expect(await later(failing(3), [1, 1])).toBe(undefined);
});
