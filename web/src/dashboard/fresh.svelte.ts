//! An answer that is asked for again whenever something may have changed it, but not more often than it can be read.

import { asProblem, type Problem } from '$api/problem';

const EVERY_MS = 2_000;
const RETRY_MS = 3_000;

export class Fresh<T> {
  value = $state.raw<T | null>(null);
  problem = $state<Problem | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking = false;
  private again = false;
  private asked = 0;
  private stopped = false;

  constructor(private readonly task: () => Promise<T>, private readonly every = EVERY_MS) {}

  /** Asks at once if it was not asked lately, else as soon as that is over. */
  ask(now = false): void {
    if (now) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.asked = 0;
    }
    if (this.asking) this.again = true;
    else this.timer ??= setTimeout(() => void this.run(), Math.max(0, this.asked + this.every - Date.now()));
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    this.asking = true;
    this.asked = Date.now();
    try {
      const value = await this.task();
      if (this.stopped) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (this.stopped) return;
      this.problem = asProblem(error);
      if (this.problem.status === 0 || this.problem.status >= 500) this.timer = setTimeout(() => void this.run(), RETRY_MS);
    } finally {
      this.asking = false;
    }
    if (this.again && !this.stopped) {
      this.again = false;
      this.ask();
    }
  }
}
