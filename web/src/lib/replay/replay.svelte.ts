//! The replay: one moment that recording, list, lanes and state all follow, and the clock that moves it.

import type { Schemas } from '$api/client';
import type { Source } from '$lib/watch/source';
import { Reel } from './reel.svelte';
import { entriesOf, lastAt, neighbourCommand, openAt, scaleOf, sessionAt, sessionSecond, settled, wallTime, type Entry } from './timeline';

type Timeline = Schemas['TimelineView'];
type Session = Schemas['SessionBand'];

/** While pauses are skipped, a longer one is cut to this. */
const PAUSE_MS = 2_000;
const STATE_EVERY_MS = 120;
const STATE_PLAYING_MS = 500;
/** So close to the end of what is known, a recording that is still being written is read again. */
const EDGE_MS = 5_000;
const REREAD_MS = 1_000;
const REREADS = 2;

export const EMPTY: Timeline = { log: '', from: null, to: null, steps: [], checks: [], commands: [], moments: [], sessions: [] };

export class Replay {
  timeline = $state.raw<Timeline>(EMPTY);
  /** The end of the slider: the last record, or now while something is live. */
  until = $state(Date.now());
  /** The moment shown. */
  time = $state(Date.now());
  playing = $state(false);
  speed = $state(1);
  skipping = $state(true);
  /** A session chosen by hand; null follows the activity. */
  chosen = $state<string | null>(null);
  /** The workspace at the moment. */
  stateAt = $state.raw<Schemas['StateAt'] | null>(null);

  entries = $derived<Entry[]>(entriesOf(this.timeline));
  scale = $derived(scaleOf(this.timeline, this.entries, this.until));
  now = $derived(lastAt(this.entries, this.time, (entry) => entry.time));
  open = $derived(openAt(this.timeline.sessions, this.time));
  session = $derived<Session | null>(this.open.find((session) => session.session === this.chosen) ?? sessionAt(this.timeline, this.entries, this.time));
  reel = $derived(this.session ? this.reelOf(this.session) : null);
  second = $derived(this.session ? sessionSecond(this.session, this.time) : 0);

  private reels = new Map<string, Reel>();
  private frame = 0;
  private readAt = 0;
  private rereadTimer: ReturnType<typeof setTimeout> | undefined;
  private stateTimer: ReturnType<typeof setTimeout> | undefined;
  private stateFor = Number.NaN;

  constructor(private readonly source: Pick<Source, 'at' | 'recording'>) {}

  /** Takes a fresh timeline. The first one is shown from its end; after that the moment stays where it was put. */
  load(timeline: Timeline): void {
    const first = this.timeline.from === null;
    this.timeline = timeline;
    this.until = Math.max(Date.parse(timeline.to ?? '') || 0, ...timeline.commands.slice(-1).map((command) => settled(command, timeline.sessions))) || Date.now();
    if (first) this.time = this.until;
    if (this.session) this.reelOf(this.session).update(this.session);
    this.askState();
  }

  /** Adds a command that has just ended. */
  add(command: Schemas['CommandView']): void {
    if (this.timeline.commands.some((other) => other.seq === command.seq)) return;
    this.timeline = { ...this.timeline, from: this.timeline.from ?? command.ts, commands: [...this.timeline.commands, command] };
    this.until = Math.max(this.until, settled(command, this.timeline.sessions));
  }

  /** Moves the end of the slider along with a terminal that is open: what it shows between two commands is there too. */
  extend(now: number): void {
    if (this.timeline.sessions.some((session) => session.closed === null)) this.until = Math.max(this.until, now);
  }

  seek(time: number): void {
    this.time = Math.max(this.scale.from, Math.min(this.scale.to, time));
    this.askState();
    this.reread(REREADS);
  }

  /** Shows an entry, in the terminal that it happened in. */
  show(entry: Entry): void {
    this.pause();
    if (entry.kind === 'command') this.chosen = entry.command.session;
    this.until = Math.max(this.until, entry.seek);
    this.seek(entry.seek);
  }

  step(direction: 1 | -1): void {
    const entry = neighbourCommand(this.entries, this.time, direction);
    if (entry) this.show(entry);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.frame);
  }

  private play(): void {
    if (this.time >= this.scale.to) this.seek(this.scale.from);
    this.playing = true;
    this.chosen = null;
    let before = performance.now();
    const tick = (at: number) => {
      if (!this.playing) return;
      this.advance((at - before) * this.speed);
      before = at;
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  private advance(ms: number): void {
    let time = this.time + ms;
    if (this.skipping) {
      const next = this.nextActivity();
      if (next !== null && next - time > PAUSE_MS) time = next - PAUSE_MS / 4;
    }
    this.time = Math.min(this.scale.to, time);
    if (this.time >= this.scale.to) this.pause();
    if (this.until - this.time < EDGE_MS && performance.now() - this.readAt > REREAD_MS) this.reread();
    this.askState();
  }

  /** Reads more of a recording that is still being written, and again: an event may be seen before its output is in the file. */
  private reread(again = 0): void {
    clearTimeout(this.rereadTimer);
    const { session } = this;
    if (session === null || session.closed !== null) return;
    const reel = this.reelOf(session);
    // What is known already needs no reading.
    if (this.second <= (reel.events.at(-1)?.time ?? -1)) return;
    this.readAt = performance.now();
    reel.update(session);
    if (again > 0) this.rereadTimer = setTimeout(() => this.reread(again - 1), REREAD_MS);
  }

  /** When something happens next: on the screen that is shown, or in the list. */
  private nextActivity(): number | null {
    const listed = this.entries[this.now + 1]?.time ?? null;
    const { session, reel } = this;
    const event = reel?.events[lastAt(reel.events, this.second, (other) => other.time) + 1];
    const shown = session && event ? wallTime(session, event.time) : null;
    if (listed === null || shown === null) return listed ?? shown;
    return Math.min(listed, shown);
  }

  private reelOf(session: Session): Reel {
    let reel = this.reels.get(session.session);
    if (!reel) {
      reel = new Reel(session, this.source.recording);
      this.reels.set(session.session, reel);
      reel.update(session);
    }
    return reel;
  }

  /** Asks for the state at the moment: not more often than it can be looked at, and always for the last one. */
  private askState(): void {
    this.stateTimer ??= setTimeout(() => {
      this.stateTimer = undefined;
      const time = this.time;
      if (time === this.stateFor || this.timeline.from === null) return;
      this.stateFor = time;
      this.source.at(new Date(Math.ceil(time)).toISOString()).then(
        (state) => {
          if (this.stateFor === time) this.stateAt = state;
          if (this.time !== time) this.askState();
        },
        () => {
          this.stateFor = Number.NaN;
        },
      );
    }, this.playing ? STATE_PLAYING_MS : STATE_EVERY_MS);
  }
}
