// Looks for what is no number: used by no op, but between ops where numerics are checked.
import { NonfiniteParams } from '../build/params';
import { reportFault } from './fault';
import { operand } from './simd';

/** Leaves [faultId, element, its bits] in free fault words for the first element that is NaN or infinite. One unit. */
export function find_nonfinite_f32(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<NonfiniteParams>(params);
  const infinity: u32 = 0x7f800000;
  for (let i = 0; i < <i32>p.size; i++) {
    const bits = load<u32>(operand(o, 0) + (i << 2));
    if ((bits & 0x7fffffff) < infinity + p.nan_only) continue;
    reportFault(operand(o, 1), p.faultId, i, bits);
    return;
  }
}
