//! Colours in code, loaded after the text is there.

import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import dockerfile from 'highlight.js/lib/languages/dockerfile';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import makefile from 'highlight.js/lib/languages/makefile';
import nginx from 'highlight.js/lib/languages/nginx';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import shell from 'highlight.js/lib/languages/shell';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const languages = { bash, css, diff, dockerfile, go, ini, javascript, json, makefile, nginx, python, rust, shell, sql, typescript, xml, yaml };
for (const [name, grammar] of Object.entries(languages)) hljs.registerLanguage(name, grammar);
hljs.registerAliases(['console', 'shell-session', 'terminal'], { languageName: 'shell' });

/** Colours a `code` element that says its language and has not been coloured yet. */
export function highlight(code: HTMLElement): void {
  const language = code.dataset.language ?? '';
  if (code.dataset.coloured || !hljs.getLanguage(language)) return;
  code.innerHTML = hljs.highlight(code.textContent ?? '', { language }).value;
  code.dataset.coloured = 'yes';
}
