import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import binaryen from 'binaryen';
import { afterAll, describe, expect, it } from 'vitest';
import { findSpills, isChosen } from '../scripts/spills.mjs';

const folder = mkdtempSync(join(tmpdir(), 'weft-spills-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A kernel that adds products to so many sums. */
function kernel(name: string, accumulators: number): string {
  const sums = Array.from({ length: accumulators }, (_, i) => `$sum${i}`);
  const product = (i: number) =>
    `(f32x4.mul (v128.load32_splat offset=${4 * i} (local.get $a)) (v128.load (local.get $a)))`;
  return `(func (export "${name}") (param $a i32) (param $end i32)
    ${sums.map((sum) => `(local ${sum} v128)`).join(' ')}
    (loop $next
      ${sums.map((sum, i) => `(local.set ${sum} (f32x4.add (local.get ${sum}) ${product(i)}))`).join('\n')}
      (local.set $a (i32.add (local.get $a) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $a) (local.get $end))))
    ${sums.map((sum, i) => `(v128.store offset=${16 * i} (local.get $end) (local.get ${sum}))`).join('\n')})`;
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
