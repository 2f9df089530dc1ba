//! What a student can set for the terminals: the size of the type, and support for screen readers.

const KEY = 'workshop-terminal';
const SMALLEST = 9;
const LARGEST = 24;

interface Kept {
  fontSize: number;
  screenReader: boolean;
}

function recall(): Kept {
  // A phone has room for more columns than for size.
  const kept: Kept = { fontSize: innerWidth < 560 ? 12 : 13.5, screenReader: false };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Kept>;
    if (typeof stored.fontSize === 'number') kept.fontSize = Math.min(LARGEST, Math.max(SMALLEST, stored.fontSize));
    if (typeof stored.screenReader === 'boolean') kept.screenReader = stored.screenReader;
  } catch {
    // Nothing kept, or nothing readable: the defaults.
  }
  return kept;
}

class TerminalSettings {
  private kept = $state(recall());

  get fontSize(): number {
    return this.kept.fontSize;
  }
  get screenReader(): boolean {
    return this.kept.screenReader;
  }

  grow(by: number): void {
    this.kept.fontSize = Math.min(LARGEST, Math.max(SMALLEST, this.kept.fontSize + by));
    this.keep();
  }
  readAloud(on: boolean): void {
    this.kept.screenReader = on;
    this.keep();
  }

  private keep(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify(this.kept));
    } catch {
      // Storage may be forbidden; the setting then lives as long as the page.
    }
  }
}

export const settings = new TerminalSettings();
