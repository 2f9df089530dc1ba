//! Parts of the page that are loaded when a text needs them.

/** Waits between tries, in milliseconds: a restart of the workspace, which serves them, takes some seconds. */
const WAITS = [500, 1_000, 2_000, 4_000, 8_000];

/** What `load` gives, tried again while it cannot be had; nothing when it never can. The text stands as it is meanwhile. */
export async function later<T>(load: () => Promise<T>, waits: readonly number[] = WAITS): Promise<T | undefined> {
  for (const wait of waits) {
    try {
      return await load();
    } catch {
      await new Promise((again) => setTimeout(again, wait));
    }
  }
  return load().catch(() => undefined);
}
