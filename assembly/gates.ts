// The arithmetic of recurrent cells on rows of `hidden` elements, four lanes at a time. A row's gates follow each other,
// `hidden` elements each, in PyTorch's order.
import { fma, loadTail, sigmoid4, splat, storeTail, tanh4 } from './simd';

// @ts-ignore: decorator
@inline
function get(from: usize, count: i32): v128 {
  return count == 4 ? v128.load(from) : loadTail(from, count);
}

// @ts-ignore: decorator
@inline
function put(to: usize, lanes: v128, count: i32): void {
  if (count == 4) v128.store(to, lanes);
  else storeTail(to, lanes, count);
}

// Calls, not inlined: five of them for every element of a state would fill the binary, and products prevail.
function logistic(x: v128): v128 {
  return sigmoid4(x);
}

function hyperbolic(x: v128): v128 {
  return tanh4(x);
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

/** h' = tanh pre, or max(pre, 0), over a row. */
export function rnnRow(pre: usize, h: usize, hidden: i32, relu: bool): void {
  for (let j = 0; j < hidden; j += 4) {
    const count = min(4, hidden - j);
    const x = get(pre + (j << 2), count);
    // NaN fails the comparison and passes.
    put(h + (j << 2), relu ? v128.andnot(x, f32x4.le(x, splat(0.0))) : hyperbolic(x), count);
  }
}

/** dpre = dh (1 - h²), or dh where h > 0, over a row. */
export function rnnRowBackward(h: usize, dh: usize, dpre: usize, hidden: i32, relu: bool): void {
  for (let j = 0; j < hidden; j += 4) {
    const count = min(4, hidden - j);
    const y = get(h + (j << 2), count);
    const d = get(dh + (j << 2), count);
    put(dpre + (j << 2), relu ? v128.and(d, f32x4.gt(y, splat(0.0))) : f32x4.mul(d, tanhSlope(y)), count);
  }
}

/** i, f, g, o of a row from what goes into them, c' = f c + i g, h' = o tanh c'; the gates are kept unless `gates` is 0. */
export function lstmRow(pre: usize, c: usize, gates: usize, nextC: usize, h: usize, hidden: i32): void {
  const step = <usize>hidden << 2;
  for (let j = 0; j < hidden; j += 4) {
    const count = min(4, hidden - j);
    const at = <usize>j << 2;
    const i = logistic(get(pre + at, count));
    const f = logistic(get(pre + at + step, count));
    const g = hyperbolic(get(pre + at + 2 * step, count));
    const o = logistic(get(pre + at + 3 * step, count));
    const next = fma(f, get(c + at, count), f32x4.mul(i, g));
    if (gates) {
      put(gates + at, i, count);
      put(gates + at + step, f, count);
      put(gates + at + 2 * step, g, count);
      put(gates + at + 3 * step, o, count);
    }
    put(nextC + at, next, count);
    put(h + at, f32x4.mul(o, hyperbolic(next)), count);
  }
}

/**
 * The gradients of a row's gates before their functions, and of c, from those of h' and c', the gates and c. `raw` gates
 * are given before their functions.
 */
export function lstmRowBackward(gates: usize, raw: bool, c: usize, dh: usize, dc: usize, dgates: usize, dprevious: usize, hidden: i32): void {
  const step = <usize>hidden << 2;
  for (let j = 0; j < hidden; j += 4) {
    const count = min(4, hidden - j);
    const at = <usize>j << 2;
    let i = get(gates + at, count);
    let f = get(gates + at + step, count);
    let g = get(gates + at + 2 * step, count);
    let o = get(gates + at + 3 * step, count);
    if (raw) {
      i = logistic(i);
      f = logistic(f);
      g = hyperbolic(g);
      o = logistic(o);
    }
    const previous = get(c + at, count);
    const outer = get(dh + at, count);
    const t = hyperbolic(fma(f, previous, f32x4.mul(i, g)));
    const d = fma(f32x4.mul(outer, o), tanhSlope(t), get(dc + at, count));
    put(dgates + at, f32x4.mul(f32x4.mul(d, g), slope(i)), count);
    put(dgates + at + step, f32x4.mul(f32x4.mul(d, previous), slope(f)), count);
    put(dgates + at + 2 * step, f32x4.mul(f32x4.mul(d, i), tanhSlope(g)), count);
    put(dgates + at + 3 * step, f32x4.mul(f32x4.mul(outer, t), slope(o)), count);
    put(dprevious + at, f32x4.mul(d, f), count);
  }
}

/** r, z, n of a row from the gates' input parts x and hidden parts m, h' = n + z (h - n); r, z, n, m are kept unless `kept` is 0. */
export function gruRow(x: usize, m: usize, h: usize, kept: usize, y: usize, hidden: i32): void {
  const step = <usize>hidden << 2;
  for (let j = 0; j < hidden; j += 4) {
    const count = min(4, hidden - j);
    const at = <usize>j << 2;
    const r = logistic(f32x4.add(get(x + at, count), get(m + at, count)));
    const z = logistic(f32x4.add(get(x + at + step, count), get(m + at + step, count)));
    const part = get(m + at + 2 * step, count);
    const n = hyperbolic(fma(r, part, get(x + at + 2 * step, count)));
    if (kept) {
      put(kept + at, r, count);
      put(kept + at + step, z, count);
      put(kept + at + 2 * step, n, count);
      put(kept + at + 3 * step, part, count);
    }
    put(y + at, fma(z, f32x4.sub(get(h + at, count), n), n), count);
  }
}

/**
 * The gradients of a row's gates (dx), of their hidden parts (dm, which differ in n) and of h by way of z, from that of
 * h', r, z, n, the new gate's hidden part m, and h.
 */
export function gruRowBackward(kept: usize, h: usize, dy: usize, dx: usize, dm: usize, dh: usize, hidden: i32): void {
  const step = <usize>hidden << 2;
  for (let j = 0; j < hidden; j += 4) {
    const count = min(4, hidden - j);
    const at = <usize>j << 2;
    const r = get(kept + at, count);
    const z = get(kept + at + step, count);
    const n = get(kept + at + 2 * step, count);
    const part = get(kept + at + 3 * step, count);
    const d = get(dy + at, count);
    const dn = f32x4.mul(f32x4.mul(d, f32x4.sub(splat(1.0), z)), tanhSlope(n));
    const dr = f32x4.mul(f32x4.mul(dn, part), slope(r));
    const dz = f32x4.mul(f32x4.mul(d, f32x4.sub(get(h + at, count), n)), slope(z));
    put(dx + at, dr, count);
    put(dx + at + step, dz, count);
    put(dx + at + 2 * step, dn, count);
    put(dm + at, dr, count);
    put(dm + at + step, dz, count);
    put(dm + at + 2 * step, f32x4.mul(dn, r), count);
    put(dh + at, f32x4.mul(d, z), count);
  }
}
