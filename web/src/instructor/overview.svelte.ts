//! The workspace as the instructor's page knows it: its status, its timeline, and what arrives while the page is open.

import { api, type Schemas } from '$api/client';
import { asProblem, type Problem } from '$api/problem';
import { clock } from '$lib/connection/clock.svelte';
import { coalesce } from '$lib/connection/coalesce';
import { EventStream } from '$lib/connection/stream.svelte';
import { Replay } from '$lib/replay/replay.svelte';
import { backend } from './backend';

/** A raw line of the commands stream; older lines lack fields. */
interface CommandLine {
  seq: number;
  ts: string;
  cmd: string;
  exit?: number | null;
  session?: string | null;
  step?: string | null;
  cwd?: string | null;
  ms?: number | null;
  at?: number | null;
}

export class Overview {
  status = $state.raw<Schemas['InstructorStatus'] | null>(null);
  problem = $state<Problem | null>(null);
  /** When something last happened, in milliseconds. */
  seen = $state<number | null>(null);
  /** Counts what may have changed lists of checks and of help. */
  changes = $state(0);

  readonly replay = new Replay(backend);
  readonly stream = new EventStream('/api/instructor/events', {
    event: ({ name, data }) => this.hear(name, data),
    opened: (again) => {
      if (again) void this.refresh();
    },
    refused: (problem) => {
      this.problem = problem;
    },
  });
  /** How often the slider's end follows the student. */
  private readonly along = setInterval(() => {
    if (this.status && this.status.clients > 0 && this.stream.phase === 'open') this.replay.extend(clock.now);
  }, 5_000);
  readonly refresh = coalesce(() => this.read());
  private retry: ReturnType<typeof setTimeout> | undefined;

  async open(): Promise<void> {
    this.problem = null;
    await this.refresh();
    if (this.status) this.stream.start(this.status.state.cursor);
    else if (this.problem && ![401, 403, 404].includes((this.problem as Problem).status)) this.retry = setTimeout(() => void this.open(), 2_000);
  }

  close(): void {
    clearInterval(this.along);
    clearTimeout(this.retry);
    this.stream.stop();
    this.replay.pause();
  }

  private hear(name: string, data: string): void {
    if (name === 'commands') {
      const line = JSON.parse(data) as CommandLine;
      this.replay.add({ seq: line.seq, ts: line.ts, cmd: line.cmd, exit: line.exit ?? null, session: line.session ?? null, step: line.step ?? null, cwd: line.cwd ?? null, ms: line.ms ?? null, at: line.at ?? null });
      this.seen = Date.parse(line.ts);
      return;
    }
    void this.refresh();
  }

  private async read(): Promise<void> {
    try {
      const [status, timeline] = await Promise.all([api.instructor.status(), api.instructor.timeline()]);
      this.status = status;
      this.replay.load(timeline);
      this.seen = Math.max(this.seen ?? 0, Date.parse(status.lastActivity ?? '') || 0) || null;
      this.changes += 1;
      this.problem = null;
    } catch (error) {
      const problem = asProblem(error);
      if (!this.status || problem.status === 401) this.problem = problem;
    }
  }
}
