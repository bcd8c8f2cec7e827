import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The page is embedded in the binary and served under a strict content security policy, hence no
// inlined assets (`data:` fonts and workers are refused) and no module preload helper code inline.
export default defineConfig({
  plugins: [svelte()],
  base: './',
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // MapLibre alone is over a megabyte; it is a chunk of its own, loaded after the list stands.
    chunkSizeWarningLimit: 1300,
  },
  worker: { format: 'es' },
  server: {
    // `npm run dev` talks to a node (or the mock) on the default address.
    proxy: { '/api': 'http://127.0.0.1:8080' },
  },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
});
