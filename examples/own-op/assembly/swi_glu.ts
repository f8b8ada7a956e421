// silu(a) b and its gradient with respect to a, element by element. Units are blocks of 512 elements.
import { sigmoid4 } from 'weft/assembly/functions';
import { splat } from 'weft/assembly/simd';
import { map2, map3 } from 'weft/assembly/walk';
import { SwiGluParams } from './params';

// @ts-ignore: decorator
@inline
function sizeOf(params: usize): i32 {
  return <i32>changetype<SwiGluParams>(params).size;
}

// @ts-ignore: decorator
@final @unmanaged class SwiGlu {
  // @ts-ignore: decorator
  @inline lanes(a: v128, b: v128, params: usize): v128 { return f32x4.mul(f32x4.mul(a, sigmoid4(a)), b); }
}

/** y = a s b, s = 1 / (1 + e^-a). Operands: a, b, y. */
export function swi_glu_f32(operands: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  map2<SwiGlu>(operands, params, scratch, begin, end, sizeOf(params));
}

// @ts-ignore: decorator
@final @unmanaged class SwiGluBackward {
  // @ts-ignore: decorator
  @inline lanes(dy: v128, a: v128, b: v128, params: usize): v128 {
    const one = splat(1.0);
    const s = sigmoid4(a);
    const rest = f32x4.add(one, f32x4.mul(a, f32x4.sub(one, s)));
    return f32x4.mul(f32x4.mul(dy, b), f32x4.mul(s, rest));
  }
}

/** da = dy b s (1 + a (1 - s)). Operands: dy, a, b, da. */
export function swi_glu_backward_f32(operands: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  map3<SwiGluBackward>(operands, params, scratch, begin, end, sizeOf(params));
}
