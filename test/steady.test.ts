import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

interface Memory {
  readonly buffers: number;
  readonly bytes: number;
}

interface Held extends Memory {
  readonly wasmBytes: number;
}

interface Outcome {
  readonly empty: Memory;
  readonly before: Held;
  readonly after: Held;
  /** Bytes by which the heap grew in each block of 1,000 steps. */
  readonly growth: readonly number[];
  readonly scoped: { readonly before: Held; readonly after: Held };
  readonly left: { readonly before: Memory; readonly forgotten: Memory; readonly collected: Memory };
  readonly disposed: Memory;
}

let outcome: Outcome;
beforeAll(() => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const args = ['--expose-gc', '--import', 'tsx', 'test/support/steady.ts'];
  outcome = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as Outcome;
}, 120_000);

describe('1,000 compiled training steps', () => {
  it('allocate nothing on the device', () => {
    expect(outcome.after).toEqual(outcome.before);
    expect(outcome.before.wasmBytes).toBeGreaterThan(0);
  });

  it('leave nothing on the JavaScript heap', () => {
    // What a step left behind would show in every block: the smallest object has 16 bytes. The engine itself still
    // compiles and learns in some blocks, not in all.
    expect(Math.min(...outcome.growth)).toBeLessThan(16 * 1000);
  });

  it('give everything back at the end', () => {
    expect(outcome.empty).toEqual({ buffers: 0, bytes: 0 });
    expect(outcome.disposed).toEqual({ buffers: 0, bytes: 0 });
  });
});

describe('training steps that are recorded one by one', () => {
  it('leave nothing behind in a scope', () => {
    expect(outcome.scoped.after).toEqual(outcome.scoped.before);
  });

  it('leave to the garbage collector what no scope holds', () => {
    const { before, forgotten, collected } = outcome.left;
    // Images, labels, hyper-parameters, a seed and a loss a step.
    expect(forgotten.buffers).toBeGreaterThan(before.buffers);
    expect(collected).toEqual(before);
  });
});
