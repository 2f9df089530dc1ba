//! A recording as it is read: asciicast v2, a line at a time, also while it is still being written.

import type { components } from '$api/log';

/** An event of a cast; the time is in seconds of the session. */
export type CastEvent = { time: number; kind: 'output'; data: string } | { time: number; kind: 'resize'; cols: number; rows: number };

/** Reads a cast in pieces; whatever is not a whole line yet waits for the next piece. */
export class CastReader {
  readonly events: CastEvent[] = [];
  cols = 80;
  rows = 24;
  private rest = '';
  private headed = false;
  private last = 0;

  push(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim()) this.line(line);
  }

  private line(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return;
    }
    if (!this.headed) {
      const header = value as Partial<components['schemas']['CastHeader']>;
      this.cols = size(header.width, this.cols);
      this.rows = size(header.height, this.rows);
      this.headed = true;
      return;
    }
    if (!Array.isArray(value) || typeof value[0] !== 'number' || typeof value[2] !== 'string') return;
    // Time never goes back within a cast; a line that says so happened no earlier than the one before.
    const time = (this.last = Math.max(this.last, value[0]));
    if (value[1] === 'o') this.events.push({ time, kind: 'output', data: value[2] });
    else if (value[1] === 'r') {
      const [cols, rows] = value[2].split('x').map(Number);
      this.events.push({ time, kind: 'resize', cols: size(cols, this.cols), rows: size(rows, this.rows) });
    }
  }
}

const size = (value: number | undefined, otherwise: number): number =>
  value !== undefined && Number.isInteger(value) && value >= 1 && value <= 1_000 ? value : otherwise;
