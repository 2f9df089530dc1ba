//! What is said over a terminal's WebSocket besides bytes.

/** What the backend says. */
export type FromBackend =
  | { type: 'restored'; session: string; terminal: string; cols: number; rows: number; running: boolean }
  | { type: 'size'; cols: number; rows: number }
  | { type: 'exit'; code: number | null }
  | { type: 'error'; title: string; detail: string };

/** What the page says. */
export type FromPage =
  | { type: 'hello'; token: string | null; terminal: string; cols: number; rows: number }
  | { type: 'resize'; cols: number; rows: number }
  | { type: 'ack'; bytes: number };

export const CLOSE_TOKEN = 4401;
export const CLOSE_NO_TERMINAL = 4404;

/** Names of terminals; the first is `main`. */
export const TERMINAL_NAME = /^[a-z0-9-]{1,32}$/;
export const MAIN = 'main';

/** A tab's title. */
export const terminalTitle = (name: string): string => (name === MAIN ? 'Terminal' : name);
