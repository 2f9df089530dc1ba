//! The views after each event of recorded workspaces are what the API answered. `e2e/apply.spec.ts` compares with the real backend,
//! and records.

import { expect, test } from 'vitest';
import { apply, type Views } from './apply';
import type { ServerEvent } from './events';
import recorded from './recorded.json';

type Recording = Views & { events: (ServerEvent & { state: Partial<Views['state']>; steps?: Views['steps'] })[] };

const recordings = recorded as unknown as Record<string, Recording>;

/** What is read anew after these events, and nothing after all others. */
const READ: Record<string, string[]> = {
  linear: ['step_marked', 'goss_result', 'switch_failed', 'backend_started'],
  free: ['switch_failed', 'backend_started'],
  guided: ['step_start', 'step_marked', 'goss_result', 'switch_failed', 'backend_started'],
};

test.each(Object.keys(READ))('a %s workshop', (navigation) => {
  const { events, ...first } = recordings[navigation]!;
  const read = [];
  let views: Views = first;
  let answer: Views = first;
  for (const { state, steps, ...event } of events) {
    answer = { state: { ...answer.state, ...state }, steps: steps ?? answer.steps };
    const before = structuredClone(views);
    const applied = apply(views, event);
    expect(views, 'nothing is changed in place').toEqual(before);
    // The API was asked after the event, and may have been ahead of it.
    if (applied && answer.state.cursor === event.id) expect(applied, event.data).toEqual(answer);
    if (!applied) read.push((JSON.parse(event.data) as { event: string }).event);
    views = applied ?? answer;
  }
  expect(read).toEqual(READ[navigation]);
});

test('what the log does not hold is applied, and what is not known is read', () => {
  const { events: _, ...views } = recordings.free!;
  const after = (name: string, data: string) => apply(views, { name, data, id: views.state.cursor });
  expect(after('storage', '{"storage":"full"}')).toEqual({ ...views, state: { ...views.state, storage: 'full' } });
  expect(after('recording', '{"recording":"paused"}')).toEqual({ ...views, state: { ...views.state, recording: 'paused' } });
  expect(after('reset', '{}')).toBeNull();
  expect(after('later', '{}')).toBeNull();
  expect(after('state', '{"event":"later","step":"fails"}')).toBeNull();
  expect(after('state', '{"event":"help_opened","step":"former","mode":"hints","source":"file"}')).toBeNull();
  expect(after('state', '{"event":"goss_result","step":"former","passed":false}')).toBeNull();
  const bare = after('state', '{"ts":"2026-11-20T09:00:00.000Z","event":"goss_result","step":"fails","passed":false,"failed":[{"title":"t"}]}');
  const tests = [{ title: 't', passed: false, found: '', expected: '' }];
  expect(bare?.state.checks).toEqual([{ step: 'fails', passed: false, total: 0, passedCount: 0, trigger: 'student', ts: '2026-11-20T09:00:00.000Z', tests }]);
});
