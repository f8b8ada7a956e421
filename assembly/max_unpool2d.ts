// Values put at places of a plane that indices name; of several at one place the last stays. Units are planes.
import { MaxUnpool2dParams, MaxUnpool2dPlaceParams } from '../build/params';
import { reportFault } from './fault';
import { operand } from './simd';

/**
 * By place of each plane, 1 + the last element that points there, 0 for none. Operands: indices, owners, fault. An index
 * outside the plane points nowhere and leaves [faultId, element, index] in the fault words if they are free.
 */
export function max_unpool2d_owners(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MaxUnpool2dParams>(params);
  const size = <i32>p.size;
  for (let plane = begin; plane < end; plane++) {
    const indices = operand(o, 0) + ((plane * size) << 2);
    const owners = operand(o, 1) + ((plane * <i32>p.outSize) << 2);
    memory.fill(owners, 0, p.outSize << 2);
    for (let i = 0; i < size; i++) {
      const index = load<i32>(indices + (i << 2));
      if (<u32>index < p.outSize) store<i32>(owners + (index << 2), i + 1);
      else reportFault(operand(o, 2), p.faultId, plane * size + i, index);
    }
  }
}

/** y = the owner's x, 0 where there is none. Operands: x, owners, y. */
export function max_unpool2d_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MaxUnpool2dPlaceParams>(params);
  const outSize = <i32>p.outSize;
  for (let plane = begin; plane < end; plane++) {
    const x = operand(o, 0) + ((plane * <i32>p.size) << 2);
    const owners = operand(o, 1) + ((plane * outSize) << 2);
    const y = operand(o, 2) + ((plane * outSize) << 2);
    for (let place = 0; place < outSize << 2; place += 4) {
      const owner = load<i32>(owners + place);
      store<f32>(y + place, owner ? load<f32>(x + ((owner - 1) << 2)) : 0.0);
    }
  }
}

/** dx = dy at the place that an element owns, else 0. Operands: dy, indices, owners, dx. */
export function max_unpool2d_backward_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<MaxUnpool2dPlaceParams>(params);
  const size = <i32>p.size;
  for (let plane = begin; plane < end; plane++) {
    const dy = operand(o, 0) + ((plane * <i32>p.outSize) << 2);
    const indices = operand(o, 1) + ((plane * size) << 2);
    const owners = operand(o, 2) + ((plane * <i32>p.outSize) << 2);
    const dx = operand(o, 3) + ((plane * size) << 2);
    for (let i = 0; i < size; i++) {
      const index = load<i32>(indices + (i << 2));
      const owns = <u32>index < p.outSize && load<i32>(owners + (index << 2)) == i + 1;
      store<f32>(dx + (i << 2), owns ? load<f32>(dy + (index << 2)) : 0.0);
    }
  }
}
