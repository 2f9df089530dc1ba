import { expect, test } from 'vitest';
import { HALVES, halves } from './activity';

const at = (half: number, second = 0) => new Date(half * 30_000 + second * 1_000).toISOString();
/** The bars that are not empty, by how many half minutes ago. */
const shown = (activity: number[], lastActivity: string | null, half: number) =>
  halves({ activity, lastActivity }, half).flatMap((n, index) => (n ? [[HALVES - 1 - index, n]] : []));

test('the newest is where the last activity was, and moves back with the clock', () => {
  expect(shown([3, 0, 1], at(1_000, 12), 1_000)).toEqual([[2, 3], [0, 1]]);
  expect(shown([3, 0, 1], at(1_000, 12), 1_004)).toEqual([[6, 3], [4, 1]]);
});

test('what is older than a quarter of an hour is gone', () => {
  expect(shown([3, 0, 1], at(1_000), 1_028)).toEqual([[28, 1]]);
  expect(shown([3, 0, 1], at(1_000), 1_200)).toEqual([]);
  expect(shown(new Array(HALVES).fill(1), at(1_000), 1_000)).toHaveLength(HALVES);
});

test('a clock that is ahead is now, and nothing is nothing', () => {
  expect(shown([2], at(1_007), 1_000)).toEqual([[0, 2]]);
  expect(shown([], null, 1_000)).toEqual([]);
});
