//! The dashboard's API as functions, typed by its own document.

import createClient from 'openapi-fetch';
import { answer, authorized } from '$api/answer';
import type { components, operations, paths } from '$api/dashboard';

export type Schemas = components['schemas'];
export type Card = Schemas['Card'];

type Query<Name extends keyof operations> = operations[Name] extends { parameters: { query?: infer Asked } } ? NonNullable<Asked> : never;

const client = createClient<paths>({ baseUrl: '' });
client.use(authorized);

const of = <Asked extends object>(id: string, query: Asked = {} as Asked) => ({ params: { path: { id }, query } });

/** A page of a list, which is no download: no format is asked for. */
const page = <T>(request: Parameters<typeof answer<T>>[0]) => answer(request) as Promise<Exclude<T, unknown[] | string>>;

export const api = {
  settings: () => answer(client.GET('/api/settings')),
  me: () => answer(client.GET('/api/me')),
  logout: () => answer(client.POST('/auth/logout')),
  workspace: (id: string, log?: string) => answer(client.GET('/api/workspaces/{id}', of(id, { log }))),
  timeline: (id: string, log?: string) => answer(client.GET('/api/workspaces/{id}/timeline', of(id, { log }))),
  at: (id: string, at: string, log?: string) => answer(client.GET('/api/workspaces/{id}/state', of(id, { at, log }))),
  events: (id: string, query: Query<'events'>) => page(client.GET('/api/workspaces/{id}/events', of(id, query))),
  llm: (id: string, query: Query<'llm'>) => page(client.GET('/api/workspaces/{id}/llm', of(id, query))),
  recordings: (id: string, log?: string) => page(client.GET('/api/workspaces/{id}/recordings', of(id, { log }))),
  quarantine: (id: string, before?: number) => page(client.GET('/api/workspaces/{id}/quarantine', of(id, { before, limit: 50 }))),
  matrix: (workshop?: string) => answer(client.GET('/api/matrix', { params: { query: { workshop } } })),
  funnel: (workshop?: string) => answer(client.GET('/api/funnel', { params: { query: { workshop } } })),
  search: (query: Query<'search'>) => answer(client.GET('/api/search', { params: { query } })),
};

/** The address of a recording; fetched with `authorization()`. */
export const recordingAddress = (log: string, name: string): string => `/api/recordings/${encodeURIComponent(log)}/${encodeURIComponent(name)}`;
