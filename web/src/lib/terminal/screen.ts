//! An xterm as this project wants it: the page's colours and font, no answers to queries, only safe links.

import { FitAddon } from '@xterm/addon-fit';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal, type ITerminalOptions, type ITheme } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import './screen.css';
import { colour, tokenValue } from '$lib/look/theme.svelte';
import { swallowQueries } from './queries';

/** The family of the terminal's type, and its size in pixels unless a student chose another. */
export const terminalFont = (): string => tokenValue('--font-mono');
export const TERMINAL_FONT_SIZE = 13.5;

/** The terminal's colours, as the page's theme has them now. */
export function terminalTheme(): ITheme {
  const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
  const theme: ITheme = {
    background: colour('--term'),
    foreground: colour('--term-ink'),
    cursor: colour('--term-ink'),
    cursorAccent: colour('--term'),
    selectionBackground: colour('--term-select'),
  };
  names.forEach((name, index) => {
    theme[name] = colour(`--term-${index}`);
    const bright = `bright${name[0]!.toUpperCase()}${name.slice(1)}` as 'brightBlack';
    theme[bright] = colour(`--term-${index + 8}`);
  });
  return theme;
}

/** xterm measures its font once, so the font has to be there first. */
export const terminalFontReady = (): Promise<unknown> =>
  Promise.all([document.fonts.load(`13px ${terminalFont()}`), document.fonts.load(`700 13px ${terminalFont()}`)]).catch(() => null);

const openLink = (_event: MouseEvent, address: string): void => {
  if (/^https?:\/\//i.test(address)) window.open(address, '_blank', 'noopener,noreferrer');
};

export interface Screen {
  term: Terminal;
  fit: FitAddon;
}

/** Makes a screen in `element`. */
export function createScreen(element: HTMLElement, options: ITerminalOptions = {}): Screen {
  const term = new Terminal({
    allowProposedApi: true,
    fontFamily: terminalFont(),
    fontSize: TERMINAL_FONT_SIZE,
    lineHeight: 1.14,
    fontWeightBold: '700',
    scrollback: 5_000,
    cursorBlink: false,
    macOptionIsMeta: true,
    rightClickSelectsWord: true,
    theme: terminalTheme(),
    linkHandler: { activate: openLink },
    ...options,
  });
  const fit = new FitAddon();
  term.loadAddon(fit);
  term.loadAddon(new WebLinksAddon(openLink));
  swallowQueries(term);
  term.open(element);
  return { term, fit };
}
