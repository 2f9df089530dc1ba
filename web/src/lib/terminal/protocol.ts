//! Close codes of a terminal's WebSocket, as `wire` has them, and names of terminals.

export const CLOSE_TOKEN = 4401;
export const CLOSE_NO_TERMINAL = 4404;

/** Names of terminals; the first is `main`. */
export const TERMINAL_NAME = /^[a-z0-9-]{1,32}$/;
export const MAIN = 'main';

/** A tab's title. */
export const terminalTitle = (name: string): string => (name === MAIN ? 'Terminal' : name);
