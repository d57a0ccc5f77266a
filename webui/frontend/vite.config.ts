import { defineConfig } from 'vitest/config'

// `npm run dev` serves the dashboard with reload, and asks a controller (or the fake network of the tests) for data.
const controller = 'http://127.0.0.1:8080'

export default defineConfig({
  base: '/static/',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { outDir: '../static', emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { host: '127.0.0.1', proxy: { '/api': controller, '/session': controller } },
  test: { include: ['test/**/*.test.ts'] },
})
