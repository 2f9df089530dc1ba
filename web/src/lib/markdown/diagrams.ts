//! Mermaid diagrams, loaded only for a text that has one. Strict: no script, no click handlers, no HTML in labels.

import mermaid from 'mermaid';
import { hexColour as hex } from '$lib/look/theme.svelte';

let drawn = 0;

/** Draws every diagram in `root`, in the colours of the page as it is now; nothing once `root` is no longer shown. */
export async function drawDiagrams(root: HTMLElement, dark: boolean): Promise<void> {
  if (!root.isConnected) return;
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    htmlLabels: false,
    flowchart: { htmlLabels: false, curve: 'basis' },
    theme: 'base',
    fontFamily: getComputedStyle(root).fontFamily,
    themeVariables: {
      darkMode: dark,
      fontSize: '14px',
      background: hex('--surface'),
      primaryColor: hex('--accent-soft'),
      primaryTextColor: hex('--ink'),
      primaryBorderColor: hex('--accent'),
      secondaryColor: hex('--raised'),
      tertiaryColor: hex('--raised'),
      lineColor: hex('--ink-3'),
      textColor: hex('--ink'),
      noteBkgColor: hex('--wait-soft'),
      noteTextColor: hex('--ink'),
    },
  });
  for (const figure of root.querySelectorAll<HTMLElement>('[data-diagram]')) if (figure.isConnected) await draw(figure, dark);
}

async function draw(figure: HTMLElement, dark: boolean): Promise<void> {
  const source = (figure.dataset.source ??= figure.textContent ?? '');
  drawn += 1;
  const id = `diagram-${drawn}`;
  try {
    const { svg } = await mermaid.render(id, source);
    figure.innerHTML = svg;
    figure.toggleAttribute('data-dark', dark);
    figure.setAttribute('role', 'img');
    figure.setAttribute('aria-label', `Diagram: ${source.replace(/\s+/g, ' ').slice(0, 300)}`);
  } catch {
    // A diagram that cannot be drawn stays readable as its text.
    document.getElementById(`d${id}`)?.remove();
  }
}
