//! A workspace that `workshop run` watches over: in a sandbox, or in containers where `WORKSHOP_E2E_DOCKER_HOST` names an engine.

import { test as base, expect } from './workspace';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { target } from './workspace';

const ROOT = resolve(import.meta.dirname, '../..');

interface Row {
  name: string;
  student: string;
  instructor: string;
}

export class Supervised {
  private readonly home = mkdtempSync(join(tmpdir(), 'workshop-e2e-'));
  private readonly name = `e2e-${process.pid}-${Math.floor(Math.random() * 1e6)}`;
  private supervisor: ChildProcess | null = null;
  private said = '';

  constructor(private readonly workshop: string) {}

  get output(): string {
    return this.said;
  }

  /** Starts `workshop run` and waits until its workspace serves. */
  async open(): Promise<void> {
    const line = ['run', this.workshop, '--name', this.name, '--port', '0', '--no-open'];
    // Should the test's process be killed, the kernel ends the supervisor.
    this.supervisor = spawn('setpriv', ['--pdeathsig', 'KILL', this.program, ...line], { cwd: ROOT, env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.supervisor.stdout, this.supervisor.stderr]) stream?.on('data', (data: Buffer) => (this.said += data.toString()));
    await expect.poll(() => this.said, { message: 'the workspace runs', timeout: 110_000 }).toContain('instructor  http');
  }

  /** Kills the supervisor as a crash would. The workspace goes on. */
  async kill(): Promise<void> {
    const { supervisor } = this;
    this.supervisor = null;
    if (!supervisor || supervisor.exitCode !== null) return;
    const ended = new Promise((done) => supervisor.once('exit', done));
    supervisor.kill('SIGKILL');
    await ended;
  }

  /** Runs `workshop …` to its end. `NAME` stands for the workspace's name. */
  run(...line: string[]): string {
    return execFileSync(this.program, line.map((word) => (word === 'NAME' ? this.name : word)), { cwd: ROOT, env: this.environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  get row(): Row {
    return (JSON.parse(this.run('list', '--output', 'json')) as Row[]).find((row) => row.name === this.name)!;
  }

  async close(): Promise<void> {
    await this.kill();
    this.run('rm', '--data', 'NAME');
    rmSync(this.home, { recursive: true, force: true });
  }

  private get program(): string {
    return join(target(), 'debug/workshop');
  }

  private get environment(): NodeJS.ProcessEnv {
    const host = process.env.WORKSHOP_E2E_DOCKER_HOST;
    const engine = host ? { DOCKER_HOST: host, WORKSHOP_PARTS: process.env.WORKSHOP_PARTS } : { WORKSHOP_ENGINE: 'sandbox' };
    return { PATH: process.env.PATH, HOME: this.home, ...engine };
  }
}

interface Fixtures {
  workshop: string;
  supervised: Supervised;
}

/** A test with a workspace that is supervised. */
export const test = base.extend<Fixtures>({
  supervised: async ({ workshop }, use, info) => {
    const supervised = new Supervised(workshop);
    try {
      await supervised.open();
      await use(supervised);
    } finally {
      if (info.status !== info.expectedStatus) await info.attach('workshop run', { body: supervised.output, contentType: 'text/plain' });
      await supervised.close();
    }
  },
});
