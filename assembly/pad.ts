// A tensor with a border: along each axis `before` elements, x, `after` elements, those of the border copied from x:
// border 0 mirrors x at its first and last element, 1 repeats these, 2 goes on at x's other end, 3 has one value. Amounts
// may be negative where that takes away.
import { PadParams } from '../build/params';
import { copyWords } from './layout';
import { loadUpTo, operand, storeUpTo } from './simd';
import { first, last } from './walk';

/** A border of one value. */
const CONSTANT: u32 = 3;

// @ts-ignore: decorator
@inline
function at(list: usize, axis: i32): i32 {
  return load<i32>(list + (axis << 2));
}

/** Index of x, of size n along the axis, for a position counted from x's first element. */
function sourceIndex(border: u32, position: i32, n: i32): i32 {
  if (border == 1) return min(max(position, 0), n - 1);
  if (border == 2) return position < 0 ? position + n : position >= n ? position - n : position;
  const mirrored = abs(position);
  return mirrored < n ? mirrored : 2 * (n - 1) - mirrored;
}

/** y = x with a border, 32-bit words of any dtype. Units are blocks of 512 elements of y, done row by row. */
export function pad__border(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<PadParams>(params);
  const x = operand(o, 0);
  const y = operand(o, 1);
  const shape = params + offsetof<PadParams>('shape0');
  const befores = params + offsetof<PadParams>('before0');
  const afters = params + offsetof<PadParams>('after0');
  const value = params + offsetof<PadParams>('value');
  const border = p.border;
  const inner = <i32>p.rank - 1;
  const n = at(shape, inner);
  const before = at(befores, inner);
  const outer = before + n + at(afters, inner);
  const stop = last(end, <i32>p.size);
  let i = first(begin);
  while (i < stop) {
    let rest = i / outer;
    const column = i - rest * outer;
    let stride = n;
    let index = 0;
    let inside = true;
    for (let axis = inner - 1; axis >= 0; axis--) {
      const size = at(shape, axis);
      const whole = at(befores, axis) + size + at(afters, axis);
      const next = rest / whole;
      const position = rest - next * whole - at(befores, axis);
      rest = next;
      if (border == CONSTANT) inside = inside && <u32>position < <u32>size;
      index += stride * (border == CONSTANT ? position : sourceIndex(border, position, size));
      stride *= size;
    }
    const row = x + (index << 2);
    const until = min(outer, column + stop - i);
    const to = y + ((i - column) << 2);
    const head = inside ? min(max(column, before), until) : until;
    const tail = max(head, min(before + n, until));
    if (border == CONSTANT) {
      copyWords(value, 0, to + (column << 2), head - column);
      copyWords(value, 0, to + (tail << 2), until - tail);
    } else {
      for (let c = column; c < until; c++) {
        if (c == head) c = tail;
        if (c < until) store<u32>(to + (c << 2), load<u32>(row + (sourceIndex(border, c - before, n) << 2)));
      }
    }
    memory.copy(to + (head << 2), row + ((head - before) << 2), (tail - head) << 2);
    i += until - column;
  }
}

/**
 * The positions along an axis of dy that come from one index of x, ascending: `count` of them, the first three by name,
 * those after these next to each other.
 */
@unmanaged
class Readers {
  count: i32;
  first: i32;
  second: i32;
  third: i32;

  find(border: u32, index: i32, n: i32, before: i32, after: i32): void {
    const own = before + index;
    if (border == 1) {
      const low = index == 0 ? 0 : own;
      const high = index == n - 1 ? before + n - 1 + after : own;
      this.count = high - low + 1;
      this.first = low;
      this.second = low + 1;
      this.third = low + 2;
      return;
    }
    const circular = border == 2;
    const low = circular ? own - n : before - index;
    const high = circular ? own + n : before + 2 * (n - 1) - index;
    const hasLow = circular ? index >= n - before : index >= 1 && index <= before;
    const hasHigh = circular ? index < after : index <= n - 2 && index >= n - 1 - after;
    this.count = 1 + <i32>hasLow + <i32>hasHigh;
    this.first = hasLow ? low : own;
    this.second = hasLow ? own : high;
    this.third = high;
  }

  position(k: i32): i32 {
    return k == 0 ? this.first : k == 1 ? this.second : this.third + k - 2;
  }
}

// @ts-ignore: decorator
@inline
function readersOf(scratch: usize, axis: i32): Readers {
  return changetype<Readers>(scratch + <usize>axis * offsetof<Readers>());
}

/** The `count` neighbours at y += those at x. */
function addWords(x: usize, y: usize, count: i32): void {
  for (; count > 0; count -= 4) {
    storeUpTo(y, f32x4.add(loadUpTo(y, count), loadUpTo(x, count)), count);
    x += 16;
    y += 16;
  }
}

/**
 * dx = Σ dy over the elements that came from each element of x, in the order in which they lie in dy. Units are blocks of
 * 512 elements of x, done row by row: rows of dy are added where each element has one reader along the last axis.
 * `scratch` holds one Readers per axis.
 */
export function pad_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<PadParams>(params);
  const shape = params + offsetof<PadParams>('shape0');
  const befores = params + offsetof<PadParams>('before0');
  const afters = params + offsetof<PadParams>('after0');
  const border = p.border;
  const inner = <i32>p.rank - 1;
  const n = at(shape, inner);
  const before = at(befores, inner);
  const after = at(afters, inner);
  const own = readersOf(scratch, inner);
  const stop = last(end, <i32>p.size);
  let i = first(begin);
  while (i < stop) {
    let rest = i / n;
    const column = i - rest * n;
    const until = min(n, column + stop - i);
    const to = operand(o, 1) + ((i - column) << 2);
    const head = min(max(column, border == 2 ? after : border == 1 ? 1 : before + 1), until);
    const tail = max(head, min(border == 2 ? n - before : border == 1 ? n - 1 : n - 1 - after, until));
    let total = 1;
    for (let axis = inner - 1; axis >= 0; axis--) {
      const size = at(shape, axis);
      const readers = readersOf(scratch, axis);
      const next = rest / size;
      readers.find(border, rest - next * size, size, at(befores, axis), at(afters, axis));
      rest = next;
      total *= readers.count;
    }
    for (let k = 0; k < total; k++) {
      let choice = k;
      let stride = before + n + after;
      let index = 0;
      for (let axis = inner - 1; axis >= 0; axis--) {
        const readers = readersOf(scratch, axis);
        const count = readers.count;
        let position = readers.first;
        if (count > 1) {
          position = readers.position(choice % count);
          choice /= count;
        }
        index += stride * position;
        stride *= at(befores, axis) + at(shape, axis) + at(afters, axis);
      }
      const row = operand(o, 0) + (index << 2);
      const middle = row + ((before + head) << 2);
      if (k == 0) memory.copy(to + (head << 2), middle, (tail - head) << 2);
      else addWords(middle, to + (head << 2), tail - head);
      for (let c = column; c < until; c++) {
        if (c == head) c = tail;
        if (c >= until) break;
        own.find(border, c, n, before, after);
        let sum: f32 = k == 0 ? 0.0 : load<f32>(to + (c << 2));
        for (let j = 0; j < own.count; j++) sum += load<f32>(row + (own.position(j) << 2));
        store<f32>(to + (c << 2), sum);
      }
    }
    i += until - column;
  }
}
