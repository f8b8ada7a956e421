// silu(a) b and its gradient with respect to a, element by element. Units are blocks of 1024 elements.
import { loadTail, operand, sigmoid4, splat, storeTail } from 'weft/assembly/simd';
import { first, last, map2 } from 'weft/assembly/walk';
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
  const start = first(begin);
  const skip = start << 2;
  const count = last(end, sizeOf(params)) - start;
  map2<SwiGlu>(params, operand(operands, 0) + skip, true, operand(operands, 1) + skip, true, operand(operands, 2) + skip, count);
}

// @ts-ignore: decorator
@inline
function slope(dy: v128, a: v128, b: v128): v128 {
  const one = splat(1.0);
  const s = sigmoid4(a);
  const rest = f32x4.add(one, f32x4.mul(a, f32x4.sub(one, s)));
  return f32x4.mul(f32x4.mul(dy, b), f32x4.mul(s, rest));
}

/** da = dy b s (1 + a (1 - s)). Operands: dy, a, b, da. */
export function swi_glu_backward_f32(operands: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const dy = operand(operands, 0);
  const a = operand(operands, 1);
  const b = operand(operands, 2);
  const da = operand(operands, 3);
  const count = last(end, sizeOf(params));
  let i = first(begin);
  for (; i + 4 <= count; i += 4) {
    const at = i << 2;
    v128.store(da + at, slope(v128.load(dy + at), v128.load(a + at), v128.load(b + at)));
  }
  const left = count - i;
  if (left <= 0) return;
  const at = i << 2;
  storeTail(da + at, slope(loadTail(dy + at, left), loadTail(a + at, left), loadTail(b + at, left)), left);
}
