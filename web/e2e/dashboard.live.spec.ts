//! Thirty simulated students at work, before two dashboards of one database: who gets stuck is marked, their past is looked at,
//! the matrix fills, and both dashboards show the same.

import { type Locator, type Page } from '@playwright/test';
import { expect, test } from './dashboard';

const STUDENTS = 30;
const stuck = (page: Page) => page.locator('tbody tr:has([data-standing="stuck"])');
const row = (page: Page, workspace: string) => page.locator(`tbody tr[data-workspace="${workspace}"]`);
const ids = (lines: Locator) => lines.evaluateAll((found) => found.map((line) => line.getAttribute('data-workspace') ?? ''));
const done = (page: Page) => page.locator('tbody i.completed').count();
/** What a list shows, but for the times that run. */
const shown = (page: Page) => page.locator('tbody tr').evaluateAll((lines) => lines.map((line) => [...line.querySelectorAll('td:not(.seen)')].map((cell) => cell.textContent)));

test('thirty students, live', async ({ page, other, dashboard }) => {
  test.setTimeout(300_000);
  const { seats, end } = await dashboard.live(STUDENTS, 3, 12);
  const second = await dashboard.replica();
  const also = await other.newPage();
  await page.goto(dashboard.at());
  await also.goto(dashboard.at('/', second));
  for (const view of [page, also]) await expect(view.locator('tbody tr')).toHaveCount(STUDENTS);
  for (const { student } of seats) await expect(page.locator('tbody .row').filter({ hasText: student }).first()).toBeVisible();
  await expect(page.locator('tbody .last code').first()).toBeVisible();
  // The two whose page nobody opens.
  await expect(page.locator('tbody tr:has([data-standing="new"])')).toHaveCount(2);
  const already = await ids(stuck(page));

  // The matrix fills while it is looked at.
  const matrix = await other.newPage();
  await matrix.goto(dashboard.at('/matrix', second));
  await expect(matrix.locator('tbody tr')).toHaveCount(STUDENTS);
  const before = await done(matrix);

  // Who gets stuck is marked and comes first, on both.
  const fresh = async () => (await ids(stuck(page).filter({ hasText: 'Stuck on step 3' }))).find((id) => !already.includes(id)) ?? '';
  await expect.poll(fresh, { timeout: 180_000 }).not.toBe('');
  const workspace = await fresh();
  const name = seats.find((seat) => seat.workspace === workspace)!.student;
  await expect(page.locator('tbody tr').first()).toContainText('Stuck on step');
  await expect(row(also, workspace)).toContainText('Stuck on step 3');
  await expect(page.getByRole('status').filter({ hasText: `${name}: Stuck on step 3` })).toBeAttached();
  await expect.poll(() => done(matrix)).toBeGreaterThan(before);

  // Their moment: how they began, while the class goes on.
  await row(page, workspace).getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
  const screen = page.locator('.player .xterm-rows');
  const state = page.getByRole('region', { name: 'State' });
  const sign = (index: number) => state.getByRole('listitem').nth(index).getByRole('img');
  await expect(sign(1)).toHaveAccessibleName('Done');
  await expect(sign(2)).toHaveAccessibleName('Last check failed');
  await expect(screen).not.toContainText('whoami');
  const slider = page.getByRole('slider', { name: 'Moment' });
  await slider.fill('0');
  await expect(sign(0)).toHaveAccessibleName('Being worked on');
  await expect(sign(2)).not.toHaveAccessibleName('Last check failed');
  const list = page.getByRole('list', { name: 'Commands and checks' });
  await list.getByRole('button', { name: /whoami/ }).first().click();
  await expect(screen).toContainText('whoami');
  await expect(screen).not.toContainText('chmod');
  await expect(sign(0)).toHaveAccessibleName('Being worked on');
  const entries = async () => Number(await list.getByRole('listitem').first().getAttribute('aria-setsize'));
  const known = await entries();
  await expect.poll(entries, { timeout: 60_000 }).toBeGreaterThan(known);
  await expect(screen).not.toContainText('chmod');

  // Once nobody writes any more, both say the same.
  end();
  await page.goto(dashboard.at());
  await expect(page.locator('tbody tr')).toHaveCount(STUDENTS);
  await expect.poll(async () => JSON.stringify(await shown(page)) === JSON.stringify(await shown(also))).toBe(true);
  const both = [dashboard.at('/matrix'), dashboard.at('/matrix', second)];
  await page.goto(both[0]!);
  await also.goto(both[1]!);
  for (const view of [page, also]) await expect(view.locator('tbody tr')).toHaveCount(STUDENTS);
  await expect.poll(async () => (await page.locator('table').innerText()) === (await also.locator('table').innerText())).toBe(true);
});
