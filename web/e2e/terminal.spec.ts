//! The terminal: what it shows survives the page, two pages share it, and neither answers for it.

import { expect, openStudent, screen, test, type } from './workspace';

test('a reload during top restores a screen that lives', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await type(page, 'for n in $(seq 1 40); do echo "line $n"; done');
  await expect(screen(page)).toContainText('line 40');
  await type(page, 'top -d 1');
  await expect(screen(page)).toContainText('PID');
  await page.reload();
  await expect(screen(page)).toContainText('PID');
  const first = await screen(page).textContent();
  await expect.poll(() => screen(page).textContent(), { message: 'top goes on', timeout: 6_000 }).not.toBe(first);
  await page.locator('.pane:not([hidden]) .xterm-helper-textarea').focus();
  await page.keyboard.type('q');
  await type(page, 'clear; echo over-$((3+4))');
  await expect(screen(page)).toContainText('over-7');
});

test('a reload during vim restores screen, mode and cursor', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await type(page, 'vi notes.txt');
  await expect(screen(page)).toContainText('~');
  await page.keyboard.type('ihello from before');
  await expect(screen(page)).toContainText('hello from before');
  await page.reload();
  await expect(screen(page)).toContainText('hello from before');
  await page.locator('.pane:not([hidden]) .xterm-helper-textarea').focus();
  await page.keyboard.type(', and after');
  await page.keyboard.press('Escape');
  await page.keyboard.type(':wq\n');
  // What is typed before the editor has gone, the editor gets.
  await expect(screen(page)).not.toContainText('~');
  await type(page, 'cat notes.txt');
  await expect(screen(page)).toContainText('hello from before, and after');
});

test('two tabs share one terminal, and type no answers into it', async ({ page, context, workspace }) => {
  await openStudent(page, workspace);
  const other = await context.newPage();
  await openStudent(other, workspace);
  await type(other, 'echo from-$((1+1))');
  await expect(screen(page)).toContainText('from-2');
  // Queries that a terminal answers. What comes back, echoed by the shell, must come once: from the backend.
  await type(page, "printf '\\033[c\\033[>c\\033[6n\\033[5n\\033]11;?\\007\\033[?2026$p\\033[18t'; sleep 1; read -rsd '' -t 1 rest; echo asked-$((5+5))");
  await expect(screen(page)).toContainText('asked-10');
  const shown = (await screen(page).textContent()) ?? '';
  for (const answer of [/\^\[\[\?[\d;]+c/g, /\^\[\[>[\d;]+c/g, /\^\[\[\d+;\d+R/g, /\^\[\[0n/g, /\^\[\]11;rgb/g, /\$y/g, /\^\[\[8;\d+;\d+t/g]) {
    expect(shown.match(answer) ?? [], String(answer)).toHaveLength(1);
  }
  await type(page, 'echo still-$((2+2))');
  await expect(screen(other)).toContainText('still-4');
  await other.close();
});

test('several named terminals, and a shell that ends begins anew', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await page.getByRole('button', { name: 'New terminal' }).click();
  await page.getByRole('textbox', { name: 'Name of the new terminal' }).fill('logs');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('tab', { name: 'logs' })).toHaveAttribute('aria-selected', 'true');
  await expect(screen(page)).toContainText('$');
  await type(page, 'echo in-logs');
  await page.getByRole('tab', { name: 'Terminal' }).click();
  await expect(screen(page)).not.toContainText('in-logs');
  await page.reload();
  await page.getByRole('tab', { name: 'logs' }).click();
  await expect(screen(page)).toContainText('in-logs');
  await type(page, 'exit 3');
  await expect(page.getByText('The shell ended with 3.')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByText('The shell ended with 3.')).toHaveCount(0);
  await type(page, 'echo new-$((3+3))');
  await expect(screen(page)).toContainText('new-6');
});

test('a flood neither stops the page nor Ctrl-C', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await type(page, 'yes flood');
  await expect(screen(page)).toContainText('flood');
  await page.waitForTimeout(1_500);
  await page.keyboard.press('Control+c');
  await type(page, 'echo calm-$((5+5))');
  await expect(screen(page)).toContainText('calm-10');
});

test('what is in the history can be found', async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await type(page, 'for n in $(seq 1 200); do echo "row $n"; done');
  await expect(screen(page)).toContainText('row 200');
  await page.keyboard.press('Control+Shift+F');
  await page.getByRole('textbox', { name: 'Find in terminal' }).fill('row 17');
  await expect(page.getByRole('search')).toContainText(/of 11/);
  await page.keyboard.press('Escape');
});
