// y = Σ x · scale, max x, min x or argmax x over axes. Units are output elements.
import { ReduceParams } from '../build/params';
import { operand } from './simd';

/** Offset, in elements, of element number `index` of a walk. */
function offsetAt(index: i32, rank: i32, shape: usize, strides: usize): i32 {
  let offset = 0;
  for (let axis = rank - 1; axis >= 0; axis--) {
    const size = load<i32>(shape + (axis << 2));
    const rest = index / size;
    offset += (index - rest * size) * load<i32>(strides + (axis << 2));
    index = rest;
  }
  return offset;
}

/** Reduces `count` elements `move` bytes apart onto `held`, four chains at a time. */
// @ts-ignore: decorator
@inline
function reduceRun<F>(x: usize, count: i32, move: usize, held: f32): f32 {
  if (move != 4) {
    for (let i = 0; i < count; i++) {
      held = changetype<F>(0).lane(held, load<f32>(x));
      x += move;
    }
    return held;
  }
  if (count >= 16) {
    let a = v128.load(x);
    let b = v128.load(x, 16);
    let c = v128.load(x, 32);
    let d = v128.load(x, 48);
    x += 64;
    count -= 16;
    for (; count >= 16; count -= 16) {
      a = changetype<F>(0).lanes(a, v128.load(x));
      b = changetype<F>(0).lanes(b, v128.load(x, 16));
      c = changetype<F>(0).lanes(c, v128.load(x, 32));
      d = changetype<F>(0).lanes(d, v128.load(x, 48));
      x += 64;
    }
    a = changetype<F>(0).lanes(changetype<F>(0).lanes(a, b), changetype<F>(0).lanes(c, d));
    held = changetype<F>(0).lane(held, f32x4.extract_lane(a, 0));
    held = changetype<F>(0).lane(held, f32x4.extract_lane(a, 1));
    held = changetype<F>(0).lane(held, f32x4.extract_lane(a, 2));
    held = changetype<F>(0).lane(held, f32x4.extract_lane(a, 3));
  }
  for (; count > 0; count--) {
    held = changetype<F>(0).lane(held, load<f32>(x));
    x += 4;
  }
  return held;
}

// @ts-ignore: decorator
@inline
function reduce<F>(operands: usize, params: usize, begin: i32, end: i32, start: f32): void {
  const p = changetype<ReduceParams>(params);
  const x = operand(operands, 0);
  const y = operand(operands, 1);
  const outerShape = params + offsetof<ReduceParams>('outerShape0');
  const outerStrides = params + offsetof<ReduceParams>('outerStrides0');
  const innerShape = params + offsetof<ReduceParams>('innerShape0');
  const innerStrides = params + offsetof<ReduceParams>('innerStrides0');
  const axis = <i32>p.innerRank - 1;
  const run = load<i32>(innerShape + (axis << 2));
  const move = <usize>load<i32>(innerStrides + (axis << 2)) << 2;
  const runs = run == 0 ? 0 : <i32>p.inner / run;
  for (let unit = begin; unit < end; unit++) {
    const base = x + (offsetAt(unit, <i32>p.outerRank, outerShape, outerStrides) << 2);
    let held = start;
    for (let r = 0; r < runs; r++) {
      held = reduceRun<F>(base + (offsetAt(r, axis, innerShape, innerStrides) << 2), run, move, held);
    }
    store<f32>(y + (unit << 2), held * p.scale);
  }
}

// @ts-ignore: decorator
@final @unmanaged class Sum {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return f32x4.add(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 { return a + b; }
}
export function sum_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Sum>(o, p, begin, end, 0.0); }

// @ts-ignore: decorator
@final @unmanaged class Max {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return f32x4.max(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 { return max(a, b); }
}
export function max_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Max>(o, p, begin, end, -<f32>Infinity); }

// @ts-ignore: decorator
@final @unmanaged class Min {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128): v128 { return f32x4.min(a, b); }
  // @ts-ignore: decorator
  @inline lane(a: f32, b: f32): f32 { return min(a, b); }
}
export function min_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { reduce<Min>(o, p, begin, end, <f32>Infinity); }

/** The first index, in row-major order of the reduced axes, of the largest element; i32. */
export function argmax_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<ReduceParams>(params);
  const x = operand(o, 0);
  const y = operand(o, 1);
  const innerShape = params + offsetof<ReduceParams>('innerShape0');
  const innerStrides = params + offsetof<ReduceParams>('innerStrides0');
  for (let unit = begin; unit < end; unit++) {
    const outer = offsetAt(unit, <i32>p.outerRank, params + offsetof<ReduceParams>('outerShape0'), params + offsetof<ReduceParams>('outerStrides0'));
    const base = x + (outer << 2);
    let best = load<f32>(base);
    let index = 0;
    for (let i = 1; i < <i32>p.inner; i++) {
      const value = load<f32>(base + (offsetAt(i, <i32>p.innerRank, innerShape, innerStrides) << 2));
      if (value > best) {
        best = value;
        index = i;
      }
    }
    store<i32>(y + (unit << 2), index);
  }
}
