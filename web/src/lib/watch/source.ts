//! Where the replay of one workspace comes from: its own backend, or the dashboard that has its log.

import type { Schemas } from '$api/client';

export interface Source {
  timeline(): Promise<Schemas['TimelineView']>;
  /** The workspace at a moment. */
  at(ts: string): Promise<Schemas['StateAt']>;
  /** Every check, in any order. */
  checks(): Promise<Schemas['CheckReport'][]>;
  /** All help that was opened, in any order. */
  help(): Promise<Schemas['HelpEntry'][]>;
  /** The address of a recording; fetched with `authorization()`. */
  recording(name: string): string;
  /** A picture of a step's texts. */
  picture(step: string, name: string): Promise<Blob>;
  /** The path of the socket on which terminals are watched. */
  terminals: string;
}
