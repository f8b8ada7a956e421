// The arithmetic of recurrent cells on `columns` elements of a row, four lanes at a time. A row's gates are in PyTorch's
// order, `apart` bytes from each other. Exponentials are taken row by row, in loops of little else: between the loads and
// stores of a whole cell they take twice the time.
import { tanhAbreast } from '../build/abreast';
import { tanh } from './curves';
import { sigmoidFour } from './four';
import { sigmoid4 } from './functions';
import { fma, loadUpTo, splat, storeUpTo } from './simd';

/** y = 1 / (1 + e^-y). */
function sigmoidRow(y: usize, columns: i32): void {
  for (; columns >= 16; columns -= 16) {
    sigmoidFour(y, y);
    y += 64;
  }
  for (; columns > 0; columns -= 4) {
    storeUpTo(y, sigmoid4(loadUpTo(y, columns)), columns);
    y += 16;
  }
}

/** y = tanh y. */
export function tanhRow(y: usize, columns: i32): void {
  for (; columns >= 16; columns -= 16) {
    tanhAbreast(y, y);
    y += 64;
  }
  for (; columns > 0; columns -= 4) {
    storeUpTo(y, tanh(loadUpTo(y, columns)), columns);
    y += 16;
  }
}

// @ts-ignore: decorator
@inline
export function copyRow(y: usize, x: usize, columns: i32): void {
  memory.copy(y, x, columns << 2);
}

/** y = a + b. */
export function addRows(y: usize, a: usize, b: usize, columns: i32): void {
  for (; columns > 0; columns -= 4) {
    storeUpTo(y, f32x4.add(loadUpTo(a, columns), loadUpTo(b, columns)), columns);
    y += 16;
    a += 16;
    b += 16;
  }
}

/** y = a b. */
export function multiplyRows(y: usize, a: usize, b: usize, columns: i32): void {
  for (; columns > 0; columns -= 4) {
    storeUpTo(y, f32x4.mul(loadUpTo(a, columns), loadUpTo(b, columns)), columns);
    y += 16;
    a += 16;
    b += 16;
  }
}

/** 1 - t² without cancellation near 1. */
// @ts-ignore: decorator
@inline
function tanhSlope(t: v128): v128 {
  return f32x4.mul(f32x4.sub(splat(1.0), t), f32x4.add(splat(1.0), t));
}

/** s (1 - s). */
// @ts-ignore: decorator
@inline
function slope(s: v128): v128 {
  return f32x4.mul(s, f32x4.sub(splat(1.0), s));
}

/** y = max(y, 0). NaN fails the comparison and passes. */
export function reluRow(y: usize, columns: i32): void {
  for (; columns > 0; columns -= 4) {
    const x = loadUpTo(y, columns);
    storeUpTo(y, v128.andnot(x, f32x4.le(x, splat(0.0))), columns);
    y += 16;
  }
}

/** dpre = dh (1 - h²), or dh where h > 0. */
export function rnnRowBackward(h: usize, dh: usize, dpre: usize, columns: i32, relu: bool): void {
  for (let j = 0; j < columns; j += 4) {
    const count = columns - j;
    const at = <usize>j << 2;
    const y = loadUpTo(h + at, count);
    const d = loadUpTo(dh + at, count);
    storeUpTo(dpre + at, relu ? v128.and(d, f32x4.gt(y, splat(0.0))) : f32x4.mul(d, tanhSlope(y)), count);
  }
}

/** The gates i, f, g, o from what goes into them. */
export function lstmGates(gates: usize, apart: usize, columns: i32): void {
  sigmoidRow(gates, columns);
  sigmoidRow(gates + apart, columns);
  tanhRow(gates + 2 * apart, columns);
  sigmoidRow(gates + 3 * apart, columns);
}

/** c' = f c + i g, from the gates i, f, g, o. */
export function lstmRow(gates: usize, apart: usize, c: usize, next: usize, columns: i32): void {
  for (; columns > 0; columns -= 4) {
    const i = loadUpTo(gates, columns);
    const f = loadUpTo(gates + apart, columns);
    const g = loadUpTo(gates + 2 * apart, columns);
    storeUpTo(next, fma(f, loadUpTo(c, columns), f32x4.mul(i, g)), columns);
    gates += 16;
    c += 16;
    next += 16;
  }
}

