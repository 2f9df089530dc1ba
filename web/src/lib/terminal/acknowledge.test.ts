//! What the backend is told of the bytes that reached the screen.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Acknowledger } from './acknowledge';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function acknowledged(): { add: Acknowledger; said: number[] } {
  const said: number[] = [];
  return { add: new Acknowledger((bytes) => said.push(bytes)), said };
}

test('little is told after a moment, and as a sum', () => {
  const { add, said } = acknowledged();
  add.add(10);
  add.add(20);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(50);
  add.add(5);
  vi.advanceTimersByTime(50);
  expect(said).toEqual([30, 35]);
});

test('a flood is told every 32 KiB, and its rest', () => {
  const { add, said } = acknowledged();
  for (let n = 0; n < 10; n += 1) add.add(10_000);
  vi.advanceTimersByTime(50);
  expect(said.at(-1)).toBe(100_000);
  expect(said.length).toBeLessThanOrEqual(4);
});

test('nothing is told of a connection that is gone', () => {
  const { add, said } = acknowledged();
  add.add(10);
  add.stop();
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual([]);
});
