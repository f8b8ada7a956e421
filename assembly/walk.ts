// Loops over elements, written once over a functor and specialised for each. A walk cuts the output into runs of whole
// vectors and keeps in scratch memory what a run reads and writes, so that a functor is inlined once: what does not fill
// a vector goes through a block of scratch memory, and so do operands that are repeated within short rows.
import { loadTail, operand, storeTail } from './simd';

/** Output elements of one work unit of an elementwise kernel. */
export const BLOCK: i32 = 512;

/** Offset, in elements, of element number `index` of `shape` for an operand with these strides. */
export function offsetOf(index: i32, rank: i32, shape: usize, strides: usize): i32 {
  let offset = 0;
  for (let axis = rank - 1; axis > 0; axis--) {
    const size = load<i32>(shape + (axis << 2));
    const rest = index / size;
    offset += (index - rest * size) * load<i32>(strides + (axis << 2));
    index = rest;
  }
  return rank > 0 ? offset + index * load<i32>(strides) : 0;
}

/** Offset, in elements, of row number `row` for an operand with these strides; the last axis is the row itself. */
// @ts-ignore: decorator
@inline
export function rowOffset(row: i32, rank: i32, shape: usize, strides: usize): i32 {
  return offsetOf(row, rank - 1, shape, strides);
}

// @ts-ignore: decorator
@inline
export function first(begin: i32): i32 {
  return begin * BLOCK;
}

// @ts-ignore: decorator
@inline
export function last(end: i32, size: i32): i32 {
  return min(end * BLOCK, size);
}

/** Rows up to this long are walked many at a time. */
const SHORT: i32 = 64;
/** Elements of a run over short rows, at most. */
const CHUNK: i32 = 1024;
/** Where scratch memory holds y and the operands of a run of less than a vector, 16 bytes each. */
const TAILS: usize = 64;
/** Where it holds operands spread out over short rows, and how far apart. */
const SPREAD: usize = 128;
const SPREAD_BYTES: usize = 4 * CHUNK + 16;
/** Where it holds values of four vectors, when nothing is spread out. */
const VALUES: usize = 128;

/** The state of a walk, at the start of scratch memory: at most 13 KiB with what lies behind it. */
@final @unmanaged class Walk {
  /** First element of the next run. */
  at: i32;
  /** The run: where its results go, how many bytes, where each operand lies and how far it moves by vector. */
  y: usize;
  bytes: usize;
  from0: usize;
  from1: usize;
  from2: usize;
  step0: usize;
  step1: usize;
  step2: usize;
  /** Whether a run over short rows has been: operands that repeat lie spread out already. */
  again: bool;
  /** A run of less than a vector: where its results belong, and how many they are. */
  home: usize;
  rest: i32;
}

/** Whether strides are those of a tensor of the whole shape. */
function isFull(rank: i32, shape: usize, strides: usize): bool {
  let size = 1;
  for (let axis = rank - 1; axis >= 0; axis--) {
    const extent = load<i32>(shape + (axis << 2));
    if (extent > 1 && load<i32>(strides + (axis << 2)) != size) return false;
    size *= extent;
  }
  return true;
}

/** Writes what `count` elements of the output from `at` on read of an operand, one after the other, and up to 12 bytes more. */
function spread(from: usize, to: usize, at: i32, count: i32, rank: i32, shape: usize, strides: usize): void {
  const axis = (rank - 2) << 2;
  const inner = load<i32>(shape + axis, 4);
  const move = load<i32>(strides + axis, 4);
  const rows = load<i32>(shape + axis);
  const rowBytes = load<i32>(strides + axis) << 2;
  let row = at / inner;
  let column = at - row * inner;
  let left = 0;
  let source: usize = 0;
  for (; count > 0; left--) {
    if (!left) {
      source = from + (rowOffset(row, rank, shape, strides) << 2);
      left = rows - row % rows;
      row += left;
    }
    const length = min(inner - column, count);
    let x = source;
    let i = 0;
    if (move) {
      x += column << 2;
      for (; i < length - 3; i += 4) v128.store(to + (i << 2), v128.load(x + (i << 2)));
      if (i < length) v128.store(to + (i << 2), loadTail(x + (i << 2), length - i));
    } else {
      const one = v128.load32_splat(x);
      do {
        v128.store(to + (i << 2), one);
        i += 4;
      } while (i < length);
    }
    to += length << 2;
    count -= length;
    column = 0;
    source += rowBytes;
  }
}

