//! The class for everyone: by keyboard alone, on a phone, in the dark, at 200 %, read aloud.

import AxeBuilder from '@axe-core/playwright';
import { type Page } from '@playwright/test';
import { expect, test, type Dashboard } from './dashboard';

const MINUTE = 60_000;
const VIEWS = { class: '/', matrix: '/matrix', steps: '/steps', commands: '/commands?q=report', trouble: '/trouble', student: '/students/ada' };

/** A class of three: one stuck, one at work whose log has a broken line, one who has not begun. */
async function fill(dashboard: Dashboard): Promise<void> {
  const from = Date.now() - 10 * MINUTE;
  const [ada, ben] = [dashboard.add('ada', 'Ada'), dashboard.add('ben', 'Ben')];
  dashboard.add('cem', 'Cem');
  for (const student of [ada, ben]) await student.begin(from);
  await ada.command(from + MINUTE, 'one', 'chmod 644 report.txt', 'done', 1);
  for (const minute of [2, 3, 4]) await ada.check(from + minute * MINUTE, 'one', false);
  await ada.help(from + 5 * MINUTE, 'one', 'Why does it fail?', 'Others can **read** it.');
  await ben.check(from + MINUTE, 'one', true);
  await ben.start(from + MINUTE, 'two');
  await ben.scribble('{"half a line');
}

/** Waits until a view shows what it is for. */
async function shown(page: Page, view: keyof typeof VIEWS): Promise<void> {
  const sign = { class: page.getByRole('row', { name: 'Ada' }), matrix: page.getByRole('row', { name: 'Ada' }), steps: page.getByRole('row', { name: 'Look around' }), commands: page.getByText('1 command, by 1 student'), trouble: page.getByText('1 line could not be read'), student: page.getByRole('list', { name: 'Commands and checks' }) }[view];
  await expect(sign).toBeVisible();
}

/** Serious findings of an accessibility scan. */
async function scan(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`)).toEqual([]);
}

const wider = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

for (const colorScheme of ['light', 'dark'] as const) {
  test(`no serious findings in any view, in the ${colorScheme}`, async ({ page, dashboard }) => {
    await fill(dashboard);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [view, path] of Object.entries(VIEWS)) {
      await page.goto(dashboard.at(path));
      await shown(page, view as keyof typeof VIEWS);
      await scan(page);
    }
    await page.getByRole('tab', { name: 'Help', exact: true }).click();
    await expect(page.getByText('Why does it fail?')).toBeVisible();
    await scan(page);
    await page.getByRole('button', { name: 'More' }).click();
    await expect(page.getByRole('menu')).toBeVisible();
    await scan(page);
    await page.getByRole('menuitem', { name: 'Recordings' }).click();
    await expect(page.getByRole('dialog').getByRole('listitem')).toHaveCount(1);
    await scan(page);
    await page.keyboard.press('Escape');
    await page.goto(dashboard.at('/students/ben'));
    await page.getByText('What this means').click();
    await page.getByRole('button', { name: 'Look at it' }).click();
    await expect(page.getByRole('dialog')).toContainText('{"half a line');
    await scan(page);
    await page.evaluate(() => sessionStorage.clear());
    await page.goto(dashboard.first.address);
    await expect(page.getByRole('heading', { name: 'The dashboard is for instructors' })).toBeVisible();
    await scan(page);
  });
}

test('by keyboard: to a line, along the lines, into the student, and back', async ({ page, dashboard }) => {
  await fill(dashboard);
  await page.goto(dashboard.at());
  await expect(page.locator('tbody tr')).toHaveCount(3);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('j');
  await expect(page.getByRole('link', { name: 'Ada' })).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(page.locator('tbody tr').nth(1).getByRole('link')).toBeFocused();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ada');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ada');
  await page.keyboard.press('Escape');
  await expect(page.locator('tbody tr')).toHaveCount(3);
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).toBeFocused();
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  test('every view fits', async ({ page, dashboard }) => {
    await fill(dashboard);
    for (const [view, path] of Object.entries(VIEWS)) {
      await page.goto(dashboard.at(path));
      await shown(page, view as keyof typeof VIEWS);
      expect(await wider(page), view).toBeLessThanOrEqual(0);
      await scan(page);
    }
    await page.goto(dashboard.at());
    await page.getByRole('row', { name: 'Ada' }).tap();
    await expect(page.getByRole('slider', { name: 'Moment' })).toBeAttached();
  });
});

test('at 200 % every view can be reached to its end', async ({ page, dashboard }) => {
  await fill(dashboard);
  await page.setViewportSize({ width: 720, height: 450 });
  for (const [view, path] of Object.entries(VIEWS)) {
    await page.goto(dashboard.at(path));
    await shown(page, view as keyof typeof VIEWS);
    expect(await wider(page), view).toBeLessThanOrEqual(0);
  }
  const play = page.getByRole('button', { name: 'Play', exact: true });
  await play.scrollIntoViewIfNeeded();
  await expect(play).toBeInViewport();
});

test('nothing moves for those who asked for that', async ({ page, dashboard }) => {
  await fill(dashboard);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(dashboard.at());
  await expect(page.locator('tbody tr')).toHaveCount(3);
  const longest = () => page.evaluate(() => Math.max(0, ...document.getAnimations().map((animation) => Number(animation.effect?.getComputedTiming().endTime ?? 0))));
  expect(await longest()).toBe(0);
  await page.getByRole('button', { name: 'More' }).click();
  expect(await longest()).toBe(0);
});
