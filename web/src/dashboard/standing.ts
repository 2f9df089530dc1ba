//! How a student stands: in a word, with a shape of its own, and sorted by who needs help first.

import { count, span } from '$lib/look/words';
import type { Card } from './api';

export type Standing = 'stuck' | 'slow' | 'idle' | 'left' | 'new' | 'working' | 'finished';

/** In the order in which they are offered as filters. */
export const STANDINGS: { standing: Standing; title: string; about: string }[] = [
  { standing: 'stuck', title: 'Stuck', about: 'Three failed checks or more in this step, the last of them too' },
  { standing: 'slow', title: 'Slow', about: 'More than a quarter of an hour in this step' },
  { standing: 'idle', title: 'Idle', about: 'Nothing for more than ten minutes; away if no browser is connected either' },
  { standing: 'left', title: 'Left', about: 'No browser connected, and nothing for two hours' },
  { standing: 'working', title: 'Working', about: 'Going on' },
  { standing: 'new', title: 'Not begun', about: 'Nobody has opened this workspace yet' },
  { standing: 'finished', title: 'Finished', about: 'Every step is done' },
];

export const finished = (card: Card): boolean => card.finished !== null;

/** Only what the API says: what makes a mark is defined once, in the database. */
export function standingOf(card: Card): Standing {
  if (finished(card)) return 'finished';
  if (card.mark === null) return 'working';
  return card.mark === 'fails' ? 'stuck' : card.mark;
}

/** Seconds since a time; null before there is one. */
export const since = (ts: string | null, now: number): number | null => (ts ? Math.max(0, (now - Date.parse(ts)) / 1_000) : null);

/** The standing in words, with what makes it so. */
export function standingWords(card: Card, now: number): string {
  const step = card.stepPosition === null ? '' : ` on step ${card.stepPosition}`;
  const here = since(card.activeSince, now);
  switch (standingOf(card)) {
    case 'stuck':
      return `Stuck${step}, ${count(card.tries, 'try', 'tries')}`;
    case 'slow':
      return here === null ? `Slow${step}` : `Slow, ${span(here)}${step}`;
    case 'idle':
      return `${card.connected ? 'Idle' : 'Away'} ${span(since(card.lastActivity, now) ?? 0)}`;
    case 'left':
      return `Left ${span(since(card.lastActivity, now) ?? 0)} ago`;
    case 'new':
      return 'Not begun';
    case 'finished':
      return card.begun && card.finished && card.finished > card.begun ? `Finished in ${span((Date.parse(card.finished) - Date.parse(card.begun)) / 1_000)}` : 'Finished';
    case 'working':
      return card.stepPosition !== null && card.path[card.stepPosition - 1] === 'completed' ? `Passed step ${card.stepPosition}` : `Working${step}`;
  }
}

/** More of it, for who asks: the step by name, what was tried, whether a browser is there. */
export function standingMore(card: Card): string {
  if (standingOf(card) === 'new') return '';
  const step = card.stepTitle ? `${card.stepPosition === null ? '' : `${card.stepPosition}. `}${card.stepTitle}` : '';
  const parts = [step, ...(card.tries > 0 ? [count(card.tries, 'try', 'tries')] : []), ...(card.helps > 0 ? [`help opened ${count(card.helps, 'time')}`] : []), card.clients === 0 ? 'no browser connected' : `${count(card.clients, 'browser')} connected`];
  return parts.filter(Boolean).join(', ');
}

/** Who needs help most first; the rest by name, so that order is the same for everyone. */
export function byNeed(a: Card, b: Card): number {
  return b.need - a.need || Number(finished(a)) - Number(finished(b)) || (a.activeSince ?? '~').localeCompare(b.activeSince ?? '~') || named(a).localeCompare(named(b)) || a.workspace.localeCompare(b.workspace);
}

/** The student's name, or else the workspace's. */
export const named = (card: Pick<Card, 'student' | 'workspace'>): string => card.student || card.workspace;

/** What is wrong with the logs of a workspace, in words; empty if nothing is. */
export function troubles(card: Card): string[] {
  const found = [];
  if (card.logState === 'diverged') found.push('The log was set back; nothing more is taken in');
  if (card.logState === 'expired') found.push('The log has expired');
  if (card.gaps > 0) found.push(`${count(card.gaps, 'gap')} in its records`);
  if (card.quarantined > 0) found.push(`${count(card.quarantined, 'line')} could not be read`);
  if (card.switchFailed) found.push(`The last restart failed: ${card.switchFailed}`);
  return found;
}
