//! One line of time for everything: commands, checks, moments and the sessions' recordings. Times in milliseconds since the epoch.

import type { Schemas } from '$api/client';
import { TimeScale } from './scale';

type Timeline = Schemas['TimelineView'];
type Session = Schemas['SessionBand'];

/** One line of the list. */
export type Entry =
  | { kind: 'command'; key: string; time: number; seek: number; command: Schemas['CommandView'] }
  | { kind: 'check'; key: string; time: number; seek: number; check: Schemas['CheckReport'] }
  | { kind: 'moment'; key: string; time: number; seek: number; moment: Schemas['Moment'] };

/** After its beginning, so that a click on a command shows what it first answered. */
const GLANCE_MS = 1_000;
/** After its end, so that what it printed and the next prompt are there. */
const SETTLE_MS = 50;

/** When a second of a session was, by the clock on the wall. */
export const wallTime = (session: Session, second: number): number => Date.parse(session.opened) + second * 1_000;

/** Which second of a session a moment is; negative before it was opened. */
export const sessionSecond = (session: Session, time: number): number => (time - Date.parse(session.opened)) / 1_000;

/** When a command began: by its place in the recording if it has one, else by its end and how long it ran. */
export function began(command: Schemas['CommandView'], sessions: Session[]): number {
  const session = sessions.find((other) => other.session === command.session);
  if (session && command.at !== null) return wallTime(session, command.at);
  return Date.parse(command.ts) - (command.ms ?? 0);
}

/** When what a command printed, and the next prompt, are on the screen. */
export const settled = (command: Schemas['CommandView'], sessions: Session[]): number =>
  Math.max(Date.parse(command.ts), began(command, sessions) + (command.ms ?? 0) + SETTLE_MS);

/** Everything in order, as the list shows it. */
export function entriesOf(timeline: Timeline): Entry[] {
  const entries: Entry[] = [];
  for (const command of timeline.commands) {
    const time = began(command, timeline.sessions);
    entries.push({ kind: 'command', key: `c${command.seq}`, time, seek: time + Math.min(command.ms ?? 0, GLANCE_MS) + SETTLE_MS, command });
  }
  timeline.checks.forEach((check, index) => {
    const time = Date.parse(check.ts);
    entries.push({ kind: 'check', key: `g${index}-${check.ts}`, time, seek: time, check });
  });
  timeline.moments.forEach((moment, index) => {
    const time = Date.parse(moment.ts);
    entries.push({ kind: 'moment', key: `m${index}-${moment.ts}`, time, seek: time, moment });
  });
  return entries.sort((a, b) => a.time - b.time);
}

/** The slider's scale: from the first record to `now`, with every known moment. */
export function scaleOf(timeline: Timeline, entries: Entry[], until: number): TimeScale {
  const first = timeline.from ? Date.parse(timeline.from) : until - 1;
  const moments = entries.map((entry) => entry.time);
  for (const session of timeline.sessions) {
    moments.push(Date.parse(session.opened));
    if (session.closed) moments.push(Date.parse(session.closed));
  }
  for (const band of timeline.steps) moments.push(Date.parse(band.from));
  return new TimeScale(first, Math.max(until, first + 1), moments);
}

/** The index of the last entry at or before `time`; -1 before the first. */
export function lastAt<T>(items: T[], time: number, of: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(items[middle]!) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The sessions that were open at a moment. */
export const openAt = (sessions: Session[], time: number): Session[] =>
  sessions.filter((session) => Date.parse(session.opened) <= time && (session.closed === null || time <= Date.parse(session.closed)));

/**
 * The session to look at: of those open at the moment, the one in which a command ran last, else the one opened last.
 * Between sessions it is the one that ended last, so that the screen does not go blank.
 */
export function sessionAt(timeline: Timeline, entries: Entry[], time: number): Session | null {
  const open = openAt(timeline.sessions, time);
  const candidates = open.length > 0 ? open : timeline.sessions.filter((session) => Date.parse(session.opened) <= time);
  if (candidates.length === 0) return null;
  for (let index = lastAt(entries, time, (entry) => entry.time); index >= 0; index -= 1) {
    const entry = entries[index]!;
    if (entry.kind !== 'command') continue;
    const found = candidates.find((session) => session.session === entry.command.session);
    if (found) {
      const later = candidates.at(-1)!;
      return Date.parse(later.opened) > entry.time ? later : found;
    }
  }
  return candidates.at(-1) ?? null;
}

/** The command before or after a moment, for the arrow keys. */
export function neighbourCommand(entries: Entry[], time: number, direction: 1 | -1): Entry | null {
  const commands = entries.filter((entry) => entry.kind === 'command');
  const now = lastAt(commands, time, (entry) => entry.time);
  return commands[now + direction] ?? null;
}
