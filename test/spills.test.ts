import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import binaryen from 'binaryen';
import { afterAll, describe, expect, it } from 'vitest';
import { findSpills, isChosen } from '../scripts/spills.mjs';

const folder = mkdtempSync(join(tmpdir(), 'weft-spills-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A kernel that adds products to so many sums, and keeps so many vectors from before the loop until after it. */
function kernel(name: string, accumulators: number, kept = 0): string {
  const sums = Array.from({ length: accumulators }, (_, i) => `$sum${i}`);
  const held = Array.from({ length: kept }, (_, i) => `$held${i}`);
  const step = (sum: string, i: number) => `
    ${i % 2 === 0 ? `(local.set $row (v128.load32_splat offset=${4 * i} (local.get $a)))` : ''}
    (local.set ${sum} (f32x4.add (local.get ${sum}) (f32x4.mul (local.get $row) (local.get $column${i % 2}))))`;
  return `(func (export "${name}") (param $a i32) (param $end i32)
    ${['$row', '$column0', '$column1', ...sums, ...held].map((local) => `(local ${local} v128)`).join(' ')}
    ${held.map((local, i) => `(local.set ${local} (v128.load offset=${16 * i + 1024} (local.get $a)))`).join('\n')}
    (loop $next
      (local.set $column0 (v128.load (local.get $a)))
      (local.set $column1 (v128.load offset=16 (local.get $a)))
      ${sums.map(step).join('')}
      (local.set $a (i32.add (local.get $a) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $a) (local.get $end))))
    ${sums.map((sum, i) => `(v128.store offset=${16 * i} (local.get $end) (local.get ${sum}))`).join('\n')}
    ${held.map((local, i) => `(v128.store offset=${16 * i + 1024} (local.get $end) (local.get ${local}))`).join('\n')})`;
}

function write(name: string, functions: readonly string[]): string {
  const module = binaryen.parseText(`(module (memory 1) ${functions.join('\n')})`);
  module.setFeatures(binaryen.Features.All);
  const file = join(folder, name);
  writeFileSync(file, module.emitBinary());
  module.dispose();
  return file;
}

describe('the list of spills', () => {
  it('notices sums that do not fit in the registers, and only those', () => {
    const loops = findSpills(write('made-up.wasm', [kernel('fits', 4), kernel('too_large', 20)]));
    if (!loops) return; // Only x64's machine code is read, and a Node may have no disassembler.
    expect(loops.map(({ kernels, accumulators }) => [kernels, accumulators])).toEqual([
      [['fits'], 4],
      [['too_large'], 20],
    ]);
    expect(loops[0]!.spills).toBe(0);
    expect(loops[1]!.spills).toBeGreaterThan(0);
  });

  it('leaves out what is put aside before a loop and fetched behind it', () => {
    const loops = findSpills(write('aside.wasm', [kernel('aside', 4, 20)]));
    if (loops) expect(loops.map(({ spills }) => spills)).toEqual([0]);
  });

  it('fails where a tile spills that may be chosen, and not for one that fits', () => {
    const run = (name: string, accumulators: number) => {
      const file = write(`${name}.wasm`, [kernel(`${name}__4x8`, accumulators)]);
      return spawnSync(process.execPath, ['scripts/spills.mjs', file], { encoding: 'utf8' });
    };
    const fits = run('fits', 8);
    expect(fits.stderr).toBe('');
    expect(fits.status).toBe(0);
    if (fits.stdout.includes('not judged')) return;
    const spilling = run('spilling', 16);
    expect(spilling.stdout).toMatch(/16 +\d+ {2}spilling__4x8 {2}SPILLS/);
    expect(spilling.status).toBe(1);
  });

  it('counts the large tiles only where the self-test may choose them', () => {
    for (const v8 of [11, 12, 13, 14]) {
      for (const revectorized of [false, true]) {
        const engine = { v8, revectorized };
        expect(isChosen(8, false, engine)).toBe(true);
        expect(isChosen(12, false, engine)).toBe(false);
        expect(isChosen(12, true, engine)).toBe(v8 >= 13);
        expect(isChosen(16, false, engine)).toBe(true);
        expect(isChosen(24, false, engine)).toBe(false);
        expect(isChosen(24, true, engine)).toBe(v8 >= 13 && revectorized);
      }
    }
  });
});
