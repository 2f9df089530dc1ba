//! The class as the pages know it: one card a workspace, as the stream brings them.

import { asProblem, type Problem } from '$api/problem';
import { clock } from '$lib/connection/clock.svelte';
import { EventStream } from '$lib/connection/stream.svelte';
import { api, type Card, type Schemas } from './api';

/** Changes that come one upon the other are drawn together. */
const DRAW_MS = 200;

export class Class {
  /** By workspace; in no order. */
  cards = $state.raw<ReadonlyMap<string, Card>>(new Map());
  /** Whether the first snapshot is here. */
  known = $state(false);
  problem = $state<Problem | null>(null);
  me = $state.raw<Schemas['Me'] | null>(null);
  /** Counts what may have changed matrix and funnel. */
  changes = $state(0);

  all = $derived([...this.cards.values()]);
  workshops = $derived([...new Set(this.all.map((card) => card.workshop))].sort());

  readonly stream = new EventStream('/api/stream', {
    event: ({ name, data }) => this.hear(name, data),
    opened: () => {
      this.problem = null;
    },
    refused: (problem) => {
      this.problem = problem;
    },
  });
  private pending = new Map<string, Card | null>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;

  async open(): Promise<void> {
    clearTimeout(this.retry);
    this.problem = null;
    try {
      this.me = await api.me();
      this.stream.start();
    } catch (error) {
      this.problem = asProblem(error);
      if (this.problem.status !== 401 && this.problem.status !== 403) this.retry = setTimeout(() => void this.open(), 2_000);
    }
  }

  close(): void {
    clearTimeout(this.retry);
    clearTimeout(this.timer);
    this.stream.stop();
  }

  private hear(name: string, data: string): void {
    if (name === 'snapshot') {
      const { workspaces } = JSON.parse(data) as Schemas['Class'];
      this.pending.clear();
      this.cards = new Map(workspaces.map((card) => [card.workspace, card]));
      this.known = true;
      this.changes += 1;
      return;
    }
    if (name === 'changed') for (const card of (JSON.parse(data) as Schemas['Changed']).workspaces) this.pending.set(card.workspace, card);
    else if (name === 'removed') for (const workspace of JSON.parse(data) as Schemas['Removed']) this.pending.set(workspace, null);
    else return;
    this.timer ??= setTimeout(() => this.draw(), DRAW_MS);
  }

  private draw(): void {
    this.timer = undefined;
    if (this.pending.size === 0) return;
    const cards = new Map(this.cards);
    for (const [workspace, card] of this.pending) {
      if (card) cards.set(workspace, card);
      else cards.delete(workspace);
    }
    this.pending.clear();
    this.cards = cards;
    this.changes += 1;
  }
}

export const klass = new Class();

/** Now, by the dashboard's clock. */
export const now = (): number => clock.now;
