//! The instructor: sees a command at once, clicks it, and one slider moves everything.

import { type Page } from '@playwright/test';
import { doFirstStep, expect, openStudent, screen, test, type } from './workspace';

const list = (page: Page) => page.getByRole('list', { name: 'Commands and checks' });
const replay = (page: Page) => page.locator('.player .xterm-rows');

test('a command is there within half a second of its end, and a click shows its moment', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  const instructor = await context.newPage();
  await instructor.goto(workspace.instructorAddress);
  await expect(instructor.getByRole('heading', { level: 1 })).toHaveText('hello-linux');
  await type(page, 'echo first-$((10+1))');
  await expect(list(instructor)).toContainText('echo first');

  // The command itself says when it ends, the page notes when the line came: by the same clock.
  await instructor.evaluate(() => {
    const seen = globalThis as unknown as { seenAt?: number };
    new MutationObserver(() => {
      if (!seen.seenAt && document.body.textContent?.includes('echo second')) seen.seenAt = Date.now();
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await type(page, 'echo second-$((20+2)) at=$(date +%s%3N)');
  await expect(list(instructor)).toContainText('echo second');
  await expect(screen(page)).toContainText(/at=\d{13}/);
  const ended = Number(/at=(\d{13})/.exec((await screen(page).textContent()) ?? '')![1]);
  const seenAt = await instructor.evaluate(() => (globalThis as unknown as { seenAt: number }).seenAt);
  expect(seenAt - ended).toBeLessThan(500);

  await list(instructor).getByRole('button', { name: /echo first/ }).click();
  await expect(replay(instructor)).toContainText('first-11');
  await expect(replay(instructor)).not.toContainText('second-22');
  await list(instructor).getByRole('button', { name: /echo second/ }).click();
  await expect(replay(instructor)).toContainText('second-22');
  await instructor.keyboard.press('ArrowLeft');
  await expect(replay(instructor)).not.toContainText('second-22');
  await instructor.close();
});

test('the slider at an earlier moment shows the state of that moment', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  await page.getByRole('button', { name: 'Check my work' }).click();
  await expect(page.getByRole('region', { name: 'Check' })).toContainText('of 4');
  await doFirstStep(page);
  await page.getByRole('button', { name: 'Check my work' }).click();
  await expect(page.getByText('Step 1 is done')).toBeVisible();
  await page.getByRole('button', { name: /Go to step 2/ }).click();
  // At once: going on to the next step takes no key from the terminal.
  await type(page, 'mkdir -p notes');
  await expect(screen(page)).toContainText('mkdir -p notes');

  const instructor = await context.newPage();
  await instructor.goto(workspace.instructorAddress);
  const state = instructor.getByRole('region', { name: 'State' });
  const first = state.getByRole('listitem').first();
  await instructor.keyboard.press('End');
  await expect(first.getByRole('img')).toHaveAccessibleName('Done');
  await expect(state.getByRole('listitem').nth(1).getByRole('img')).toHaveAccessibleName('Being worked on');

  await list(instructor).getByRole('button', { name: /Check: 1 of 4|Check: \d of 4/ }).first().click();
  await expect(first.getByRole('img')).toHaveAccessibleName('Last check failed');
  await expect(first).toContainText('1 try');
  await expect(list(instructor).getByRole('button', { name: 'Check: passed' })).toHaveClass(/later/);
  await expect(replay(instructor)).not.toContainText('nproc');

  await expect(list(instructor)).toContainText('mkdir -p notes');
  const slider = instructor.getByRole('slider', { name: 'Moment' });
  await slider.fill('1000000');
  await expect(first.getByRole('img')).toHaveAccessibleName('Done');
  await expect(replay(instructor)).toContainText('mkdir -p notes');
  await slider.fill('0');
  await expect(first.getByRole('img')).not.toHaveAccessibleName('Done');
  await expect(instructor.getByRole('region', { name: 'Recording' })).not.toContainText('mkdir');
  await instructor.keyboard.press('2');
  await instructor.keyboard.press('Space');
  await expect(instructor.getByRole('button', { name: 'Pause', exact: true })).toBeVisible();
  await expect.poll(() => slider.inputValue().then(Number)).toBeGreaterThan(0);

  await instructor.getByRole('tab', { name: 'Checks', exact: true }).click();
  await expect(instructor.getByRole('tabpanel')).toContainText('Passed');
  await instructor.close();
});

test('keys move the moment, and speed and play are theirs too', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  for (const word of ['one', 'two', 'three']) {
    await type(page, `echo ${word}-$((50+5))`);
    await expect(screen(page)).toContainText(`${word}-55`);
    await page.waitForTimeout(1_200);
  }
  const instructor = await context.newPage();
  await instructor.goto(workspace.instructorAddress);
  await expect(list(instructor)).toContainText('echo three');
  await list(instructor).getByRole('button', { name: /echo three/ }).click();
  const now = list(instructor).locator('[aria-current="true"]');
  const second = () => instructor.locator('.player').getAttribute('data-second').then(Number);
  await expect(replay(instructor)).toContainText('three-55');
  await instructor.keyboard.press('ArrowLeft');
  await instructor.keyboard.press('ArrowLeft');
  await expect(now).toContainText('echo one');
  await expect(replay(instructor)).toContainText('one-55');
  await expect(replay(instructor)).not.toContainText('two-55');
  await instructor.keyboard.press('ArrowRight');
  await expect(now).toContainText('echo two');
  const at = await second();
  await instructor.keyboard.press(',');
  await expect.poll(second).toBeCloseTo(at - 1, 1);
  await instructor.keyboard.press('.');
  await expect.poll(second).toBeCloseTo(at, 1);
  for (const speed of [2, 3, 4, 1]) {
    await instructor.keyboard.press(String(speed));
    await expect(instructor.getByRole('button', { name: `Speed ${speed}, change` })).toBeVisible();
  }
  await instructor.keyboard.press('Home');
  await instructor.keyboard.press('Space');
  await expect(instructor.getByRole('button', { name: 'Pause', exact: true })).toBeVisible();
  await expect(replay(instructor)).toContainText('two-55');
  await instructor.keyboard.press('Space');
  await expect(instructor.getByRole('button', { name: 'Play', exact: true })).toBeVisible();
  const stopped = await second();
  await instructor.waitForTimeout(300);
  expect(await second()).toBe(stopped);
  await instructor.keyboard.press('?');
  await expect(instructor.getByRole('dialog')).toBeVisible();
});

test('help that was opened is in its history', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  await page.getByRole('button', { name: 'Hint' }).click();
  await expect(page.getByText('A nudge')).toBeVisible();
  const instructor = await context.newPage();
  await instructor.goto(workspace.instructorAddress);
  await instructor.getByRole('tab', { name: 'Help', exact: true }).click();
  await expect(instructor.getByRole('tabpanel')).toContainText('Hints');
  await page.getByRole('tab', { name: 'Explanation' }).click();
  await expect(instructor.getByRole('tabpanel')).toContainText('Explanation');
});

test('live is the terminal itself, and takes no keys', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  const instructor = await context.newPage();
  await instructor.goto(workspace.instructorAddress);
  await instructor.getByRole('radio', { name: 'Live' }).click();
  await type(page, 'echo seen-$((7+7))');
  await expect(screen(instructor)).toContainText('seen-14');
  await instructor.locator('.pane .xterm').click();
  await instructor.keyboard.type('echo not-mine\n');
  await type(page, 'echo after-$((8+8))');
  await expect(screen(instructor)).toContainText('after-16');
  await expect(screen(page)).not.toContainText('not-mine');
  await instructor.close();
});

test('the student’s token does not open the instructor’s page', async ({ page, workspace }) => {
  await page.goto(`${workspace.address}/instructor/#token=${workspace.access}`);
  await expect(page.getByRole('heading', { name: 'This page needs its token' })).toBeVisible();
});
