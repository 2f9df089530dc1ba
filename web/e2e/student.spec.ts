//! The student's way through a step: read, try, fail, mend, pass; and nothing is lost when the backend is killed.

import { doFirstStep, expect, openStudent, screen, test, type, type Schemas } from './workspace';

test('a step from its text to its end, across a killed backend', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
  await expect(page.getByText('Step 1 of 5')).toBeVisible();

  await type(page, 'pwd > where.txt; uname -s >> where.txt; cat where.txt');
  await expect(screen(page)).toContainText('Linux');

  await page.getByRole('button', { name: 'Check my work' }).click();
  const check = page.getByRole('region', { name: 'Check' });
  const failed = check.getByRole('listitem').filter({ has: page.getByRole('img', { name: 'Failed' }) });
  await expect(failed).toHaveCount(1);
  await expect(failed).toContainText('where.txt keeps the answer of nproc');
  await expect(check).toContainText('3 of 4');

  await type(page, 'nproc >> where.txt; echo added-$((1+1))');
  await expect(screen(page)).toContainText('added-2');
  const text = page.locator('#text');
  await text.evaluate((element) => element.scrollTo(0, 200));
  await page.keyboard.press('Control+Enter');
  await expect(check).toContainText('Step 1 is done');
  await expect(check.getByRole('button', { name: 'Go to step 2: Files and folders' })).toBeVisible();
  await expect(page.getByText('Step 1 of 5 · done')).toBeAttached();
  // Nothing jumps: neither the text, nor the step, nor where the keys go.
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
  expect(await text.evaluate((element) => element.scrollTop)).toBe(200);
  await expect(page.locator('.xterm-helper-textarea')).toBeFocused();
  expect((await workspace.ask<Schemas['StateView']>('/api/state')).active).toBe('look-around');

  await workspace.kill();
  await expect(page.getByText('Reconnecting').first()).toBeVisible();
  await expect(screen(page)).toContainText('nproc >> where.txt');
  await workspace.start();
  await expect(page.getByText('The workspace was restarted. Your progress and recordings are here.')).toBeVisible();
  await expect(page.getByText('Step 1 of 5 · done')).toBeAttached();
  await expect(page.getByText('Reconnecting')).toHaveCount(0);
  await type(page, 'echo alive-$((40+2)); wc -l where.txt');
  await expect(screen(page)).toContainText('alive-42');
  await expect(screen(page)).toContainText('3 where.txt');

  await page.getByRole('button', { name: 'Go to step 2: Files and folders' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Files and folders');
  await expect.poll(() => workspace.ask<Schemas['StateView']>('/api/state').then((state) => state.active)).toBe('files-and-folders');

  await page.getByRole('button', { name: 'Recording', exact: true }).click();
  const recordings = page.getByRole('dialog', { name: 'Recordings' });
  await expect(recordings.getByRole('listitem')).toHaveCount(2);
  await recordings.getByRole('button', { name: /Terminal/ }).last().click();
  // What was on the screen before the kill, near the end of the older recording.
  const player = page.locator('.ap-player');
  await player.locator('.ap-overlay-start').click();
  await page.keyboard.press('9');
  await expect(player.locator('.ap-term')).toContainText('cat where.txt');
  await expect(player.locator('.ap-term')).toContainText('nproc >> where.txt');
});

test('a block is typed into the terminal, as one', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  const block = page.locator('.block', { hasText: 'whoami' });
  await block.getByRole('button', { name: 'Run' }).click();
  await expect(screen(page)).toContainText('/workspace');
  await page.locator('.block', { hasText: 'pwd > where.txt' }).getByRole('button', { name: 'Run' }).click();
  await expect(screen(page)).toContainText('Linux');
});

