// Windows of pooling over x [planes, height, width], as shaders/common/windows.wgsl has them.
import { Pool2dParams } from '../build/params';
import { splat } from './simd';

/** floor(out size / outs) and ceil, the ends of an adaptive window. */
// @ts-ignore: decorator
@inline
function share(out: u32, size: u32, outs: u32, up: u32): i32 {
  return <i32>((<u64>out * <u64>size + <u64>up) / <u64>outs);
}

// @ts-ignore: decorator
@inline
function firstTap(start: i32, dilation: i32): i32 {
  return start >= 0 ? start : (dilation - (-start % dilation)) % dilation;
}

/** The first row of windows `oy`, and one past their last. */
// @ts-ignore: decorator
@inline
export function topOf(p: Pool2dParams, oy: i32): i32 {
  if (p.adaptive) return share(oy, p.height, p.outHeight, 0);
  return firstTap(oy * <i32>p.strideHeight - <i32>p.top, <i32>p.dilationHeight);
}

// @ts-ignore: decorator
@inline
export function bottomOf(p: Pool2dParams, oy: i32): i32 {
  if (p.adaptive) return share(oy + 1, p.height, p.outHeight, p.outHeight - 1);
  const end = oy * p.strideHeight + (p.kernelHeight - 1) * p.dilationHeight + 1 - p.top;
  return min(<i32>p.height, <i32>end);
}

/** The first column of windows `ox`, and one past their last. */
// @ts-ignore: decorator
@inline
export function leftOf(p: Pool2dParams, ox: i32): i32 {
  if (p.adaptive) return share(ox, p.width, p.outWidth, 0);
  return firstTap(ox * <i32>p.strideWidth - <i32>p.left, <i32>p.dilationWidth);
}

// @ts-ignore: decorator
@inline
export function rightOf(p: Pool2dParams, ox: i32): i32 {
  if (p.adaptive) return share(ox + 1, p.width, p.outWidth, p.outWidth - 1);
  const end = ox * p.strideWidth + (p.kernelWidth - 1) * p.dilationWidth + 1 - p.left;
  return min(<i32>p.width, <i32>end);
}

/** Columns of windows of one width that don't reach over the left or right edge: the first, and one past the last. */
// @ts-ignore: decorator
@inline
export function firstInside(p: Pool2dParams): i32 {
  if (p.adaptive) return <i32>p.outWidth;
  return min(<i32>p.outWidth, <i32>((p.left + p.strideWidth - 1) / p.strideWidth));
}

// @ts-ignore: decorator
@inline
export function lastInside(p: Pool2dParams): i32 {
  const room = <i32>p.width + <i32>p.left - <i32>((p.kernelWidth - 1) * p.dilationWidth + 1);
  return room < 0 ? 0 : min(<i32>p.outWidth, room / <i32>p.strideWidth + 1);
}

/** Four elements, `step` bytes apart; nothing beyond the fourth is read. A constant step costs no test. */
// @ts-ignore: decorator
@inline
export function gather4(x: usize, step: usize): v128 {
  if (step == 4) return v128.load(x);
  if (step == 8) return v128.shuffle<f32>(v128.load(x), v128.load(x, 12), 0, 2, 5, 7);
  let lanes = v128.load32_zero(x);
  lanes = v128.load_lane<u32>(x + step, lanes, 1);
  lanes = v128.load_lane<u32>(x + 2 * step, lanes, 2);
  return v128.load_lane<u32>(x + 3 * step, lanes, 3);
}

/** Takes in one row of four windows side by side, `step` bytes apart; its elements are `hop` bytes apart. */
// @ts-ignore: decorator
@inline
function fourRows<F>(held: v128, from: usize, taps: i32, hop: usize, step: usize): v128 {
  held = changetype<F>(0).lanes(held, gather4(from, step));
  if (taps == 3) {
    held = changetype<F>(0).lanes(held, gather4(from + hop, step));
    return changetype<F>(0).lanes(held, gather4(from + 2 * hop, step));
  }
  for (let tap = 1; tap < taps; tap++) {
    from += hop;
    held = changetype<F>(0).lanes(held, gather4(from, step));
  }
  return held;
}

