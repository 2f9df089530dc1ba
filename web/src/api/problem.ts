//! What went wrong, in the API's own words (RFC 9457), or in ours when the backend could not be reached.

import type { components } from './schema';

type Body = components['schemas']['ProblemBody'];

/** A request that did not succeed. `kind` is the problem's short name, such as `step-locked`. */
export class Problem extends Error {
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The command to run on the host, where the API names one. */
  readonly command: string | undefined;

  constructor(body: Body) {
    super(body.title);
    this.kind = body.type;
    this.title = body.title;
    this.detail = body.detail;
    this.status = body.status;
    this.command = body.command ?? undefined;
  }
}

/** Whom the page asks, and what is safe when there is no answer. */
let asked = { who: 'The workspace', safe: 'What you did so far is stored.' };

/** Names whom this page asks. */
export function askOf(who: string, safe: string): void {
  asked = { who, safe };
}

/** There was no answer at all. */
export const unreachable = (): Problem =>
  new Problem({
    type: 'unreachable',
    title: `${asked.who} does not answer`,
    status: 0,
    detail: `${asked.safe} The page tries again by itself.`,
  });

/** The problem that an answer carries, whatever its body looks like. */
export function problemOf(status: number, body: unknown): Problem {
  const said = (body ?? {}) as Partial<Body>;
  return new Problem({
    type: said.type ?? 'unexpected',
    title: said.title ?? `${asked.who} answered ${status}`,
    status,
    detail: said.detail ?? 'Nothing was changed. Try again; if it stays, reload the page.',
    ...(said.command ? { command: said.command } : {}),
  });
}

/** Any thrown value as a problem. */
export const asProblem = (error: unknown): Problem => (error instanceof Problem ? error : unreachable());
