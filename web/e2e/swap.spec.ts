//! An image swap, as a supervisor would do it: asked for in the page, done outside, and the page comes back by itself.

import { doFirstStep, expect, openStudent, screen, test, type } from './workspace';

const SUPERVISOR = 'a-supervisor-of-this-test';
test.use({ environment: { WORKSHOP_SUPERVISOR_TOKEN: SUPERVISOR } });

interface State {
  active: string;
  switch: { request: string; kind: string; step: string } | null;
}

test.beforeEach(async ({ page, workspace }) => {
  await openStudent(page, workspace);
  await doFirstStep(page);
  await page.getByRole('button', { name: 'Check my work' }).click();
  await page.getByRole('button', { name: /Go to step 2/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Files and folders');
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Restart the workspace…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Restart the workspace at step 2?' });
  await expect(dialog).toContainText('your progress and your recordings');
  await dialog.getByRole('button', { name: 'Restart the workspace' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByText('Restarting the workspace at “Files and folders”.')).toBeVisible();
});

test('the page reconnects to the new image and says which it is', async ({ page, workspace }) => {
  const { switch: open } = await workspace.ask<State>('/api/state');
  expect(open).toMatchObject({ kind: 'reset', step: 'files-and-folders' });
  await workspace.swap(open!.request, open!.kind, open!.step, 'look-around');
  await expect(page.getByText('This is a fresh workspace from the image after step 1, Look around. You are at step 2, Files and folders.')).toBeVisible();
  await expect(page.getByText('Restarting the workspace')).toHaveCount(0);
  await expect(page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Look around , done' })).toBeVisible();
  await type(page, 'echo here-$((4+4))');
  await expect(screen(page)).toContainText('here-8');
});

test('a swap that fails is told, and nothing has changed', async ({ page, workspace }) => {
  const { switch: open } = await workspace.ask<State>('/api/state');
  const answer = await fetch(`${workspace.address}/api/supervisor/switch-failed`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${SUPERVISOR}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ request: open!.request, reason: 'The image is not there.' }),
  });
  expect(answer.status).toBeLessThan(300);
  await expect(page.getByText('The workspace was not restarted at “Files and folders”.')).toBeVisible();
  await expect(page.getByText('The image is not there.')).toBeVisible();
  await type(page, 'cat where.txt');
  await expect(screen(page)).toContainText('Linux');
});
