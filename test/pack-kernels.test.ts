import { gzipSync } from 'node:zlib';
import binaryen from 'binaryen';
import { describe, expect, it } from 'vitest';
import { packKernels } from '../scripts/pack-kernels.mjs';

/** The binary of a module in text form. */
function assemble(text: string): Uint8Array {
  const module = binaryen.parseText(text);
  try {
    module.setFeatures(binaryen.Features.All);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** Sums of squares up to n by i32, f32 and f64, times a scale by vectors; `spare` further i32 locals take part. */
function kernel(name: string, spare: number): string {
  const spares = Array.from({ length: spare }, (_, i) => `$spare${i}`);
  return `(func $${name} (export "${name}") (param $n i32) (param $scale f32) (result f32)
    ${spares.map((local) => `(local ${local} i32)`).join(' ')}
    (local $i i32) (local $whole i32) (local $single f32) (local $lanes v128) (local $double f64)
    ${spares.map((local, i) => `(local.set ${local} (i32.add (local.get $n) (i32.const ${i})))`).join('\n')}
    (loop $next
      (local.set $whole (i32.add (local.get $whole) (i32.mul (local.get $i) (local.get $i))))
      (local.set $single (f32.convert_i32_s (local.get $whole)))
      (local.set $double (f64.add (local.get $double) (f64.convert_i32_s (local.get $i))))
      (local.set $lanes (f32x4.mul (f32x4.splat (local.get $single)) (f32x4.splat (local.get $scale))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.le_s (local.get $i) (local.get $n))))
    ${spares.map((local) => `(local.set $whole (i32.xor (local.get $whole) (local.get ${local})))`).join('\n')}
    (f32.add (f32x4.extract_lane 2 (local.get $lanes))
      (f32.add (f32.demote_f64 (local.get $double)) (f32.convert_i32_s (local.get $whole)))))`;
}

/** Kernels with few and with many locals, one that calls another, and one that is called through the table. */
const binary = assemble(`(module
  (type $kernel (func (param i32 f32) (result f32)))
  (table (export "table") 2 funcref)
  (elem (i32.const 0) $some $many)
  ${kernel('few', 0)} ${kernel('some', 3)} ${kernel('many', 60)} ${kernel('most', 140)}
  (func (export "both") (param $n i32) (result f32)
    (f32.sub (call $many (local.get $n) (f32.const 0.5)) (call $some (local.get $n) (f32.const 2))))
  (func (export "chosen") (param $index i32) (param $n i32) (result f32)
    (call_indirect (type $kernel) (local.get $n) (f32.const 3) (local.get $index))))`);

/** What every kernel of a binary gives for some operands. */
function results(code: Uint8Array): Record<string, number[]> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code as BufferSource));
  const call = (name: string, ...operands: number[]) => (exports[name] as CallableFunction)(...operands);
  const kernels = ['few', 'some', 'many', 'most'].map((name) => [
    name,
    [1, 7, 40].map((n) => call(name, n, 1.25)),
  ]);
  return {
    ...Object.fromEntries(kernels),
    both: [call('both', 5)],
    chosen: [call('chosen', 0, 9), call('chosen', 1, 9)],
  };
}

describe('packed kernels', () => {
  const packed = packKernels(binary);

  it('compute what they did, whoever calls them', () => {
    expect(results(packed)).toEqual(results(binary));
    const names = (code: Uint8Array) =>
      WebAssembly.Module.exports(new WebAssembly.Module(code as BufferSource)).map(({ name }) => name);
    expect(names(packed)).toEqual(names(binary));
  });

  it('compress better', () => {
    expect(gzipSync(packed).length).toBeLessThan(gzipSync(binary).length);
  });
});
