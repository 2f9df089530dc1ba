//! What an author, or whoever wrote into an author's text, can make a page do: nothing but text.

import { describe, expect, test } from 'vitest';
import { commandsOf, renderMarkdown } from './render';

describe('nothing in a text runs', () => {
  const attacks = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](java\tscript:alert(1))',
    '[a](&#106;avascript:alert(1))',
    '[a](vbscript:x)',
    '[a](data:text/html,<script>alert(1)</script>)',
    '![a](javascript:alert(1))',
    '![x" onerror="alert(1)](assets/a.png)',
    '![a](assets/"onerror="alert(1))',
    '<javascript:alert(1)>',
    '```"><img/src=x/onerror=alert(1)>\nx\n```',
    '```mermaid\n<img src=x onerror=alert(1)>\n```',
    '::: tip <img src=x onerror=alert(1)>\nx\n:::',
    '> [!NOTE]\n> <svg onload=alert(1)>',
    '- [ ] <iframe src=javascript:alert(1)>',
  ];
  test.each(attacks)('%s', (attack) => {
    const html = renderMarkdown(attack);
    const tags = html.match(/<[a-z][^>]*>/gi) ?? [];
    for (const tag of tags) {
      expect(tag).not.toMatch(/^<(script|svg|iframe|object|embed|form|style)/i);
      // Attribute values are quoted by the renderer, so a handler outside of quotes would be a real one.
      expect(tag.replace(/"[^"]*"/g, '""')).not.toMatch(/\son\w+\s*=/i);
      expect(tag).not.toMatch(/(href|src)="\s*(javascript|vbscript|data):/i);
    }
  });
});

describe('what a text can show', () => {
  const check = (markdown: string, ...parts: string[]) => {
    const html = renderMarkdown(markdown);
    for (const part of parts) expect(html).toContain(part);
  };

  test('boxes, with and without a title', () => {
    check('::: tip Octal, in one line\n6 is `rw`.\n:::', '<aside class="note note" dir="auto"><b dir="auto">Octal, in one line</b>', '<code>rw</code>');
    check('::: warning\nx\n:::\nafter', 'Careful</b>', '</aside>\n<p dir="auto">after</p>');
    check('> [!CAUTION]\n> Hot.', '<aside class="note danger"', 'Caution</b>', 'Hot.');
    check('::: unknown\nx', '<p dir="auto">::: unknown');
  });
  test('a box holds lists and blocks', () => {
    check('::: tip\n- a\n\n```bash\nls\n```\n:::', '<aside', '<li>a</li>', 'data-act="run"', '</aside>');
  });
  test('a list has one direction, found in its text', () => check('- عنصر\n\n  x', '<ul dir="auto">', '<p>x</p>'));
  test('tasks', () => check('- [ ] one\n- [x] two', 'class="task"', 'aria-label="To do"', 'class="task done"', 'aria-label="Done"'));
  test('pictures are named, not addressed', () => {
    check('![Bits](assets/bits%20x.svg)', '<img alt="Bits" data-asset="bits x.svg">');
    check('![Far](https://example.org/a.png)', '<em>Far</em>');
    expect(renderMarkdown('![Far](https://example.org/a.png)')).not.toContain('<img');
  });
  test('links leave the page alone', () => check('[a](https://example.org)', 'target="_blank"', 'rel="noopener noreferrer"'));
  test('only shell blocks can be run', () => {
    check('```bash\nls\n```', 'data-act="run"', 'data-act="copy"');
    expect(renderMarkdown('```yaml\na: 1\n```')).not.toContain('data-act="run"');
  });
  test('the text begins below the step’s own title', () => check('# A\n\n## B', '<h2 dir="auto">A</h2>', '<h3 dir="auto">B</h3>'));
});

test('a transcript gives its commands, without prompts and answers', () => {
  expect(commandsOf('$ ls\nreport.txt\n$ pwd', 'console')).toBe('ls\npwd');
  expect(commandsOf('echo $ x', 'bash')).toBe('echo $ x');
});
