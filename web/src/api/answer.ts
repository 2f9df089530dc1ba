//! Requests of either API: with the token on each, and a Problem for every failure.

import type { Middleware } from 'openapi-fetch';
import { clock } from '$lib/connection/clock.svelte';
import { problemOf, unreachable } from './problem';
import { authorization } from './token';

/** Puts the token on requests, and hears the time from answers. */
export const authorized: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
    return request;
  },
  onResponse({ response }) {
    clock.heard(response.headers.get('date'));
  },
};

/** The body of an answer; anything but success is thrown as a Problem. */
export async function answer<T>(request: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await request.catch(() => {
    throw unreachable();
  });
  if (!response.ok) throw problemOf(response.status, error);
  return data as T;
}
