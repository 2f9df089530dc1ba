//! The dashboard as the source of a workspace's replay: one of its logs, the newest unless another is chosen.

import type { Schemas as Workspace } from '$api/client';
import type { Source } from '$lib/watch/source';
import { api, recordingAddress, type Schemas } from '../api';

/** An exchange with the model is told once, though its opening is an event, too. */
const SAME_MS = 60_000;

export class DashboardSource implements Source {
  /** The log that was answered for; recordings are asked for by it. */
  private known = '';
  readonly terminals: string;
  private newest: Promise<Schemas['TimelineView']> | null = null;

  constructor(
    private readonly workspace: string,
    private readonly log: string | undefined,
  ) {
    this.terminals = `/ws/workspaces/${encodeURIComponent(workspace)}/terminal`;
  }

  timeline = async (): Promise<Schemas['TimelineView']> => {
    this.newest = api.timeline(this.workspace, this.log);
    const timeline = await this.newest;
    this.known = timeline.log;
    return timeline;
  };

  at = (ts: string): Promise<Schemas['StateAt']> => api.at(this.workspace, ts, this.log);

  checks = async (): Promise<Schemas['CheckReport'][]> => (await (this.newest ?? this.timeline())).checks;

  help = async (): Promise<Workspace['HelpEntry'][]> => {
    const [timeline, opened, asked] = await Promise.all([this.newest ?? this.timeline(), this.opened(), api.llm(this.workspace, { log: this.log, limit: 500 })]);
    void timeline;
    const exchanges = asked.exchanges.map(({ ts, step, mode, question, response }) => ({ ts, step, mode, question, response, source: 'llm' }));
    const files = opened.filter((entry) => !exchanges.some((other) => other.step === entry.step && other.mode === entry.mode && Math.abs(Date.parse(other.ts) - Date.parse(entry.ts)) < SAME_MS));
    return [...files, ...exchanges];
  };

  recording = (name: string): string => recordingAddress(this.known, name);

  /** The workspace has the pictures, not the dashboard. */
  picture = (): Promise<Blob> => Promise.reject(new Error('no pictures here'));

  private async opened(): Promise<Workspace['HelpEntry'][]> {
    const { events } = await api.events(this.workspace, { log: this.log, limit: 1_000 });
    return events
      .filter((event) => event.event === 'help_opened')
      .map(({ ts, step, kind }) => ({ ts, step: step ?? '', mode: kind ?? '', question: '', response: '', source: 'file' }));
  }
}
