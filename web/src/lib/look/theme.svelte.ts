//! Light or dark: by the system's preference, or as chosen here. Colours themselves are in tokens.css.

export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'workshop-theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

function recall(): ThemeChoice {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

class Theme {
  choice = $state<ThemeChoice>(recall());
  private system = $state(prefersDark.matches);
  dark = $derived(this.choice === 'dark' || (this.choice === 'system' && this.system));

  constructor() {
    this.apply();
    prefersDark.addEventListener('change', (event) => {
      this.system = event.matches;
    });
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    try {
      if (choice === 'system') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // Storage may be forbidden; the choice then lives as long as the page.
    }
    this.apply();
  }

  private apply(): void {
    if (this.choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.choice;
  }
}

export const theme = new Theme();

/** What a token says, for what is not styled by CSS. */
export const tokenValue = (token: string): string => getComputedStyle(document.documentElement).getPropertyValue(token).trim();

/** The colour behind a token as `#rrggbb`, for what computes with it. */
export function hexColour(token: string): string {
  const parts = colour(token).match(/[\d.]+/g)?.slice(0, 3) ?? ['0', '0', '0'];
  return `#${parts.map((part) => Math.round(Number(part)).toString(16).padStart(2, '0')).join('')}`;
}

/** The colour behind a token, as the browser computes it: `rgb(…)`. */
export function colour(token: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${token})`;
  probe.hidden = true;
  document.body.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  return computed;
}
