//! How long to wait before the next attempt: a quarter of a second at first, three seconds at most.

export const BACKOFF_FIRST_MS = 250;
export const BACKOFF_MOST_MS = 3_000;

/** The wait before attempt `n` (from 0). */
export const backoff = (attempt: number): number => Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** attempt);

/** Waits, or returns early when `signal` aborts. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
