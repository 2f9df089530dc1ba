//! The instructor of a class: sees who needs help, opens that student's moment, and moves through it.

import { type Page } from '@playwright/test';
import { expect, test, type Schemas, type Student } from './dashboard';
import { openStudent, screen, type, Workspace } from './workspace';

const rows = (page: Page) => page.locator('tbody tr');
const row = (page: Page, name: string) => page.getByRole('row', { name });
const names = (page: Page) => page.locator('tbody tr .row').allTextContents();
const replay = (page: Page) => page.locator('.player .xterm-rows');
const MINUTE = 60_000;

/** Fails the check of a step three times. */
async function stick(student: Student, step: string, at = Date.now()): Promise<void> {
  for (const second of [0, 1, 2]) await student.check(at + second, step, false);
}

test('who gets stuck is marked and rises, live, and nothing moves under the pointer', async ({ page, dashboard }) => {
  const [ada, ben, cem] = [dashboard.add('ada', 'Ada'), dashboard.add('ben', 'Ben'), dashboard.add('cem', 'Cem')];
  await page.goto(dashboard.at());
  await expect(rows(page)).toHaveCount(3);
  await expect(row(page, 'Ada')).toContainText('Not begun');
  const now = Date.now();
  await ada.begin(now - 3 * MINUTE);
  await ben.begin(now - 2 * MINUTE);
  await cem.begin(now - 1 * MINUTE);
  for (const name of ['Ada', 'Ben', 'Cem']) await expect(row(page, name)).toContainText('Working on step 1');
  await expect.poll(() => names(page)).toEqual(['Ada', 'Ben', 'Cem']);

  await stick(cem, 'one');
  await expect(row(page, 'Cem')).toContainText('Stuck on step 1, 3 tries');
  await expect.poll(() => names(page)).toEqual(['Cem', 'Ada', 'Ben']);
  await expect(page.getByRole('status').filter({ hasText: 'Cem: Stuck on step 1' })).toBeAttached();

  // A hand is on a line.
  const box = (await row(page, 'Ada').boundingBox())!;
  await page.mouse.move(box.x + 200, box.y + 10);
  await page.mouse.move(box.x + 210, box.y + 12);
  await stick(ben, 'one');
  await ben.check(Date.now(), 'one', false);
  await expect(row(page, 'Ben')).toContainText('Stuck on step 1, 4 tries');
  expect(await names(page)).toEqual(['Cem', 'Ada', 'Ben']);
  await page.getByRole('button', { name: /Sort again/ }).click();
  await expect.poll(() => names(page)).toEqual(['Ben', 'Cem', 'Ada']);

  // Passed is helped.
  await ben.check(Date.now(), 'one', true);
  await expect(row(page, 'Ben')).not.toContainText('Stuck');
  await expect(row(page, 'Ben')).toContainText('1/3');
});

