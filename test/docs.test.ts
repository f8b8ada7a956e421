import { describe, expect, it } from 'vitest';
import { type Entry, entryOf, type Measured, mismatches, textOf } from '../scripts/docs-measure.mjs';
import { pageOf } from '../scripts/docs-page.mjs';
import { openWasm } from '../src/backend/wasm/index.js';
import { type Op, registry } from '../src/index.js';
import { groups } from '../src/ops/index.js';
import { type VerifyResult, verifyOps } from '../src/verify/index.js';

const exp = registry.get('exp')!;
const conv2d = registry.get('conv2d')!;

const entry: Entry = {
  gradient: 1e-11,
  secondOrder: 2e-11,
  wasm: { exp_f32: [1.2, 3] },
  webgpu: { exp_f32: [3.1, 6] },
};
const measured = (ops: Measured['ops']): Measured => ({ date: '2026-01-31', devices: { wasm: 'simd' }, ops });

const rowOf = (op: Op, own: Entry): string[] => {
  const page = pageOf({
    groups: new Map([['Some', [op]]]),
    measured: measured({ [op.name]: own }),
    update: 'x',
  });
  const line = page.split('\n').find((text) => text.startsWith(`| \`${op.name}(`))!;
  return line.split(' | ').map((cell) => cell.replaceAll('|', '').trim());
};

describe('the page of ops', () => {
  it('puts every op into one group', () => {
    const names = [...groups.values()].flat().map(({ name }) => name);
    expect(names.sort()).toEqual([...registry.keys()].sort());
  });

  it('says of an op what it takes, what is verified and how well', () => {
    expect(rowOf(exp, entry)).toEqual([
      '`exp(x)`',
      'y = e^x',
      '–',
      'f32',
      '`x`',
      'yes',
      '1e-11, 2e-11',
      '`exp_f32`: 1.2 of 3',
      '`exp_f32`: 3.1 of 6',
    ]);
    const kernels = (kind: 'wasm' | 'webgpu') =>
      Object.fromEntries(conv2d.variants(kind).map((name): [string, [number, number]] => [name, [0, 0]]));
    const cells = rowOf(conv2d, { ...entry, wasm: kernels('wasm'), webgpu: kernels('webgpu') });
    expect(cells[0]).toBe('`conv2d(x, weight, bias?)`');
    expect(cells[2]).toContain('`groups = 1`');
    expect(cells[8]).toMatch(/: exact$/);
  });

  it('keeps the result nearest to its bound, in units of roundoff', async () => {
    const backend = await openWasm({ binary: 'simd', tile: '6x8' });
    try {
      const results = await verifyOps({ backends: [backend], ops: [exp] });
      for (const { ulps } of results) expect(ulps).toBe(3);
      const webgpu = results.map(
        (result): VerifyResult => ({ ...result, backend: 'webgpu', error: 0.5, ulps: 6 }),
      );
      const { wasm, webgpu: other } = entryOf(exp, [...results, ...webgpu]);
      expect(wasm.exp_f32![0]).toBeGreaterThan(0);
      expect(wasm.exp_f32![0]).toBeLessThanOrEqual(wasm.exp_f32![1]);
      expect(other.exp_f32).toEqual([3, 6]);
    } finally {
      backend.dispose();
    }
  });

  it('is out of date where ops, variants or derivatives were not measured, or are no more', () => {
    expect(mismatches([exp], measured({ exp: entry }))).toEqual([]);
    const { gradient: _, ...without } = entry;
    expect(mismatches([exp, conv2d], measured({ exp: without, gone: entry }))).toEqual([
      "'gone' was measured, but is no op",
      "'exp': gradient was not measured",
      "'conv2d' was not measured",
    ]);
    expect(mismatches([exp], measured({ exp: { ...entry, wasm: { exp_f64: [0, 1] } } }))).toEqual([
      "'exp': exp_f32 was not measured on wasm",
      "'exp': exp_f64 was measured on wasm, but is no variant",
    ]);
  });

  it('has its measurements in order, a line for each op', () => {
    const text = textOf(measured({ sub: entry, add: entry }));
    expect(JSON.parse(text)).toEqual(measured({ add: entry, sub: entry }));
    expect(text.split('\n').filter((line) => line.includes('exp_f32'))).toHaveLength(2);
    expect(text.indexOf('"add"')).toBeLessThan(text.indexOf('"sub"'));
  });
});
