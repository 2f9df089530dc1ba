//! The workspace as the instructor's page knows it: its status, its timeline, and what arrives while the page is open.

import { api, type Schemas } from '$api/client';
import type { components } from '$api/log';
import { asProblem, type Problem } from '$api/problem';
import { clock } from '$lib/connection/clock.svelte';
import { coalesce } from '$lib/connection/coalesce';
import type { ServerEvent } from '$lib/connection/events';
import { EventStream } from '$lib/connection/stream.svelte';
import { Replay } from '$lib/replay/replay.svelte';
import { backend } from './backend';

type Lines = components['schemas'];

/** What older lines of the commands stream lack. */
const LACKING = { exit: null, session: null, step: null, cwd: null, ms: null, at: null };

export class Overview {
  status = $state.raw<Schemas['InstructorStatus'] | null>(null);
  problem = $state<Problem | null>(null);
  /** When something last happened, in milliseconds. */
  seen = $state<number | null>(null);
  /** Counts what may have changed lists of checks and of help. */
  changes = $state(0);

  readonly replay = new Replay(backend);
  readonly stream = new EventStream('/api/instructor/events', {
    event: (event) => this.hear(event),
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

  /** Applies an event that says all the page shows of it; after any other, status and timeline are read anew. */
  private hear({ name, data }: ServerEvent): void {
    if (name === 'commands') {
      const line = JSON.parse(data) as Lines['CommandRecord'];
      if (line.seq == null) return void this.refresh();
      this.replay.add({ ...LACKING, ...line, seq: line.seq });
      this.active(line.ts);
    } else if (name === 'llm') {
      this.active((JSON.parse(data) as Lines['HelpRecord']).ts);
      this.changes += 1;
    } else if (name === 'state') {
      const line = JSON.parse(data) as Lines['StateRecord'];
      if (line.event === 'step_viewed') this.active(line.ts);
      else void this.refresh();
    } else if (name !== 'storage' && name !== 'recording') void this.refresh();
  }

  private active(ts: string | null): void {
    this.seen = Math.max(this.seen ?? 0, Date.parse(ts ?? '') || 0) || null;
  }

  private async read(): Promise<void> {
    try {
      const [status, timeline] = await Promise.all([api.instructor.status(), api.instructor.timeline()]);
      this.status = status;
      this.replay.load(timeline);
      this.active(status.lastActivity);
      this.changes += 1;
      this.problem = null;
    } catch (error) {
      const problem = asProblem(error);
      if (!this.status || problem.status === 401) this.problem = problem;
    }
  }
}