test('one student: the slider moves terminal, list and state back to their moment', async ({ page, dashboard }) => {
  const ada = dashboard.add('ada', 'Ada Lovelace');
  const from = Date.now() - 20 * MINUTE;
  await ada.begin(from);
  await ada.command(from + 1 * MINUTE, 'one', 'cat first.txt', 'this-is-first');
  await ada.check(from + 2 * MINUTE, 'one', false);
  await ada.command(from + 3 * MINUTE, 'one', 'chmod 640 report.txt', 'mode-is-changed');
  await ada.check(from + 4 * MINUTE, 'one', true);
  await ada.start(from + 5 * MINUTE, 'two');
  await ada.command(from + 6 * MINUTE, 'two', 'mkdir notes', 'folder-is-made', 1);

  await page.goto(dashboard.at());
  await row(page, 'Ada').getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ada Lovelace');
  expect(new URL(page.url()).pathname).toBe('/students/ada');
  const state = page.getByRole('region', { name: 'State' });
  const sign = (index: number) => state.getByRole('listitem').nth(index).getByRole('img');
  const list = page.getByRole('list', { name: 'Commands and checks' });
  await expect(replay(page)).toContainText('folder-is-made');
  await expect(sign(0)).toHaveAccessibleName('Done');
  await expect(sign(1)).toHaveAccessibleName('Being worked on');
  await expect(list.getByRole('button', { name: /mkdir notes/ })).toContainText('exit 1');

  await list.getByRole('button', { name: /cat first/ }).click();
  await expect(replay(page)).toContainText('this-is-first');
  await expect(replay(page)).not.toContainText('mode-is-changed');
  await expect(sign(0)).toHaveAccessibleName('Being worked on');
  await list.getByRole('button', { name: /Check: 1 of 2/ }).click();
  await expect(sign(0)).toHaveAccessibleName('Last check failed');
  await expect(list.getByRole('button', { name: 'Check: passed' })).toHaveClass(/later/);

  const slider = page.getByRole('slider', { name: 'Moment' });
  await slider.fill('1000000');
  await expect(sign(0)).toHaveAccessibleName('Done');
  await expect(replay(page)).toContainText('folder-is-made');
  await slider.fill('0');
  await expect(sign(0)).toHaveAccessibleName('Being worked on');
  await expect(replay(page)).not.toContainText('this-is-first');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await expect(list.locator('[aria-current="true"]')).toContainText('chmod 640');
  await expect(replay(page)).toContainText('mode-is-changed');

  await page.getByRole('tab', { name: 'Checks', exact: true }).click();
  await expect(page.getByRole('tabpanel')).toContainText('mode is 0644, expected 0640');
  // While it is looked at, it goes on.
  await ada.check(Date.now(), 'two', true);
  await expect(page.getByRole('tabpanel').getByText('Passed', { exact: true })).toHaveCount(2);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: 'Class' })).toBeAttached();
});

test('a recording is played and downloaded as it was shipped', async ({ page, dashboard }) => {
  const ada = dashboard.add('ada', 'Ada');
  const from = Date.now() - 10 * MINUTE;
  await ada.begin(from);
  await ada.command(from + MINUTE, 'one', 'ls', 'what-is-there');
  await page.goto(dashboard.at('/students/ada'));
  await expect(replay(page)).toContainText('what-is-there');
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Recordings' }).click();
  const dialog = page.getByRole('dialog');
  const downloading = page.waitForEvent('download');
  await dialog.getByRole('link', { name: /Download/ }).click();
  const file = await (await (await downloading).createReadStream()).toArray();
  expect(Buffer.concat(file as Buffer[]).toString()).toContain('what-is-there');
  await dialog.getByRole('listitem').first().getByRole('button').click();
  await dialog.locator('.ap-player').click();
  await expect(dialog.locator('.ap-term')).toContainText('what-is-there', { timeout: 20_000 });
});

