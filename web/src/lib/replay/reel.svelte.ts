//! The recordings of one session as one reel: its casts in order, fetched once, and only what is new after that.

import type { Schemas } from '$api/client';
import { authorization } from '$api/token';
import { CastReader, type CastEvent } from './cast';

interface Piece {
  name: string;
  reader: CastReader;
  decoder: TextDecoder;
  bytes: number;
  taken: number;
  complete: boolean;
}

export class Reel {
  /** Grows; `length` tells a watcher that it did. */
  readonly events: CastEvent[] = [];
  length = $state(0);
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  private pieces: Piece[] = [];
  private reading: Promise<void> | null = null;
  private wanted = false;

  constructor(
    private session: Schemas['SessionBand'],
    private readonly address: (name: string) => string,
  ) {}

  /** The size that the session began with. */
  get size(): { cols: number; rows: number } {
    const first = this.pieces[0]?.reader;
    return { cols: first?.cols ?? 80, rows: first?.rows ?? 24 };
  }

  /** Reads what is there by now. Asked while it reads, it reads once more after that: what is missing may be newer than the answer. */
  update(session: Schemas['SessionBand']): void {
    this.session = session;
    this.wanted = true;
    this.reading ??= this.readAll();
  }

  private async readAll(): Promise<void> {
    while (this.wanted) {
      this.wanted = false;
      await this.read();
    }
    this.reading = null;
  }

  private async read(): Promise<void> {
    // Whoever asks may be in the middle of deriving something; what changes here comes after.
    await Promise.resolve();
    try {
      for (const [index, { name }] of this.session.casts.entries()) {
        const piece = (this.pieces[index] ??= { name, reader: new CastReader(), decoder: new TextDecoder(), bytes: 0, taken: 0, complete: false });
        if (piece.complete) continue;
        await this.fetch(piece);
        // Once a later one exists, or the session has ended, nothing is added to a cast.
        piece.complete = this.session.closed !== null || index < this.session.casts.length - 1;
      }
      this.phase = 'ready';
    } catch {
      if (this.length === 0) this.phase = 'failed';
    }
  }

  private async fetch(piece: Piece): Promise<void> {
    // The last byte is asked for again: a range that begins at the end of the file would be an error.
    const range: Record<string, string> = piece.bytes > 0 ? { Range: `bytes=${piece.bytes - 1}-` } : {};
    const response = await fetch(this.address(piece.name), { headers: { ...authorization(), ...range }, cache: 'no-store' });
    if (!response.ok || !response.body) throw new Error(String(response.status));
    // An answer that ignores the range begins at the beginning.
    let skip = response.status === 206 ? Math.min(1, piece.bytes) : piece.bytes;
    const stream = response.body.getReader();
    for (let read = await stream.read(); !read.done; read = await stream.read()) {
      const fresh = read.value.subarray(Math.min(skip, read.value.length));
      skip -= read.value.length - fresh.length;
      piece.bytes += fresh.length;
      piece.reader.push(piece.decoder.decode(fresh, { stream: true }));
      this.take(piece);
    }
  }

  private take(piece: Piece): void {
    const { events } = piece.reader;
    if (piece.taken === 0 && events.length > 0 && piece !== this.pieces[0]) {
      this.events.push({ time: events[0]!.time, kind: 'resize', cols: piece.reader.cols, rows: piece.reader.rows });
    }
    for (; piece.taken < events.length; piece.taken += 1) this.events.push(events[piece.taken]!);
    this.length = this.events.length;
  }
}
