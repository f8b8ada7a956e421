import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

interface Memory {
  readonly buffers: number;
  readonly bytes: number;
}

interface Outcome {
  readonly empty: Memory;
  readonly before: Memory;
  readonly after: Memory;
  /** Bytes by which the heap grew in each block of 1,000 steps. */
  readonly growth: readonly number[];
  readonly forgotten: Memory;
  readonly collected: Memory;
  readonly disposed: Memory;
}

describe('1,000 compiled training steps', () => {
  let outcome: Outcome;
  beforeAll(() => {
    const root = fileURLToPath(new URL('..', import.meta.url));
    const args = ['--expose-gc', '--import', 'tsx', 'test/support/steady.ts'];
    outcome = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as Outcome;
  }, 120_000);

  it('allocate nothing on the device', () => {
    expect(outcome.after).toEqual(outcome.before);
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

  it('are not needed for memory to come back: forgotten tensors are freed too', () => {
    // 50 tensors of 256 KiB and their results were made; at most a few are still waiting to be collected.
    expect(outcome.collected.bytes - outcome.forgotten.bytes).toBeLessThan(8 * 2 ** 18);
  });
});