test('a real workspace is followed, and its terminal is watched live', async ({ page, other, dashboard }) => {
  const workspace = new Workspace({ workshop: 'examples/hello-linux', begin: undefined, environment: { WORKSHOP_INSTRUCTOR_TOKEN: dashboard.token } });
  try {
    await workspace.open();
    const student = await other.newPage();
    await openStudent(student, workspace);
    dashboard.follow('ada', 'Ada', workspace);
    await type(student, 'echo shipped-$((40+2))');
    await page.goto(dashboard.at('/students/ada'));
    await expect(page.getByRole('list', { name: 'Commands and checks' })).toContainText('echo shipped');
    await page.getByRole('list', { name: 'Commands and checks' }).getByRole('button', { name: /echo shipped/ }).click();
    await expect(replay(page)).toContainText('shipped-42');
    await page.getByRole('radio', { name: 'Live' }).click();
    await type(student, 'echo seen-$((7+7))');
    await expect(screen(page)).toContainText('seen-14');
    await page.locator('.pane .xterm').click();
    await page.keyboard.type('echo not-mine\n');
    await type(student, 'echo after-$((8+8))');
    await expect(screen(page)).toContainText('after-16');
    await expect(screen(student)).not.toContainText('not-mine');

    // The backend ends and another takes its place: the student goes on, and so does whoever watches, and only watches.
    await workspace.kill();
    await expect(page.locator('.pane')).toContainText('econnecting');
    await workspace.start();
    await expect(page.locator('.pane')).not.toContainText('econnecting', { timeout: 60_000 });
    await expect(screen(student)).toContainText('$', { timeout: 60_000 });
    await expect(async () => {
      await type(student, 'echo again-$((9+9))');
      await expect(screen(student)).toContainText('again-18', { timeout: 2_000 });
    }).toPass({ timeout: 60_000 });
    await expect(screen(page)).toContainText('again-18', { timeout: 60_000 });
    await page.locator('.pane .xterm').click();
    await page.keyboard.type('touch not-mine-either\n');
    await page.keyboard.press('Control+C');
    await type(student, 'ls; echo last-$((30+3))');
    await expect(screen(page)).toContainText('last-33');
    await expect(screen(student)).not.toContainText('not-mine');
    await page.getByRole('radio', { name: 'Replay' }).click();
    await expect(page.getByRole('list', { name: 'Commands and checks' })).toContainText('last-');
    const { commands } = await dashboard.ask<Schemas['CommandPage']>('/api/workspaces/ada/commands');
    expect(commands.map(({ cmd }) => cmd).join('\n')).not.toContain('not-mine');
    expect(commands.map(({ cmd }) => cmd)).toContain('ls; echo last-$((30+3))');
    await student.close();
  } finally {
    await workspace.close();
  }
});

test('the matrix fills as steps are passed, and the steps count them', async ({ page, dashboard }) => {
  const [ada, ben] = [dashboard.add('ada', 'Ada'), dashboard.add('ben', 'Ben')];
  const from = Date.now() - 8 * MINUTE;
  for (const student of [ada, ben]) await student.begin(from);
  await page.goto(dashboard.at('/matrix'));
  const cell = (name: string, column: number) => row(page, name).getByRole('cell').nth(column);
  await expect(cell('Ada', 0)).toContainText('being worked on');
  await expect(cell('Ada', 1)).toContainText('not begun');
  await ben.check(from + MINUTE, 'one', false);
  await ada.check(from + MINUTE, 'one', true);
  await ada.start(from + 2 * MINUTE, 'two');
  await expect(cell('Ada', 0)).toContainText('done');
  await expect(cell('Ada', 1)).toContainText('being worked on');
  await expect(cell('Ben', 0)).toContainText('last check failed, here now, 1 try');
  await expect(page.locator('tfoot td').first()).toHaveText('1');

  await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Steps' }).click();
  await expect(row(page, 'Look around').getByRole('img')).toHaveAccessibleName(/^1 done, 0 given, 1 here now/);
  await expect(row(page, 'Look around')).toContainText('50 %');
  const failing = page.getByRole('listitem').filter({ hasText: 'report.txt has mode 0640' });
  await expect(failing).toContainText('1 student');
  await expect(failing).toContainText('mode is 0644, expected 0640');
  await ben.check(Date.now(), 'one', true);
  await expect(row(page, 'Look around').getByRole('img')).toHaveAccessibleName(/^2 done/);
});

test('a command is found among everyone’s, and leads to its moment', async ({ page, dashboard }) => {
  const [ada, ben] = [dashboard.add('ada', 'Ada'), dashboard.add('ben', 'Ben')];
  const from = Date.now() - 9 * MINUTE;
  for (const student of [ada, ben]) await student.begin(from);
  await ada.command(from + MINUTE, 'one', 'mkdir notes', 'made-by-ada');
  await ada.command(from + 5 * MINUTE, 'one', 'ls -l', 'later-on');
  await ben.command(from + 2 * MINUTE, 'one', 'cd notes', 'gone-there', 1);
  await page.goto(dashboard.at());
  await expect(rows(page)).toHaveCount(2);
  await page.keyboard.press('/');
  await page.keyboard.type('NOTES');
  await page.keyboard.press('Enter');
  await expect(page.getByText('2 commands, by 2 students')).toBeVisible();
  const found = page.getByRole('main').getByRole('listitem');
  await expect(found).toHaveText([/Ben.*cd notes.*exit 1/, /Ada.*mkdir notes/]);
  await found.nth(1).getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ada');
  await expect(replay(page)).toContainText('made-by-ada');
  await expect(replay(page)).not.toContainText('later-on');
  await expect(page.getByRole('list', { name: 'Commands and checks' }).locator('[aria-current="true"]')).toContainText('mkdir notes');
  await page.goBack();
  await expect(page.getByText('2 commands, by 2 students')).toBeVisible();
});

