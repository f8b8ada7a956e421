// One optimiser step over one parameter, in place. Units are blocks of 4096 elements; src/ops/update.ts has the formulas.
import { SizeParams } from '../build/params';
import { loadTail, operand, splat, storeTail } from './simd';
import { first, last } from './walk';

// @ts-ignore: decorator
@inline
function read(from: usize, rest: i32): v128 {
  return rest >= 4 ? v128.load(from) : loadTail(from, rest);
}

// @ts-ignore: decorator
@inline
function write(to: usize, lanes: v128, rest: i32): void {
  if (rest >= 4) v128.store(to, lanes);
  else storeTail(to, lanes, rest);
}

/** Operands: param, grad, hyper [lr, weightDecay]. */
export function sgd_update_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const param = operand(o, 0);
  const grad = operand(o, 1);
  const hyper = operand(o, 2);
  const lr = v128.load32_splat(hyper);
  const decay = v128.load32_splat(hyper, 4);
  const stop = last(end, <i32>changetype<SizeParams>(params).size);
  for (let i = first(begin); i < stop; i += 4) {
    const at = i << 2;
    const rest = stop - i;
    const p = read(param + at, rest);
    const g = f32x4.add(read(grad + at, rest), f32x4.mul(decay, p));
    write(param + at, f32x4.sub(p, f32x4.mul(lr, g)), rest);
  }
}

/** Operands: param, velocity, grad, hyper [lr, weightDecay, momentum, damped, nesterov]. */
export function sgd_momentum_update_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const param = operand(o, 0);
  const velocity = operand(o, 1);
  const grad = operand(o, 2);
  const hyper = operand(o, 3);
  const lr = v128.load32_splat(hyper);
  const decay = v128.load32_splat(hyper, 4);
  const momentum = v128.load32_splat(hyper, 8);
  const damped = v128.load32_splat(hyper, 12);
  const nesterov = load<f32>(hyper, 16) != 0.0;
  const stop = last(end, <i32>changetype<SizeParams>(params).size);
  for (let i = first(begin); i < stop; i += 4) {
    const at = i << 2;
    const rest = stop - i;
    const p = read(param + at, rest);
    const g = f32x4.add(read(grad + at, rest), f32x4.mul(decay, p));
    const v = f32x4.add(f32x4.mul(momentum, read(velocity + at, rest)), f32x4.mul(damped, g));
    const direction = nesterov ? f32x4.add(g, f32x4.mul(momentum, v)) : v;
    write(velocity + at, v, rest);
    write(param + at, f32x4.sub(p, f32x4.mul(lr, direction)), rest);
  }
}

/** Operands: param, m, v, grad, hyper [stepSize, beta1, 1 - beta1, beta2, 1 - beta2, root, eps, weightDecay]. */
export function adam_update_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const param = operand(o, 0);
  const moment = operand(o, 1);
  const second = operand(o, 2);
  const grad = operand(o, 3);
  const hyper = operand(o, 4);
  const step = v128.load32_splat(hyper);
  const beta1 = v128.load32_splat(hyper, 4);
  const rest1 = v128.load32_splat(hyper, 8);
  const beta2 = v128.load32_splat(hyper, 12);
  const rest2 = v128.load32_splat(hyper, 16);
  const root = v128.load32_splat(hyper, 20);
  const eps = v128.load32_splat(hyper, 24);
  const decay = v128.load32_splat(hyper, 28);
  const stop = last(end, <i32>changetype<SizeParams>(params).size);
  for (let i = first(begin); i < stop; i += 4) {
    const at = i << 2;
    const rest = stop - i;
    const p = read(param + at, rest);
    const g = f32x4.add(read(grad + at, rest), f32x4.mul(decay, p));
    const m = f32x4.add(f32x4.mul(beta1, read(moment + at, rest)), f32x4.mul(rest1, g));
    const v = f32x4.add(f32x4.mul(beta2, read(second + at, rest)), f32x4.mul(f32x4.mul(rest2, g), g));
    const divisor = f32x4.add(f32x4.mul(f32x4.sqrt(v), root), eps);
    write(moment + at, m, rest);
    write(second + at, v, rest);
    write(param + at, f32x4.sub(p, f32x4.div(f32x4.mul(step, m), divisor)), rest);
  }
}
