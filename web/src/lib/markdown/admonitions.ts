//! Boxes beside the text: `::: tip Title` … `:::`, and GitHub's `> [!NOTE]`.

import type { MarkdownIt, StateBlock, Token } from 'markdown-it';

const KINDS: Record<string, { tone: string; title: string }> = {
  note: { tone: 'note', title: 'Note' },
  info: { tone: 'note', title: 'Note' },
  tip: { tone: 'note', title: 'Tip' },
  important: { tone: 'note', title: 'Important' },
  warning: { tone: 'warning', title: 'Careful' },
  caution: { tone: 'danger', title: 'Caution' },
  danger: { tone: 'danger', title: 'Danger' },
};

const OPEN = /^(:{3,})\s*([a-z]+)\s*(.*)$/i;

export function admonitions(md: MarkdownIt): void {
  md.block.ruler.before('fence', 'admonition', container, { alt: ['paragraph', 'reference', 'blockquote', 'list'] });
  md.core.ruler.after('block', 'github_admonition', (state) => state.tokens.forEach((token, index) => quote(state.tokens, token, index)));
  md.renderer.rules.admonition_open = (tokens, index) => {
    const { tone, title } = tokens[index]!.meta as { tone: string; title: string };
    return `<aside class="note ${tone}" dir="auto"><b dir="auto">${md.utils.escapeHtml(title)}</b>\n`;
  };
  md.renderer.rules.admonition_close = () => '</aside>\n';
}

function container(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  const line = (n: number) => state.src.slice(state.bMarks[n]! + state.tShift[n]!, state.eMarks[n]);
  const match = OPEN.exec(line(start));
  const kind = match && KINDS[match[2]!.toLowerCase()];
  if (!match || !kind || state.sCount[start]! - state.blkIndent >= 4) return false;
  if (silent) return true;

  const fence = match[1]!;
  let close = start + 1;
  let depth = 1;
  for (; close < end; close += 1) {
    const text = line(close).trim();
    if (text.startsWith(fence) && /^:+$/.test(text)) depth -= 1;
    else if (OPEN.test(text) && KINDS[OPEN.exec(text)![2]!.toLowerCase()]) depth += 1;
    if (depth === 0) break;
  }

  const opening = state.push('admonition_open', 'aside', 1);
  opening.meta = { tone: kind.tone, title: match[3]!.trim() || kind.title };
  opening.map = [start, close];
  opening.block = true;
  const { parentType, lineMax } = state;
  state.lineMax = close;
  state.md.block.tokenize(state, start + 1, close);
  state.lineMax = lineMax;
  state.parentType = parentType;
  state.push('admonition_close', 'aside', -1).block = true;
  state.line = Math.min(end, close + 1);
  return true;
}

/** Turns a block quote that begins with `[!NOTE]` into a box. */
function quote(tokens: Token[], token: Token, index: number): void {
  const inline = tokens[index + 2];
  if (token.type !== 'blockquote_open' || tokens[index + 1]?.type !== 'paragraph_open' || inline?.type !== 'inline') return;
  const match = /^\[!([a-z]+)\][^\S\n]*(?:\n|$)/i.exec(inline.content);
  const kind = match && KINDS[match[1]!.toLowerCase()];
  if (!match || !kind) return;
  inline.content = inline.content.slice(match[0].length);
  const close = tokens.findIndex((other, at) => at > index && other.type === 'blockquote_close' && other.level === token.level);
  token.type = 'admonition_open';
  token.meta = { tone: kind.tone, title: kind.title };
  if (tokens[close]) tokens[close].type = 'admonition_close';
}
