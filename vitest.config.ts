import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** The files that take longest, which start first, so that no processor is left with a long one at the end. */
const LONG = [
  'devices',
  'page-webgpu',
  'systems-m',
  'recovery',
  'mutation',
  'own-op',
  'mixed',
  'subgroups',
  'systems-c',
  'weave',
  'package',
  'stagger',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONG.indexOf(basename(moduleId, '.test.ts'));
      return found < 0 ? LONG.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

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
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    passWithNoTests: false,
  },
});
