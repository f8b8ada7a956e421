// A tensor with a border: along each axis `before` elements, x, `after` elements, those of the border copied from x:
// border 0 mirrors x at its first and last element, 1 repeats these, 2 goes on at x's other end. Amounts may be
// negative where the other makes up for it.
import { PadParams } from '../build/params';
import { operand } from './simd';
import { first, last } from './walk';

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

/** y = x with a border, 32-bit words of any dtype. Units are blocks of 1024 elements of y. */
export function pad__border(o: usize, params: usize, s: usize, begin: i32, end: i32): void {
  const p = changetype<PadParams>(params);
  const x = operand(o, 0);
  const y = operand(o, 1);
  const shape = params + offsetof<PadParams>('shape0');
  const befores = params + offsetof<PadParams>('before0');
  const afters = params + offsetof<PadParams>('after0');
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
    for (let axis = inner - 1; axis >= 0; axis--) {
      const size = at(shape, axis);
      const whole = at(befores, axis) + size + at(afters, axis);
      const position = rest % whole;
      rest /= whole;
      index += stride * sourceIndex(p.border, position - at(befores, axis), size);
      stride *= size;
    }
    const row = x + (index << 2);
    const until = min(outer, column + stop - i);
    const to = y + ((i - column) << 2);
    const head = min(max(column, before), until);
    const tail = max(head, min(before + n, until));
    for (let c = column; c < head; c++) {
      store<u32>(to + (c << 2), load<u32>(row + (sourceIndex(p.border, c - before, n) << 2)));
    }
    memory.copy(to + (head << 2), row + ((head - before) << 2), (tail - head) << 2);
    for (let c = tail; c < until; c++) {
      store<u32>(to + (c << 2), load<u32>(row + (sourceIndex(p.border, c - before, n) << 2)));
    }
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

  @inline
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

  @inline
  position(k: i32): i32 {
    return k == 0 ? this.first : k == 1 ? this.second : this.third + k - 2;
  }
}

// @ts-ignore: decorator
@inline
function readersOf(scratch: usize, axis: i32): Readers {
  return changetype<Readers>(scratch + <usize>axis * offsetof<Readers>());
}

/**
 * dx = Σ dy over the elements that came from each element of x, in the order in which they lie in dy. Units are blocks of
 * 1024 elements of x; `scratch` holds one Readers per axis.
 */
export function pad_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<PadParams>(params);
  const dy = operand(o, 0);
  const dx = operand(o, 1);
  const shape = params + offsetof<PadParams>('shape0');
  const befores = params + offsetof<PadParams>('before0');
  const afters = params + offsetof<PadParams>('after0');
  const rank = <i32>p.rank;
  const stop = last(end, <i32>p.size);
  for (let i = first(begin); i < stop; i++) {
    let rest = i;
    let total = 1;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const n = at(shape, axis);
      const readers = readersOf(scratch, axis);
      readers.find(p.border, rest % n, n, at(befores, axis), at(afters, axis));
      rest /= n;
      total *= readers.count;
    }
    let sum: f32 = 0;
    for (let k = 0; k < total; k++) {
      let choice = k;
      let stride = 1;
      let index = 0;
      for (let axis = rank - 1; axis >= 0; axis--) {
        const readers = readersOf(scratch, axis);
        index += stride * readers.position(choice % readers.count);
        choice /= readers.count;
        stride *= at(befores, axis) + at(shape, axis) + at(afters, axis);
      }
      sum += load<f32>(dy + (index << 2));
    }
    store<f32>(dx + (i << 2), sum);
  }
}
