// One optimiser step over many parameters, in place; src/ops/update_rules.ts has the formulas. Operands: hyper, state, then
// each parameter and its gradient. Units are blocks of 1024 elements of one parameter, numbered through all of them.
import { UpdateParams } from '../build/params';
import { BLOCK, loadUpTo, operand, storeUpTo } from './simd';

/** Hyper-parameter number `i` in four lanes. */
// @ts-ignore: decorator
@inline
function hyper(o: usize, i: i32): v128 {
  return v128.load32_splat(operand(o, 0) + (i << 2));
}

/** g + decay · p. */
// @ts-ignore: decorator
@inline
function decayed(g: v128, decay: v128, p: v128): v128 {
  return f32x4.add(g, f32x4.mul(decay, p));
}

/** keep · state + added, which becomes the state. */
// @ts-ignore: decorator
@inline
function moved(state: usize, keep: v128, added: v128, rest: i32): v128 {
  const next = f32x4.add(f32x4.mul(keep, loadUpTo(state, rest)), added);
  storeUpTo(state, next, rest);
  return next;
}

/** w · g². */
// @ts-ignore: decorator
@inline
function squared(w: v128, g: v128): v128 {
  return f32x4.mul(f32x4.mul(w, g), g);
}

/** √v · root + eps. */
// @ts-ignore: decorator
@inline
function spread(v: v128, root: v128, eps: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sqrt(v), root), eps);
}

/** Calls F.step on the elements of each parameter that the units cover. `row` is the bytes of a row of the state. */
// @ts-ignore: decorator
@inline
function update<F>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<UpdateParams>(params);
  const sizes = params + offsetof<UpdateParams>('sizes0');
  const offsets = params + offsetof<UpdateParams>('offsets0');
  const row = <usize>p.stride << 2;
  let unit = 0;
  for (let t = 0; t < <i32>p.count; t++) {
    const size = load<i32>(sizes + (t << 2));
    const start = max(begin - unit, 0) * BLOCK;
    const stop = min((end - unit) * BLOCK, size);
    unit += (size + BLOCK - 1) / BLOCK;
    if (start >= stop) continue;
    const state = operand(o, 1) + (<usize>load<u32>(offsets + (t << 2)) << 2);
    changetype<F>(0).step(o, p.states, operand(o, 2 + 2 * t), operand(o, 3 + 2 * t), state, row, start << 2, stop << 2);
  }
}

