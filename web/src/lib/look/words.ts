//! Times and counts in words.

/** `12 s`, `4 min`, `2 h`, `3 d`. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.round(s / 60)} min`;
  if (s < 86_400) return `${Math.round(s / 3_600)} h`;
  return `${Math.round(s / 86_400)} d`;
}

/** `just now`, `12 s ago`. */
export function ago(ts: string | number, now: number): string {
  const seconds = (now - (typeof ts === 'number' ? ts : Date.parse(ts))) / 1_000;
  return seconds < 2 ? 'just now' : `${span(seconds)} ago`;
}

/** How long a command ran: `12 ms`, `4.2 s`, `3 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  return span(ms / 1_000);
}

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** `09:21:44`, in the reader's time zone. */
export const clockTime = (ts: string | number): string => time.format(new Date(ts));

/** `20 Nov, 09:21`. */
export const dayTime = (ts: string | number): string => day.format(new Date(ts));

/** `1 try`, `3 tries`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** `18 kB`, `4.2 MB`. */
export function bytes(n: number): string {
  if (n < 1_000) return `${n} B`;
  if (n < 1_000_000) return `${Math.round(n / 1_000)} kB`;
  return `${(n / 1_000_000).toFixed(1)} MB`;
}