test('two replicas show the same simulated class, to two instructors', async ({ page, other, dashboard }) => {
  const seats = dashboard.class(8);
  const second = await dashboard.replica();
  const also = await other.newPage();
  await page.goto(dashboard.at());
  await also.goto(dashboard.at('/', second));
  for (const view of [page, also]) await expect(rows(view)).toHaveCount(seats.length);
  const shown = (view: Page) => view.locator('tbody tr').evaluateAll((lines) => lines.map((line) => [...line.querySelectorAll('td:not(.seen)')].map((cell) => cell.textContent)));
  // What is counted in minutes may turn between two looks.
  await expect.poll(async () => JSON.stringify(await shown(page)) === JSON.stringify(await shown(also))).toBe(true);
  for (const { student } of seats) await expect(page.locator('tbody .row').filter({ hasText: student })).toHaveCount(1);
  const cards = (await dashboard.ask<Schemas['Class']>('/api/workspaces')).workspaces;
  expect(cards.some(({ completed }) => completed > 0)).toBe(true);

  // What one takes in, the other shows.
  const ada = dashboard.add('ada', 'Ada Lovelace');
  await expect(row(also, 'Ada Lovelace')).toContainText('Not begun');
  await ada.begin();
  await expect(row(also, 'Ada Lovelace')).toContainText('Working on step 1');
  await expect(row(page, 'Ada Lovelace')).toContainText('Working on step 1');
  // A filter by workshop shows that one alone.
  await also.getByRole('combobox', { name: 'Workshop' }).selectOption('by-hand');
  await expect(rows(also)).toHaveCount(1);
  await also.close();
});

test('filters and names narrow the list, and the address keeps them', async ({ page, dashboard }) => {
  const [ada, ben, cem] = [dashboard.add('ada', 'Ada'), dashboard.add('ben', 'Ben'), dashboard.add('cem', 'Cem')];
  await ada.begin();
  await ben.begin();
  await stick(ben, 'one');
  await page.goto(dashboard.at());
  const only = page.getByRole('group', { name: 'Show only' });
  await only.getByRole('button', { name: /Stuck/ }).click();
  await expect.poll(() => names(page)).toEqual(['Ben']);
  await page.reload();
  await expect.poll(() => names(page)).toEqual(['Ben']);
  await only.getByRole('button', { name: 'Show all 3' }).click();
  await expect(rows(page)).toHaveCount(3);
  await page.getByRole('searchbox').fill('ce');
  await expect.poll(() => names(page)).toEqual(['Cem']);
  await page.getByRole('searchbox').fill('nobody');
  await expect(page.getByText('No student’s name has “nobody” in it')).toBeVisible();
  void cem;
});

test('what is wrong with a log is said where it is seen', async ({ page, dashboard }) => {
  const [ada, ben] = [dashboard.add('ada', 'Ada'), dashboard.add('ben', 'Ben')];
  await ada.begin();
  await ben.begin();
  await page.goto(dashboard.at());
  await expect(row(page, 'Ada')).toContainText('Working');
  await expect(page.getByRole('link', { name: /Log problems/ })).toHaveCount(0);
  await ada.scribble('{"half a line');
  ada.skip('commands');
  await ada.command(Date.now(), 'one', 'ls', 'x');
  await expect(row(page, 'Ada')).toContainText('1 line could not be read');
  await expect(row(page, 'Ada')).toContainText('1 gap in its records');
  await ben.diverge('the last stored line is not in the file');
  await expect(row(page, 'Ben')).toContainText('The log was set back');
  await page.getByRole('link', { name: 'Log problems 2' }).click();
  await expect(page.getByRole('main')).toContainText('2 workspaces whose log is not whole');
  await page.getByRole('main').getByRole('link', { name: /Ada/ }).click();
  await page.getByText('What this means').click();
  await page.getByRole('button', { name: 'Look at it' }).click();
  await expect(page.getByRole('dialog')).toContainText('{"half a line');
  await page.keyboard.press('Escape');
  await page.goto(dashboard.at('/students/ben'));
  const note = page.getByRole('group').filter({ hasText: 'This log was set back' });
  await note.getByText('What this means').click();
  await expect(note).toContainText('the last stored line is not in the file');
});

