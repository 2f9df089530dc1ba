//! Swaps as students and instructors see them, done by the real supervisor.

import { type Page } from '@playwright/test';
import { test } from './supervised';
import { expect, screen, type } from './workspace';

const FIRST =
  'git init -q -b main diary && cd diary && git config user.name Ada && git config user.email a@b.c && echo one > day-1.txt && git add . && git commit -q -m one && echo two > day-2.txt && git add . && git commit -q -m two';
const SECOND =
  'git init -q -b main poem && cd poem && git config user.name Ada && git config user.email a@b.c && printf "The kettle sings,\\non a Saturday.\\n" > poem.txt && echo x > secret.txt && echo secret.txt > .gitignore && git add . && git commit -q -m poem && sed -i s/kettle/microwave/ poem.txt && git commit -q -a -m "Make the poem modern" && git revert --no-edit HEAD';

const steps = (page: Page) => page.getByRole('navigation', { name: 'Steps' });

/** Types a line and waits until it is done. */
async function work(page: Page, line: string, sign: string): Promise<void> {
  await type(page, `cd /workspace; ${line}; echo ${sign}-$((6*7))`);
  await expect(screen(page)).toContainText(`${sign}-42`);
}

async function pass(page: Page, step: number): Promise<void> {
  await page.getByRole('button', { name: 'Check my work' }).click();
  await expect(page.getByText(`Step ${step} is done`)).toBeVisible();
}

async function restartAt(page: Page, title: string, position: number): Promise<void> {
  await steps(page).getByRole('button', { name: title }).click();
  await page.getByRole('button', { name: 'Restart the workspace at this step…' }).click();
  const dialog = page.getByRole('dialog', { name: `Restart the workspace at step ${position}?` });
  await dialog.getByRole('button', { name: 'Restart the workspace' }).click();
}

test.describe('a free workshop', () => {
  test.use({ workshop: 'examples/git-basics' });

  test('is restarted at another step from the page, and everything done stays', async ({ page, context, supervised }) => {
    test.setTimeout(240_000);
    const { student, instructor } = supervised.row;
    await page.goto(student);
    await expect(screen(page)).toContainText('$', { timeout: 20_000 });
    await work(page, FIRST, 'first');
    await pass(page, 1);
    await page.getByRole('button', { name: /Go to step 2/ }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Take it back');
    await work(page, SECOND, 'second');
    await pass(page, 2);

    await restartAt(page, 'Two changes to one line', 4);
    await expect(page.getByText('This is a fresh workspace from the image after step 3, Branch and merge.')).toBeVisible({ timeout: 60_000 });
    for (const title of ['Your first commit', 'Take it back']) await expect(steps(page).getByRole('button', { name: `${title} , done` })).toBeVisible();
    await work(page, 'ls /workspace; git -C /workspace/recipes branch --show-current', 'new');
    await expect(screen(page)).toContainText('recipes');
    await expect(screen(page)).not.toContainText('first-42');

    await restartAt(page, 'Your first commit', 1);
    await expect(page.getByText('This is a fresh workspace from the first image.')).toBeVisible({ timeout: 60_000 });
    await work(page, 'echo files: $(ls /workspace | wc -l)', 'again');
    await expect(screen(page)).toContainText('files: 0');
    await expect(steps(page).getByRole('button', { name: 'Take it back , done' })).toBeVisible();
    await work(page, FIRST, 'once-more');
    await page.getByRole('button', { name: 'Check again' }).click();
    await expect(page.getByRole('region', { name: 'Check' })).toContainText('Passed. All 5 tests.');

    // The recordings of all three containers are there.
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Recordings' }).click();
    await expect(page.getByRole('dialog', { name: 'Recordings' }).getByRole('listitem')).toHaveCount(3);

    const other = await context.newPage();
    await other.goto(instructor);
    await expect(other.getByTitle('Workspace restarted at Two changes to one line')).toHaveCount(1);
    await expect(other.getByTitle('Workspace restarted at Your first commit')).toHaveCount(1);
    await other.close();
  });

  test('says what is happening while it is restarted, and lets other steps be read', async ({ page, supervised }) => {
    await page.goto(supervised.row.student);
    await expect(screen(page)).toContainText('$', { timeout: 20_000 });
    await supervised.kill();
    await restartAt(page, 'Branch and merge', 3);
    await expect(page.getByText('Restarting the workspace at “Branch and merge”.')).toBeVisible();
    await steps(page).getByRole('button', { name: 'Share your work' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Share your work');
    // Nobody watched; the next command finishes it.
    await supervised.open();
    await expect(page.getByText(/This is a fresh workspace from the image after step 2/)).toBeVisible({ timeout: 60_000 });
    await work(page, 'ls poem', 'here');
    await expect(screen(page)).toContainText('poem.txt');
  });
});

test('a linear workshop is switched from the host alone, and what was skipped is given', async ({ page, supervised }) => {
  test.setTimeout(180_000);
  await page.goto(supervised.row.student);
  await expect(screen(page)).toContainText('$', { timeout: 20_000 });
  await expect(steps(page).getByRole('button', { name: 'Running programs' })).toBeDisabled();
  const asked = await page.evaluate(async () => {
    const token = Object.values(sessionStorage).find((value) => value.length >= 16)!;
    const answer = await fetch('/api/steps/processes/switch', { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: '{"kind":"switch"}' });
    return answer.status;
  });
  expect(asked).toBe(409);
  supervised.run('switch', 'NAME', 'processes');
  await expect(page.getByText(/This is a fresh workspace from the image after step 3, /)).toBeVisible({ timeout: 60_000 });
  await expect(steps(page).getByRole('button', { name: 'Who may read it? , already in this image' })).toBeVisible();
  await work(page, 'ls /workspace', 'here');
});
