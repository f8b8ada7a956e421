import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const FOLDER = new URL('../src/ops/', import.meta.url);
const OPTIONS = readFileSync(new URL('options.ts', FOLDER), 'utf8');

/** The option interfaces that each file of ops declares. */
const declared = readdirSync(FOLDER).flatMap((file) =>
  [...readFileSync(new URL(file, FOLDER), 'utf8').matchAll(/^export interface (\w*Options)\b/gm)].map(
    ([, name]) => ({ file, name: name! }),
  ),
);

describe('the option types of ops', () => {
  it('are all public', () => {
    const listed = [...OPTIONS.matchAll(/^export type \{([^}]*)\} from '\.\/(\w+)\.js';/gm)].flatMap(
      ([, names, family]) =>
        names!
          .split(',')
          .map((name) => name.trim())
          .filter(Boolean)
          .map((name) => `${family}.ts: ${name}`),
    );
    expect(listed.sort()).toEqual(declared.map(({ file, name }) => `${file}: ${name}`).sort());
  });

  it('have a name each', () => {
    const names = declared.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('are exported by the package', () => {
    const index = readFileSync(new URL('../src/index.ts', import.meta.url), 'utf8');
    expect(index).toContain("export type * from './ops/options.js';");
  });
});
