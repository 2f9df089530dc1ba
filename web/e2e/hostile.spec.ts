//! Texts and output that mean harm change nothing: not the page, not its address, not the clipboard.

import { type Page } from '@playwright/test';
import { expect, openStudent, screen, test, type } from './workspace';

const breached = (page: Page) => page.evaluate(() => (globalThis as { breached?: string }).breached ?? null);

/** Presses what stands at the beginning of the terminal's first row, as a hand would: first there, then down. */
async function pressFirstRow(page: Page): Promise<void> {
  const { x, y } = (await screen(page).boundingBox())!;
  await page.mouse.move(x + 200, y + 200);
  await page.mouse.move(x + 14, y + 9, { steps: 4 });
  await page.mouse.click(x + 14, y + 9);
}

test.describe('a workshop that means harm', () => {
  // The diagrams' sanitizer reads a label in a document that nobody sees, and Chromium tells of the handler that it finds there.
  test.use({ workshop: 'web/e2e/workshops/hostile', bears: /^Executing inline event handler violates/ });

  test('its text is text: no script runs, nothing is loaded from elsewhere', async ({ page, context, workspace }) => {
    await openStudent(page, workspace);
    const text = page.locator('#text');
    await expect(page.getByRole('heading', { level: 1 })).toContainText('<img src=x');
    await expect(text).toContainText('The end of the text.');
    await expect(text.getByAltText('a picture that runs')).toHaveAttribute('src', /^data:image\/svg\+xml/);
    await expect(text.locator('figure svg')).toBeVisible();
    for (const element of ['script', 'iframe', 'object', 'img:not([data-asset])', '[onerror]', '[onload]', '[onclick]']) await expect(text.locator(element), element).toHaveCount(0);
    const addresses = await text.locator('a').evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? link.getAttribute('xlink:href') ?? ''));
    expect(addresses.filter((address) => address && !/^(https?:|mailto:|#)/.test(address))).toEqual([]);
    for (const words of ['a link to script', 'one in disguise', 'a page of data', 'by reference', 'drawn']) await text.getByText(words).first().click();

    await page.getByRole('button', { name: 'Check my work' }).click();
    await expect(page.getByRole('region', { name: 'Check' }).getByRole('listitem')).toContainText('<img src=x');
    await page.getByRole('button', { name: 'Hint' }).click();
    await expect(page.getByRole('region', { name: /Help/ })).toContainText('nudge');
    expect(await breached(page)).toBeNull();
    expect(context.pages()).toHaveLength(1);
  });

  test('its pictures are looked up by name, and are no pages', async ({ workspace }) => {
    const picture = await workspace.fetch('/api/steps/wants-script/assets/runs.svg');
    expect(picture.status).toBe(200);
    expect(picture.headers.get('x-content-type-options')).toBe('nosniff');
    expect(picture.headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const name of ['..%2f..%2f..%2fworkshop.json', '%2e%2e%2fgoss.yaml', '..', 'absent.png']) {
      expect((await workspace.fetch(`/api/steps/wants-script/assets/${name}`)).status, name).toBe(404);
    }
  });
});

test.describe('a text from right to left', () => {
  test.use({ workshop: 'web/e2e/workshops/hostile', begin: 'right-to-left' });

  test('is set from right to left, its code and neighbours are not, and long words stay inside', async ({ page, workspace }) => {
    await openStudent(page, workspace);
    const direction = (element: Element) => getComputedStyle(element).direction;
    expect(await page.getByRole('heading', { level: 1 }).evaluate(direction)).toBe('rtl');
    expect(await page.getByText('اكتب الأمر').evaluate(direction)).toBe('rtl');
    expect(await page.getByText('عنصر أول').evaluate(direction)).toBe('rtl');
    expect(await page.locator('.block pre').evaluate(direction)).toBe('ltr');
    expect(await page.getByText('A paragraph from left').evaluate(direction)).toBe('ltr');
    expect(await page.locator('#text').evaluate((text) => text.scrollWidth - text.clientWidth)).toBeLessThanOrEqual(0);
    await page.locator('.block').getByRole('button', { name: 'Run' }).click();
    await type(page, 'wc -m < /workspace/greeting.txt | sed "s/^/letters=/"');
    await expect(screen(page)).toContainText('letters=10');
  });
});

test('what a program prints touches neither clipboard, title nor page', async ({ page, context, workspace }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStudent(page, workspace);
  await page.evaluate(() => navigator.clipboard.writeText('mine'));
  const title = await page.title();
  await type(page, String.raw`clear; printf '\033]52;c;c3RvbGVu\007\033]0;not the title\007\033]2;nor this\007\033[22;0t\033[3;0;0t'; printf '\033]8;;javascript:globalThis.breached=1\033\\press-%s\033]8;;\033\\ \n' me; echo done-$((1+1))`);
  await expect(screen(page)).toContainText('done-2');
  await pressFirstRow(page);
  expect(await breached(page)).toBeNull();
  expect(await page.title()).toBe(title);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('mine');
  expect(context.pages()).toHaveLength(1);
});

test('a link that a program prints opens beside the page, without a way back to it', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  await type(page, String.raw`clear; printf '\033]8;;${workspace.address}/healthz\033\\a link\033]8;;\033\\\n'`);
  await expect(screen(page).locator('div').first()).toHaveText(/^a\slink\s*$/);
  const opened = context.waitForEvent('page');
  await pressFirstRow(page);
  const other = await opened;
  await expect.poll(() => other.url()).toBe(`${workspace.address}/healthz`);
  expect(await other.evaluate(() => window.opener)).toBeNull();
});
