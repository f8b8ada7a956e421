// y = f(p, q, r), the three with broadcasting. Units are blocks of 1024 elements of y.
import { TernaryParams } from '../build/params';
import { fma, loadTail, operand, splat, storeTail } from './simd';
import { first, last, rowOffset } from './walk';

/** Four elements from `at`, or one four times where the operand stands still. */
// @ts-ignore: decorator
@inline
function take(at: usize, moves: bool): v128 {
  return moves ? v128.load(at) : v128.load32_splat(at);
}

// @ts-ignore: decorator
@inline
function takeTail(at: usize, moves: bool, count: i32): v128 {
  return moves ? loadTail(at, count) : v128.load32_splat(at);
}

/** Walks y row by row; within a row an operand either moves with y or stands still. */
// @ts-ignore: decorator
@inline
function broadcast3<F>(operands: usize, params: usize, begin: i32, end: i32): void {
  const given = changetype<TernaryParams>(params);
  const rank = <i32>given.rank;
  const shape = params + offsetof<TernaryParams>('shape0');
  const pStrides = params + offsetof<TernaryParams>('pStrides0');
  const qStrides = params + offsetof<TernaryParams>('qStrides0');
  const rStrides = params + offsetof<TernaryParams>('rStrides0');
  const axis = (rank - 1) << 2;
  const inner = load<i32>(shape + axis);
  const pMove = load<i32>(pStrides + axis);
  const qMove = load<i32>(qStrides + axis);
  const rMove = load<i32>(rStrides + axis);
  const stop = last(end, <i32>given.size);
  let at = first(begin);
  while (at < stop) {
    const row = at / inner;
    const column = at - row * inner;
    const count = min(inner - column, stop - at);
    let p = operand(operands, 0) + ((rowOffset(row, rank, shape, pStrides) + column * pMove) << 2);
    let q = operand(operands, 1) + ((rowOffset(row, rank, shape, qStrides) + column * qMove) << 2);
    let r = operand(operands, 2) + ((rowOffset(row, rank, shape, rStrides) + column * rMove) << 2);
    let y = operand(operands, 3) + (at << 2);
    const pStep = pMove << 4;
    const qStep = qMove << 4;
    const rStep = rMove << 4;
    for (let i = count >> 2; i > 0; i--) {
      v128.store(y, changetype<F>(0).lanes(take(p, pMove != 0), take(q, qMove != 0), take(r, rMove != 0), params));
      p += pStep;
      q += qStep;
      r += rStep;
      y += 16;
    }
    const rest = count & 3;
    if (rest) {
      const a = takeTail(p, pMove != 0, rest);
      const b = takeTail(q, qMove != 0, rest);
      storeTail(y, changetype<F>(0).lanes(a, b, takeTail(r, rMove != 0, rest), params), rest);
    }
    at += count;
  }
}

/** condition ? a : b of words of any dtype; condition holds words of 0 or 1. */
// @ts-ignore: decorator
@final @unmanaged class Where {
  // @ts-ignore: decorator
  @inline lanes(condition: v128, a: v128, b: v128, p: usize): v128 {
    return v128.bitselect(a, b, i32x4.neg(condition));
  }
}
export function where_u32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Where>(o, p, begin, end); }

/** a + w (b - a) for |w| < 1/2, else b - (b - a) (1 - w). */
// @ts-ignore: decorator
@final @unmanaged class Lerp {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, w: v128, p: usize): v128 {
    const way = f32x4.sub(b, a);
    const near = f32x4.add(a, f32x4.mul(w, way));
    const far = f32x4.sub(b, f32x4.mul(way, f32x4.sub(splat(1.0), w)));
    return v128.bitselect(near, far, f32x4.lt(f32x4.abs(w), splat(0.5)));
  }
}
export function lerp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Lerp>(o, p, begin, end); }

/** x + value a b. */
// @ts-ignore: decorator
@final @unmanaged class Addcmul {
  // @ts-ignore: decorator
  @inline lanes(x: v128, a: v128, b: v128, p: usize): v128 {
    return fma(f32x4.mul(splat(changetype<TernaryParams>(p).value), a), b, x);
  }
}
export function addcmul_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Addcmul>(o, p, begin, end); }

/** x + value a / b. */
// @ts-ignore: decorator
@final @unmanaged class Addcdiv {
  // @ts-ignore: decorator
  @inline lanes(x: v128, a: v128, b: v128, p: usize): v128 {
    return f32x4.add(x, f32x4.div(f32x4.mul(splat(changetype<TernaryParams>(p).value), a), b));
  }
}
export function addcdiv_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Addcdiv>(o, p, begin, end); }
