//! A student stands as the API says; the page adds no rule of its own.

import { expect, test } from 'vitest';
import type { Card } from './api';
import { standingOf } from './standing';

const NOW = '2026-11-20T09:00:00.000Z';
const LONG_AGO = '2026-11-20T01:00:00.000Z';

/** Whatever else a card has: times and tries that would speak for every mark. */
const card = (mark: Card['mark'], finished: string | null): Card =>
  ({ mark, finished, begun: null, lastActivity: LONG_AGO, activeSince: LONG_AGO, tries: 9, lastPassed: false, clients: 0, connected: false, steps: 3, completed: 3, given: 0 }) as unknown as Card;

test.each([
  ['fails', 'stuck'],
  ['slow', 'slow'],
  ['idle', 'idle'],
  ['left', 'left'],
  ['new', 'new'],
  [null, 'working'],
] as const)('the mark %s is shown as %s', (mark, standing) => {
  expect(standingOf(card(mark, null))).toBe(standing);
});

test('who has finished is shown as finished', () => {
  expect(standingOf(card(null, NOW))).toBe('finished');
});