/** Four windows side by side, none over an edge, the first at `left`: what F makes of them, lane by lane. */
// @ts-ignore: decorator
@inline
function fourWindows<F>(p: Pool2dParams, x: usize, top: i32, bottom: i32, left: i32): v128 {
  const step = <usize>p.strideWidth << 2;
  const hop = <usize>p.dilationWidth << 2;
  const taps = <i32>p.kernelWidth;
  const line = <usize>(p.width * p.dilationHeight) << 2;
  const end = x + ((bottom * <i32>p.width + left) << 2);
  let from = x + ((top * <i32>p.width + left) << 2);
  let held = changetype<F>(0).first();
  // Steps of one and two elements are constants to the loops that they choose.
  if (step == 4) {
    for (; from < end; from += line) held = fourRows<F>(held, from, taps, hop, 4);
  } else if (step == 8) {
    for (; from < end; from += line) held = fourRows<F>(held, from, taps, hop, 8);
  } else {
    for (; from < end; from += line) held = fourRows<F>(held, from, taps, hop, step);
  }
  return held;
}

/** One window, in every lane. Where its elements are neighbours they are taken four at a time. */
// @ts-ignore: decorator
@inline
function oneWindow<F>(p: Pool2dParams, x: usize, top: i32, bottom: i32, left: i32, right: i32): v128 {
  const hop = <i32>p.dilationWidth;
  let four = changetype<F>(0).first();
  let held = changetype<F>(0).first();
  for (let row = top; row < bottom; row += <i32>p.dilationHeight) {
    const line = x + ((row * <i32>p.width) << 2);
    let column = left;
    if (hop == 1) {
      for (; column + 4 <= right; column += 4) {
        four = changetype<F>(0).lanes(four, v128.load(line + (column << 2)));
      }
    }
    for (; column < right; column += hop) {
      held = changetype<F>(0).lanes(held, v128.load32_splat(line + (column << 2)));
    }
  }
  held = changetype<F>(0).lanes(held, splat(f32x4.extract_lane(four, 0)));
  held = changetype<F>(0).lanes(held, splat(f32x4.extract_lane(four, 1)));
  held = changetype<F>(0).lanes(held, splat(f32x4.extract_lane(four, 2)));
  return changetype<F>(0).lanes(held, splat(f32x4.extract_lane(four, 3)));
}

/**
 * y [outWidth], one row of outputs. F says what becomes of a window: its `first` value, `lanes` to take in an element, and
 * `last`, given the window's place and its elements inside.
 */
// @ts-ignore: decorator
@inline
export function poolRow<F>(p: Pool2dParams, x: usize, y: usize, oy: i32): void {
  const outWidth = <i32>p.outWidth;
  const inside = firstInside(p);
  const beyond = lastInside(p);
  const top = topOf(p, oy);
  const bottom = bottomOf(p, oy);
  for (let ox = 0; ox < outWidth; ) {
    const four = ox >= inside && ox < beyond && beyond - inside >= 4;
    // The last four may be made of some that are there already.
    if (four) ox = min(ox, beyond - 4);
    const left = leftOf(p, ox);
    const right = rightOf(p, ox);
    const covered = (bottom - top) * (right - left);
    const to = y + (ox << 2);
    if (four) {
      const held = fourWindows<F>(p, x, top, bottom, left);
      v128.store(to, changetype<F>(0).last(held, p, oy, ox, covered));
      ox += 4;
    } else {
      const held = oneWindow<F>(p, x, top, bottom, left, right);
      v128.store32_lane(to, changetype<F>(0).last(held, p, oy, ox, covered), 0);
      ox++;
    }
  }
}
