//! Which image this is, in words.

import type { Schemas } from '$api/client';

type Steps = Schemas['StepView'][];

/** The image, by the step whose result it is. */
export function imageTitle(imageStep: string, steps: Steps): string {
  const step = steps.find((other) => other.id === imageStep);
  return step ? `the image after step ${step.position}, ${step.title}` : 'the first image';
}

/** The line that a swap leaves in the terminal. Where the student is now, the path shows. */
export function imageLine(state: Schemas['StateView'], steps: Steps): string {
  return `This is a fresh workspace from ${imageTitle(state.imageStep, steps)}.`;
}
