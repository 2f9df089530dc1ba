// The dashboard's pages: a build of their own, so that the workspaces' images do not carry them.
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const dashboard = process.env.WORKSHOP_DASHBOARD ?? 'http://127.0.0.1:8090';

export default defineConfig({
  root: here('dashboard'),
  base: '/',
  plugins: [svelte({ configFile: here('svelte.config.js') })],
  // `/src` is where the served page asks for its script.
  resolve: { alias: { '/src': here('src'), $lib: here('src/lib'), $api: here('src/api') } },
  build: {
    outDir: here('dist-dashboard'),
    emptyOutDir: true,
    // The content security policy allows no data: fonts, and inlined scripts not at all.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  server: { fs: { allow: [here('.')] }, proxy: { '/api': dashboard, '/auth': dashboard, '/ws': { target: dashboard, ws: true } } },
});
