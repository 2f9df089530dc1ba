//! The event stream, however the network cuts it.

import { expect, test } from 'vitest';
import { EventParser } from './events';

const text = ': heart beat\n\nevent: state\nid: abc.7\ndata: {"seq":7,"x":"ä"}\n\nevent: storage\ndata: {"a":1,\r\ndata: "b":2}\r\n\r\nid: abc.8\ndata: plain\n\n';
const expected = [
  { name: 'state', data: '{"seq":7,"x":"ä"}', id: 'abc.7' },
  { name: 'storage', data: '{"a":1,\n"b":2}', id: 'abc.7' },
  { name: 'message', data: 'plain', id: 'abc.8' },
];

test('cut anywhere it is the same', () => {
  for (let cut = 0; cut <= text.length; cut += 1) {
    const parser = new EventParser();
    expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(expected);
  }
});
