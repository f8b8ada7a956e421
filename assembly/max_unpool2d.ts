// Values put at places of a plane that indices name; of several at one place the last stays. Units are planes.
import { MaxUnpool2dParams } from '../build/params';
import { operand } from './simd';

/** Element `i` of the plane's indices, or -1 and a fault where it lies outside. */
// @ts-ignore: decorator
@inline
function placeOf(p: MaxUnpool2dParams, indices: usize, fault: usize, plane: i32, i: i32): i32 {
  const index = load<i32>(indices + (i << 2));
  if (index >= 0 && index < <i32>p.outSize) return index;
  if (load<u32>(fault) == 0) {
    store<u32>(fault, p.faultId);
    store<u32>(fault, plane * p.size + i, 4);
    store<i32>(fault, index, 8);
  }
  return -1;
}

/** y = 0 but for x at its places. Operands: x, indices, y, fault. */
export function max_unpool2d_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MaxUnpool2dParams>(params);
  const size = <i32>p.size;
  const outBytes = <i32>p.outSize << 2;
  for (let plane = begin; plane < end; plane++) {
    const x = operand(o, 0) + ((plane * size) << 2);
    const indices = operand(o, 1) + ((plane * size) << 2);
    const y = operand(o, 2) + plane * outBytes;
    memory.fill(y, 0, outBytes);
    for (let i = 0; i < size; i++) {
      const place = placeOf(p, indices, operand(o, 3), plane, i);
      if (place >= 0) store<f32>(y + (place << 2), load<f32>(x + (i << 2)));
    }
  }
}

/** dx = dy at the place where x stayed, else 0. Operands: dy, indices, owners [planes, outSize] to work in, dx, fault. */
export function max_unpool2d_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MaxUnpool2dParams>(params);
  const size = <i32>p.size;
  const outBytes = <i32>p.outSize << 2;
  for (let plane = begin; plane < end; plane++) {
    const dy = operand(o, 0) + plane * outBytes;
    const indices = operand(o, 1) + ((plane * size) << 2);
    const owners = operand(o, 2) + plane * outBytes;
    const dx = operand(o, 3) + ((plane * size) << 2);
    for (let i = 0; i < size; i++) {
      const place = placeOf(p, indices, operand(o, 4), plane, i);
      if (place >= 0) store<i32>(owners + (place << 2), i);
    }
    for (let i = 0; i < size; i++) {
      const place = load<i32>(indices + (i << 2));
      let value: f32 = 0.0;
      if (place >= 0 && place < <i32>p.outSize && load<i32>(owners + (place << 2)) == i) {
        value = load<f32>(dy + (place << 2));
      }
      store<f32>(dx + (i << 2), value);
    }
  }
}
