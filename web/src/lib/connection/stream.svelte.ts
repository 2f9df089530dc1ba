//! A stream of events that reconnects by itself, from the last event seen.

import { asProblem, type Problem } from '$api/problem';
import { backoff, pause } from './backoff';
import { follow, type ServerEvent } from './events';

export type StreamPhase = 'connecting' | 'open' | 'reconnecting' | 'refused';

/** What a page does with its stream. */
export interface StreamListener {
  event(event: ServerEvent): void;
  /** The stream is open: for the first time, or again after it broke. */
  opened(again: boolean): void;
  /** The backend refused for a reason that time does not mend, such as a wrong token. */
  refused(problem: Problem): void;
}

export class EventStream {
  phase = $state<StreamPhase>('connecting');
  /** When the stream broke, in milliseconds; null while it is open. */
  brokenSince = $state<number | null>(null);
  private cursor: string | null = null;
  private abort = new AbortController();

  constructor(
    private readonly path: string,
    private readonly listener: StreamListener,
  ) {}

  /** Begins after `cursor`; a later call moves the stream there. A stream that begins with a snapshot has none. */
  start(cursor: string | null = null): void {
    this.abort.abort();
    this.abort = new AbortController();
    this.cursor = cursor;
    void this.run(this.abort.signal);
  }

  stop(): void {
    this.abort.abort();
  }

  private async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const again = this.phase === 'reconnecting';
      try {
        const events = follow(this.path, this.cursor, signal, () => {
          attempt = 0;
          this.phase = 'open';
          this.brokenSince = null;
          this.listener.opened(again);
        });
        for await (const event of events) {
          if (event.id) this.cursor = event.id;
          this.listener.event(event);
        }
      } catch (error) {
        const problem = asProblem(error);
        if (!signal.aborted && (problem.status === 401 || problem.status === 403)) {
          this.phase = 'refused';
          this.listener.refused(problem);
          return;
        }
      }
      if (signal.aborted) return;
      this.phase = 'reconnecting';
      this.brokenSince ??= Date.now();
      await pause(backoff(attempt), signal);
    }
  }
}
