// The index, in row-major order of the reduced axes, of the first largest element; i32. NaN counts as largest. The smallest
// is the largest of elements whose bits are turned by `turn`: the sign of f32, all bits of i32.
import { ReduceParams } from '../build/params';
import { baseOf, Block, COLUMNS, inBlocks, makeBlock, maxF32, maxI32, MINUS_INFINITY, SIDE } from './reduce_join';
import { loadUpTo, operand, storeUpTo } from './simd';

/** The elements that are larger than the best so far. */
// @ts-ignore: decorator
@inline
function wins<T>(value: v128, best: v128): v128 {
  const more = v128.gt<T>(value, best);
  return isFloat<T>() ? v128.or(more, v128.and(f32x4.ne(value, value), f32x4.eq(best, best))) : more;
}

/** The first of `count` neighbours that is `best`, which one of them is. */
// @ts-ignore: decorator
@inline
function findFirst<T>(x: usize, count: i32, best: v128): i32 {
  const isNaN = isFloat<T>() ? f32x4.ne(best, best) : i32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    const v = loadUpTo(x + (i << 2), count - i);
    let found = v128.eq<T>(v, best);
    if (isFloat<T>()) found = v128.or(found, v128.and(f32x4.ne(v, v), isNaN));
    const places = i32x4.bitmask(found);
    if (places) return i + ctz(places);
  }
  return 0;
}

/** Elements of a row whose largest is found before it is searched for. */
const STRETCH: i32 = 512;

// @ts-ignore: decorator
@inline
function place<T>(o: usize, params: usize, scratch: usize, begin: i32, end: i32, turn: i32): void {
  const p = changetype<ReduceParams>(params);
  const block = changetype<Block>(scratch);
  const lines = <i32>p.inner;
  const turns = i32x4.splat(turn);
  for (let unit = begin; unit < end; ) {
    if (!inBlocks(p)) {
      const x = baseOf(operand(o, 0), params, unit);
      const y = operand(o, 1) + (unit++ << 2);
      let best = v128.xor(v128.load32_splat(x), turns);
      let where = 0;
      for (let i = 0; i < lines; i += STRETCH) {
        const count = min(STRETCH, lines - i);
        if (isFloat<T>()) maxF32(x + (i << 2), count, scratch, MINUS_INFINITY, turn, 0, true, false);
        else maxI32(x + (i << 2), count, scratch, i32.MIN_VALUE, turn, 0, true, false);
        const top = v128.load32_splat(scratch);
        if (v128.any_true(wins<T>(top, best))) {
          best = top;
          where = i;
        }
      }
      store<i32>(y, where + findFirst<T>(x + (where << 2), lines - where, v128.xor(best, turns)));
      continue;
    }
    unit = makeBlock(o, params, scratch, unit, end, COLUMNS);
    const indices = block.y - (scratch + SIDE);
    memory.fill(block.y, 0, <usize>block.count << 2);
    for (let line = 0; line < lines; line++) {
      const index = i32x4.splat(line);
      let x = block.line(params, line);
      let side = scratch + SIDE;
      for (let rest = block.count; rest > 0; rest -= 4) {
        const value = v128.xor(loadUpTo(x, rest), turns);
        if (line) {
          const best = v128.load(side);
          const won = wins<T>(value, best);
          v128.store(side, v128.bitselect(value, best, won));
          storeUpTo(side + indices, v128.bitselect(index, loadUpTo(side + indices, rest), won), rest);
        } else {
          v128.store(side, value);
        }
        x += 16;
        side += 16;
      }
    }
  }
}
export function argmax_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<f32>(o, p, s, begin, end, 0); }
export function argmin_f32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<f32>(o, p, s, begin, end, i32.MIN_VALUE); }
export function argmax_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<i32>(o, p, s, begin, end, 0); }
export function argmin_i32(o: usize, p: usize, s: usize, begin: i32, end: i32): void { place<i32>(o, p, s, begin, end, -1); }
