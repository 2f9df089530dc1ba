//! Markdown to HTML that cannot run script: raw HTML is text, links and pictures have a short list of allowed addresses.

import MarkdownIt from 'markdown-it';
import { admonitions } from './admonitions';
import { taskLists } from './task-lists';

/** Languages whose blocks can be typed into a terminal. */
const SHELL = new Set(['sh', 'bash', 'zsh', 'shell', 'console', 'shell-session', 'terminal']);

const safeLink = /^(https?:|mailto:|#)/i;
const asset = /^(?:\.\/)?assets\/([^/?#]+)$/;

const md = new MarkdownIt({ html: false, linkify: true, typographer: false });
md.use(admonitions);
md.use(taskLists);
// Only what someone wrote as an address becomes one: `report.sh` is a file.
md.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
md.validateLink = (url) => safeLink.test(url.trim()) || asset.test(url.trim());

const escape = md.utils.escapeHtml;

md.renderer.rules.fence = (tokens, index) => {
  const token = tokens[index]!;
  const language = token.info.trim().split(/\s+/)[0]?.toLowerCase() ?? '';
  if (language === 'mermaid') return `<figure class="diagram" data-diagram><pre>${escape(token.content)}</pre></figure>\n`;
  return block(token.content, language);
};
md.renderer.rules.code_block = (tokens, index) => block(tokens[index]!.content, '');

function block(content: string, language: string): string {
  const run = SHELL.has(language) ? '<button type="button" class="run" data-act="run">Run</button>' : '';
  const code = `<code${language ? ` data-language="${escape(language)}"` : ''}>${escape(content.replace(/\n$/, ''))}</code>`;
  return `<div class="block" dir="ltr"><div class="acts"><button type="button" data-act="copy">Copy</button>${run}</div><pre tabindex="0">${code}</pre></div>\n`;
}

md.renderer.rules.image = (tokens, index) => {
  const token = tokens[index]!;
  const name = asset.exec(String(token.attrGet('src') ?? ''))?.[1];
  const alt = escape(token.content);
  // The page fetches pictures itself, with the token; those of other places are not loaded at all.
  return name ? `<img alt="${alt}" data-asset="${escape(decode(name))}">` : `<em>${alt}</em>`;
};

md.renderer.rules.link_open = (tokens, index, options, _env, self) => {
  const token = tokens[index]!;
  if (!String(token.attrGet('href') ?? '').startsWith('#')) {
    token.attrSet('target', '_blank');
    token.attrSet('rel', 'noopener noreferrer');
  }
  return self.renderToken(tokens, index, options);
};

md.renderer.rules.table_open = () => '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n';
md.renderer.rules.table_close = () => '</table></div>\n';

// Text finds its own direction, block by block; what is inside of a list, a quote or a box goes along with it.
for (const name of ['paragraph_open', 'heading_open', 'bullet_list_open', 'ordered_list_open', 'blockquote_open', 'td_open', 'th_open'] as const) {
  md.renderer.rules[name] = (tokens, index, options, _env, self) => {
    const token = tokens[index]!;
    if (token.level === 0 || token.tag === 'td' || token.tag === 'th') token.attrSet('dir', 'auto');
    return self.renderToken(tokens, index, options);
  };
}

// The step's title is the page's h1, so the text begins at h2.
md.core.ruler.push('lower_headings', (state) => {
  const highest = Math.min(...state.tokens.filter((t) => t.type === 'heading_open').map((t) => Number(t.tag[1])), 2);
  const by = 2 - highest;
  if (by <= 0) return;
  for (const token of state.tokens) {
    if (token.type === 'heading_open' || token.type === 'heading_close') token.tag = `h${Math.min(6, Number(token.tag[1]) + by)}`;
  }
});

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Renders a step's or a help file's markdown. */
export const renderMarkdown = (text: string): string => md.render(text);

/** The commands of a block: prompts of a console transcript are taken away. */
export function commandsOf(text: string, language: string): string {
  if (language !== 'console' && language !== 'shell-session') return text;
  const lines = text.split('\n');
  const typed = lines.filter((line) => /^[$#] /.test(line)).map((line) => line.slice(2));
  return typed.length > 0 ? typed.join('\n') : text;
}
