import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { setEngineFlags } from '../src/backend/wasm/engine-flags.js';
import type { BackendInfo } from '../src/index.js';

interface Outcome {
  readonly info: BackendInfo;
  readonly sum: number;
  readonly error?: string;
}

function opened(v8: object): Outcome & { readonly stderr: string } {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const args = ['--import', 'tsx', 'test/support/engine-flags.ts', JSON.stringify(v8)];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return { ...(JSON.parse(stdout) as Outcome), stderr };
}

const [major, minor] = process.versions.v8.split('.').map(Number) as [number, number];

describe("V8's experiments", () => {
  it('turn relaxed SIMD on where it is not', () => {
    const { info, sum, stderr } = opened({ relaxedSimd: true });
    expect(stderr).toBe('');
    expect(info.description).toContain('relaxed-simd');
    const flag = 'V8 runs with --experimental-wasm-relaxed-simd';
    expect(info.notes.includes(flag)).toBe(major < 12);
    expect(sum).toBeCloseTo(opened({}).sum, -1);
  });

  it('revectorize, or say that this V8 can not', () => {
    const { info, sum, error, stderr } = opened({ revectorize: true });
    expect(stderr).toBe('');
    if (major < 12 || (major === 12 && minor < 4)) {
      expect(error).toBe(
        `open: V8 ${process.versions.v8} can't revectorize; it can from 12.4 on, in Node 22`,
      );
    } else {
      expect(info.notes).toContain('V8 runs with --experimental-wasm-revectorize');
      expect(sum).toBe(opened({}).sum);
    }
  });

  it('are for Node alone', async () => {
    vi.stubGlobal('process', undefined);
    const setting = setEngineFlags({ revectorize: true });
    vi.unstubAllGlobals();
    await expect(setting).rejects.toThrow('open: `v8` sets flags of Node; this is not Node, leave it out');
  });
});
