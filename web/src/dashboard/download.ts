//! Downloads. They are plain links; where a token is held, which a link cannot carry, it is fetched and handed over.

import { authorization, token } from '$api/token';

export const EXPORTS = [
  { table: 'workspaces', title: 'Students' },
  { table: 'matrix', title: 'Matrix' },
  { table: 'steps', title: 'Steps' },
  { table: 'commands', title: 'Commands' },
] as const;

export async function download(event: MouseEvent, href: string, name: string): Promise<void> {
  if (token() === null) return;
  event.preventDefault();
  const answer = await fetch(href, { headers: authorization(), cache: 'no-store' });
  if (!answer.ok) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
