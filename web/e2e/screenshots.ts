//! Works through a workshop like a student, and takes the pictures in `docs/images/` on the way.

import { join, resolve } from 'node:path';
import { test as classes } from './dashboard';
import { test as supervised } from './supervised';
import { expect, openStudent, screen, test, type, Workspace, type Schemas } from './workspace';
import { type Page } from '@playwright/test';

const IMAGES = resolve(import.meta.dirname, '../../docs/images');
const picture = (page: Page, name: string) => page.screenshot({ path: join(IMAGES, `${name}.png`), animations: 'disabled' });

test('pictures', async ({ page, context, workspace }) => {
  test.setTimeout(300_000);
  await openStudent(page, workspace);
  await work(page, 'Look around', ['whoami', 'ls -la /workspace', 'pwd > where.txt', 'uname -s >> where.txt', 'nproc >> where.txt', 'cat where.txt'], 'Go to step 2: Files and folders');
  await work(page, 'Files and folders', ["printf '# Quarterly report\\n\\nVisitors: 1184\\nQuestions: 27\\nOpen: 3\\n' > report.txt", 'mkdir -p notes/archive', "echo 'Ask about the three open questions' > notes/monday.txt", 'ls -R notes'], '');
  await finish(page, workspace);
  await page.getByRole('button', { name: /Go to step 3/ }).click();
  await type(page, 'clear');
  await line(page, 'ls -l');
  await line(page, 'head -1 report.txt');
  await line(page, 'chmod 64O report.txt');
  await line(page, 'chmod 644 report.txt');
  await line(page, 'ls -l report.txt');
  await page.getByRole('button', { name: 'Check my work' }).click();
  await expect(page.getByRole('region', { name: 'Check' })).toContainText('expected');
  await page.locator('#text').focus();
  await page.waitForTimeout(500);
  await picture(page, 'student');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByRole('button', { name: 'Hint' }).click();
  await expect(page.getByText('A nudge')).toBeVisible();
  await page.waitForTimeout(500);
  await picture(page, 'student-dark');
  await page.keyboard.press('Escape');
  await line(page, 'chmod 640 report.txt');

  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(500);
  await picture(page, 'student-phone');

  const instructor = await context.newPage();
  await instructor.goto(workspace.instructorAddress);
  const list = instructor.getByRole('list', { name: 'Commands and checks' });
  await list.getByRole('button', { name: 'chmod 644 report.txt' }).click();
  await expect(instructor.locator('.player .xterm-rows')).toContainText('chmod 644 report.txt');
  await expect(instructor.getByRole('region', { name: 'State' })).toContainText('Who may read it?');
  await instructor.waitForTimeout(1_000);
  await picture(instructor, 'instructor');
});

supervised.describe('a swap', () => {
  supervised.use({ workshop: 'examples/git-basics' });

  supervised('pictures of a swap', async ({ page, supervised: workspace }) => {
    supervised.setTimeout(180_000);
    await page.goto(workspace.row.student);
    await expect(screen(page)).toContainText('$', { timeout: 20_000 });
    await line(page, 'git init -q -b main diary && cd diary');
    await line(page, 'git config user.name Ada; git config user.email ada@example.com; git config core.pager cat');
    for (const day of [1, 2]) await line(page, `echo "Day ${day}." > day-${day}.txt && git add . && git commit -q -m "Day ${day}"`);
    await line(page, 'git log --oneline');
    await page.getByRole('button', { name: 'Check my work' }).click();
    await expect(page.getByText('Step 1 is done')).toBeVisible();
    await page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Two changes to one line' }).click();
    await page.getByRole('button', { name: 'Restart the workspace at this step…' }).click();
    await page.waitForTimeout(500);
    await picture(page, 'swap-asked');
    await page.getByRole('dialog').getByRole('button', { name: 'Restart the workspace' }).click();
    await expect(page.getByText('This is a fresh workspace from the image after step 3')).toBeVisible({ timeout: 60_000 });
    await line(page, 'ls');
    await line(page, 'git -C recipes log --oneline --graph');
    await page.locator('#text').focus();
    await page.waitForTimeout(500);
    await picture(page, 'swap-done');
  });
});

classes('pictures of a class', async ({ page, dashboard }) => {
  classes.setTimeout(300_000);
  // A quarter of an hour and a little: some are done, some are stuck.
  await dashboard.live(30, 27, 1);
  await page.goto(dashboard.at());
  const rows = page.locator('tbody tr');
  await expect(rows).toHaveCount(30);
  await expect(rows.first().locator('[data-standing="stuck"]')).toBeVisible();
  await expect(page.locator('tbody [data-standing="finished"]').first()).toBeAttached();
  // Until everyone's log is there and the next lines come live.
  await page.waitForTimeout(15_000);
  await picture(page, 'class');

  const name = (await rows.first().locator('.row').textContent())!;
  await page.goto(dashboard.at('/matrix'));
  await expect(rows).toHaveCount(30);
  await page.getByRole('combobox', { name: 'Sort by' }).selectOption('progress');
  await page.waitForTimeout(1_000);
  await picture(page, 'class-matrix');
  await page.goto(dashboard.at('/steps'));
  await expect(page.getByText('What fails most')).toBeVisible();
  await page.waitForTimeout(1_000);
  await picture(page, 'class-steps');

  await page.goto(dashboard.at());
  await page.getByRole('link', { name, exact: true }).click();
  const list = page.getByRole('list', { name: 'Commands and checks' });
  // Some lines before the newest: what follows is grey.
  await expect(list.getByRole('button', { name: /Check: \d of \d/ }).first()).toBeVisible();
  for (const _ of [1, 2, 3, 4, 5]) await page.keyboard.press('ArrowLeft');
  await page.waitForTimeout(2_000);
  await picture(page, 'class-student');
});

async function line(page: Page, command: string): Promise<void> {
  await type(page, command);
  await page.waitForTimeout(700);
}

async function work(page: Page, title: string, commands: string[], next: string): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
  await page.getByRole('button', { name: 'Check my work' }).click();
  await page.waitForTimeout(800);
  for (const command of commands) await line(page, command);
  if (!next) return;
  await page.getByRole('button', { name: 'Check my work' }).click();
  await page.getByRole('button', { name: next }).click();
}

/** Types the author's own solution of the step. */
async function finish(page: Page, workspace: Workspace): Promise<void> {
  const { active } = await workspace.ask<Schemas['StateView']>('/api/state');
  const { markdown } = await workspace.ask<Schemas['HelpText']>(`/api/steps/${active}/help/solve`);
  for (const [, block] of markdown.matchAll(/```bash\n([\s\S]*?)```/g)) for (const command of block!.trim().split('\n')) await line(page, command);
  await page.getByRole('button', { name: 'Check my work' }).click();
  await expect(screen(page)).toBeVisible();
}
