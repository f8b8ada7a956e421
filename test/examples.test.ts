import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { environment, typescript } from './support/built.js';

const root = fileURLToPath(new URL('..', import.meta.url));

const command = (example: string, ...args: string[]) =>
  [...typescript, `examples/${example}/main.ts`, ...args] as const;
const options = { cwd: root, encoding: 'utf8', env: environment } as const;

const run = (example: string): string => execFileSync(process.execPath, command(example), options);

describe('examples', () => {
  it('first-program learns the sine', () => {
    const losses = [...run('first-program').matchAll(/loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(5);
    expect(losses.at(-1)).toBeLessThan(1e-3);
  });

  it('embedding gives the loss of an untrained classifier', () => {
    const output = run('embedding');
    expect(output).toContain('loss 2.3026');
    expect(output).toContain('right class: -0.450');
  });

  it.each([
    ['an unknown option', ['--bogus'], "weave: Unknown option '--bogus'"],
    ['no number of runs', ['--runs', '1.5'], "weave: --runs must be a whole number from 1, got '1.5'"],
    ['a folder as file', ['--json', 'examples'], "weave: examples: can't be written (it is a folder)"],
  ])('weaving refuses %s in a line, before it measures', (_, args, message) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, command('weaving', ...args), options);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^[^\n]*\n$/);
    expect(stderr).toContain(message);
  });
});
