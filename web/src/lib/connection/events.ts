//! Server-sent events by fetch, because EventSource cannot carry the token in a header.

import { problemOf } from '$api/problem';
import { authorization } from '$api/token';

/** One event of a stream. */
export interface ServerEvent {
  name: string;
  data: string;
  /** The last id that the stream has named, this event's included; null before the first. */
  id: string | null;
}

/** Turns chunks of a `text/event-stream` into events; a chunk may end anywhere. */
export class EventParser {
  private rest = '';
  private name = '';
  private data: string[] = [];
  private id: string | null = null;

  push(chunk: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + chunk).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.line(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === '') {
      const event = this.data.length > 0 ? { name: this.name || 'message', data: this.data.join('\n'), id: this.id } : null;
      this.name = '';
      this.data = [];
      return event;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
    else if (field === 'id') this.id = value;
    return null;
  }
}

/** The heart beat comes every 15 s; a stream that is silent for longer than two of them is dead. */
const SILENCE_MS = 35_000;

/**
 * Follows one connection until it ends. `opened` is called once the backend has accepted it.
 * Throws a Problem when the backend refuses, and whatever the network threw when it breaks.
 */
export async function* follow(
  path: string,
  after: string | null,
  signal: AbortSignal,
  opened: () => void,
): AsyncGenerator<ServerEvent> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  signal.addEventListener('abort', stop);
  let silence = setTimeout(stop, SILENCE_MS);
  try {
    const query = after === null ? '' : `?after=${encodeURIComponent(after)}`;
    const headers = { Accept: 'text/event-stream', ...authorization() };
    const response = await fetch(path + query, { headers, signal: abort.signal, cache: 'no-store' });
    if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
    opened();
    const parser = new EventParser();
    const decoder = new TextDecoder();
    const reader = response.body!.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
      yield* parser.push(decoder.decode(read.value, { stream: true }));
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', stop);
    abort.abort();
  }
}
