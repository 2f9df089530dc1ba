//! Which view the address names. Every view has one, so that it can be kept, sent and gone back to.

export type View = 'class' | 'matrix' | 'steps' | 'commands' | 'trouble' | 'student' | 'unknown';

const VIEWS: Record<string, View> = { '/': 'class', '/matrix': 'matrix', '/steps': 'steps', '/commands': 'commands', '/trouble': 'trouble' };

class Address {
  private path = $state(location.pathname);
  private search = $state(location.search);

  query = $derived(new URLSearchParams(this.search));
  workspace = $derived(this.path.startsWith('/students/') ? decoded(this.path.slice('/students/'.length)) : null);
  view = $derived<View>(this.workspace ? 'student' : (VIEWS[this.path] ?? 'unknown'));

  constructor() {
    addEventListener('popstate', () => this.read());
    addEventListener('click', (event) => this.follow(event));
  }

  go(to: string, replace = false): void {
    if (replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    this.read();
  }

  /** Changes what the query says, in place: a filter is no page of its own. */
  set(changes: Record<string, string | null>): void {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    this.go(location.pathname + (text ? `?${text}` : ''), true);
  }

  private read(): void {
    this.path = location.pathname;
    this.search = location.search;
  }

  /** A plain click on a link of this page stays in it. */
  private follow(event: MouseEvent): void {
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (!(link.pathname in VIEWS) && !link.pathname.startsWith('/students/')) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

function decoded(name: string): string | null {
  try {
    return decodeURIComponent(name);
  } catch {
    return null;
  }
}

export const address = new Address();

/** The address of a student, at a moment if one is named. */
export function studentAddress(workspace: string, moment: { at?: string; session?: string | null; log?: string } = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(moment)) if (value) query.set(name, value);
  const text = query.toString();
  return `/students/${encodeURIComponent(workspace)}${text ? `?${text}` : ''}`;
}
