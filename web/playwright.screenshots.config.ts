// The pictures of the docs, taken from the running pages: `cargo xtask screenshots`.
import base from './playwright.config';

export default { ...base, testMatch: 'screenshots.ts', workers: 1, use: { ...base.use, trace: 'off' as const } };
