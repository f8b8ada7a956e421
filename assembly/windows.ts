// Windows of pooling over x [planes, height, width], as shaders/common/windows.wgsl has them.
import { Pool2dParams } from '../build/params';

/** floor(out size / outs) and ceil, the ends of an adaptive window. */
// @ts-ignore: decorator
@inline
function share(out: u32, size: u32, outs: u32, up: u32): i32 {
  return <i32>((<u64>out * <u64>size + <u64>up) / <u64>outs);
}

// @ts-ignore: decorator
@inline
function firstTap(start: i32, dilation: i32): i32 {
  return start >= 0 ? start : dilation == 1 ? 0 : (dilation - (-start % dilation)) % dilation;
}

/** The first row of windows `oy`, and one past their last. */
export function topOf(p: Pool2dParams, oy: i32): i32 {
  if (p.adaptive) return share(oy, p.height, p.outHeight, 0);
  return firstTap(oy * <i32>p.strideHeight - <i32>p.top, <i32>p.dilationHeight);
}

export function bottomOf(p: Pool2dParams, oy: i32): i32 {
  if (p.adaptive) return share(oy + 1, p.height, p.outHeight, p.outHeight - 1);
  const end = oy * p.strideHeight + (p.kernelHeight - 1) * p.dilationHeight + 1 - p.top;
  return min(<i32>p.height, <i32>end);
}

/** The first column of windows `ox`, and one past their last. */
export function leftOf(p: Pool2dParams, ox: i32): i32 {
  if (p.adaptive) return share(ox, p.width, p.outWidth, 0);
  return firstTap(ox * <i32>p.strideWidth - <i32>p.left, <i32>p.dilationWidth);
}

export function rightOf(p: Pool2dParams, ox: i32): i32 {
  if (p.adaptive) return share(ox + 1, p.width, p.outWidth, p.outWidth - 1);
  const end = ox * p.strideWidth + (p.kernelWidth - 1) * p.dilationWidth + 1 - p.left;
  return min(<i32>p.width, <i32>end);
}

/** Elements of window `out` along one axis, padding among them; in padded coordinates, where it starts at out stride. */
// @ts-ignore: decorator
@inline
function paddedExtent(out: i32, stride: u32, kernel: u32, padded: u32): u32 {
  return min(out * stride + kernel, padded) - out * stride;
}

/** 1 / the divisors of a row of windows of which `rows` rows count. */
export function fillWeights(p: Pool2dParams, rows: i32, weights: usize): void {
  for (let ox = 0; ox < <i32>p.outWidth; ox++) {
    const start = ox * <i32>p.strideWidth - <i32>p.left;
    let columns = p.adaptive ? rightOf(p, ox) - leftOf(p, ox) : min(start + <i32>p.kernelWidth, <i32>p.width) - max(start, 0);
    if (p.countIncludePad) columns = paddedExtent(ox, p.strideWidth, p.kernelWidth, p.width + 2 * p.left);
    const divisor = p.divisor != 0.0 ? p.divisor : <f32>(rows * columns);
    store<f32>(weights + (ox << 2), <f32>1.0 / divisor);
  }
}

/** What every window weighs, if all weigh alike, else 0. */
export function evenWeight(p: Pool2dParams): f32 {
  if (p.divisor != 0.0) return <f32>1.0 / p.divisor;
  if (p.adaptive) return 0.0;
  const columns = (p.outWidth - 1) * p.strideWidth + p.kernelWidth <= p.width + 2 * p.left;
  const rows = (p.outHeight - 1) * p.strideHeight + p.kernelHeight <= p.height + 2 * p.top;
  const pads = !p.countIncludePad && p.top | p.left;
  return rows && columns && !pads ? <f32>1.0 / <f32>(p.kernelHeight * p.kernelWidth) : 0.0;
}

/** Rows that count in the divisor of row `oy` of windows, which has `rows` inside. */
export function countedRows(p: Pool2dParams, oy: i32, rows: i32): i32 {
  return p.countIncludePad ? paddedExtent(oy, p.strideHeight, p.kernelHeight, p.height + 2 * p.top) : rows;
}

/** Four elements, `step` bytes apart; nothing beyond is read. A constant step costs no test. */
// @ts-ignore: decorator
@inline
export function gather4(x: usize, step: usize): v128 {
  if (step == 4) return v128.load(x);
  let lanes = v128.load32_zero(x);
  lanes = v128.load_lane<u32>(x + step, lanes, 1);
  lanes = v128.load_lane<u32>(x + 2 * step, lanes, 2);
  return v128.load_lane<u32>(x + 3 * step, lanes, 3);
}

/** `held` where a mask's lanes are empty, `taken` where they are full. */
// @ts-ignore: decorator
@inline
export function select(taken: v128, held: v128, mask: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_laneselect(taken, held, mask) : v128.bitselect(taken, held, mask);
}

/** Bytes of a row of outputs in scratch, whole vectors. */
// @ts-ignore: decorator
@inline
export function pitchOf(p: Pool2dParams): usize {
  return ((p.outWidth + 3) & ~3) << 2;
}

/**
 * Whether windows are 2 by 2 or 3 by 3, two apart, at least four in a row, so that only the first and last rows and columns of
 * those of 3 by 3 may lie in padding or beyond it.
 */
export function isNear(p: Pool2dParams): bool {
  const size = p.kernelWidth;
  if (p.adaptive || p.kernelHeight != size || size - 2 > 1 || (p.strideHeight ^ 2) | (p.strideWidth ^ 2)) return false;
  if ((p.dilationHeight ^ 1) | (p.dilationWidth ^ 1) || p.outWidth < 4 || p.left > size - 2 || p.top > size - 2) return false;
  return p.outWidth * 2 <= p.width + p.left && p.outHeight * 2 <= p.height + p.top;
}

/** Whether windows are 3 by 3, one apart, at least four in a row, with no more beside the plane than a row and a column on each side. */
export function isSliding(p: Pool2dParams): bool {
  if (p.adaptive || (p.kernelHeight ^ 3) | (p.kernelWidth ^ 3) || (p.strideHeight ^ 1) | (p.strideWidth ^ 1)) return false;
  if ((p.dilationHeight ^ 1) | (p.dilationWidth ^ 1) || p.outWidth < 4 || p.width < 4 || p.left > 1 || p.top > 1) return false;
  return p.outWidth < p.width + p.left && p.outHeight < p.height + p.top;
}
