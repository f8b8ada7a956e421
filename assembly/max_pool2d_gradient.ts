// The gradient of max pooling and its adjoint, by the winners that the forward pass names: bytes, the taps of windows, or
// words, indices in planes. Units are planes. A table turns a tap into a distance, so that a window costs some eight scalar
// instructions however large it is. What names no element of its plane is passed over.
import { Pool2dParams } from '../build/params';
import { operand } from './simd';
import { isNear } from './windows';
import { spreadPairs } from './windows_spread';

// What is done with the winner at `from` the plane's start; `at` is the output's place.

// @ts-ignore: decorator
@final @unmanaged class Scatter {
  // @ts-ignore: decorator
  @inline take(given: usize, made: usize, at: usize, from: usize): void {
    const to = made + from;
    store<f32>(to, load<f32>(to) + load<f32>(given + at));
  }
}

// @ts-ignore: decorator
@final @unmanaged class Select {
  // @ts-ignore: decorator
  @inline take(given: usize, made: usize, at: usize, from: usize): void {
    store<f32>(made + at, load<f32>(given + from));
  }
}

/** Calls F.take for every output of a plane of x of `size` bytes. `table`: by tap, the bytes from a window's first element. */
// @ts-ignore: decorator
@inline
function forEachWinner<F>(p: Pool2dParams, given: usize, winners: usize, made: usize, size: u32, table: usize): void {
  const count = <i32>(p.outHeight * p.outWidth);
  if (p.words) {
    for (let i = 0; i < count; i++) {
      const from = load<u32>(winners + (i << 2));
      if (from < size >> 2) changetype<F>(0).take(given, made, i << 2, from << 2);
    }
    return;
  }
  const step = p.strideWidth << 2;
  let at: usize = 0;
  for (let oy = 0; oy < <i32>p.outHeight; oy++) {
    let from = ((oy * p.strideHeight - p.top) * p.width - p.left) << 2;
    for (const stop = at + (p.outWidth << 2); at < stop; at += 4) {
      const place: u32 = from + load<u32>(table + (<usize>load<u8>(winners) << 2));
      if (place < size) changetype<F>(0).take(given, made, at, place);
      winners++;
      from += step;
    }
  }
}

function fillTable(p: Pool2dParams, table: usize): void {
  if (p.words) return;
  // Far beyond any plane.
  memory.fill(table, 0x80, 1024);
  for (let r: u32 = 0; r < p.kernelHeight; r++) {
    for (let c: u32 = 0; c < p.kernelWidth; c++) {
      store<u32>(table, (r * p.dilationHeight * p.width + c * p.dilationWidth) << 2);
      table += 4;
    }
  }
}

// @ts-ignore: decorator
@inline
function winnersOf(p: Pool2dParams, winners: usize, unit: i32): usize {
  const skip = unit * <i32>(p.outHeight * p.outWidth);
  return winners + (p.words ? skip << 2 : skip);
}

/** dx: each dy is added to the winner of its window. Operands: dy, winners, dx. */
export function max_pool2d_backward_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width) << 2;
  const pooled = <i32>(p.outHeight * p.outWidth) << 2;
  const near = !p.words && p.kernelWidth == 2 && isNear(p);
  if (!near) fillTable(p, scratch);
  for (let unit = begin; unit < end; unit++) {
    const dy = operand(o, 0) + unit * pooled;
    const winners = winnersOf(p, operand(o, 1), unit);
    const dx = operand(o, 2) + unit * plane;
    if (near) {
      spreadPairs(p, 0.0, dy, winners, dx);
      continue;
    }
    memory.fill(dx, 0, plane);
    forEachWinner<Scatter>(p, dy, winners, dx, plane, scratch);
  }
}

/** y = the winners' elements of `values`. Operands: values, winners, y. */
export function max_pool2d_select_f32(o: usize, params: usize, scratch: usize, begin: i32, end: i32): void {
  const p = changetype<Pool2dParams>(params);
  const plane = <i32>(p.height * p.width) << 2;
  const pooled = <i32>(p.outHeight * p.outWidth) << 2;
  fillTable(p, scratch);
  for (let unit = begin; unit < end; unit++) {
    const values = operand(o, 0) + unit * plane;
    const y = operand(o, 2) + unit * pooled;
    memory.fill(y, 0, pooled);
    forEachWinner<Select>(p, values, winnersOf(p, operand(o, 1), unit), y, plane, scratch);
  }
}
