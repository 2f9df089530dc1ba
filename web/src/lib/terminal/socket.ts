//! One terminal's connection: says hello, reconnects with patience, acknowledges, and hands over what arrives.

import type { Schemas } from '$api/client';
import { token } from '$api/token';
import { backoff, pause } from '$lib/connection/backoff';
import { Acknowledger } from './acknowledge';
import { CLOSE_NO_TERMINAL, CLOSE_TOKEN } from './protocol';

/** A longer paste goes in several frames; the backend accepts 64 KiB in one. */
const MAX_FRAME = 32 * 1024;

export interface Size {
  cols: number;
  rows: number;
}

/** What a pane does with its connection. */
export interface SocketListener {
  /** The size to say hello with. */
  size(): Size;
  told(message: Schemas['ServerMessage']): void;
  /** Output; `done` is called once it is on the screen. */
  output(bytes: Uint8Array, done: () => void): void;
  /** The connection is gone; another attempt follows unless `final`. */
  lost(final: { code: number } | null): void;
}

export class TerminalSocket {
  private socket: WebSocket | null = null;
  private abort = new AbortController();
  private readonly bytes = new TextEncoder();

  constructor(
    private readonly path: string,
    private readonly terminal: string,
    private readonly listener: SocketListener,
  ) {
    void this.run(this.abort.signal);
  }

  /** Sends keystrokes. Nothing is kept for later: what was typed into a dead line is not run in another moment. */
  type(text: string): boolean {
    return this.send(this.bytes.encode(text));
  }

  /** Sends a report that is bytes rather than text, such as an old mouse report. */
  report(binary: string): boolean {
    return this.send(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
  }

  resize({ cols, rows }: Size): void {
    this.say({ type: 'resize', cols, rows });
  }

  close(): void {
    this.abort.abort();
    this.socket?.close(1000);
  }

  private send(data: Uint8Array<ArrayBuffer> | string): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    if (typeof data === 'string') this.socket.send(data);
    else for (let at = 0; at < data.length; at += MAX_FRAME) this.socket.send(data.subarray(at, at + MAX_FRAME));
    return true;
  }

  private say(message: Schemas['ClientMessage']): void {
    this.send(JSON.stringify(message));
  }

  private async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const { code, restored } = await this.connect();
      if (signal.aborted) return;
      if (code === CLOSE_TOKEN || code === CLOSE_NO_TERMINAL) return this.listener.lost({ code });
      this.listener.lost(null);
      if (restored) attempt = 0;
      await pause(backoff(attempt), signal);
    }
  }

  private connect(): Promise<{ code: number; restored: boolean }> {
    return new Promise((resolve) => {
      const url = new URL(this.path, location.href);
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
      url.hash = '';
      const socket = new WebSocket(url);
      socket.binaryType = 'arraybuffer';
      this.socket = socket;
      let restored = false;
      const acknowledger = new Acknowledger((bytes) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'ack', bytes } satisfies Schemas['ClientMessage']));
      });
      socket.onopen = () => this.say({ type: 'hello', token: token(), terminal: this.terminal, ...this.listener.size() });
      socket.onmessage = ({ data }) => {
        if (typeof data === 'string') {
          const message = JSON.parse(data) as Schemas['ServerMessage'];
          restored ||= message.type === 'restored';
          this.listener.told(message);
        } else {
          const bytes = new Uint8Array(data as ArrayBuffer);
          this.listener.output(bytes, () => acknowledger.add(bytes.byteLength));
        }
      };
      socket.onclose = ({ code }) => {
        acknowledger.stop();
        resolve({ code, restored });
      };
    });
  }
}
