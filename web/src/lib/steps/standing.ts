//! How a step stands for the student: its sign, and the same in words.

import type { Schemas } from '$api/client';
import type { MarkKind } from './StepMark.svelte';

type Step = Schemas['StepView'];

export function markOf(step: Step, active: string | undefined): MarkKind {
  if (step.id === active) return 'now';
  if (step.completed) return 'done';
  if (step.given) return 'given';
  return step.accessible ? 'open' : 'shut';
}

export function standing(step: Step, active: string | undefined): string {
  const words = [];
  if (step.id === active) words.push('you are working here');
  if (step.completed) words.push('done');
  else if (step.given) words.push('already in this image');
  if (!step.accessible) words.push(step.locked ?? 'not open yet');
  return words.join(', ');
}
