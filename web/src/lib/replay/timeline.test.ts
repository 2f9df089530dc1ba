//! Wall time, the seconds of a recording, and the slider: one moment in three measures.

import { describe, expect, test } from 'vitest';
import type { Schemas } from '$api/client';
import { CastReader } from './cast';
import { TimeScale } from './scale';
import { began, entriesOf, lastAt, neighbourCommand, sessionAt, sessionSecond, wallTime } from './timeline';

const T0 = Date.parse('2026-11-20T09:00:00.000Z');
const iso = (minute: number) => new Date(T0 + minute * 60_000).toISOString();
const session = (name: string, opened: number, closed: number | null): Schemas['SessionBand'] => ({
  session: name, name, opened: iso(opened), closed: closed === null ? null : iso(closed), casts: [{ name: `${name}.cast`, at: 0 }],
});
const command = (seq: number, minute: number, in_: string | null, at: number | null, ms = 0): Schemas['CommandView'] => ({
  seq, ts: iso(minute), cmd: `c${seq}`, exit: 0, session: in_, step: 's', cwd: '/', ms, at,
});
const timeline = (part: Partial<Schemas['TimelineView']>): Schemas['TimelineView'] => ({
  log: '', from: iso(0), to: iso(60), steps: [], checks: [], commands: [], moments: [], sessions: [], ...part,
});

describe('a command’s beginning', () => {
  const sessions = [session('a', 1, null)];
  test('is its place in the recording', () => expect(began(command(1, 9, 'a', 30.5), sessions)).toBe(T0 + 60_000 + 30_500));
  test('or its end less how long it ran', () => expect(began(command(1, 9, 'gone', 30.5, 2_000), sessions)).toBe(T0 + 9 * 60_000 - 2_000));
  test('and wall time and seconds are inverse', () => expect(sessionSecond(sessions[0]!, wallTime(sessions[0]!, 12.345))).toBeCloseTo(12.345, 6));
});

describe('the session to look at', () => {
  const line = timeline({
    sessions: [session('a', 0, null), session('b', 10, 20)],
    commands: [command(1, 5, 'a', 300), command(2, 12, 'b', 120), command(3, 15, 'a', 900)],
  });
  const at = (minute: number) => sessionAt(line, entriesOf(line), T0 + minute * 60_000)?.session ?? null;
  test.each([
    [-1, null], [1, 'a'], [5, 'a'], [10.5, 'b'], [13, 'b'], [16, 'a'], [25, 'a'],
  ])('at minute %d it is %s', (minute, expected) => expect(at(minute)).toBe(expected));
  test('between sessions it is the last one', () => {
    const over = timeline({ sessions: [session('a', 0, 5)] });
    expect(sessionAt(over, [], T0 + 30 * 60_000)?.session).toBe('a');
  });
});

describe('the list', () => {
  const line = timeline({ commands: [command(1, 5, null, null, 4_000), command(2, 6, null, null)], moments: [{ ts: iso(5.5), kind: 'help_opened', step: 's', text: 'Hint opened' }] });
  const entries = entriesOf(line);
  test('is in order of beginning', () => expect(entries.map((entry) => entry.key)).toEqual(['c1', `m0-${iso(5.5)}`, 'c2']));
  test('a click on a long command shows its first second', () => expect(entries[0]!.seek - entries[0]!.time).toBe(1_050));
  test('knows what has happened', () => {
    const now = (minute: number) => lastAt(entries, T0 + minute * 60_000, (entry) => entry.time);
    expect([now(1), now(5), now(5.5), now(60)]).toEqual([-1, 0, 1, 2]);
  });
  test('arrow keys go from command to command, from where a click leads too', () => {
    expect(neighbourCommand(entries, entries[0]!.seek, 1)?.key).toBe('c2');
    expect(neighbourCommand(entries, entries[2]!.seek, -1)?.key).toBe('c1');
    expect(neighbourCommand(entries, entries[2]!.seek, 1)).toBeNull();
  });
});

describe('the slider’s scale', () => {
  const hour = 3_600_000;
  const night = new TimeScale(T0, T0 + 12 * hour, [T0 + 60_000, T0 + 300_000, T0 + 12 * hour - 60_000]);
  test('a night takes a sliver', () => {
    expect(night.breaks).toHaveLength(1);
    expect(night.position(T0 + 11 * hour) - night.position(T0 + hour)).toBeLessThan(0.02);
    expect(night.awake).toBeLessThan(10 * 60_000);
  });
  test('positions and times are inverse, ordered, and bounded', () => {
    let before = -1;
    for (let step = 0; step <= 1_000; step += 1) {
      const time = night.from + ((night.to - night.from) * step) / 1_000;
      const position = night.position(time);
      expect(position).toBeGreaterThanOrEqual(before);
      expect(Math.abs(night.time(position) - time)).toBeLessThan(1);
      before = position;
    }
    expect([night.position(0), night.position(T0 * 2)]).toEqual([0, 1]);
  });
  test('an empty log has a scale too', () => expect(new TimeScale(T0, T0, []).position(T0)).toBe(0));
});

describe('a recording that is still being written', () => {
  const cast = '{"version":2,"width":100,"height":30}\n[0.5,"o","a\\u001b[1m"]\n[1,"i","x"]\n[1.5,"r","90x20"]\n[1.4,"o","b"]\n';
  const read = (pieces: string[]) => {
    const reader = new CastReader();
    pieces.forEach((piece) => reader.push(piece));
    return reader;
  };
  test('may be cut anywhere', () => {
    const whole = read([cast]);
    expect(whole.events).toEqual([
      { time: 0.5, kind: 'output', data: 'a\x1b[1m' },
      { time: 1.5, kind: 'resize', cols: 90, rows: 20 },
      { time: 1.5, kind: 'output', data: 'b' },
    ]);
    for (let cut = 0; cut <= cast.length; cut += 1) expect(read([cast.slice(0, cut), cast.slice(cut)]).events).toEqual(whole.events);
  });
  test('a broken line is skipped, a size of ten thousand million is not believed', () => {
    const reader = read(['{"version":2,"width":0,"height":10000000000}\n', '[0,"o"\n', '[1,"r","0x0"]\n']);
    expect([reader.cols, reader.rows, reader.events]).toEqual([80, 24, [{ time: 1, kind: 'resize', cols: 80, rows: 24 }]]);
  });
});
