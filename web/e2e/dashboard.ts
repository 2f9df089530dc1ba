//! The real dashboard on a database of its own, with a simulated class shipped to it, and students written by hand where a
//! test needs to know what they do.

import { test as base, expect, type BrowserContext } from '@playwright/test';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { components } from '../src/api/dashboard';
import { freePort, target, watch, type Workspace } from './workspace';

const ROOT = resolve(import.meta.dirname, '../..');

/** What the API of the dashboard answers. */
export type Schemas = components['schemas'];

/** A replica of the dashboard: a process. */
export class Replica {
  private process: ChildProcess | null = null;
  private said = '';

  constructor(
    private readonly environment: Record<string, string>,
    readonly port: number,
  ) {}

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }
  get output(): string {
    return this.said;
  }

  async start(): Promise<void> {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...this.environment, WORKSHOP_LISTEN: `127.0.0.1:${this.port}` };
    // Should the test's process be killed, the kernel ends the dashboard.
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', join(target(), 'debug/workshop-dashboard'), 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream?.on('data', (data: Buffer) => (this.said += data.toString()));
    await expect.poll(() => fetch(`${this.address}/healthz`).then((answer) => answer.status, () => this.process?.exitCode ?? 0), { message: 'the dashboard serves', intervals: [50], timeout: 30_000 }).toBe(200);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { process: running } = this;
    this.process = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((done) => running.once('exit', done));
    running.kill(signal);
    await ended;
  }
}

/** A student of a simulated class. */
export interface Seat {
  workspace: string;
  student: string;
  token: string;
}

/** A simulated class at work. */
export interface LiveClass {
  seats: Seat[];
  /** Nobody does anything any more. */
  end: () => void;
}

export class Dashboard {
  readonly token = randomBytes(16).toString('hex');
  private readonly folder = mkdtempSync(join(tmpdir(), 'workshop-e2e-class-'));
  private readonly name = `web_${randomBytes(6).toString('hex')}`;
  private readonly environment: Record<string, string>;
  private readonly replicas: Replica[] = [];
  private readonly shippers: ChildProcess[] = [];

  constructor() {
    const server = process.env.WORKSHOP_TEST_POSTGRES;
    if (!server) throw new Error('WORKSHOP_TEST_POSTGRES is not set: run `cargo xtask test browser`, or `cargo xtask postgres` beside this');
    const database = new URL(server);
    database.pathname = `/${this.name}`;
    this.sql(`create database ${this.name}`);
    this.environment = { WORKSHOP_DATABASE_URL: database.href, WORKSHOP_INSTRUCTOR_TOKEN: this.token, WORKSHOP_CASTS: join(this.folder, 'casts'), WORKSHOP_WORKSPACE_TOKEN: this.token };
    mkdirSync(join(this.folder, 'casts'));
  }

  get first(): Replica {
    return this.replicas[0]!;
  }
  /** Where an instructor opens a view. */
  at(path = '/', replica = this.first): string {
    return `${replica.address}${path}#token=${this.token}`;
  }

  async replica(more: Record<string, string> = {}, port?: number): Promise<Replica> {
    const replica = new Replica({ ...this.environment, ...more }, port ?? (await freePort()));
    this.replicas.push(replica);
    await replica.start();
    return replica;
  }

  /** Adds a student whose records the test writes. */
  add(workspace: string, student: string, workshop = 'by-hand', url?: string): Student {
    const token = this.run(['workspace', 'add', workspace, '--student', student, '--workshop', workshop, ...(url ? ['--url', url] : [])]).trim();
    return new Student(this, workspace, workshop, token);
  }

  /** Adds a real workspace, and ships what it writes for as long as the test runs. */
  follow(name: string, student: string, workspace: Workspace): void {
    const token = this.run(['workspace', 'add', name, '--student', student, '--url', workspace.address]).trim();
    this.ship(name, token, workspace.runtime, ['--gather', '1']);
  }

