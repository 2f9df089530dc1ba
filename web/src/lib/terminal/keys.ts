//! The few keys that a terminal leaves to the page: copy, paste, find, check, and the way out.

import type { Terminal } from '@xterm/xterm';

/** The way from pane to pane by keyboard; the page listens for these. */
export const isPaneKey = (event: KeyboardEvent): boolean =>
  event.ctrlKey && event.shiftKey && !event.altKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight');

/** Ctrl+Enter checks the work, wherever the focus is. */
export const isCheckKey = (event: KeyboardEvent): boolean =>
  event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;

/** Decides for xterm whether a key is the terminal's (true) or the page's (false). */
export function terminalKeys(event: KeyboardEvent, term: Terminal, act: { find: () => void }): boolean {
  if (event.type !== 'keydown') return !isCheckKey(event) && !isPaneKey(event);
  if (isPaneKey(event) || isCheckKey(event)) return false;
  if (!event.ctrlKey || !event.shiftKey || event.altKey) return !(event.key === 'Insert' && event.shiftKey);
  if (event.code === 'KeyC') {
    void copyText(term.getSelection());
    event.preventDefault();
    return false;
  }
  if (event.code === 'KeyF') {
    act.find();
    event.preventDefault();
    return false;
  }
  // The browser's own paste follows, and xterm takes it from there.
  return event.code !== 'KeyV';
}

/** Puts `text` on the clipboard; false where the browser forbids it. */
export async function copyText(text: string): Promise<boolean> {
  if (!text) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** For pages that are not in a secure context, where the clipboard's own interface is missing. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  const focused = document.activeElement;
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
