// One optimiser step over many parameters, in place; src/ops/update_rules.ts has the formulas. Operands: hyper, state, then
// each parameter and its gradient. Units are blocks of 512 elements of all parameters one after the other.
import { UpdateParams } from '../build/params';
import { loadTail, operand, storeTail } from './simd';
import { first, last } from './walk';

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
function moved(state: usize, keep: v128, added: v128): v128 {
  const next = f32x4.add(f32x4.mul(keep, v128.load(state)), added);
  v128.store(state, next);
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

/** What is left of a parameter, its gradient and the rows of its state after whole vectors, to blocks of 16 bytes. */
function gather(param: usize, grad: usize, state: usize, row: usize, states: u32, rest: i32, to: usize): void {
  v128.store(to, loadTail(param, rest));
  v128.store(to, loadTail(grad, rest), 16);
  for (; states; states--) {
    v128.store(to, loadTail(state, rest), 32);
    state += row;
    to += 16;
  }
}

/** What became of it. */
function scatter(param: usize, state: usize, row: usize, states: u32, rest: i32, from: usize): void {
  storeTail(param, v128.load(from), rest);
  for (; states; states--) {
    storeTail(state, v128.load(from, 32), rest);
    state += row;
    from += 16;
  }
}

/**
 * Calls F.step on the elements of each parameter that the units cover: whole vectors, then what is left by way of scratch
 * memory. `row` is the bytes of a row of the state.
 */
// @ts-ignore: decorator
@inline
function update<F>(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<UpdateParams>(params);
  const sizes = params + offsetof<UpdateParams>('sizes0');
  const offsets = params + offsetof<UpdateParams>('offsets0');
  const row = <usize>p.stride << 2;
  const from = first(begin);
  const to = last(end, <i32>p.total);
  let done = 0;
  for (let t = 0; t < <i32>p.count && done < to; t++) {
    const size = load<i32>(sizes + (t << 2));
    const start = max(from - done, 0);
    const count = min(to - done, size) - start;
    done += size;
    if (count <= 0) continue;
    const rest = count & 3;
    const whole = (count - rest) << 2;
    const param = operand(o, 2 + 2 * t) + (start << 2);
    const grad = operand(o, 3 + 2 * t) + (start << 2);
    const state = operand(o, 1) + ((<usize>load<u32>(offsets + (t << 2)) + start) << 2);
    for (let tail = whole == 0; ; tail = true) {
      if (tail) gather(param + whole, grad + whole, state + whole, row, p.states, rest, scratch);
      const at = tail ? scratch : param;
      const values = tail ? scratch + 16 : grad;
      const kept = tail ? scratch + 32 : state;
      changetype<F>(0).step(o, p.states, at, values, kept, tail ? 16 : row, tail ? 16 : whole);
      if (tail) scatter(param + whole, state + whole, row, p.states, rest, scratch);
      if (tail || !rest) break;
    }
  }
}

// @ts-ignore: decorator
@final @unmanaged class Sgd {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, bytes: i32): void {
    const lr = hyper(o, 0);
    const decay = hyper(o, 1);
    const momentum = hyper(o, 2);
    const damped = hyper(o, 3);
    const nesterov = load<f32>(operand(o, 0), 16) != 0.0;
    for (let at = 0; at < bytes; at += 16) {
      const p = v128.load(param + at);
      const g = decayed(v128.load(grad + at), decay, p);
      let direction = g;
      if (states) {
        const v = moved(state + at, momentum, f32x4.mul(damped, g));
        direction = nesterov ? f32x4.add(g, f32x4.mul(momentum, v)) : v;
      }
      v128.store(param + at, f32x4.sub(p, f32x4.mul(lr, direction)));
    }
  }
}
export function sgd_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Sgd>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Adam {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, bytes: i32): void {
    const size = hyper(o, 0);
    const beta1 = hyper(o, 1);
    const rest1 = hyper(o, 2);
    const beta2 = hyper(o, 3);
    const rest2 = hyper(o, 4);
    const root = hyper(o, 5);
    const eps = hyper(o, 6);
    const decay = hyper(o, 7);
    const shrink = hyper(o, 8);
    for (let at = 0; at < bytes; at += 16) {
      const p = v128.load(param + at);
      const g = decayed(v128.load(grad + at), decay, p);
      const m = moved(state + at, beta1, f32x4.mul(rest1, g));
      const v = moved(state + row + at, beta2, squared(rest2, g));
      const change = f32x4.div(f32x4.mul(size, m), spread(v, root, eps));
      v128.store(param + at, f32x4.sub(f32x4.mul(shrink, p), change));
    }
  }
}
export function adam_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Adam>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class RmsProp {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, bytes: i32): void {
    const lr = hyper(o, 0);
    const alpha = hyper(o, 1);
    const restAlpha = hyper(o, 2);
    const eps = hyper(o, 3);
    const decay = hyper(o, 4);
    const momentum = hyper(o, 5);
    const centered = load<f32>(operand(o, 0), 24) != 0.0 && states > 1;
    const kept: u32 = centered ? 2 : 1;
    for (let at = 0; at < bytes; at += 16) {
      const p = v128.load(param + at);
      const g = decayed(v128.load(grad + at), decay, p);
      let square = moved(state + at, alpha, squared(restAlpha, g));
      if (centered) {
        const mean = moved(state + row + at, alpha, f32x4.mul(restAlpha, g));
        // A variance: rounding must not leave it below 0.
        square = f32x4.max(f32x4.sub(square, f32x4.mul(mean, mean)), f32x4.splat(0.0));
      }
      let change = f32x4.div(g, f32x4.add(f32x4.sqrt(square), eps));
      if (states > kept) change = moved(state + kept * row + at, momentum, change);
      v128.store(param + at, f32x4.sub(p, f32x4.mul(lr, change)));
    }
  }
}
export function rmsprop_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<RmsProp>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Adagrad {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, bytes: i32): void {
    const lr = hyper(o, 0);
    const eps = hyper(o, 1);
    const decay = hyper(o, 2);
    for (let at = 0; at < bytes; at += 16) {
      const p = v128.load(param + at);
      const g = decayed(v128.load(grad + at), decay, p);
      const sum = f32x4.add(v128.load(state + at), f32x4.mul(g, g));
      v128.store(state + at, sum);
      v128.store(param + at, f32x4.sub(p, f32x4.div(f32x4.mul(lr, g), f32x4.add(f32x4.sqrt(sum), eps))));
    }
  }
}
export function adagrad_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Adagrad>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Adamax {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, bytes: i32): void {
    const size = hyper(o, 0);
    const beta1 = hyper(o, 1);
    const rest1 = hyper(o, 2);
    const beta2 = hyper(o, 3);
    const eps = hyper(o, 4);
    const decay = hyper(o, 5);
    for (let at = 0; at < bytes; at += 16) {
      const p = v128.load(param + at);
      const g = decayed(v128.load(grad + at), decay, p);
      const m = moved(state + at, beta1, f32x4.mul(rest1, g));
      const most = f32x4.max(f32x4.mul(beta2, v128.load(state + row + at)), f32x4.add(f32x4.abs(g), eps));
      v128.store(state + row + at, most);
      v128.store(param + at, f32x4.sub(p, f32x4.div(f32x4.mul(size, m), most)));
    }
  }
}
export function adamax_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Adamax>(o, p, s, begin, end); }

// @ts-ignore: decorator
@final @unmanaged class Nadam {
  // @ts-ignore: decorator
  @inline step(o: usize, states: u32, param: usize, grad: usize, state: usize, row: usize, bytes: i32): void {
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
    for (let at = 0; at < bytes; at += 16) {
      const p = v128.load(param + at);
      const g = decayed(v128.load(grad + at), decay, p);
      const m = moved(state + at, beta1, f32x4.mul(rest1, g));
      const v = moved(state + row + at, beta2, squared(rest2, g));
      const change = f32x4.add(f32x4.mul(gradientStep, g), f32x4.mul(meanStep, m));
      v128.store(param + at, f32x4.sub(f32x4.mul(shrink, p), f32x4.div(change, spread(v, root, eps))));
    }
  }
}
export function nadam_update_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { update<Nadam>(o, p, s, begin, end); }