/** The gradients of the gates i, f, g, o before their functions, and of c, from those of h' and c', t = tanh c', and c. */
export function lstmRowBackward(gates: usize, apart: usize, t: usize, c: usize, dh: usize, dc: usize, dgates: usize, step: usize, dprevious: usize, columns: i32): void {
  for (let j = 0; j < columns; j += 4) {
    const count = columns - j;
    const at = <usize>j << 2;
    const i = loadUpTo(gates + at, count);
    const f = loadUpTo(gates + at + apart, count);
    const g = loadUpTo(gates + at + 2 * apart, count);
    const o = loadUpTo(gates + at + 3 * apart, count);
    const state = loadUpTo(t + at, count);
    const outer = loadUpTo(dh + at, count);
    const d = fma(f32x4.mul(outer, o), tanhSlope(state), loadUpTo(dc + at, count));
    storeUpTo(dgates + at, f32x4.mul(f32x4.mul(d, g), slope(i)), count);
    storeUpTo(dgates + at + step, f32x4.mul(f32x4.mul(d, loadUpTo(c + at, count)), slope(f)), count);
    storeUpTo(dgates + at + 2 * step, f32x4.mul(f32x4.mul(d, i), tanhSlope(g)), count);
    storeUpTo(dgates + at + 3 * step, f32x4.mul(f32x4.mul(outer, state), slope(o)), count);
    storeUpTo(dprevious + at, f32x4.mul(d, f), count);
  }
}

/** The gates r, z, n and the hidden part of n from the gates' input parts x and hidden parts m, `step` and `next` bytes apart. */
export function gruGates(x: usize, step: usize, m: usize, next: usize, gates: usize, apart: usize, columns: i32): void {
  for (let k = 0; k < 2; k++) {
    addRows(gates + k * apart, x + k * step, m + k * next, columns);
    sigmoidRow(gates + k * apart, columns);
  }
  const part = gates + 3 * apart;
  copyRow(part, m + 2 * next, columns);
  multiplyRows(gates + 2 * apart, gates, part, columns);
  addRows(gates + 2 * apart, gates + 2 * apart, x + 2 * step, columns);
  tanhRow(gates + 2 * apart, columns);
}

/** h' = n + z (h - n). */
export function gruState(z: usize, n: usize, h: usize, next: usize, columns: i32): void {
  for (; columns > 0; columns -= 4) {
    const value = loadUpTo(n, columns);
    storeUpTo(next, fma(loadUpTo(z, columns), f32x4.sub(loadUpTo(h, columns), value), value), columns);
    z += 16;
    n += 16;
    h += 16;
    next += 16;
  }
}

/**
 * The gradients of the gates (dx), of their hidden parts (dm, which differ in n) and of h by way of z, from that of h', r, z,
 * n, the new gate's hidden part m, and h.
 */
export function gruRowBackward(kept: usize, apart: usize, h: usize, dy: usize, dx: usize, dm: usize, step: usize, dh: usize, columns: i32): void {
  for (let j = 0; j < columns; j += 4) {
    const count = columns - j;
    const at = <usize>j << 2;
    const r = loadUpTo(kept + at, count);
    const z = loadUpTo(kept + at + apart, count);
    const n = loadUpTo(kept + at + 2 * apart, count);
    const part = loadUpTo(kept + at + 3 * apart, count);
    const d = loadUpTo(dy + at, count);
    const dn = f32x4.mul(f32x4.mul(d, f32x4.sub(splat(1.0), z)), tanhSlope(n));
    const dr = f32x4.mul(f32x4.mul(dn, part), slope(r));
    const dz = f32x4.mul(f32x4.mul(d, f32x4.sub(loadUpTo(h + at, count), n)), slope(z));
    storeUpTo(dx + at, dr, count);
    storeUpTo(dx + at + step, dz, count);
    storeUpTo(dx + at + 2 * step, dn, count);
    storeUpTo(dm + at, dr, count);
    storeUpTo(dm + at + step, dz, count);
    storeUpTo(dm + at + 2 * step, f32x4.mul(dn, r), count);
    storeUpTo(dh + at, f32x4.mul(d, z), count);
  }
}
