// y = f(p, q, r), the three with broadcasting. Units are blocks of 512 elements of y.
import { TernaryParams } from '../build/params';
import { fma, splat } from './simd';
import { map3 } from './walk';

// @ts-ignore: decorator
@inline
function broadcast3<F>(o: usize, p: usize, s: usize, begin: i32, end: i32): void {
  const given = changetype<TernaryParams>(p);
  const shape = p + offsetof<TernaryParams>('shape0');
  map3<F>(o, p, s, begin, end, <i32>given.size, <i32>given.rank, shape, p + offsetof<TernaryParams>('pStrides0'));
}

/** condition ? a : b of words of any dtype; condition holds words of 0 or 1. */
// @ts-ignore: decorator
@final @unmanaged class Where {
  // @ts-ignore: decorator
  @inline lanes(condition: v128, a: v128, b: v128, p: usize): v128 {
    return v128.bitselect(a, b, i32x4.neg(condition));
  }
}
export function where_u32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Where>(o, p, s, begin, end); }

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
export function lerp_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Lerp>(o, p, s, begin, end); }

/** x + value a b. */
// @ts-ignore: decorator
@final @unmanaged class Addcmul {
  // @ts-ignore: decorator
  @inline lanes(x: v128, a: v128, b: v128, p: usize): v128 {
    return fma(f32x4.mul(splat(changetype<TernaryParams>(p).value), a), b, x);
  }
}
export function addcmul_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Addcmul>(o, p, s, begin, end); }

/** x + value a / b. */
// @ts-ignore: decorator
@final @unmanaged class Addcdiv {
  // @ts-ignore: decorator
  @inline lanes(x: v128, a: v128, b: v128, p: usize): v128 {
    return f32x4.add(x, f32x4.div(f32x4.mul(splat(changetype<TernaryParams>(p).value), a), b));
  }
}
export function addcdiv_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast3<Addcdiv>(o, p, s, begin, end); }
