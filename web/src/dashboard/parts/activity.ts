//! Activity as a card tells it, laid on the last quarter of an hour.

import type { Card } from '../api';

/** A bar is half a minute of the clock, as the API counts. */
export const HALF_MS = 30_000;
export const HALVES = 30;

/** How much was done in each half minute, the one that is now last. The newest that is told is that of the last activity. */
export function halves(card: Pick<Card, 'activity' | 'lastActivity'>, half: number): number[] {
  const counts = new Array<number>(HALVES).fill(0);
  if (!card.lastActivity) return counts;
  // A workspace whose clock is ahead was active now.
  const since = Math.max(0, half - Math.floor(Date.parse(card.lastActivity) / HALF_MS));
  const last = HALVES - 1 - since;
  card.activity.forEach((n, index) => {
    const place = last - (card.activity.length - 1 - index);
    if (place >= 0) counts[place] = n;
  });
  return counts;
}