  /** Simulates a class that is over, and ships all of it. */
  class(students: number): Seat[] {
    const folder = join(this.folder, 'class');
    execFileSync(join(target(), 'debug/xtask'), ['class', String(students), '--to', folder, '--past', '40', '--minutes', '40'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const seats = this.seated(folder);
    for (const { workspace, token } of seats) execFileSync(join(target(), 'debug/workshop-shipper'), ['--url', `${this.first.address}/ingest/${workspace}`, '--dir', join(folder, workspace), '--once'], { env: { PATH: process.env.PATH, WORKSHOP_INGEST_TOKEN: token }, stdio: ['ignore', 'ignore', 'inherit'] });
    return seats;
  }

  /** A simulated class at work, `past` minutes after it began and from then on `speed` times faster than real; a shipper for each. */
  async live(students: number, past: number, speed: number): Promise<LiveClass> {
    const folder = join(this.folder, 'live');
    const teacher = spawn('setpriv', ['--pdeathsig', 'KILL', join(target(), 'debug/xtask'), 'class', String(students), '--to', folder, '--past', String(past), '--speed', String(speed)], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    this.shippers.push(teacher);
    await expect.poll(() => existsSync(join(folder, 'students.csv')), { message: 'the class has begun', timeout: 30_000 }).toBe(true);
    const seats = this.seated(folder);
    for (const { workspace, token } of seats) this.ship(workspace, token, join(folder, workspace));
    return { seats, end: () => teacher.kill('SIGKILL') };
  }

  async ask<T>(path: string): Promise<T> {
    const answer = await fetch(this.first.address + path, { headers: { Authorization: `Bearer ${this.token}` } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async close(): Promise<void> {
    for (const shipper of this.shippers) shipper.kill('SIGKILL');
    for (const replica of this.replicas) await replica.stop();
    this.sql(`drop database if exists ${this.name} with (force)`);
    rmSync(this.folder, { recursive: true, force: true });
  }

  get output(): string {
    return this.replicas.map((replica) => replica.output).join('\n');
  }

  /** Adds the workspaces of a class. */
  private seated(folder: string): Seat[] {
    const lines = this.run(['workspace', 'import', join(folder, 'students.csv')]).trim().split('\n').slice(1);
    return lines.map((line) => {
      const fields = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, field]) => field!.replace(/^"|"$/g, '').replaceAll('""', '"'));
      const [workspace, student, , , token] = fields;
      return { workspace: workspace!, student: student!, token: token! };
    });
  }
  private ship(workspace: string, token: string, dir: string, more: string[] = []): void {
    const env = { PATH: process.env.PATH, WORKSHOP_INGEST_TOKEN: token };
    this.shippers.push(spawn('setpriv', ['--pdeathsig', 'KILL', join(target(), 'debug/workshop-shipper'), '--url', `${this.first.address}/ingest/${workspace}`, '--dir', dir, ...more], { env, stdio: ['ignore', 'ignore', 'inherit'] }));
  }
  private run(command: string[]): string {
    return execFileSync(join(target(), 'debug/workshop-dashboard'), command, { env: { PATH: process.env.PATH, ...this.environment }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  }
  private sql(statement: string): void {
    execFileSync('psql', ['--quiet', '--no-psqlrc', '--dbname', process.env.WORKSHOP_TEST_POSTGRES!, '--command', statement], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

/** The steps of a workshop that is written by hand. */
export const STEPS = [
  { id: 'one', title: 'Look around', hasCheck: true },
  { id: 'two', title: 'Files and folders', hasCheck: true },
  { id: 'three', title: 'Permissions', hasCheck: true },
];

type Stream = 'state' | 'commands' | 'llm';

/** A student whose log is written by the test, and posted as a shipper does. */
export class Student {
  readonly log = randomBytes(8).toString('hex');
  readonly session = 's1';
  readonly cast = 'session-20261121T090000Z-1.cast';
  private readonly offsets = new Map<string, number>();
  private readonly seqs = new Map<string, number>();
  private opened = 0;

  constructor(
    private readonly dashboard: Dashboard,
    readonly workspace: string,
    private readonly workshop: string,
    private readonly token: string,
  ) {}

  /** Begins the first step at `at`, with a browser and a recorded terminal. */
  async begin(at = Date.now(), steps = STEPS): Promise<void> {
    this.opened = at;
    await this.state(at, { event: 'backend_started', version: '0.1.0', image_step: 'step-0', workshop: this.workshop, navigation: 'free', steps });
    await this.state(at, { event: 'step_start', step: steps[0]!.id, cause: 'initial' });
    await this.state(at, { event: 'session_opened', session: this.session, name: 'main', cast: this.cast });
    await this.state(at, { event: 'connected', session: this.session, client: 'c1' });
    await this.post(`cast/${this.cast}`, `${JSON.stringify({ version: 2, width: 80, height: 24, timestamp: Math.floor(at / 1_000) })}\n`);
  }

  async state(at: number, event: Record<string, unknown>): Promise<void> {
    await this.append('state', at, event);
  }
  async start(at: number, step: string): Promise<void> {
    await this.state(at, { event: 'step_start', step, cause: 'navigate' });
  }
  async check(at: number, step: string, passed: boolean, title = 'report.txt has mode 0640'): Promise<void> {
    const failed = passed ? [] : [{ title, found: 'mode is 0644', expected: '0640' }];
    await this.state(at, { event: 'goss_result', step, passed, checks: { total: 2, passed: passed ? 2 : 1 }, trigger: 'student', failed });
  }

  /** Runs a command that prints `output`; it is in the recording, too. */
  async command(at: number, step: string, cmd: string, output: string, exit = 0): Promise<void> {
    const second = (at - this.opened) / 1_000;
    const shown = [[second, 'o', `$ ${cmd}\r\n`], [second + 0.02, 'o', `${output}\r\n$ `]];
    await this.post(`cast/${this.cast}`, shown.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await this.append('commands', at + 40, { cmd, exit, session: this.session, step, cwd: '/workspace', ms: 40, at: second });
  }

  async help(at: number, step: string, question: string, response: string): Promise<void> {
    await this.append('llm', at, { step, mode: 'explain', question, response, model: 'm', tokens: { input: 1, output: 1 }, ms: 5, outcome: 'done' });
  }

  /** A line that is no record. */
  async scribble(line: string): Promise<void> {
    await this.post('commands', `${line}\n`);
  }

  /** Says that the volume was set back. */
  async diverge(reason: string): Promise<void> {
    const answer = await this.send('diverged', JSON.stringify({ stream: 'state', next: this.offsets.get('state') ?? 0, reason }), { 'content-type': 'application/json' });
    expect(answer.ok, await answer.clone().text()).toBe(true);
  }

  /** Leaves out a number, as a log does that lost a record. */
  skip(stream: Stream): void {
    this.seqs.set(stream, (this.seqs.get(stream) ?? 0) + 1);
  }

  private async append(stream: Stream, at: number, record: Record<string, unknown>): Promise<void> {
    const seq = (this.seqs.get(stream) ?? 0) + 1;
    this.seqs.set(stream, seq);
    await this.post(stream, `${JSON.stringify({ log: this.log, seq, ts: new Date(at).toISOString(), ...record })}\n`);
  }

  private async post(stream: string, body: string): Promise<void> {
    const offset = this.offsets.get(stream) ?? 0;
    const answer = await this.send(stream, body, { 'Workshop-Offset': String(offset) });
    if (answer.status !== 200) throw new Error(`${stream} of ${this.workspace}: ${answer.status} ${await answer.text()}`);
    this.offsets.set(stream, offset + Buffer.byteLength(body));
  }

  private send(path: string, body: string, headers: Record<string, string>): Promise<Response> {
    return fetch(`${this.dashboard.first.address}/ingest/${this.workspace}/${this.log}/${path}`, { method: 'POST', body, headers: { Authorization: `Bearer ${this.token}`, ...headers } });
  }
}

interface Fixtures {
  dashboard: Dashboard;
  /** A second instructor's browser. */
  other: BrowserContext;
}

/** A test with a dashboard of its own. Nothing on a page may fail unseen. */
export const test = base.extend<Fixtures>({
  dashboard: async ({}, use, info) => {
    const dashboard = new Dashboard();
    try {
      await dashboard.replica();
      await use(dashboard);
    } finally {
      if (info.status !== info.expectedStatus) await info.attach('dashboard', { body: dashboard.output, contentType: 'text/plain' });
      await dashboard.close();
    }
  },
  context: async ({ context }, use) => {
    const wrong = watch(context);
    await use(context);
    expect(wrong, 'errors on a page, breaches of its policy, requests to elsewhere').toEqual([]);
  },
  other: async ({ browser }, use) => {
    const context = await browser.newContext();
    const wrong = watch(context);
    await use(context);
    await context.close();
    expect(wrong).toEqual([]);
  },
});

export { expect };
