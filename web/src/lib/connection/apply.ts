//! What an event of the stream changes in the views of a workspace. Only what the event itself states is applied; where the
//! backend's fold decides, the views have to be read anew.

import type { Schemas } from '$api/client';
import type { components } from '$api/log';
import type { ServerEvent } from './events';

type Line = components['schemas']['StateRecord'];
type Check = Extract<Line, { event: 'goss_result' }>;
type Step = Schemas['StepView'];

/** The workspace as `/api/state` and `/api/steps` answer it. */
export interface Views {
  state: Schemas['StateView'];
  steps: Step[];
}

/** The views after `event`; null when they have to be read anew. */
export function apply(views: Views, { name, data, id }: ServerEvent): Views | null {
  if (name === 'storage') return patch(views, JSON.parse(data) as Schemas['StorageChanged']);
  if (name === 'recording') return patch(views, JSON.parse(data) as Schemas['RecordingChanged']);
  const next = name === 'state' ? applyLine(views, JSON.parse(data) as Line) : null;
  return next && id ? patch(next, { cursor: id }) : null;
}

function applyLine(views: Views, line: Line): Views | null {
  const { state, steps } = views;
  const known = 'step' in line ? steps.find((step) => step.id === line.step) : undefined;
  switch (line.event) {
    // The views hold nothing of these.
    case 'connected':
    case 'disconnected':
    case 'step_viewed':
    case 'session_opened':
    case 'session_closed':
    case 'recording_started':
    case 'recording_stopped':
    case 'clock_stepped':
      return views;
    case 'switch_requested': {
      const { request, kind, step, ts } = line;
      return patch(views, { switch: state.switch ?? { request, kind, step, ts }, switchFailed: null });
    }
    case 'help_opened':
      return known ? views : null;
    case 'step_start': {
      const left = steps.find((step) => step.id === state.active);
      // A step that is not done may be open only because it is active.
      const stays = state.navigation === 'free' || left === known || (left && isDone(left) && known?.accessible);
      return known && stays ? patch(views, { active: line.step }) : null;
    }
    case 'step_marked':
      return known ? complete(views, known) : null;
    case 'goss_result': {
      if (!known) return null;
      if (line.trigger && line.trigger !== 'student') return views;
      const checked = patch(views, { checks: steps.flatMap((step) => (step === known ? [report(line)] : checksOf(state, step))) });
      return line.passed ? complete(checked, known) : checked;
    }
    // Events of later versions, a new backend, a failed swap.
    default:
      return null;
  }
}

const patch = (views: Views, changes: Partial<Views['state']>): Views => ({ ...views, state: { ...views.state, ...changes } });

const isDone = (step: Step): boolean => step.completed || step.given;

const checksOf = (state: Views['state'], step: Step): Schemas['CheckReport'][] => state.checks.filter((check) => check.step === step.id);

/** The views with a step completed; null when that may open others. */
function complete(views: Views, done: Step): Views | null {
  if (done.completed && views.state.completed.includes(done.id)) return views;
  if (!done.given && views.state.navigation !== 'free') return null;
  const steps = views.steps.map((step) => (step === done ? { ...step, completed: true } : step));
  const former = views.state.completed.filter((id) => views.state.former.includes(id));
  const completed = [...steps.filter((step) => step.completed).map((step) => step.id), ...former];
  return patch({ ...views, steps }, { completed });
}

/** A check as `/api/state` has it: with the tests that failed. */
const report = ({ step, passed, checks, ts, failed = [] }: Check): Schemas['CheckReport'] => ({
  step,
  passed,
  total: checks?.total ?? 0,
  passedCount: checks?.passed ?? 0,
  trigger: 'student',
  ts,
  tests: failed.map(({ title, found = '', expected = '' }) => ({ title, passed: false, found, expected })),
});
