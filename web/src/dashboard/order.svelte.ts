//! The order of the list: by need, but never under a hand. While someone points at a row or stands on one, rows stay where they are.

/** A pointer that has been still for so long is not about to press. */
const STILL_MS = 6_000;
/** One that leaves the rows may be on its way to what sorts them. */
const LEAVE_MS = 700;

export class Order {
  /** The order that is shown, by key. */
  private shown = $state.raw<string[]>([]);
  private held = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Lays items out as they are shown: in the held order, new ones after those they follow, or as they come. */
  lay<T>(sorted: T[], key: (item: T) => string): T[] {
    if (!this.held) return sorted;
    const place = new Map(this.shown.map((name, index) => [name, index]));
    const known = sorted.filter((item) => place.has(key(item))).sort((a, b) => place.get(key(a))! - place.get(key(b))!);
    return [...known, ...sorted.filter((item) => !place.has(key(item)))];
  }

  /** Holds what is shown now; a pointer lets go by itself when it stays still. */
  hold(keys: () => string[], lasting = false): void {
    if (!this.held) {
      this.shown = keys();
      this.held = true;
    }
    clearTimeout(this.timer);
    if (!lasting) this.timer = setTimeout(() => this.release(), STILL_MS);
  }

  /** The hand is taken off. */
  leave(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.release(), LEAVE_MS);
  }

  release(): void {
    clearTimeout(this.timer);
    this.held = false;
  }

  get holding(): boolean {
    return this.held;
  }
}
