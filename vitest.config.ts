import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^weft$/, replacement: source('index.ts') },
      { find: /^weft\/node$/, replacement: source('node.ts') },
      { find: /^weft\/plot$/, replacement: source('plot/index.ts') },
      { find: /^weft\/verify$/, replacement: source('verify/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    passWithNoTests: false,
  },
});