test('a dashboard that goes away is waited for, and what was shown stays', async ({ page, dashboard }) => {
  const ada = dashboard.add('ada', 'Ada');
  await ada.begin();
  await page.goto(dashboard.at());
  await expect(row(page, 'Ada')).toContainText('Working on step 1');
  await dashboard.first.stop('SIGKILL');
  await expect(page.getByText('Reconnecting')).toBeVisible();
  await expect(row(page, 'Ada')).toContainText('Working on step 1');
  await dashboard.first.start();
  await expect(page.getByText('Reconnecting')).toBeHidden();
  await ada.check(Date.now(), 'one', true);
  await expect(row(page, 'Ada')).toContainText('1/3');
});

test('an empty dashboard says what will be here and how to get it', async ({ page, dashboard }) => {
  await page.goto(dashboard.at());
  await expect(page.getByRole('heading', { name: 'No workspaces yet' })).toBeVisible();
  await expect(page.getByText('workshop-dashboard workspace add')).toBeVisible();
  dashboard.add('ada', 'Ada');
  await expect(row(page, 'Ada')).toContainText('Not begun');
  await row(page, 'Ada').getByRole('link').click();
  await expect(page.getByRole('heading', { name: 'Nothing has come of this workspace yet' })).toBeVisible();
  await page.goto(dashboard.at('/students/nobody'));
  await expect(page.getByRole('heading', { name: 'There is no workspace “nobody”' })).toBeVisible();
});

test('the token opens it, a wrong one does not, and logging out forgets it', async ({ page, dashboard }) => {
  dashboard.add('ada', 'Ada');
  await page.goto(dashboard.first.address);
  await expect(page.getByRole('heading', { name: 'The dashboard is for instructors' })).toBeVisible();
  await page.getByLabel('Token or address with it').fill('wrong');
  await page.getByRole('button', { name: 'Open the class' }).click();
  await expect(page.getByRole('alert')).toContainText('not the one that is needed');
  await expect(rows(page)).toHaveCount(0);
  await page.getByLabel('Token or address with it').fill(dashboard.at());
  await page.getByRole('button', { name: 'Open the class' }).click();
  await expect(rows(page)).toHaveCount(1);
  expect(page.url()).not.toContain(dashboard.token);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: /Log out/ }).click();
  await expect(page.getByRole('heading', { name: 'The dashboard is for instructors' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'The dashboard is for instructors' })).toBeVisible();
});

test('tables are downloaded with the token that the page holds', async ({ page, dashboard }) => {
  const ada = dashboard.add('ada', 'Ada, “the first”');
  await ada.begin();
  await ada.command(Date.now(), 'one', 'echo "a,b"', 'x');
  await page.goto(dashboard.at());
  await expect(row(page, 'Ada')).toContainText('Working');
  for (const [name, content] of [['Students, CSV', 'Ada, “the first”'], ['Commands, JSON', 'a,b']] as const) {
    await page.getByRole('button', { name: 'More' }).click();
    const downloading = page.waitForEvent('download');
    await page.getByRole('menuitem', { name }).click();
    const file = await (await (await downloading).createReadStream()).toArray();
    expect(Buffer.concat(file as Buffer[]).toString(), name).toContain(content);
    await expect(page.getByRole('menu')).toHaveCount(0);
  }
});
