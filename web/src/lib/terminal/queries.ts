//! Terminal queries are answered by the backend. Here they are swallowed, so that two tabs do not type two answers.

import type { IDisposable, Terminal } from '@xterm/xterm';

/** Keeps `term` from answering anything that a program asks, and from touching the clipboard or the window. */
export function swallowQueries(term: Terminal): IDisposable {
  const { parser } = term;
  const taken = () => true;
  const asks = (data: string) => data.split(';').includes('?');
  const handlers = [
    parser.registerCsiHandler({ final: 'c' }, taken),
    parser.registerCsiHandler({ prefix: '>', final: 'c' }, taken),
    parser.registerCsiHandler({ prefix: '=', final: 'c' }, taken),
    parser.registerCsiHandler({ final: 'n' }, taken),
    parser.registerCsiHandler({ prefix: '?', final: 'n' }, taken),
    parser.registerCsiHandler({ prefix: '>', final: 'q' }, taken),
    parser.registerCsiHandler({ intermediates: '$', final: 'p' }, taken),
    parser.registerCsiHandler({ prefix: '?', intermediates: '$', final: 'p' }, taken),
    parser.registerCsiHandler({ prefix: '?', final: 'u' }, taken),
    parser.registerCsiHandler({ final: 't' }, taken),
    parser.registerDcsHandler({ intermediates: '$', final: 'q' }, taken),
    parser.registerDcsHandler({ intermediates: '+', final: 'q' }, taken),
    parser.registerOscHandler(4, asks),
    parser.registerOscHandler(10, asks),
    parser.registerOscHandler(11, asks),
    parser.registerOscHandler(12, asks),
    parser.registerOscHandler(52, taken),
  ];
  return { dispose: () => handlers.forEach((handler) => handler.dispose()) };
}
