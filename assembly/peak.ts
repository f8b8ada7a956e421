// What this machine can do at most: measured by the bench, not used by any op.

import { PeakParams } from '../build/params';
import { fma, operand } from './simd';

/**
 * Register-only arithmetic: 12 independent chains of multiply-adds over operands read from memory. One unit is
 * `count` rounds of 12 vectors, 96 floating-point operations a round. Operand: 64 floats that are read and written.
 */
export function peak_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  const at = operand(o, 0);
  const x = v128.load(at);
  const y = v128.load(at, 16);
  let a = v128.load(at, 32), b = v128.load(at, 48), c = v128.load(at, 64), d = v128.load(at, 80);
  let e = v128.load(at, 96), f = v128.load(at, 112), g = v128.load(at, 128), h = v128.load(at, 144);
  let i = v128.load(at, 160), j = v128.load(at, 176), k = v128.load(at, 192), l = v128.load(at, 208);
  const rounds = (end - begin) * <i32>changetype<PeakParams>(p).count;
  for (let round = 0; round < rounds; round++) {
    a = fma(a, x, y);
    b = fma(b, x, y);
    c = fma(c, x, y);
    d = fma(d, x, y);
    e = fma(e, x, y);
    f = fma(f, x, y);
    g = fma(g, x, y);
    h = fma(h, x, y);
    i = fma(i, x, y);
    j = fma(j, x, y);
    k = fma(k, x, y);
    l = fma(l, x, y);
  }
  v128.store(at, a, 32);
  v128.store(at, b, 48);
  v128.store(at, c, 64);
  v128.store(at, d, 80);
  v128.store(at, e, 96);
  v128.store(at, f, 112);
  v128.store(at, g, 128);
  v128.store(at, h, 144);
  v128.store(at, i, 160);
  v128.store(at, j, 176);
  v128.store(at, k, 192);
  v128.store(at, l, 208);
}

/** Copies 4096-element blocks from operand 0 to operand 1. */
export function copy_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  const from = operand(o, 0);
  const to = operand(o, 1);
  for (let at = begin << 14; at < end << 14; at += 16) v128.store(to + at, v128.load(from + at));
}
