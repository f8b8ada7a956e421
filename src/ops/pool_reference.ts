import { type Axis, type Divisor, forEachWindow, type Geometry } from './pool_windows.js';

/** Of the covered elements the first largest, or the last NaN, as PyTorch has it. */
export const largestOf = (x: Float64Array, covered: readonly number[]): number =>
  covered.reduce((best, i) => (x[i]! > x[best]! || Number.isNaN(x[i]!) ? i : best), covered[0]!);

/** Elements of window `o` along an axis, padding among them but not what lies beyond it. */
const padded = ({ size, kernel, stride, padding }: Axis, o: number): number =>
  Math.min(o * stride - padding + kernel, size + padding) - (o * stride - padding);

/** The mean of every window. */
export function meansOf(x: Float64Array, g: Geometry, divisor: Divisor): Float64Array {
  const y = new Float64Array(g.planes * g.height.out * g.width.out);
  forEachWindow(g, (i, covered, oy, ox) => {
    y[i] = covered.reduce((total, p) => total + x[p]!, 0) / divisorOf(g, divisor, covered, oy, ox);
  });
  return y;
}

export function divisorOf(
  { height, width, adaptive }: Geometry,
  { countIncludePad, divisorOverride }: Divisor,
  covered: readonly number[],
  oy: number,
  ox: number,
): number {
  if (divisorOverride !== null) return divisorOverride;
  return countIncludePad && !adaptive ? padded(height, oy) * padded(width, ox) : covered.length;
}
