//! State and steps lack no event, whatever comes while they are read.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { unreachable } from '$api/problem';
import recorded from './recorded.json';
import type { StreamListener } from './stream.svelte';
import { Workspace } from './workspace.svelte';

const backend = vi.hoisted(() => ({ state: vi.fn(), steps: vi.fn() }));
const stream = vi.hoisted(() => ({ phase: 'open', listener: null as unknown }));
vi.mock('$api/client', () => ({ api: backend }));
vi.mock('./stream.svelte', () => ({
  EventStream: class {
    constructor(_: string, listener: unknown) {
      stream.listener = listener;
    }
    get phase() {
      return stream.phase;
    }
    start() {}
  },
}));

const { state, steps } = recorded.free;
const answers = (active: string) => backend.state.mockResolvedValueOnce({ ...state, active });
const started = (step: string) => (stream.listener as StreamListener).event({ name: 'state', data: JSON.stringify({ ts: state.started, event: 'step_start', step, cause: 'navigate' }), id: state.cursor });
const reads = () => backend.state.mock.calls.length;

beforeEach(() => {
  vi.useFakeTimers();
  stream.phase = 'open';
  backend.steps.mockResolvedValue(steps);
});
afterEach(() => {
  vi.useRealTimers();
  vi.resetAllMocks();
});

async function opened(): Promise<Workspace> {
  const workspace = new Workspace();
  answers('fails');
  await workspace.open();
  return workspace;
}

test('an event is applied without a request', async () => {
  const workspace = await opened();
  started('last');
  expect([workspace.state?.active, reads()]).toEqual(['last', 1]);
});

test('an event that comes while the views are read leads to another reading', async () => {
  const workspace = await opened();
  answers('fails');
  answers('last');
  const reading = workspace.refresh();
  started('last');
  await reading;
  expect([workspace.state?.active, reads()]).toEqual(['last', 3]);
});

test('after a reading that failed, the next event reads', async () => {
  const workspace = await opened();
  backend.state.mockRejectedValueOnce(unreachable());
  await workspace.refresh();
  answers('last');
  started('marked');
  await vi.waitFor(() => expect(workspace.state?.active).toBe('last'));
});

test.each([
  ['the event', () => started('last'), 1],
  ['a reading when none comes', () => vi.advanceTimersByTime(1_000), 2],
])('a request waits for %s', async (_, happens, expected) => {
  const workspace = await opened();
  answers('last');
  const reached = workspace.until(() => workspace.state?.active === 'last');
  happens();
  await reached;
  expect([workspace.state?.active, reads()]).toEqual(['last', expected]);
});

test('without a stream a request reads at once', async () => {
  const workspace = await opened();
  stream.phase = 'reconnecting';
  answers('last');
  await workspace.until(() => workspace.state?.active === 'last');
  expect(reads()).toBe(2);
});
