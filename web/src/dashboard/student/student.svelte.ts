//! One student as the detail page knows them: read anew whenever the class says that something changed.

import { asProblem, type Problem } from '$api/problem';
import { clock } from '$lib/connection/clock.svelte';
import { Replay } from '$lib/replay/replay.svelte';
import { api, type Schemas } from '../api';
import { DashboardSource } from './source';

/** So often at most is the whole timeline read again. */
const EVERY_MS = 1_000;

export class Student {
  detail = $state.raw<Schemas['WorkspaceDetail'] | null>(null);
  /** Every step as it stands now. */
  current = $state.raw<Schemas['StepProgress'][]>([]);
  problem = $state<Problem | null>(null);
  /** Whether the log is there, with at least one record. */
  begun = $state(false);
  changes = $state(0);
  readonly source: DashboardSource;
  readonly replay: Replay;

  private timer: ReturnType<typeof setTimeout> | undefined;
  private reading = false;
  private again = false;
  private closed = false;
  private readAt = 0;
  private readonly along = setInterval(() => {
    if (this.detail?.connected) this.replay.extend(clock.now);
  }, 5_000);

  constructor(
    readonly workspace: string,
    private readonly log: string | undefined,
    private readonly first: { at: number | null; session: string | null },
  ) {
    this.source = new DashboardSource(workspace, log);
    this.replay = new Replay(this.source);
  }

  /** Something may have changed. */
  ask(): void {
    if (this.reading) this.again = true;
    else this.timer ??= setTimeout(() => void this.read(), Math.max(0, this.readAt + EVERY_MS - Date.now()));
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearInterval(this.along);
    this.replay.pause();
  }

  private async read(): Promise<void> {
    this.timer = undefined;
    this.reading = true;
    this.readAt = Date.now();
    try {
      const detail = await api.workspace(this.workspace, this.log);
      if (this.closed) return;
      this.detail = detail;
      if (detail.logs.length > 0) await this.readLog();
      this.problem = null;
    } catch (error) {
      if (this.closed) return;
      this.problem = asProblem(error);
      if (this.problem.status === 0 || this.problem.status >= 500) this.timer = setTimeout(() => void this.read(), 2_000);
    } finally {
      this.reading = false;
    }
    if (this.again && !this.closed) {
      this.again = false;
      this.ask();
    }
  }

  private async readLog(): Promise<void> {
    const [timeline, state] = await Promise.all([this.source.timeline(), this.source.at(new Date(Math.ceil(clock.now)).toISOString())]);
    if (this.closed) return;
    const began = !this.begun;
    this.current = state.steps;
    this.replay.load(timeline);
    this.begun = timeline.from !== null;
    this.changes += 1;
    if (began && this.begun && this.first.at !== null) {
      this.replay.chosen = this.first.session;
      this.replay.seek(this.first.at);
    }
  }
}
