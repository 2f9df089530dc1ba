//! An image swap, as a supervisor would do it: asked for in the page, done outside, and the page comes back by itself.

import { doFirstStep, expect, openStudent, screen, test, type, type Schemas, type Workspace } from './workspace';

const SUPERVISOR = 'a-supervisor-of-this-test';
test.use({ environment: { WORKSHOP_SUPERVISOR_TOKEN: SUPERVISOR } });

/** Tells the workspace that a swap failed, as its supervisor does. */
async function fail(workspace: Workspace, request: string, reason: string): Promise<void> {
  const answer = await fetch(`${workspace.address}/api/supervisor/switch-failed`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${SUPERVISOR}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ request, reason }),
  });
  expect(answer.status).toBeLessThan(300);
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
  const { switch: open } = await workspace.ask<Schemas['StateView']>('/api/state');
  expect(open).toMatchObject({ kind: 'reset', step: 'files-and-folders' });
  await workspace.swap(open!.request, open!.kind, open!.step, 'look-around');
  await expect(page.getByText('This is a fresh workspace from the image after step 1, Look around.')).toBeVisible();
  await expect(page.getByText('Restarting the workspace')).toHaveCount(0);
  await page.getByRole('button', { name: 'Hide this line' }).click();
  await expect(page.getByText('This is a fresh workspace')).toHaveCount(0);
  await expect(page.getByRole('navigation', { name: 'Steps' }).getByRole('button', { name: 'Look around , done' })).toBeVisible();
  await type(page, 'echo here-$((4+4))');
  await expect(screen(page)).toContainText('here-8');
});

test('a swap that fails is told, and nothing has changed', async ({ page, workspace }) => {
  const { switch: open } = await workspace.ask<Schemas['StateView']>('/api/state');
  await fail(workspace, open!.request, 'the image is not there\n');
  await expect(page.getByText('The workspace was not restarted at “Files and folders”.')).toBeVisible();
  await expect(page.getByText('Your files and your progress are as they were. Why: the image is not there')).toBeVisible();
  await type(page, 'cat where.txt');
  await expect(screen(page)).toContainText('Linux');
});

test('on the way back from an image that did not get ready, nothing speaks of a fresh workspace', async ({ page, workspace }) => {
  const { switch: open } = await workspace.ask<Schemas['StateView']>('/api/state');
  await page.getByRole('button', { name: 'More' }).click();
  await expect(page.getByRole('menuitem', { name: 'Restart the workspace…' })).toBeDisabled();
  await page.keyboard.press('Escape');
  await workspace.kill();
  await expect(page.getByText('A fresh terminal comes with the new workspace.')).toBeVisible();
  // The old one runs again, and is told a moment later.
  await workspace.start();
  await expect(page.locator('.pane[data-phase="live"]')).toBeVisible();
  await fail(workspace, open!.request, 'the image a:b did not get ready within 30s');
  await expect(page.getByText('Why: the image a:b did not get ready within 30s')).toBeVisible();
  await expect(page.getByText('This is a fresh workspace')).toHaveCount(0);
  await expect(page.getByText('The workspace was restarted.')).toHaveCount(0);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByText('The workspace was not restarted')).toHaveCount(0);
});
