// Random numbers by Philox: word i % 4 at counter i / 4 belongs to element i, the key is the `seed` operand. Units are
// blocks of 512 elements.
import { IntegersParams, CategoricalParams, RandomParams, SizeParams } from '../build/params';
import { reportFault } from './fault';
import { uniform4, wordAt, wordsOf } from './philox';
import { log4 } from './functions';
import { fma, loadUpTo, operand, splat, storeUpTo } from './simd';
import { first, last } from './walk';

/** y = F.lanes(words) for each four elements. Operands: seed, y. */
// @ts-ignore: decorator
@inline
function fill<F>(o: usize, params: usize, scratch: usize, size: u32, begin: i32, end: i32): void {
  const key0 = load<u32>(operand(o, 0));
  const key1 = load<u32>(operand(o, 0), 4);
  const y = operand(o, 1);
  const stop = last(end, <i32>size);
  for (let i = first(begin); i < stop; i += 4) {
    const lanes = changetype<F>(0).lanes(wordsOf(i, key0, key1, scratch), params);
    const rest = stop - i;
    storeUpTo(y + (i << 2), lanes, rest);
  }
}

/** b u + a, u uniform in [0, 1). */
// @ts-ignore: decorator
@final @unmanaged class Uniform {
  // @ts-ignore: decorator
  @inline lanes(words: v128, params: usize): v128 {
    const p = changetype<RandomParams>(params);
    return f32x4.add(f32x4.mul(uniform4(words), splat(p.b)), splat(p.a));
  }
}
export function uniform_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { fill<Uniform>(o, p, s, changetype<RandomParams>(p).size, begin, end); }

/** -ln(1 - u) b. */
// @ts-ignore: decorator
@final @unmanaged class Exponential {
  // @ts-ignore: decorator
  @inline lanes(words: v128, params: usize): v128 {
    const log = log4(f32x4.sub(splat(1.0), uniform4(words)));
    return f32x4.mul(f32x4.neg(log), splat(changetype<RandomParams>(params).b));
  }
}
export function exponential_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { fill<Exponential>(o, p, s, changetype<RandomParams>(p).size, begin, end); }

/** cos 2πu in even lanes, sin 2πu in odd ones: u is a multiple of 2^-24, so that the rest of its quarter turns is exact. */
// @ts-ignore: decorator
@inline
function directions4(u: v128): v128 {
  const quarters = f32x4.mul(u, splat(4.0));
  const whole = f32x4.nearest(quarters);
  const r = f32x4.mul(f32x4.sub(quarters, whole), splat(1.57079632679489662));
  const z = f32x4.mul(r, r);
  const s = fma(f32x4.mul(r, z), fma(fma(splat(-1.9515295891e-4), z, splat(8.3321608736e-3)), z, splat(-1.6666654611e-1)), r);
  const p = fma(fma(splat(2.443315711809948e-5), z, splat(-1.388731625493765e-3)), z, splat(4.166664568298827e-2));
  const c = fma(f32x4.mul(z, z), p, f32x4.sub(splat(1.0), f32x4.mul(splat(0.5), z)));
  const quadrant = i32x4.add(i32x4.trunc_sat_f32x4_s(whole), i32x4(1, 0, 1, 0));
  const odd = i32x4.neg(v128.and(quadrant, i32x4.splat(1)));
  return v128.xor(v128.bitselect(c, s, odd), i32x4.shl(v128.and(quadrant, i32x4.splat(2)), 30));
}

/** a + b √(-2 ln(1 - u0)) (cos 2πu1, sin 2πu1), Box and Muller (1958): two numbers of each two words. */
// @ts-ignore: decorator
@final @unmanaged class Normal {
  // @ts-ignore: decorator
  @inline lanes(words: v128, params: usize): v128 {
    const p = changetype<RandomParams>(params);
    const u = uniform4(words);
    const u0 = v128.shuffle<i32>(u, u, 0, 0, 2, 2);
    const u1 = v128.shuffle<i32>(u, u, 1, 1, 3, 3);
    const radius = f32x4.sqrt(f32x4.mul(splat(-2.0), log4(f32x4.sub(splat(1.0), u0))));
    return f32x4.add(f32x4.mul(f32x4.mul(radius, directions4(u1)), splat(p.b)), splat(p.a));
  }
}
export function normal_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { fill<Normal>(o, p, s, changetype<RandomParams>(p).size, begin, end); }

/** low + ⌊word · range / 2^32⌋. */
// @ts-ignore: decorator
@final @unmanaged class Integers {
  // @ts-ignore: decorator
  @inline lanes(words: v128, params: usize): v128 {
    const p = changetype<IntegersParams>(params);
    const range = i32x4.splat(p.range);
    const low = i64x2.shr_u(i64x2.extmul_low_i32x4_u(words, range), 32);
    const high = i64x2.shr_u(i64x2.extmul_high_i32x4_u(words, range), 32);
    return i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), i32x4.splat(p.low));
  }
}
export function integers_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { fill<Integers>(o, p, s, changetype<IntegersParams>(p).size, begin, end); }

/** y = 1 where u < p, else 0. Operands: p, seed, y. */
export function bernoulli_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const x = operand(o, 0);
  const key0 = load<u32>(operand(o, 1));
  const key1 = load<u32>(operand(o, 1), 4);
  const y = operand(o, 2);
  const stop = last(end, <i32>changetype<SizeParams>(params).size);
  for (let i = first(begin); i < stop; i += 4) {
    const rest = stop - i;
    const p = loadUpTo(x + (i << 2), rest);
    const lanes = v128.and(f32x4.lt(uniform4(wordsOf(i, key0, key1, s)), p), splat(1.0));
    storeUpTo(y + (i << 2), lanes, rest);
  }
}

/**
 * For each row of weights, `samples` draws with replacement: the first class whose running sum exceeds u · total.
 * Operands: weights, seed, y, fault. Units are rows; one with a negative weight or without a positive, finite sum gives 0 and
 * a fault.
 */
export function categorical_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<CategoricalParams>(params);
  const key0 = load<u32>(operand(o, 1));
  const key1 = load<u32>(operand(o, 1), 4);
  const classes = <i32>p.classes;
  const samples = <i32>p.samples;
  for (let row = begin; row < end; row++) {
    const weights = operand(o, 0) + ((row * classes) << 2);
    const y = operand(o, 2) + ((row * samples) << 2);
    let total: f32 = 0.0;
    let final = 0;
    let negative = false;
    for (let c = 0; c < classes; c++) {
      const weight = load<f32>(weights + (c << 2));
      total += weight;
      if (weight > 0.0) final = c;
      if (weight < 0.0) negative = true;
    }
    if (negative || !(total > 0.0 && total < Infinity)) {
      reportFault(operand(o, 3), p.faultId, row, 0);
      memory.fill(y, 0, samples << 2);
      continue;
    }
    for (let i = 0; i < samples; i++) {
      const draw = row * samples + i;
      const wanted = f32x4.extract_lane(uniform4(i32x4.splat(wordAt(draw, key0, key1, scratch))), 0) * total;
      let sum: f32 = 0.0;
      let chosen = final;
      for (let c = 0; c < final; c++) {
        sum += load<f32>(weights + (c << 2));
        if (sum > wanted) {
          chosen = c;
          break;
        }
      }
      store<i32>(y + (i << 2), chosen);
    }
  }
}