test('reading is not working there', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  await doFirstStep(page);
  await page.getByRole('button', { name: 'Check my work' }).click();
  await expect(page.getByText('Step 1 is done')).toBeVisible();

  await page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Files and folders', exact: true }).click();
  const bar = page.getByRole('complementary', { name: 'Reading another step' });
  await expect(bar).toContainText('Reading step 2 · you are working in step 1');
  expect((await workspace.ask<Schemas['StateView']>('/api/state')).active).toBe('look-around');
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Files and folders');

  await bar.getByRole('button', { name: 'Restart the workspace at this step…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('everything in /workspace');
  await dialog.getByRole('button', { name: 'Restart the workspace' }).click();
  await expect(dialog.locator('pre')).toContainText('docker run --rm -p 127.0.0.1:8080:8080');
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await dialog.getByRole('button', { name: 'Copy the command' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^docker run \S.* -e WORKSHOP_SWITCH=[0-9a-f]{12}:switch:files-and-folders localhost\/hello-linux:look-around$/);
  await dialog.getByRole('button', { name: 'Close' }).last().click();

  await bar.getByRole('button', { name: 'Work on this step here' }).click();
  await expect(bar).toHaveCount(0);
  expect((await workspace.ask<Schemas['StateView']>('/api/state')).active).toBe('files-and-folders');
});

test('help slides over the text, keeps a history, and asks before the solution', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await page.getByRole('button', { name: 'Hint' }).click();
  const help = page.getByRole('region', { name: 'Help for step 1' });
  await expect(help).toContainText('A nudge');
  const covered = await help.boundingBox();
  const terminal = await page.locator('#terminal').boundingBox();
  expect(covered!.x + covered!.width).toBeLessThanOrEqual(terminal!.x);

  await help.getByRole('tab', { name: 'Solution' }).click();
  await expect(help).toContainText('See the solution?');
  await expect(help).not.toContainText('nproc >> where.txt');
  await help.getByRole('button', { name: 'Show the solution' }).click();
  await expect(help).toContainText('nproc >> where.txt');
  await expect(help.getByRole('list').last()).toContainText('Solution');
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
});

test('the token leaves the address, and its absence is asked for', async ({ page, workspace }) => {
  await page.goto(workspace.address);
  await page.getByLabel('Token or address').fill('wrong');
  await page.getByRole('button', { name: 'Open' }).click();
  await expect(page.getByText('The token of this tab is not the one that is needed.')).toBeVisible();
  await page.getByLabel('Token or address').fill(workspace.studentAddress);
  await page.getByRole('button', { name: 'Open' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
  await page.goto(workspace.studentAddress);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
  expect(page.url()).not.toContain(workspace.access);
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Look around');
});

test.describe('a guided workshop', () => {
  test.use({ workshop: 'examples/web-server' });
  test('opens into the matrix, with groups as rows and what is locked', async ({ page, workspace }) => {
    await page.goto(workspace.studentAddress);
    const steps = await workspace.ask<Schemas['StepView'][]>('/api/steps');
    await page.getByRole('button', { name: /show all/ }).click();
    const matrix = page.getByRole('dialog', { name: 'All steps' });
    await expect(matrix.getByRole('listitem')).toHaveCount(steps.length);
    for (const group of new Set(steps.map((step) => step.group))) if (group) await expect(matrix.getByRole('heading', { name: group })).toBeVisible();
    const locked = matrix.getByRole('button', { name: /^Links and style/ });
    await expect(locked).toHaveAttribute('aria-disabled', 'true');
    await expect(locked).toContainText('Complete "Your first page" first.');
    await locked.click({ force: true });
    await expect(matrix).toBeVisible();
    expect((await workspace.fetch('/api/steps/links-and-style/content')).status).toBe(409);
  });
});

test.describe('a free workshop', () => {
  test.use({ workshop: 'examples/git-basics' });
  test('lets any step be read and worked on, and its path has no order', async ({ page, workspace }) => {
    await page.goto(workspace.studentAddress);
    const path = page.getByRole('navigation', { name: 'Steps' });
    await expect(path.getByRole('button', { disabled: true })).toHaveCount(0);
    await expect(path.locator('.link')).toHaveCount(0);
    await path.getByRole('button', { name: 'Branch and merge' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Branch and merge');
    await page.getByRole('button', { name: 'Work on this step here' }).click();
    await expect.poll(() => workspace.ask<Schemas['StateView']>('/api/state').then(({ active }) => active)).toBe('branches');
  });

  test('what is loaded for a text that is no longer shown is no error', async ({ page, workspace }) => {
    let asked = () => {};
    let release = () => {};
    const wanted = new Promise<void>((resolve) => (asked = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/assets/diagrams-*.js', async (route) => {
      asked();
      await released;
      await route.continue();
    });
    await page.goto(workspace.studentAddress);
    const path = page.getByRole('navigation', { name: 'Steps' });
    await path.getByRole('button', { name: 'Branch and merge' }).click();
    await wanted;
    // One that was not opened yet: until its text is here, the page shows none.
    await path.getByRole('button').last().click();
    await expect(page.getByRole('heading', { level: 1 })).not.toHaveText('Branch and merge');
    await expect(page.locator('.prose')).toBeVisible();
    release();
    await page.waitForResponse('**/assets/diagrams-*.js');
    await path.getByRole('button', { name: 'Branch and merge' }).click();
    await expect(page.locator('[data-diagram] svg').first()).toBeVisible();
  });
});
