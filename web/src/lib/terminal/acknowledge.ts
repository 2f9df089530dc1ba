//! Flow control: the backend counts what this viewer has processed, and pauses when it falls behind.

const EVERY_BYTES = 32 * 1024;
const IDLE_MS = 50;

/** Counts processed bytes of one connection and says so every 32 KiB, or 50 ms after the last. */
export class Acknowledger {
  private processed = 0;
  private said = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly say: (bytes: number) => void) {}

  /** `bytes` more are on the screen. */
  add(bytes: number): void {
    this.processed += bytes;
    if (this.processed - this.said >= EVERY_BYTES) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), IDLE_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private flush(): void {
    this.stop();
    if (this.processed === this.said) return;
    this.said = this.processed;
    this.say(this.processed);
  }
}
