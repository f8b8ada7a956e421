import { forEachProduct, type Geometry } from './conv2d_geometry.js';
import { type Convolution, winogradForward, winogradInputGradient } from './winograd_plan.js';

// How often |g_k| |d_l| of a filter and a patch of four is counted in |Aᵀ| [(|G| |g|) ⊙ (|Bᵀ| |d|)], by output i: what the
// errors of F(2, 3) are measured by, since rounding errors of products that cancel stay.
const COUNTS = [
  [
    [1, 1, 2, 0],
    [0, 1, 1, 0],
    [0, 1, 1, 0],
  ],
  [
    [0, 1, 1, 0],
    [0, 1, 1, 0],
    [0, 2, 1, 1],
  ],
] as const;

/** Of one output, as [patch's place, filter's place, count] of both directions. */
function countsAt(row: number, column: number): readonly (readonly [number, number, number])[] {
  const list: [number, number, number][] = [];
  COUNTS[row]!.forEach((down, r) => {
    COUNTS[column]!.forEach((across, s) => {
      down.forEach((a, y) => {
        across.forEach((b, x) => {
          if (a * b > 0) list.push([y * 4 + x, r * 3 + s, a * b]);
        });
      });
    });
  });
  return list;
}

/** |Aᵀ| [(|G| |g| |Gᵀ|) ⊙ (|Bᵀ| |d| |B|)] |A|, summed over channels. */
function majorant(c: Convolution, input: Float64Array, weight: Float64Array): Float64Array {
  const out = new Float64Array(c.batch * c.groups * c.filters * c.outHeight * c.outWidth);
  const counts = [0, 1, 2, 3].map((i) => countsAt(i >> 1, i & 1));
  out.forEach((_, index) => {
    const x = index % c.outWidth;
    const y = Math.floor(index / c.outWidth) % c.outHeight;
    const plane = Math.floor(index / c.outWidth / c.outHeight);
    const filter = plane % c.filters;
    const group = Math.floor(plane / c.filters) % c.groups;
    const image = Math.floor(plane / c.filters / c.groups);
    const [top, left] = [y - (y & 1) - c.top, x - (x & 1) - c.left];
    let total = 0;
    for (let channel = 0; channel < c.channels; channel++) {
      const [row, column] = c.transposed ? [channel, filter] : [filter, channel];
      const [rows, columns] = c.transposed ? [c.channels, c.filters] : [c.filters, c.channels];
      const g = ((group * rows + row) * columns + column) * 9;
      const d = ((image * c.groups + group) * c.channels + channel) * c.height;
      for (const [place, tap, count] of counts[(y & 1) * 2 + (x & 1)]!) {
        const [py, px] = [top + (place >> 2), left + (place & 3)];
        if (py < 0 || py >= c.height || px < 0 || px >= c.width) continue;
        total +=
          count * Math.abs(input[(d + py) * c.width + px]! * weight[g + (c.transposed ? 8 - tap : tap)]!);
      }
    }
    out[index] = total;
  });
  return out;
}

/**
 * The magnitude that makes one bound of 9 channels + 4 units hold for both ways. Direct sums keep to it with the sum of
 * absolute products. Winograd's, first order: 2 roundings in Bᵀ d B, 4 in G g Gᵀ (halving is exact), one for each channel in
 * the products, 5 in Aᵀ m A with the bias: channels + 11 units of the majorant, one more for all of higher order.
 */
function grown(
  sums: Float64Array,
  c: Convolution | null,
  input: Float64Array,
  weight: Float64Array,
): Float64Array {
  if (!c) return sums;
  const share = (c.channels + 12) / (9 * c.channels + 4);
  return majorant(c, input, weight).map((value, i) => Math.max(sums[i]!, share * value));
}

/** What rounding errors of the forward pass are measured by, without a bias. */
export function forwardMagnitude(g: Geometry, x: Float64Array, weight: Float64Array): Float64Array {
  const sums = new Float64Array(g.batch * g.groups * g.filters * g.outHeight * g.outWidth);
  forEachProduct(g, (i, p, q) => {
    sums[i]! += Math.abs(x[p]! * weight[q]!);
  });
  return grown(sums, winogradForward(g), x, weight);
}

/** The same of the input-gradient. */
export function inputGradientMagnitude(g: Geometry, dy: Float64Array, weight: Float64Array): Float64Array {
  const sums = new Float64Array(g.batch * g.groups * g.channels * g.height * g.width);
  forEachProduct(g, (i, p, q) => {
    sums[p]! += Math.abs(dy[i]! * weight[q]!);
  });
  return grown(sums, winogradInputGradient(g), dy, weight);
}
