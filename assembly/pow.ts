// y = a^b with broadcasting, lane by lane in the C library's way (musl, powf: within 1 ulp).
import { broadcast2 } from './binary';

/** 1^b and (-1)^±infinity are 1, which AssemblyScript, as JavaScript, does not say. */
function power(a: f32, b: f32): f32 {
  if (a == 1.0 || (a == -1.0 && abs(b) == <f32>Infinity)) return 1.0;
  return Mathf.pow(a, b);
}

// @ts-ignore: decorator
@final @unmanaged class Pow {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, p: usize): v128 {
    let y = f32x4.splat(power(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
    y = f32x4.replace_lane(y, 1, power(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
    y = f32x4.replace_lane(y, 2, power(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
    return f32x4.replace_lane(y, 3, power(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
  }
}
export function pow_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { broadcast2<Pow>(o, p, s, begin, end); }
