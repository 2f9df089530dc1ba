//! Two pages on one terminal: the same screen, the size of the one that typed last, and one answer to each question.

import { type Page } from '@playwright/test';
import { expect, openStudent, screen, test, type } from './workspace';

/** Asks the shell for its size: rows, then columns. */
async function sizeSaid(page: Page, mark: string): Promise<string> {
  await type(page, `stty size | sed 's/^/${mark}=/; s/$/;/'`);
  await expect(screen(page)).toContainText(new RegExp(`${mark}=\\d+ \\d+;`));
  return new RegExp(`${mark}=(\\d+ \\d+);`).exec((await screen(page).textContent()) ?? '')![1]!;
}

test('the size follows the page that typed last, and both show the same', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  const small = await context.newPage();
  await small.setViewportSize({ width: 900, height: 500 });
  await openStudent(small, workspace);
  const inSmall = await sizeSaid(small, 'small');
  await expect(screen(page)).toContainText(`small=${inSmall};`);
  const inLarge = await sizeSaid(page, 'large');
  await expect(screen(small)).toContainText(`large=${inLarge};`);
  expect(Number(inLarge.split(' ')[1])).toBeGreaterThan(Number(inSmall.split(' ')[1]));
  expect(await sizeSaid(small, 'again')).toBe(inSmall);
  await small.close();
  // What is left alone decides, without a key.
  await expect.poll(async () => sizeSaid(page, `alone${Date.now()}`)).toBe(inLarge);
});
