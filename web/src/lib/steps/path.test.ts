//! Which steps the path shows.

import { expect, test } from 'vitest';
import { neighbourhood, rows } from './path';

const steps = (groups: (string | null)[]) => groups.map((group, index) => ({ id: `s${index}`, group }));
const ids = (of: { id: string }[]) => of.map((step) => step.id).join(' ');

test('seven steps without groups are a whole path', () => {
  const path = neighbourhood(steps(Array(7).fill(null)), 3);
  expect([path.whole, path.shown.length]).toEqual([true, 7]);
});

test.each([
  [0, 's0 s1 s2 s3 s4', 0, 5],
  [5, 's3 s4 s5 s6 s7', 3, 2],
  [9, 's5 s6 s7 s8 s9', 5, 0],
])('of ten steps at %d: %s', (at, shown, before, after) => {
  const path = neighbourhood(steps(Array(10).fill(null)), at);
  expect([path.whole, ids(path.shown), path.before, path.after]).toEqual([false, shown, before, after]);
});

test('groups are rows, in order of appearance', () => {
  const found = rows(steps(['a', 'b', 'a', null]));
  expect(found.map((row) => [row.group, ids(row.steps)])).toEqual([['a', 's0 s2'], ['b', 's1'], [null, 's3']]);
});
