//! The token of this page: taken out of the address once, then kept for this tab only.

/** Which page asks; each keeps its own token, so that a student's tab never holds an instructor's. */
export type Role = 'student' | 'instructor';

let held: { role: Role; token: string | null } = { role: 'student', token: null };

const slot = (role: Role) => `workshop-token-${role}`;

/** Reads the token from `#token=…`, cleans the address, and falls back to what this tab already knew. */
export function takeToken(role: Role): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const fresh = fragment.get('token');
  if (fresh !== null) {
    fragment.delete('token');
    const rest = fragment.toString();
    history.replaceState(history.state, '', location.pathname + location.search + (rest ? `#${rest}` : ''));
  }
  held = { role, token: fresh || recall(role) };
  if (fresh) keepToken(fresh);
}

/** An address with a token that is opened in this very tab changes only the fragment: the page begins anew with it. */
export function heedTokens(role: Role): void {
  addEventListener('hashchange', () => {
    if (!new URLSearchParams(location.hash.slice(1)).has('token')) return;
    takeToken(role);
    location.reload();
  });
}

/** Keeps a token that was typed in. */
export function keepToken(token: string): void {
  held = { ...held, token };
  try {
    sessionStorage.setItem(slot(held.role), token);
  } catch {
    // Storage may be forbidden; the token then lives as long as the page.
  }
}

/** Forgets the token: here, and for this tab. */
export function forgetToken(): void {
  held = { ...held, token: null };
  try {
    sessionStorage.removeItem(slot(held.role));
  } catch {
    // Nothing was kept then.
  }
}

/** The token, or null where none is needed. */
export const token = (): string | null => held.token;

/** The header that carries the token. */
export const authorization = (): Record<string, string> =>
  held.token === null ? {} : { Authorization: `Bearer ${held.token}` };

function recall(role: Role): string | null {
  try {
    return sessionStorage.getItem(slot(role));
  } catch {
    return null;
  }
}