/** The most whole rows, planes and so on that make up to a quarter of a run, in elements. */
function periodOf(rank: i32, shape: usize): i32 {
  let period = 1;
  for (let axis = rank - 1; axis >= 0; axis--) {
    const more = period * load<i32>(shape + (axis << 2));
    if (more > CHUNK / 4) break;
    period = more;
  }
  return period;
}

/** Whether an operand repeats with `period`. */
function repeats(period: i32, rank: i32, shape: usize, strides: usize): bool {
  let size = 1;
  for (let axis = rank - 1; axis >= 0; axis--) {
    if (size >= period && load<i32>(strides + (axis << 2))) return false;
    size *= load<i32>(shape + (axis << 2));
  }
  return true;
}

/**
 * Prepares the next run over `count` operands and the output that follows them; false when there is none. The first run
 * starts at unit `begin`, the others, told by a negative one, where the last one ended. The last axis of `shape` is the
 * row, in which an operand moves with the output or stands still; in rank 0 every operand moves.
 */
function next(operands: usize, scratch: usize, begin: i32, end: i32, size: i32, count: i32, rank: i32, shape: usize, strides: usize): bool {
  const walk = changetype<Walk>(scratch);
  let at = first(begin);
  let again = false;
  if (begin < 0) {
    if (walk.rest) storeTail(walk.home, v128.load(scratch + TAILS), walk.rest);
    at = walk.at;
    again = walk.again;
  }
  let length = last(end, size) - at;
  if (length <= 0) return false;
  let inner = i32.MAX_VALUE;
  let row = 0;
  if (rank > 1) {
    inner = load<i32>(shape + ((rank - 1) << 2));
    row = at / inner;
  }
  const short = inner <= SHORT;
  // Runs of whole periods leave operands that repeat where they lie.
  const period = short ? periodOf(rank, shape) : 0;
  const most = short ? CHUNK - CHUNK % (4 * period) : inner - (at - row * inner);
  length = min(length, most);
  const whole = length >= 4;
  if (whole) length &= ~3;
  let block = scratch + TAILS;
  for (let k = 0; k < count; k++) {
    block += 16;
    const own = strides + (k << 5);
    let from = operand(operands, k);
    let step = 16;
    if (rank > 0 && !(short && isFull(rank, shape, own))) {
      const move = load<i32>(own + ((rank - 1) << 2));
      if (short) {
        const to = scratch + SPREAD + k * SPREAD_BYTES;
        if (!again || !repeats(period, rank, shape, own)) spread(from, to, at, length, rank, shape, own);
        from = to;
      } else {
        from += (rowOffset(row, rank, shape, own) + (at - row * inner) * move) << 2;
        step = move << 4;
      }
    } else from += at << 2;
    if (!step) {
      v128.store(block, v128.load32_splat(from));
      from = block;
    } else if (!whole) {
      v128.store(block, loadTail(from, length));
      from = block;
    }
    store<usize>(scratch + (k << 2), from, offsetof<Walk>('from0'));
    store<usize>(scratch + (k << 2), step, offsetof<Walk>('step0'));
  }
  const y = operand(operands, count) + (at << 2);
  walk.at = at + length;
  walk.again = short && length == most;
  walk.home = y;
  walk.rest = whole ? 0 : length;
  walk.y = whole ? y : scratch + TAILS;
  walk.bytes = whole ? length << 2 : 16;
  return true;
}

/** y = f(x), element by element. Operands: x, y. */
// @ts-ignore: decorator
@inline
export function map<F>(operands: usize, params: usize, scratch: usize, begin: i32, end: i32, size: i32): void {
  for (; next(operands, scratch, begin, end, size, 1, 0, 0, 0); begin = -1) {
    const walk = changetype<Walk>(scratch);
    const y = walk.y;
    const x = walk.from0;
    const bytes = walk.bytes;
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(y + i, changetype<F>(0).lanes(v128.load(x + i), params));
    }
  }
}