// @ts-ignore: decorator
@final @unmanaged class Sgd {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, at: i32, stop: i32): void {
    const lr = hyper(o, 0);
    const decay = hyper(o, 1);
    const momentum = hyper(o, 2);
    const damped = hyper(o, 3);
    const nesterov = load<f32>(operand(o, 0), 16) != 0.0;
    for (; at < stop; at += 16) {
      const rest = (stop - at) >> 2;
      const p = loadUpTo(param + at, rest);
      const g = decayed(loadUpTo(grad + at, rest), decay, p);
      let direction = g;
      if (states) {
        const v = moved(state + at, momentum, f32x4.mul(damped, g), rest);
        direction = nesterov ? f32x4.add(g, f32x4.mul(momentum, v)) : v;
      }
      storeUpTo(param + at, f32x4.sub(p, f32x4.mul(lr, direction)), rest);
    }
  }
}
export function sgd_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Sgd>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Adam {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, at: i32, stop: i32): void {
    const size = hyper(o, 0);
    const beta1 = hyper(o, 1);
    const rest1 = hyper(o, 2);
    const beta2 = hyper(o, 3);
    const rest2 = hyper(o, 4);
    const root = hyper(o, 5);
    const eps = hyper(o, 6);
    const decay = hyper(o, 7);
    const shrink = hyper(o, 8);
    for (; at < stop; at += 16) {
      const rest = (stop - at) >> 2;
      const p = loadUpTo(param + at, rest);
      const g = decayed(loadUpTo(grad + at, rest), decay, p);
      const m = moved(state + at, beta1, f32x4.mul(rest1, g), rest);
      const v = moved(state + row + at, beta2, squared(rest2, g), rest);
      const change = f32x4.div(f32x4.mul(size, m), spread(v, root, eps));
      storeUpTo(param + at, f32x4.sub(f32x4.mul(shrink, p), change), rest);
    }
  }
}
export function adam_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Adam>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class RmsProp {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, at: i32, stop: i32): void {
    const lr = hyper(o, 0);
    const alpha = hyper(o, 1);
    const restAlpha = hyper(o, 2);
    const eps = hyper(o, 3);
    const decay = hyper(o, 4);
    const momentum = hyper(o, 5);
    const centered = load<f32>(operand(o, 0), 24) != 0.0 && states > 1;
    const kept: u32 = centered ? 2 : 1;
    for (; at < stop; at += 16) {
      const rest = (stop - at) >> 2;
      const p = loadUpTo(param + at, rest);
      const g = decayed(loadUpTo(grad + at, rest), decay, p);
      let square = moved(state + at, alpha, squared(restAlpha, g), rest);
      if (centered) {
        const mean = moved(state + row + at, alpha, f32x4.mul(restAlpha, g), rest);
        // A variance: rounding must not leave it below 0.
        square = f32x4.max(f32x4.sub(square, f32x4.mul(mean, mean)), f32x4.splat(0.0));
      }
      let change = f32x4.div(g, f32x4.add(f32x4.sqrt(square), eps));
      if (states > kept) change = moved(state + kept * row + at, momentum, change, rest);
      storeUpTo(param + at, f32x4.sub(p, f32x4.mul(lr, change)), rest);
    }
  }
}
export function rmsprop_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<RmsProp>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Adagrad {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, at: i32, stop: i32): void {
    const lr = hyper(o, 0);
    const eps = hyper(o, 1);
    const decay = hyper(o, 2);
    for (; at < stop; at += 16) {
      const rest = (stop - at) >> 2;
      const p = loadUpTo(param + at, rest);
      const g = decayed(loadUpTo(grad + at, rest), decay, p);
      const sum = f32x4.add(loadUpTo(state + at, rest), f32x4.mul(g, g));
      storeUpTo(state + at, sum, rest);
      storeUpTo(param + at, f32x4.sub(p, f32x4.div(f32x4.mul(lr, g), f32x4.add(f32x4.sqrt(sum), eps))), rest);
    }
  }
}
export function adagrad_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Adagrad>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Adamax {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, at: i32, stop: i32): void {
    const size = hyper(o, 0);
    const beta1 = hyper(o, 1);
    const rest1 = hyper(o, 2);
    const beta2 = hyper(o, 3);
    const eps = hyper(o, 4);
    const decay = hyper(o, 5);
    for (; at < stop; at += 16) {
      const rest = (stop - at) >> 2;
      const p = loadUpTo(param + at, rest);
      const g = decayed(loadUpTo(grad + at, rest), decay, p);
      const m = moved(state + at, beta1, f32x4.mul(rest1, g), rest);
      const most = f32x4.max(f32x4.mul(beta2, loadUpTo(state + row + at, rest)), f32x4.add(f32x4.abs(g), eps));
      storeUpTo(state + row + at, most, rest);
      storeUpTo(param + at, f32x4.sub(p, f32x4.div(f32x4.mul(size, m), most)), rest);
    }
  }
}
export function adamax_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Adamax>(o, p, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Nadam {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, at: i32, stop: i32): void {
    const gradientStep = hyper(o, 0);
    const meanStep = hyper(o, 1);
    const beta1 = hyper(o, 2);
    const rest1 = hyper(o, 3);
    const beta2 = hyper(o, 4);
    const rest2 = hyper(o, 5);
    const root = hyper(o, 6);
    const eps = hyper(o, 7);
    const decay = hyper(o, 8);
    const shrink = hyper(o, 9);
    for (; at < stop; at += 16) {
      const rest = (stop - at) >> 2;
      const p = loadUpTo(param + at, rest);
      const g = decayed(loadUpTo(grad + at, rest), decay, p);
      const m = moved(state + at, beta1, f32x4.mul(rest1, g), rest);
      const v = moved(state + row + at, beta2, squared(rest2, g), rest);
      const change = f32x4.add(f32x4.mul(gradientStep, g), f32x4.mul(meanStep, m));
      storeUpTo(param + at, f32x4.sub(f32x4.mul(shrink, p), f32x4.div(change, spread(v, root, eps))), rest);
    }
  }
}
export function nadam_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Nadam>(o, p, begin, end); }
