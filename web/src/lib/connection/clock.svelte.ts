//! Now, once a second, for everything that says "12 s ago": here, and where the records are written.

/** The Date header has whole seconds; less than this is no difference between two clocks. */
const TOLERANCE_MS = 2_000;

class Clock {
  /** This browser's time in milliseconds. */
  here = $state(Date.now());
  /** How much the backend's clock is ahead of this one. */
  private ahead = $state(0);
  /** The backend's time, by which its records are stamped. */
  now = $derived(this.here + this.ahead);

  constructor() {
    setInterval(() => {
      this.here = Date.now();
    }, 1_000);
  }

  /** Takes the backend's time from the Date header of an answer that has just come. */
  heard(date: string | null): void {
    const ahead = Date.parse(date ?? '') + 500 - Date.now();
    if (Number.isNaN(ahead)) return;
    const known = Math.abs(ahead) < TOLERANCE_MS ? 0 : ahead;
    if (Math.abs(known - this.ahead) > TOLERANCE_MS) this.ahead = known;
  }
}

export const clock = new Clock();
