//! Names, commands, answers and checks that mean harm are text: wherever the class is shown.

import { type Page } from '@playwright/test';
import { expect, test } from './dashboard';

const HARM = '<img src=x onerror="globalThis.breached=1"><script>globalThis.breached=1</script>';
const breached = (page: Page) => page.evaluate(() => (globalThis as { breached?: unknown }).breached ?? null);
const elements = (page: Page) => page.locator('body img, body script:not([src]), body iframe, [onerror], [onload], [onclick], a[href^="javascript"]').count();

test('nothing of it runs, in any view', async ({ page, dashboard }) => {
  const from = Date.now() - 10 * 60_000;
  const steps = [{ id: 'one', title: `Step ${HARM}`, hasCheck: true }, { id: 'two', title: 'Next', hasCheck: true }];
  const ada = dashboard.add('ada', `Ada ${HARM}`, `by-hand ${HARM}`);
  await ada.begin(from, steps);
  await ada.command(from + 60_000, 'one', `echo '${HARM}'`, HARM, 1);
  await ada.check(from + 120_000, 'one', false, `Test ${HARM}`);
  await ada.help(from + 180_000, 'one', `Why ${HARM}`, `Because ${HARM}\n\n[a link](javascript:globalThis.breached=1)\n\n\`\`\`bash\necho '${HARM}'\n\`\`\`\n`);
  await ada.state(from + 200_000, { event: 'switch_requested', step: 'two', kind: 'switch', request: 'r1' });
  await ada.state(from + 210_000, { event: 'switch_failed', step: 'two', request: 'r1', reason: `No ${HARM}` });
  await ada.scribble(`{"no record": "${HARM}`);

  await page.goto(dashboard.at());
  await expect(page.getByRole('row').nth(1)).toContainText(`Ada ${HARM}`);
  await expect(page.getByRole('row').nth(1)).toContainText(`1. Step ${HARM}`);
  await expect(page.getByRole('row').nth(1).getByRole('code')).toHaveText(`echo '${HARM}'`);
  await expect(page.getByRole('row').nth(1)).toContainText('exit 1');
  expect(await elements(page)).toBe(0);
  await page.goto(dashboard.at('/matrix'));
  await expect(page.locator('tbody th')).toHaveText(`Ada ${HARM}`);
  expect(await elements(page)).toBe(0);
  await page.goto(dashboard.at('/steps'));
  await expect(page.getByRole('main')).toContainText(`Test ${HARM}`);
  expect(await elements(page)).toBe(0);
  await page.goto(dashboard.at('/trouble'));
  await expect(page.getByRole('main')).toContainText(`No ${HARM}`);
  expect(await elements(page)).toBe(0);
  await page.goto(dashboard.at(`/commands?q=${encodeURIComponent('<script>')}`));
  await expect(page.getByRole('main')).toContainText(`echo '${HARM}'`);
  await expect(page.locator('mark')).toHaveText('<script>');
  expect(await elements(page)).toBe(0);

  await page.goto(dashboard.at('/students/ada'));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(`Ada ${HARM}`);
  await expect(page.getByRole('list', { name: 'Commands and checks' })).toContainText(`echo '${HARM}'`);
  await expect(page.locator('.player .xterm-rows')).toContainText('onerror');
  await page.getByRole('tab', { name: 'Checks', exact: true }).click();
  await expect(page.getByRole('tabpanel')).toContainText(`Test ${HARM}`);
  await page.getByRole('tab', { name: 'Help', exact: true }).click();
  await expect(page.getByRole('tabpanel')).toContainText(`Why ${HARM}`);
  await page.getByText('Answer', { exact: true }).click();
  await expect(page.getByRole('tabpanel')).toContainText('Because');
  await page.getByText('What this means').click();
  await expect(page.locator('details').filter({ hasText: 'restart of the workspace failed' })).toContainText(`No ${HARM}`);
  await page.getByRole('button', { name: 'Look at it' }).click();
  await expect(page.getByRole('dialog')).toContainText(HARM);
  expect(await elements(page)).toBe(0);
  expect(await breached(page)).toBeNull();
});

test('what the dashboard serves says what a browser may do with it', async ({ dashboard }) => {
  const page = await fetch(dashboard.first.address);
  expect(page.status).toBe(200);
  const policy = page.headers.get('content-security-policy') ?? '';
  for (const rule of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'"]) expect(policy).toContain(rule);
  expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(await page.text())![1];
  expect((await fetch(dashboard.first.address + script)).headers.get('cache-control')).toContain('immutable');
  expect((await fetch(`${dashboard.first.address}/students/ada`)).status).toBe(200);
  expect((await fetch(`${dashboard.first.address}/nothing`)).status).toBe(404);
  expect((await fetch(`${dashboard.first.address}/api/workspaces`)).status).toBe(401);
});
