//! What the page makes of an event is what the API answers after it, in each navigation. With WORKSHOP_RECORD=1 the events and
//! answers are kept for the unit test.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { keepToken } from '../src/api/token';
import { apply, type Views } from '../src/lib/connection/apply';
import { follow, type ServerEvent } from '../src/lib/connection/events';
import { expect, test, type Schemas, type Workspace } from './workspace';

const SUPERVISOR = 'a-supervisor-of-this-test';
const RECORDING = join(import.meta.dirname, '../src/lib/connection/recorded.json');

/** Four steps: two with a check, one of which passes from the beginning, and two to be marked as done. */
function definition(navigation: string): string {
  const group = (name: string) => (navigation === 'guided' ? `\n    group: ${name}` : '');
  const check = (path: string) => `\n    goss: |\n      file:\n        there:\n          title: ${path} is there\n          path: ${path}\n          exists: true`;
  const step = (id: string, more: string) => `\n  - id: ${id}\n    title: Step ${id}\n    markdown: Text of ${id}.\n    hints: A hint.${more}`;
  return `version: v1
workshop:
  name: events-${navigation}
  image: localhost/events
  navigation: ${navigation}
base:
  image: workshop-base:debian
steps:${step('fails', group('first') + check('/workspace/missing'))}${step('marked', group('first'))}${step('passes', group('first') + check('/etc/passwd'))}${step('last', group('second') + (navigation === 'guided' ? '\n    requires: [marked]' : ''))}
`;
}

for (const navigation of ['linear', 'free', 'guided']) {
  test.describe(navigation, () => {
    test.use({
      workshop: async ({}, use) => {
        const folder = mkdtempSync(join(tmpdir(), 'workshop-e2e-events-'));
        writeFileSync(join(folder, 'workshop.yaml'), definition(navigation));
        await use(folder);
        rmSync(folder, { recursive: true });
      },
      begin: navigation === 'linear' ? 'marked' : undefined,
      environment: { WORKSHOP_SUPERVISOR_TOKEN: SUPERVISOR },
    });

    test('events lead to what the API answers', async ({ page, workspace }) => {
      const follower = new Follower(workspace);
      await follower.open();
      for (const path of navigation === 'linear' ? ['fails/validate', 'marked/viewed', 'marked/done', 'fails/start', 'passes/start', 'passes/validate', 'passes/validate'] : ['marked/viewed', 'marked/start', 'marked/done', 'passes/help/hints', 'passes/start', 'fails/validate', 'passes/validate', 'fails/validate', 'fails/start']) {
        // What is locked is not recorded either.
        if ((await follower.post(`/api/steps/${path}`)).ok) await follower.catchUp();
      }
      await page.goto(`${workspace.address}/healthz`);
      await page.evaluate(openTerminal, workspace.access);
      await follower.until('connected');
      await page.close();
      await follower.until('disconnected');

      await follower.swap('passes', 'reset');
      const { switch: failing } = follower.state;
      await follower.post('/api/supervisor/switch-failed', SUPERVISOR, { request: failing!.request, reason: 'no image' });
      await follower.catchUp();
      await follower.swap('marked', 'switch');
      const { switch: open } = follower.state;
      await workspace.swap(open!.request, open!.kind, open!.step, 'fails');
      await follower.reopen();
      await follower.catchUp();
      expect(follower.state.switch).toBeNull();

      if (process.env.WORKSHOP_RECORD) record(navigation, follower);
    });
  });
}

interface Step {
  event: ServerEvent;
  after: Views;
}

/** Follows a workspace as the page does, and asks the API after each event. */
class Follower {
  private views!: Views;
  first!: Views;
  readonly steps: Step[] = [];
  private events!: AsyncGenerator<ServerEvent>;
  private last = '';

  constructor(private readonly workspace: Workspace) {}

  get state(): Schemas['StateView'] {
    return this.views.state;
  }

  async open(): Promise<void> {
    keepToken(this.workspace.access);
    this.views = this.first = await this.read();
    this.last = this.state.cursor;
    await this.reopen();
  }

  async reopen(): Promise<void> {
    this.events = follow(`${this.workspace.address}/api/events`, this.last, new AbortController().signal, () => {});
  }

  post(path: string, token = this.workspace.access, body: object | null = path.includes('/help/') ? {} : null): Promise<Response> {
    const headers = { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) };
    return fetch(this.workspace.address + path, { method: 'POST', headers, body: body && JSON.stringify(body) });
  }

  async swap(step: string, kind: Schemas['SwitchKind']): Promise<void> {
    const answer = await this.post(`/api/steps/${step}/switch`, this.workspace.access, { kind });
    expect(answer.status, await answer.text()).toBeLessThan(300);
    await this.catchUp();
  }

  /** Applies events until the page has all that the API has. */
  async catchUp(): Promise<void> {
    const { cursor } = (await this.read()).state;
    while (this.last !== cursor) await this.next();
  }

  async until(name: string): Promise<void> {
    while ((await this.next()) !== name);
  }

  private async next(): Promise<string> {
    const { value, done } = await this.events.next();
    if (done) throw new Error('the stream ended');
    const event = value as ServerEvent;
    const after = await this.read();
    const applied = apply(this.views, event);
    const name = event.name === 'state' ? (JSON.parse(event.data) as { event: string }).event : event.name;
    // The API may be ahead of the stream; after the last event of a few both are at one place.
    if (applied && after.state.cursor === event.id) expect(applied, name).toEqual(after);
    this.views = applied ?? after;
    this.last = event.id!;
    this.steps.push({ event, after });
    return name;
  }

  private async read(): Promise<Views> {
    return { state: await this.workspace.ask('/api/state'), steps: await this.workspace.ask('/api/steps') };
  }
}

/** In a page, because Node 20 has no WebSocket. */
function openTerminal(token: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${location.host}/ws/terminal`);
    socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', token, terminal: 'main', cols: 80, rows: 24 }));
    socket.onmessage = () => resolve();
  });
}

/** Keeps the events, each with what the API answers differently after it. */
function record(navigation: string, { first, steps }: Follower): void {
  let before = first;
  const kept = JSON.parse(readFileSync(RECORDING, 'utf8')) as Record<string, unknown>;
  const events = steps.map(({ event, after }) => {
    const state = Object.fromEntries(Object.entries(after.state).filter(([name, value]) => !isDeepStrictEqual(value, before.state[name as keyof Views['state']])));
    const changed = isDeepStrictEqual(after.steps, before.steps) ? { state } : { state, steps: after.steps };
    before = after;
    return { ...event, ...changed };
  });
  writeFileSync(RECORDING, `${JSON.stringify({ ...kept, [navigation]: { ...first, events } })}\n`);
}
