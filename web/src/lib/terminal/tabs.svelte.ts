//! Which terminals this page shows, and which is in front.

import { api } from '$api/client';
import { MAIN, TERMINAL_NAME } from './protocol';

export class TerminalTabs {
  names = $state<string[]>([MAIN]);
  shown = $state(MAIN);
  /** Terminals whose shell has ended. */
  ended = $state<string[]>([]);

  /** Adds the terminals that run already. */
  async load(): Promise<void> {
    const running = await api.terminals().catch(() => []);
    for (const terminal of running) {
      if (terminal.running && !this.names.includes(terminal.name)) this.names.push(terminal.name);
    }
  }

  /** A name for the next tab that is not taken. */
  suggest(): string {
    for (let n = 2; ; n += 1) if (!this.names.includes(`shell-${n}`)) return `shell-${n}`;
  }

  /** Opens a tab; what is not allowed in a name is replaced. */
  open(wish: string): void {
    const name = wish.trim().toLowerCase().replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 32);
    if (!TERMINAL_NAME.test(name)) return;
    if (!this.names.includes(name)) this.names.push(name);
    this.shown = name;
  }

  /** Takes away a tab whose shell has ended; the first one stays. */
  close(name: string): void {
    if (name === MAIN) return;
    const at = this.names.indexOf(name);
    this.names = this.names.filter((other) => other !== name);
    this.ended = this.ended.filter((other) => other !== name);
    if (this.shown === name) this.shown = this.names[Math.max(0, at - 1)] ?? MAIN;
  }

  running(name: string, running: boolean): void {
    this.ended = this.ended.filter((other) => other !== name);
    if (!running) this.ended.push(name);
  }
}
