//! When something is wrong, the page says what happened, what is safe and what to do; the terminal lives on.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, openStudent, screen, test, type, type Schemas } from './workspace';

test.describe('on a full disk', () => {
  test.skip(process.getuid?.() !== 0, 'mounting a small disk needs root');
  let disk = '';
  test.use({
    environment: async ({}, use) => {
      disk = mkdtempSync(join(tmpdir(), 'workshop-e2e-disk-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'workshop-e2e', disk]);
      await use({ WORKSHOP_RUNTIME_DIR: disk });
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true });
    },
  });

  test('a check is not taken and says so, and it goes on by itself when there is space', async ({ page, workspace }) => {
    await openStudent(page, workspace);
    const filler = join(disk, 'filler');
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    const check = page.getByRole('region', { name: 'Check' });
    const button = check.getByRole('button', { name: 'Check my work' });
    // A file's last block has room for a few more records.
    await expect(async () => {
      await button.click();
      await expect(button).toBeEnabled();
      await expect(check.getByRole('alert')).toContainText(/space|disk/i, { timeout: 200 });
    }).toPass();
    await expect(page.getByText('The disk of this workspace is full.')).toBeVisible();
    await type(page, 'cd /workspace; (pwd; uname -s; nproc) > where.txt; echo alive-$((40+2))');
    await expect(screen(page)).toContainText('alive-42');
    await button.click();
    await expect(check.getByRole('alert')).toContainText(/space|disk/i);
    await expect(page.getByText('Step 1 is done')).toHaveCount(0);

    rmSync(filler);
    await type(page, 'echo stored-again');
    await expect(page.getByText('The disk of this workspace is full.')).toHaveCount(0);
    await button.click();
    await expect(page.getByText('Step 1 is done')).toBeVisible();
    await workspace.kill();
    await workspace.start();
    await expect(page.getByText('Step 1 of 5 · done')).toBeVisible();
  });
});

test.describe('without goss', () => {
  test.use({ environment: { WORKSHOP_GOSS: '/nowhere/goss' } });
  test('a check that cannot run is no failed check', async ({ page, workspace }) => {
    await openStudent(page, workspace);
    await page.getByRole('button', { name: 'Check my work' }).click();
    const check = page.getByRole('region', { name: 'Check' });
    await expect(check.getByRole('alert')).toContainText('goss');
    await expect(check.getByRole('listitem')).toHaveCount(0);
    await expect(page.getByRole('button', { name: 'Check my work' })).toBeEnabled();
    expect((await workspace.ask<Schemas['StateView']>('/api/state')).checks).toEqual([]);
  });
});

test('a page that is opened while nothing serves waits, says so, and opens by itself', async ({ page, workspace }) => {
  await page.goto(workspace.studentAddress);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
  await page.route('**/api/state', (route) => route.abort());
  await page.reload();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.unroute('**/api/state');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
});

test('colours that cannot be loaded come later, and the text is read meanwhile', async ({ page, workspace }) => {
  let refused = 0;
  await page.route('**/assets/highlight-*', (route) => (refused++ < 2 ? route.abort() : route.continue()));
  await openStudent(page, workspace);
  await expect(page.locator('code[data-coloured]').first()).toBeVisible();
  expect(refused).toBe(3);
});
