//! Which steps the path in the top bar shows.

import type { Schemas } from '$api/client';

/** A step as the path needs it. */
type PathStep = Pick<Schemas['StepView'], 'id' | 'group'>;

/** More steps than this, or any group, and the path shows the neighbourhood of the active step. */
export const WHOLE_PATH = 7;

/** How many steps to draw on either side of the one at `at`; all of them when they are few and have no groups. */
export function neighbourhood<T extends PathStep>(steps: T[], at: number, room = 2): { shown: T[]; before: number; after: number; whole: boolean } {
  const whole = steps.length <= WHOLE_PATH && steps.every((step) => step.group === null);
  if (whole) return { shown: steps, before: 0, after: 0, whole };
  const width = Math.min(steps.length, room * 2 + 1);
  const from = Math.max(0, Math.min(at - room, steps.length - width));
  return { shown: steps.slice(from, from + width), before: from, after: steps.length - from - width, whole };
}

/** Groups as rows, in the order in which they first appear; steps without one come first. */
export function rows<T extends PathStep>(steps: T[]): { group: string | null; steps: T[] }[] {
  const found: { group: string | null; steps: T[] }[] = [];
  for (const step of steps) {
    const row = found.find((other) => other.group === step.group);
    if (row) row.steps.push(step);
    else found.push({ group: step.group, steps: [step] });
  }
  return found;
}