/** As {@link map}, four vectors abreast. */
// @ts-ignore: decorator
@inline
export function mapAbreast<F>(operands: usize, params: usize, scratch: usize, begin: i32, end: i32, size: i32): void {
  for (; next(operands, scratch, begin, end, size, 1, 0, 0, 0); begin = -1) {
    const walk = changetype<Walk>(scratch);
    const y = walk.y;
    const x = walk.from0;
    const bytes = walk.bytes;
    let i: usize = 0;
    for (; i + 48 < bytes; i += 64) changetype<F>(0).abreast(x + i, y + i);
    for (; i < bytes; i += 16) v128.store(y + i, changetype<F>(0).lanes(v128.load(x + i)));
  }
}

/** y = f(a, b), with broadcasting where `rank` is not 0: `strides` has eight numbers for each operand. */
// @ts-ignore: decorator
@inline
export function map2<F>(operands: usize, params: usize, scratch: usize, begin: i32, end: i32, size: i32, rank: i32 = 0, shape: usize = 0, strides: usize = 0): void {
  for (; next(operands, scratch, begin, end, size, 2, rank, shape, strides); begin = -1) {
    const walk = changetype<Walk>(scratch);
    let y = walk.y;
    const stop = y + walk.bytes;
    let a = walk.from0;
    let b = walk.from1;
    const aStep = walk.step0;
    const bStep = walk.step1;
    for (; y < stop; y += 16) {
      v128.store(y, changetype<F>(0).lanes(v128.load(a), v128.load(b), params));
      a += aStep;
      b += bStep;
    }
  }
}

/** y = a g(b), four vectors abreast: g of these goes to scratch first. Operands: a, b, y. */
// @ts-ignore: decorator
@inline
export function scaleAbreast<F>(operands: usize, scratch: usize, begin: i32, end: i32, size: i32): void {
  const values = scratch + VALUES;
  for (; next(operands, scratch, begin, end, size, 2, 0, 0, 0); begin = -1) {
    const walk = changetype<Walk>(scratch);
    const y = walk.y;
    const a = walk.from0;
    const b = walk.from1;
    const bytes = walk.bytes;
    let i: usize = 0;
    for (; i + 48 < bytes; i += 64) {
      changetype<F>(0).abreast(b + i, values);
      v128.store(y + i, f32x4.mul(v128.load(a + i), v128.load(values)));
      v128.store(y + i, f32x4.mul(v128.load(a + i, 16), v128.load(values, 16)), 16);
      v128.store(y + i, f32x4.mul(v128.load(a + i, 32), v128.load(values, 32)), 32);
      v128.store(y + i, f32x4.mul(v128.load(a + i, 48), v128.load(values, 48)), 48);
    }
    for (; i < bytes; i += 16) v128.store(y + i, f32x4.mul(v128.load(a + i), changetype<F>(0).lanes(v128.load(b + i))));
  }
}

/** y = f(a, b, c), as {@link map2}. */
// @ts-ignore: decorator
@inline
export function map3<F>(operands: usize, params: usize, scratch: usize, begin: i32, end: i32, size: i32, rank: i32 = 0, shape: usize = 0, strides: usize = 0): void {
  for (; next(operands, scratch, begin, end, size, 3, rank, shape, strides); begin = -1) {
    const walk = changetype<Walk>(scratch);
    let y = walk.y;
    const stop = y + walk.bytes;
    let a = walk.from0;
    let b = walk.from1;
    let c = walk.from2;
    const aStep = walk.step0;
    const bStep = walk.step1;
    const cStep = walk.step2;
    for (; y < stop; y += 16) {
      v128.store(y, changetype<F>(0).lanes(v128.load(a), v128.load(b), v128.load(c), params));
      a += aStep;
      b += bStep;
      c += cStep;
    }
  }
}
