//! The keys of a replay: they move the moment, wherever the focus is, unless what has it needs them itself.

import type { Replay } from '$lib/replay/replay.svelte';

/** Whether a key belongs to a dialog or to what is being typed, or is a shortcut of the browser's. */
export function elsewhere(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return event.ctrlKey || event.metaKey || event.altKey || target.closest('[role="dialog"], textarea, input:not([type="range"])') !== null;
}

/** Does what a key means for the replay. */
export function moveByKey(event: KeyboardEvent, replay: Replay): void {
  const target = event.target as HTMLElement;
  const move = movesOf(replay)[event.key];
  // A focused button or tab keeps its own keys.
  if (!move || (event.key === ' ' && target.closest('button, summary, a'))) return;
  if (event.key.startsWith('Arrow') && target.closest('[role="tablist"], [role="group"]')) return;
  event.preventDefault();
  move();
}

/** What was picked by hand, not by key, gives up the focus: Space is the replay's again, and not that line's. */
export function releaseFocus(): void {
  const picked = document.activeElement;
  if (picked instanceof HTMLElement && !picked.matches(':focus-visible')) picked.blur();
}

function movesOf(replay: Replay): Record<string, () => void> {
  const moves: Record<string, () => void> = {
    ' ': () => replay.toggle(),
    ArrowLeft: () => replay.step(-1),
    ArrowRight: () => replay.step(1),
    ',': () => replay.seek(replay.time - 1_000),
    '.': () => replay.seek(replay.time + 1_000),
    Home: () => replay.seek(replay.scale.from),
    End: () => replay.seek(replay.scale.to),
  };
  for (const speed of [1, 2, 3, 4]) moves[String(speed)] = () => (replay.speed = speed);
  return moves;
}
