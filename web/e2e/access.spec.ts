//! For everyone: by keyboard alone, on a phone, in the dark, at 200 %, read aloud.

import AxeBuilder from '@axe-core/playwright';
import { type Page } from '@playwright/test';
import { doFirstStep, expect, openStudent, screen, test, type } from './workspace';

/** Serious findings of an accessibility scan; lesser ones are told, too, by failing the same way. */
async function scan(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`)).toEqual([]);
}

const wider = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in the ${colorScheme}`, () => {
    test.use({ colorScheme, reducedMotion: 'reduce' } as object);
    test('no serious findings on either page', async ({ page, context, workspace }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await openStudent(page, workspace);
      await page.getByRole('button', { name: 'Check my work' }).click();
      await expect(page.getByRole('region', { name: 'Check' })).toContainText('of 4');
      await scan(page);
      await page.getByRole('button', { name: 'Hint' }).click();
      await expect(page.getByText('A nudge')).toBeVisible();
      await scan(page);
      await page.getByRole('button', { name: 'More' }).click();
      await page.getByRole('menuitem', { name: 'Recordings' }).click();
      await expect(page.getByRole('dialog').getByRole('listitem').first()).toBeVisible();
      await scan(page);
      const instructor = await context.newPage();
      await instructor.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await instructor.goto(workspace.instructorAddress);
      await expect(instructor.getByRole('list', { name: 'Commands and checks' })).toBeVisible();
      await scan(instructor);
    });
  });
}

test('everything by keyboard: into the terminal, out of it, check, next step', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the text' })).toBeFocused();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.keyboard.type('cd /workspace; (pwd; uname -s; nproc) > where.txt; echo written-$((1+1))\n');
  await expect(screen(page)).toContainText('written-2');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('Step 1 is done')).toBeVisible();
  await page.keyboard.press('Control+Shift+ArrowLeft');
  await expect(page.locator('#text')).toBeFocused();
  const next = page.getByRole('button', { name: /Go to step 2/ });
  for (let presses = 0; presses < 40 && !(await next.evaluate((button) => button === document.activeElement)); presses += 1) await page.keyboard.press('Tab');
  await expect(next).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Files and folders');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('no serious findings in dialogs, beside a step that is read, and where the token is asked', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await doFirstStep(page);
  await page.getByRole('button', { name: 'Check my work' }).click();
  await expect(page.getByText('Step 1 is done')).toBeVisible();
  await scan(page);
  await page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Files and folders', exact: true }).click();
  const bar = page.getByRole('complementary', { name: 'Reading another step' });
  await expect(bar).toBeVisible();
  await scan(page);
  await bar.getByRole('button', { name: 'Restart the workspace at this step…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restart the workspace' }).click();
  await expect(page.getByRole('dialog')).toContainText('docker run');
  await scan(page);
  await page.keyboard.press('Escape');
  for (const item of ['Keyboard shortcuts', 'About this workspace']) {
    await page.getByRole('button', { name: 'More' }).click();
    await expect(page.getByRole('menu')).toBeVisible();
    if (item === 'Keyboard shortcuts') await scan(page);
    await page.getByRole('menuitem', { name: item }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await scan(page);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  await page.goto(`${workspace.address}/#token=wrong`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('This workspace needs its token');
  await scan(page);
});

test('nothing moves for those who asked for that', async ({ page, workspace }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openStudent(page, workspace);
  const longest = () => page.evaluate(() => Math.max(0, ...document.getAnimations().map((animation) => Number(animation.effect?.getComputedTiming().endTime ?? 0))));
  await page.getByRole('button', { name: 'Hint' }).click();
  expect(await longest()).toBe(0);
  await page.getByRole('button', { name: 'More' }).click();
  expect(await longest()).toBe(0);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  test('one pane at a time, and keys that the keyboard lacks', async ({ page, workspace }) => {
    await page.goto(workspace.studentAddress);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.locator('#terminal')).toBeHidden();
    expect(await wider(page)).toBeLessThanOrEqual(0);
    await scan(page);
    const panes = page.getByRole('navigation', { name: 'Panes' });
    await panes.getByRole('button', { name: 'Terminal' }).tap();
    await expect(page.locator('#text')).toBeHidden();
    await expect(screen(page)).toContainText('$');
    await type(page, 'cat');
    // A Ctrl-C before the shell has read the line would discard it.
    await expect(screen(page)).toContainText('$ cat');
    await page.getByRole('button', { name: 'Ctrl' }).tap();
    await page.keyboard.type('c');
    await expect(screen(page)).toContainText('^C');
    await page.getByRole('button', { name: 'Up' }).tap();
    await expect(screen(page)).toContainText(/\$ cat\s*$/);
    await panes.getByRole('button', { name: /Check/ }).tap();
    await page.getByRole('button', { name: 'Check my work' }).tap();
    await expect(page.getByRole('region', { name: 'Check' }).getByRole('listitem').first()).toBeVisible();
    expect(await wider(page)).toBeLessThanOrEqual(0);
  });
  test('the instructor’s page fits', async ({ page, workspace }) => {
    await page.goto(workspace.instructorAddress);
    await expect(page.getByRole('slider', { name: 'Moment' })).toBeAttached();
    expect(await wider(page)).toBeLessThanOrEqual(0);
    await scan(page);
  });
});

test('at 200 % nothing is cut off', async ({ page, workspace }) => {
  await page.setViewportSize({ width: 720, height: 450 });
  await page.goto(workspace.studentAddress);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  expect(await wider(page)).toBeLessThanOrEqual(0);
  await expect(page.getByRole('button', { name: 'Check my work' })).toBeInViewport();
});

test('a step prints as its text alone', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('#terminal')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Check my work' })).toBeHidden();
  const cut = await page.evaluate(() => {
    const text = document.getElementById('text')!;
    return text.scrollHeight - text.clientHeight;
  });
  expect(cut).toBeLessThanOrEqual(1);
});
