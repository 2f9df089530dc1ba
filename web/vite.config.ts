// Two pages, one build: every address is absolute, every name under /assets/ carries a hash.
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const backend = process.env.WORKSHOP_BACKEND ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: '/',
  plugins: [svelte()],
  resolve: { alias: { $lib: here('src/lib'), $api: here('src/api') } },
  build: {
    // The content security policy allows no data: fonts, and inlined scripts not at all.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rollupOptions: { input: { student: here('index.html'), instructor: here('instructor/index.html') } },
  },
  server: { proxy: { '/api': backend, '/ws': { target: backend, ws: true } } },
  test: { include: ['src/**/*.test.ts'] },
});
