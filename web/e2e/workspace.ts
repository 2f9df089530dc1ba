//! A real workspace for each test: laid out once by xtask, copied for the test, served by the real backend on a free port.

import { test as base, expect, type BrowserContext, type Page } from '@playwright/test';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { components } from '../src/api/schema';

const ROOT = resolve(import.meta.dirname, '../..');
const PREFIX = join(tmpdir(), 'workshop-e2e-');

/** What the API of a workspace answers. */
export type Schemas = components['schemas'];

interface Options {
  /** The folder of the workshop to serve. */
  workshop: string;
  /** Begin at this step; the workspace is as the steps before it leave it. */
  begin: string | undefined;
  /** More of the backend's environment. */
  environment: Record<string, string>;
}

export class Workspace {
  readonly access = randomBytes(16).toString('hex');
  readonly instructor = randomBytes(16).toString('hex');
  private readonly folder = mkdtempSync(PREFIX);
  private environment: Record<string, string> = {};
  private backend: ChildProcess | null = null;
  private said = '';
  private port = 0;

  constructor(private readonly options: Options) {}

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  get studentAddress(): string {
    return `${this.address}/#token=${this.access}`;
  }
  get instructorAddress(): string {
    return `${this.address}/instructor/#token=${this.instructor}`;
  }
  /** The log volume. */
  get runtime(): string {
    return this.environment.WORKSHOP_RUNTIME_DIR!;
  }
  /** What the backend has written to its log. */
  get output(): string {
    return this.said;
  }

  async open(): Promise<void> {
    const template = laidOut(this.options);
    execFileSync('cp', ['-a', '--reflink=auto', `${template.folder}/.`, this.folder]);
    this.environment = Object.fromEntries(Object.entries(template.environment).map(([name, value]) => [name, value.replace(template.folder, this.folder)]));
    this.port = await freePort();
    await this.start();
  }

  /** Starts the backend and waits until it serves. */
  async start(): Promise<void> {
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ...this.environment,
      WORKSHOP_LISTEN: `127.0.0.1:${this.port}`,
      WORKSHOP_ACCESS_TOKEN: this.access,
      WORKSHOP_INSTRUCTOR_TOKEN: this.instructor,
      ...this.options.environment,
    };
    // Should the test's process be killed, the kernel ends the backend.
    this.backend = spawn('setpriv', ['--pdeathsig', 'KILL', join(target(), 'debug/workshop-backend')], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.backend.stdout, this.backend.stderr]) stream?.on('data', (data: Buffer) => (this.said += data.toString()));
    await expect.poll(() => fetch(`${this.address}/readyz`).then((answer) => answer.status, () => 0), { message: 'the backend serves', intervals: [20], timeout: 30_000 }).toBe(200);
  }

  /** Kills the backend as a crash would. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Does what a supervisor does for a request: ends this backend, and starts one of the image `image` for it. */
  async swap(request: string, kind: string, step: string, image: string): Promise<void> {
    await this.end('SIGTERM');
    this.environment = { ...this.environment, WORKSHOP_IMAGE_STEP: image, WORKSHOP_SWITCH: `${request}:${kind}:${step}` };
    await this.start();
  }

  async close(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks the API as the student. */
  async ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const answer = await this.fetch(path, init);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** The same, with whatever is answered. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.address + path, { ...init, headers: { Authorization: `Bearer ${this.access}` } });
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { backend } = this;
    this.backend = null;
    if (!backend || backend.exitCode !== null || backend.signalCode !== null) return;
    const ended = new Promise((done) => backend.once('exit', done));
    backend.kill(signal);
    await ended;
  }
}

export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

interface Template {
  folder: string;
  environment: Record<string, string>;
}

/** Workshops that this worker has laid out, by folder and step. Laying one out takes a second, copying it a moment. */
const templates = new Map<string, Template>();

function laidOut({ workshop, begin }: Options): Template {
  const key = `${workshop} ${begin ?? ''}`;
  let template = templates.get(key);
  if (!template) {
    const folder = mkdtempSync(PREFIX);
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const step = begin ? ['--step', begin] : [];
    const printed = execFileSync('cargo', ['xtask', 'workspace', workshop, '--to', folder, ...step], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const environment: Record<string, string> = {};
    for (const [, name, value] of printed.matchAll(/^([A-Z_0-9]+)=(.*)$/gm)) environment[name!] = value!;
    template = { folder, environment };
    // Each start of a backend makes its own, which only root may read.
    rmSync(join(folder, 'sandbox/goss'), { force: true });
    templates.set(key, template);
  }
  return template;
}

let targetFolder = '';
export function target(): string {
  targetFolder ||= (JSON.parse(execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1'], { cwd: ROOT, encoding: 'utf8' })) as { target_directory: string }).target_directory;
  return targetFolder;
}

interface Fixtures extends Options {
  /** What a page may say of its policy and be right: a test that means harm provokes it. */
  bears: RegExp | undefined;
  workspace: Workspace;
}

/** A test with a workspace; `test.use({ workshop, begin })` chooses which. Nothing on a page may fail unseen. */
export const test = base.extend<Fixtures>({
  workshop: ['examples/hello-linux', { option: true }],
  begin: [undefined, { option: true }],
  environment: [{}, { option: true }],
  workspace: async ({ workshop, begin, environment }, use, info) => {
    const workspace = new Workspace({ workshop, begin, environment });
    try {
      await workspace.open();
      await use(workspace);
    } finally {
      if (info.status !== info.expectedStatus) await info.attach('backend', { body: workspace.output, contentType: 'text/plain' });
      await workspace.close();
    }
  },
  bears: [undefined, { option: true }],
  context: async ({ context, bears }, use) => {
    const wrong = watch(context);
    await use(context);
    expect(wrong.filter((words) => !bears?.test(words)), 'errors on a page, breaches of its policy, requests to elsewhere').toEqual([]);
  },
});

/** Notes what no page may do, in any tab of the test. */
export function watch(context: BrowserContext): string[] {
  const wrong: string[] = [];
  context.on('weberror', (error) => wrong.push(error.error().stack ?? error.error().message));
  context.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) wrong.push(message.text());
  });
  context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && hostname !== '127.0.0.1') wrong.push(`asked ${request.url()}`);
  });
  return wrong;
}

export { expect };

/** The rows of the terminal in front, as text. */
export const screen = (page: Page) => page.locator('.pane:not([hidden]) .xterm-rows');

/** Opens the student's page and waits for the first prompt. */
export async function openStudent(page: Page, workspace: Workspace): Promise<void> {
  await page.goto(workspace.studentAddress);
  await expect(screen(page)).toContainText('$', { timeout: 20_000 });
}

/** Types a line into the terminal in front. */
export async function type(page: Page, line: string): Promise<void> {
  await page.locator('.pane:not([hidden]) .xterm-helper-textarea').focus();
  await page.keyboard.type(`${line}\n`);
}

/** Does the work of hello-linux's first step, and waits until it is done. */
export async function doFirstStep(page: Page): Promise<void> {
  await type(page, 'cd /workspace; (pwd; uname -s; nproc) > where.txt; echo written-$((6*7))');
  await expect(screen(page)).toContainText('written-42');
}
