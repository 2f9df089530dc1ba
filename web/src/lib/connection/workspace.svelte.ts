//! The workspace as the student's page knows it. The page never folds events: after each it reads the state anew.

import { api, type Schemas } from '$api/client';
import { asProblem, type Problem } from '$api/problem';
import { coalesce } from './coalesce';
import { EventStream } from './stream.svelte';

export type Notice = { text: string; key: number };

export class Workspace {
  state = $state<Schemas['StateView'] | null>(null);
  steps = $state<Schemas['StepView'][]>([]);
  /** Why there is nothing to show yet. */
  problem = $state<Problem | null>(null);
  /** The newest full answer of a check, by step; the state only has what failed. */
  reports = $state<Record<string, Schemas['CheckReport']>>({});
  /** What a quiet line should say now, such as that the backend came back. */
  notice = $state<Notice | null>(null);
  /** Counts image swaps, so that terminals can say which image this is now. */
  swaps = $state(0);

  readonly stream = new EventStream('/api/events', {
    event: ({ name, data }) => this.hear(name, data),
    opened: (again) => {
      if (again) void this.refresh();
    },
    refused: (problem) => {
      this.problem = problem;
    },
  });

  readonly refresh = coalesce(() => this.read());
  private retry: ReturnType<typeof setTimeout> | undefined;

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
    const kept = this.state?.checks.find((check) => check.step === id) ?? null;
    const full = this.reports[id] ?? null;
    if (!full) return kept;
    return kept && Date.parse(kept.ts) > Date.parse(full.ts) ? kept : full;
  }

  say(text: string): void {
    this.notice = { text, key: (this.notice?.key ?? 0) + 1 };
  }

  private hear(name: string, data: string): void {
    if (name === 'state' || name === 'reset') return void this.refresh();
    if (!this.state) return;
    try {
      if (name === 'storage') this.state.storage = JSON.parse(data).storage;
      if (name === 'recording') this.state.recording = JSON.parse(data).recording;
    } catch {
      void this.refresh();
    }
  }

  private async read(): Promise<void> {
    try {
      const [state, steps] = await Promise.all([api.state(), api.steps()]);
      this.compare(this.state, state);
      this.state = state;
      this.steps = steps;
      this.problem = null;
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
