// Division towards -infinity, angles and steps, y = f(a, b) with broadcasting. Units are blocks of 512 elements of y.
import { DivisionParams } from '../build/params';
import { broadcast2 } from './binary';
import { reportFault } from './fault';
import { operand, splat } from './simd';
import { first, last, rowOffset } from './walk';

/** The remainder of truncated division, exact, moved to the sign of b. */
// @ts-ignore: decorator
@inline
function floorRemainder(a: f32, b: f32): f32 {
  const rest = Mathf.mod(a, b);
  return rest != 0.0 && b < 0.0 != rest < 0.0 ? rest + b : rest;
}

/** By way of the exact remainder: the quotient of the difference is near a whole number. */
function floorQuotient(a: f32, b: f32): f32 {
  if (b == 0.0) return a / b;
  const rest = Mathf.mod(a, b);
  let quotient = (a - rest) / b;
  if (rest != 0.0 && b < 0.0 != rest < 0.0) quotient -= 1.0;
  const below = Mathf.floor(quotient);
  return quotient - below > 0.5 ? below + 1.0 : below;
}

// @ts-ignore: decorator
@final @unmanaged class FloorDivide { @inline one(a: f32, b: f32): f32 { return floorQuotient(a, b); } }
// @ts-ignore: decorator
@final @unmanaged class Remainder { @inline one(a: f32, b: f32): f32 { return floorRemainder(a, b); } }
// @ts-ignore: decorator
@final @unmanaged class Angle { @inline one(a: f32, b: f32): f32 { return Mathf.atan2(a, b); } }

/** A function of two numbers, lane by lane. */
// @ts-ignore: decorator
@final @unmanaged class Lanes<F> {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 {
    const f = changetype<F>(0);
    let y = splat(f.one(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
    y = f32x4.replace_lane(y, 1, f.one(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
    y = f32x4.replace_lane(y, 2, f.one(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
    return f32x4.replace_lane(y, 3, f.one(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
  }
}
export function floor_divide_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Lanes<FloorDivide>>(o, p, s, begin, end); }
export function remainder_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Lanes<Remainder>>(o, p, s, begin, end); }
export function atan2_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Lanes<Angle>>(o, p, s, begin, end); }

/** 0 where a < 0 or a is NaN, b where a = 0, 1 where a > 0. */
// @ts-ignore: decorator
@final @unmanaged class Heaviside {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 {
    const zero = splat(0.0);
    return v128.bitselect(b, v128.and(splat(1.0), f32x4.gt(a, zero)), f32x4.eq(a, zero));
  }
}
export function heaviside_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Heaviside>(o, p, s, begin, end); }

// -2^31 / -1 would trap: the quotient by -1 is taken as 0 - a, which wraps.
// @ts-ignore: decorator
@final @unmanaged class WholeQuotient {
  // @ts-ignore: decorator
  @inline one(a: i32, b: i32): i32 {
    if (b == -1) return 0 - a;
    const quotient = a / b;
    return a % b != 0 && (a ^ b) < 0 ? quotient - 1 : quotient;
  }
}
// @ts-ignore: decorator
@final @unmanaged class WholeRemainder {
  // @ts-ignore: decorator
  @inline one(a: i32, b: i32): i32 {
    const rest = a % b;
    return rest != 0 && (rest ^ b) < 0 ? rest + b : rest;
  }
}

/**
 * y = f(a, b) of i32. Operands: a, b, y, fault. An element of b that is 0 gives 0 and leaves [faultId, its index] in the
 * fault words if they are free.
 */
// @ts-ignore: decorator
@inline
function divide<F>(o: usize, params: usize, begin: i32, end: i32): void {
  const p = changetype<DivisionParams>(params);
  const rank = <i32>p.rank;
  const shape = params + offsetof<DivisionParams>('shape0');
  const aStrides = params + offsetof<DivisionParams>('aStrides0');
  const bStrides = params + offsetof<DivisionParams>('bStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const aMove = load<i32>(aStrides + axis);
  const bMove = load<i32>(bStrides + axis);
  const stop = last(end, <i32>p.size);
  let at = first(begin);
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    let aAt = rowOffset(row, rank, shape, aStrides) + column * aMove;
    let bAt = rowOffset(row, rank, shape, bStrides) + column * bMove;
    for (const past = at + count; at < past; at++) {
      const b = load<i32>(operand(o, 1) + (bAt << 2));
      let y = 0;
      if (b == 0) reportFault(operand(o, 3), p.faultId, bAt, 0);
      else y = changetype<F>(0).one(load<i32>(operand(o, 0) + (aAt << 2)), b);
      store<i32>(operand(o, 2) + (at << 2), y);
      aAt += aMove;
      bAt += bMove;
    }
  }
}
export function floor_divide_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { divide<WholeQuotient>(o, p, begin, end); }
export function remainder_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { divide<WholeRemainder>(o, p, begin, end); }
