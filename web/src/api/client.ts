//! The API as functions: typed by the generated document, with the token on every request and a Problem for every failure.

import createClient from 'openapi-fetch';
import { answer, authorized } from './answer';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

const client = createClient<paths>({ baseUrl: '' });
client.use(authorized);

const step = (id: string) => ({ params: { path: { id } } });

export const api = {
  state: () => answer(client.GET('/api/state')),
  steps: () => answer(client.GET('/api/steps')),
  content: (id: string) => answer(client.GET('/api/steps/{id}/content', { ...step(id), parseAs: 'text' })),
  picture: (id: string, name: string) =>
    answer(client.GET('/api/steps/{id}/assets/{name}', { params: { path: { id, name } }, parseAs: 'blob' })),
  viewed: (id: string) => answer(client.POST('/api/steps/{id}/viewed', step(id))),
  start: (id: string) => answer(client.POST('/api/steps/{id}/start', step(id))),
  done: (id: string) => answer(client.POST('/api/steps/{id}/done', step(id))),
  validate: (id: string) => answer(client.POST('/api/steps/{id}/validate', step(id))),
  swap: (id: string, kind: Schemas['SwitchKind']) =>
    answer(client.POST('/api/steps/{id}/switch', { ...step(id), body: { kind } })),
  terminals: () => answer(client.GET('/api/terminals')),
  recordings: () => answer(client.GET('/api/recordings')),
  openHelp: (id: string, mode: Schemas['HelpMode']) =>
    answer(client.POST('/api/steps/{id}/help/{mode}', { params: { path: { id, mode } }, body: { question: '' } })),
  helpHistory: (id: string) => answer(client.GET('/api/steps/{id}/help/history', step(id))),
  instructor: {
    status: () => answer(client.GET('/api/instructor/status')),
    timeline: () => answer(client.GET('/api/instructor/timeline')),
    at: (ts: string) => answer(client.GET('/api/instructor/at', { params: { query: { ts } } })),
    checks: () => answer(client.GET('/api/instructor/goss')),
    help: () => answer(client.GET('/api/instructor/llm')),
  },
};

/** The address of a recording; fetched with `authorization()`. */
export const recordingAddress = (name: string): string => `/api/recordings/${encodeURIComponent(name)}`;
