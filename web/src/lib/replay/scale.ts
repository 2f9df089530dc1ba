//! Where a moment is on the slider. Long stretches in which nothing happened take a sliver, so a night between two hours hides neither.

/** A stretch without any activity that is drawn short. Times in milliseconds. */
export interface Break {
  from: number;
  to: number;
}

/** A gap longer than this is drawn short. */
const LONGEST_GAP_MS = 10 * 60_000;
/** How much of the slider one such gap takes, as long as there are few. */
const BREAK_SHARE = 0.015;

/** Maps moments to positions (0 to 1) and back; both are monotonic and each the other's inverse. */
export class TimeScale {
  readonly breaks: Break[];
  private readonly knots: { time: number; position: number }[];

  /** `moments` are the times at which anything happened, in any order. */
  constructor(
    readonly from: number,
    readonly to: number,
    moments: number[],
  ) {
    const times = [from, ...moments.filter((time) => time > from && time < to), to].sort((a, b) => a - b);
    this.breaks = [];
    times.forEach((time, index) => {
      const before = times[index - 1];
      if (before !== undefined && time - before > LONGEST_GAP_MS) this.breaks.push({ from: before + 60_000, to: time - 60_000 });
    });
    const asleep = this.breaks.reduce((sum, gap) => sum + gap.to - gap.from, 0);
    const share = this.breaks.length === 0 ? 0 : Math.min(BREAK_SHARE, 0.4 / this.breaks.length);
    const awake = Math.max(1, to - from - asleep);
    const perMs = (1 - share * this.breaks.length) / awake;

    this.knots = [{ time: from, position: 0 }];
    let position = 0;
    let time = from;
    for (const gap of this.breaks) {
      position += (gap.from - time) * perMs;
      this.knots.push({ time: gap.from, position });
      position += share;
      time = gap.to;
      this.knots.push({ time, position });
    }
    this.knots.push({ time: Math.max(to, from + 1), position: 1 });
  }

  position(time: number): number {
    return this.along(time, 'time', 'position');
  }

  time(position: number): number {
    return this.along(position, 'position', 'time');
  }

  /** Milliseconds that the slider draws at length: the breaks are not counted. */
  get awake(): number {
    return this.breaks.reduce((sum, gap) => sum - (gap.to - gap.from), this.to - this.from);
  }

  private along(value: number, from: 'time' | 'position', to: 'time' | 'position'): number {
    const first = this.knots[0]!;
    if (value <= first[from]) return first[to];
    for (let index = 1; index < this.knots.length; index += 1) {
      const a = this.knots[index - 1]!;
      const b = this.knots[index]!;
      if (value <= b[from]) return a[to] + ((value - a[from]) / (b[from] - a[from])) * (b[to] - a[to]);
    }
    return this.knots.at(-1)![to];
  }
}
