//! `- [ ]` and `- [x]`: lists to tick off in one's head. The boxes show; what counts is the check.

import type { MarkdownIt } from 'markdown-it';

const BOX = /^\[([ xX])\]\s+/;

export function taskLists(md: MarkdownIt): void {
  md.core.ruler.after('inline', 'task_lists', (state) => {
    state.tokens.forEach((token, index) => {
      const item = state.tokens[index - 2];
      const text = token.children?.[0];
      if (token.type !== 'inline' || item?.type !== 'list_item_open' || text?.type !== 'text') return;
      const match = BOX.exec(text.content);
      if (!match) return;
      text.content = text.content.slice(match[0].length);
      item.attrJoin('class', match[1] === ' ' ? 'task' : 'task done');
      const mark = new state.Token('task_mark', 'span', 0);
      mark.meta = { done: match[1] !== ' ' };
      token.children?.unshift(mark);
    });
  });
  md.renderer.rules.task_mark = (tokens, index) => {
    const done = (tokens[index]!.meta as { done: boolean }).done;
    return `<span class="box" role="img" aria-label="${done ? 'Done' : 'To do'}"></span>`;
  };
}
