//! Logging in at an OpenID Connect provider, a real one: into the class, out again, and refused.

import { spawn, type ChildProcess } from 'node:child_process';
import { type Browser, type Page } from '@playwright/test';
import { expect, test, type Dashboard, type Replica } from './dashboard';
import { freePort, watch } from './workspace';

const PEOPLE = {
  ada: { email: 'ada@example.org', email_verified: true, groups: ['staff'] },
  bob: { email: '<b>bob</b>@example.org', email_verified: true, groups: ['students'] },
};

/** A provider, and a dashboard that lets in whom it knows as staff. */
async function provided(dashboard: Dashboard): Promise<{ replica: Replica; end: () => void }> {
  const [port, own] = [await freePort(), await freePort()];
  const [client, secret, origin] = ['dashboard', 'of-the-client', `http://127.0.0.1:${own}`];
  const settings = JSON.stringify({ port, client, secret, redirect: `${origin}/auth/callback`, idToken: false, people: PEOPLE });
  const provider: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', 'node', new URL('provider.mjs', import.meta.url).pathname, settings], { stdio: ['pipe', 'pipe', 'ignore'] });
  await new Promise((ready) => provider.stdout!.once('data', ready));
  const replica = await dashboard.replica({ WORKSHOP_OIDC_ISSUER: `http://127.0.0.1:${port}`, WORKSHOP_OIDC_CLIENT_ID: client, WORKSHOP_OIDC_CLIENT_SECRET: secret, WORKSHOP_OIDC_ALLOW: 'group:staff', WORKSHOP_PUBLIC_URL: origin }, own);
  return { replica, end: () => provider.kill('SIGKILL') };
}

/** A browser of one person. The provider's own pages ask for a font from elsewhere; it is not given, and not ours to mend. */
async function someone(browser: Browser): Promise<{ page: Page; close: () => Promise<void> }> {
  const context = await browser.newContext();
  await context.route(/fonts\.googleapis\.com/, (route) => route.abort());
  const wrong = watch(context);
  const close = async () => {
    await context.close();
    expect(wrong.filter((words) => !words.includes('fonts.googleapis.com'))).toEqual([]);
  };
  return { page: await context.newPage(), close };
}

/** Logs in with the button of the way in, and agrees at the provider. */
async function logIn(page: Page, who: string): Promise<void> {
  await page.getByRole('link', { name: 'Log in with your organisation' }).click();
  await page.locator('input[name="login"]').fill(who);
  await page.locator('input[name="password"]').fill('any');
  await page.getByRole('button', { name: /sign-in/i }).click();
  await page.getByRole('button', { name: /continue/i }).click();
}

const wayIn = (page: Page) => page.getByRole('heading', { name: 'The dashboard is for instructors' });

test('an instructor logs in at the provider, sees the class, and logs out', async ({ browser, dashboard }) => {
  await dashboard.add('ada', 'Ada Lovelace').begin();
  const { replica, end } = await provided(dashboard);
  const { page, close } = await someone(browser);
  try {
    await page.goto(`${replica.address}/matrix`);
    await expect(wayIn(page)).toBeVisible();
    await expect(page.getByRole('row')).toHaveCount(0);
    await logIn(page, 'ada');
    // Where they wanted to go.
    await expect(page).toHaveURL(`${replica.address}/matrix`);
    await expect(page.getByRole('row', { name: 'Ada Lovelace' })).toBeVisible();
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Class' }).click();
    await expect(page.getByRole('row', { name: 'Ada Lovelace' })).toContainText('Working on step 1');
    await page.getByRole('row', { name: 'Ada Lovelace' }).getByRole('link').click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ada Lovelace');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Log out ada@example.org' }).click();
    await expect(wayIn(page)).toBeVisible();
    await page.goto(`${replica.address}/students/ada`);
    await expect(wayIn(page)).toBeVisible();
    expect((await page.request.get(`${replica.address}/api/workspaces`)).status()).toBe(401);
  } finally {
    await close();
    end();
  }
});

test('a login that has ended is said, and what was open is gone back to', async ({ browser, dashboard }) => {
  await dashboard.add('ada', 'Ada Lovelace').begin();
  const { replica, end } = await provided(dashboard);
  const { page, close } = await someone(browser);
  try {
    await page.goto(`${replica.address}/steps`);
    await logIn(page, 'ada');
    await expect(page.getByRole('row', { name: 'Look around' })).toBeVisible();
    await page.context().clearCookies();
    // The stream has to be opened anew, and is refused.
    await replica.stop();
    await replica.start();
    await expect(wayIn(page)).toBeVisible({ timeout: 30_000 });
    await expect(page.getByRole('alert')).toContainText('Your login has ended');
    await logIn(page, 'ada');
    await expect(page).toHaveURL(`${replica.address}/steps`);
    await expect(page.getByRole('row', { name: 'Look around' })).toBeVisible();
  } finally {
    await close();
    end();
  }
});

test('who is no instructor here is told so, and sees nothing', async ({ browser, dashboard }) => {
  await dashboard.add('ada', 'Ada Lovelace').begin();
  const { replica, end } = await provided(dashboard);
  const { page, close } = await someone(browser);
  try {
    await page.goto(replica.address);
    await logIn(page, 'bob');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Not an instructor here');
    await expect(page.getByRole('main')).toContainText("<b>bob</b>@example.org is not on this dashboard's list of instructors");
    await expect(page.locator('b')).toHaveCount(0);
    expect((await page.request.get(`${replica.address}/api/workspaces`)).status()).toBe(401);
    await page.getByRole('link', { name: 'Go back' }).click();
    await expect(wayIn(page)).toBeVisible();
    await expect(page.getByText('Ada Lovelace')).toHaveCount(0);
  } finally {
    await close();
    end();
  }
});
