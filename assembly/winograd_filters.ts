// The filters of Winograd's convolution, transformed: G g Gᵀ as in winograd.ts, once for weights that keep their bytes.
import { WinogradParams } from '../build/params';
import { operand, splat } from './simd';
import { transformFilter4 } from './winograd4';

/** Bytes of one filter at all places: 16 more at each, and 64 at each of a panel, for places a power of two apart share cache sets. */
// @ts-ignore: decorator
@inline
export function filterBytes(channels: i32, places: usize): usize {
  return ((<usize>channels << 2) + 16) * places;
}

/**
 * G g Gᵀ of every filter [groups, filters, 16 or 36, channels]. A unit is a filter of a group. The rotated filter of F(2, 3) has
 * the same transform with its first and last rows and columns exchanged.
 */
export function winograd_filters_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<WinogradParams>(params);
  const channels = <i32>p.channels;
  const count = <i32>p.filters;
  const places = <usize>((p.size + 2) * (p.size + 2));
  const size = filterBytes(channels, places);
  const place = size / places;
  const half = splat(0.5);
  for (let unit = begin; unit < end; unit++) {
    const group = unit / count;
    let to = operand(o, 1) + unit * size;
    const rotated = p.transposed != 0;
    let from = operand(o, 0) + 36 * (rotated ? group * count * channels + unit - group * count : unit * channels);
    const step: usize = rotated ? 36 * count : 36;
    for (let channel = 0; channel < channels; channel++) {
      if (p.size == 4) {
        transformFilter4(from, rotated, scratch, to, place);
        from += step;
        to += 4;
        continue;
      }
      const g0 = v128.load(from);
      const g1 = v128.load(from, 12);
      // The last row from one element earlier, lest it reads beyond the end.
      const g2 = v128.shuffle<i32>(v128.load(from, 20), g0, 1, 2, 3, 3);
      const outer = f32x4.add(g0, g2);
      const t1 = f32x4.mul(f32x4.add(outer, g1), half);
      const t2 = f32x4.mul(f32x4.sub(outer, g1), half);
      // Columns: lane i of u_j is place (i, j).
      const low01 = v128.shuffle<i32>(g0, t1, 0, 4, 1, 5);
      const low23 = v128.shuffle<i32>(t2, g2, 0, 4, 1, 5);
      const u0 = v128.shuffle<i64>(low01, low23, 0, 2);
      const middle = v128.shuffle<i64>(low01, low23, 1, 3);
      const high01 = v128.shuffle<i32>(g0, t1, 2, 6, 2, 6);
      const high23 = v128.shuffle<i32>(t2, g2, 2, 6, 2, 6);
      const u3 = v128.shuffle<i64>(high01, high23, 0, 2);
      const sides = f32x4.add(u0, u3);
      const u1 = f32x4.mul(f32x4.add(sides, middle), half);
      const u2 = f32x4.mul(f32x4.sub(sides, middle), half);
      storePlaces(to, place, rotated, u0, u1, u2, u3);
      from += step;
      to += 4;
    }
  }
}

/** Places (i, j) from lane i of u_j, with `rotated` the first and last of both directions exchanged. */
// @ts-ignore: decorator
@inline
function storePlaces(to: usize, place: usize, rotated: bool, u0: v128, u1: v128, u2: v128, u3: v128): void {
  const first = rotated ? u3 : u0;
  const last = rotated ? u0 : u3;
  const row = place << 2;
  const end = to + 3 * row;
  const top = rotated ? end : to;
  const bottom = rotated ? to : end;
  v128.store_lane<u32>(top, first, 0);
  v128.store_lane<u32>(top + place, u1, 0);
  v128.store_lane<u32>(top + 2 * place, u2, 0);
  v128.store_lane<u32>(top + 3 * place, last, 0);
  to += row;
  v128.store_lane<u32>(to, first, 1);
  v128.store_lane<u32>(to + place, u1, 1);
  v128.store_lane<u32>(to + 2 * place, u2, 1);
  v128.store_lane<u32>(to + 3 * place, last, 1);
  to += row;
  v128.store_lane<u32>(to, first, 2);
  v128.store_lane<u32>(to + place, u1, 2);
  v128.store_lane<u32>(to + 2 * place, u2, 2);
  v128.store_lane<u32>(to + 3 * place, last, 2);
  v128.store_lane<u32>(bottom, first, 3);
  v128.store_lane<u32>(bottom + place, u1, 3);
  v128.store_lane<u32>(bottom + 2 * place, u2, 3);
  v128.store_lane<u32>(bottom + 3 * place, last, 3);
}
