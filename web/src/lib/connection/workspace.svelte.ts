//! The workspace as the student's page knows it: read once, and kept current by the events of its stream.

import { api, type Schemas } from '$api/client';
import { asProblem, type Problem } from '$api/problem';
import { apply, type Views } from './apply';
import { coalesce } from './coalesce';
import type { ServerEvent } from './events';
import { EventStream } from './stream.svelte';

export type Notice = { text: string; key: number };

/** An event that is not here after so long does not come. */
const PATIENCE_MS = 1_000;

export class Workspace {
  state = $state.raw<Schemas['StateView'] | null>(null);
  steps = $state.raw<Schemas['StepView'][]>([]);
  /** Why there is nothing to show yet. */
  problem = $state<Problem | null>(null);
  /** The newest full answer of a check, by step; the state only has what failed. */
  reports = $state<Record<string, Schemas['CheckReport']>>({});
  /** What a quiet line should say now, such as that the backend came back. */
  notice = $state<Notice | null>(null);
  /** Counts image swaps, so that terminals can say which image this is now. */
  swaps = $state(0);

  readonly stream = new EventStream('/api/events', {
    event: (event) => this.hear(event),
    opened: (again) => {
      if (again) void this.refresh();
    },
    refused: (problem) => {
      this.problem = problem;
    },
  });

  readonly refresh = coalesce(() => this.read());
  private retry: ReturnType<typeof setTimeout> | undefined;
  /** Whether state and steps have all events up to now; if not, the next one reads them. */
  private current = false;
  /** Who waits for a change looks after each. */
  private readonly watching = new Set<() => void>();

  active = $derived(this.steps.find((step) => step.id === this.state?.active) ?? null);

  async open(): Promise<void> {
    this.problem = null;
    await this.refresh();
    if (this.state) this.stream.start(this.state.cursor);
    else if (this.problem && (this.problem as Problem).status !== 401) this.retry = setTimeout(() => void this.open(), 2_000);
  }

  close(): void {
    clearTimeout(this.retry);
    this.stream.stop();
  }

  step(id: string | null | undefined): Schemas['StepView'] | null {
    return this.steps.find((step) => step.id === id) ?? null;
  }

  /** The newest check of a step: in full if this page asked for it, else what the state keeps. */
  report(id: string): Schemas['CheckReport'] | null {
    const kept = this.kept(id);
    const full = this.reports[id] ?? null;
    if (!full) return kept;
    return kept && Date.parse(kept.ts) > Date.parse(full.ts) ? kept : full;
  }

  /** Takes the answer to a check, and waits for the state that it leads to. */
  async checked(report: Schemas['CheckReport']): Promise<void> {
    this.reports[report.step] = report;
    await this.until(() => Date.parse(this.kept(report.step)?.ts ?? '') >= Date.parse(report.ts));
  }

  say(text: string): void {
    this.notice = { text, key: (this.notice?.key ?? 0) + 1 };
  }

  /** Waits until the stream has brought what a request caused. Without a stream, or when it brings nothing, the views are read. */
  async until(reached: () => boolean): Promise<void> {
    if (!reached() && this.stream.phase === 'open') {
      await new Promise<void>((resolve) => {
        const look = () => {
          if (reached()) resolve();
        };
        this.watching.add(look);
        setTimeout(() => resolve(void this.watching.delete(look)), PATIENCE_MS);
      });
    }
    if (!reached()) await this.refresh();
  }

  private kept(id: string): Schemas['CheckReport'] | null {
    return this.state?.checks.find((check) => check.step === id) ?? null;
  }

  private hear(event: ServerEvent): void {
    const next = this.current && this.state ? apply({ state: this.state, steps: this.steps }, event) : null;
    if (next) this.show(next);
    else void this.refresh();
  }

  private show({ state, steps }: Views): void {
    this.state = state;
    this.steps = steps;
    for (const look of this.watching) look();
  }

  private async read(): Promise<void> {
    this.current = false;
    try {
      // In this order: the stream continues after the state's cursor, and the steps must lack nothing before it.
      const state = await api.state();
      const steps = await api.steps();
      this.compare(this.state, state);
      this.problem = null;
      this.current = true;
      this.show({ state, steps });
    } catch (error) {
      const problem = asProblem(error);
      if (!this.state || problem.status === 401) this.problem = problem;
    }
  }

  private compare(before: Schemas['StateView'] | null, now: Schemas['StateView']): void {
    if (!before || before.started === now.started) return;
    const asked = before.switch?.request;
    const open = asked !== undefined && now.switch?.request === asked;
    const failed = now.switchFailed !== null && now.switchFailed.request === asked;
    if (before.imageStep !== now.imageStep || (asked !== undefined && !open && !failed)) this.swaps += 1;
    // On the way back from a swap that fails, the page says that already.
    else if (asked === undefined) this.say('The workspace was restarted. Your progress and recordings are here.');
  }
}
