import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs an example as a person would, without the build step that came before the tests. */
const run = (example: string, ...args: string[]): string =>
  execFileSync(process.execPath, ['--import', 'tsx', `examples/${example}/main.ts`, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TSX_TSCONFIG_PATH: 'tsconfig.json' },
  });

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
});
