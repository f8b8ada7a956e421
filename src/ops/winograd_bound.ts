import { type Conv2dAlgorithm, forEachProduct, type Geometry } from './conv2d_geometry.js';
import { type Convolution, winogradForward, winogradInputGradient } from './winograd_plan.js';

type Matrix = readonly (readonly number[])[];

const H = Math.SQRT1_2;
const K = Math.SQRT2;
/** |Aᵀ|, |G| and |B| of assembly/winograd.ts and winograd4.ts, by the size of a tile. */
const TRANSFORMS: Readonly<Record<2 | 4, { readonly a: Matrix; readonly g: Matrix; readonly b: Matrix }>> = {
  2: {
    a: [
      [1, 1, 1, 0],
      [0, 1, 1, 1],
    ],
    g: [
      [1, 0, 0],
      [1 / 2, 1 / 2, 1 / 2],
      [1 / 2, 1 / 2, 1 / 2],
      [0, 0, 1],
    ],
    b: [
      [1, 0, 1, 0],
      [0, 1, 1, 0],
      [0, 1, 1, 0],
      [0, 1, 0, 1],
    ],
  },
  4: {
    a: [
      [1, 1, 1, 1, 1, 0],
      [0, H, H, K, K, 0],
      [0, 1 / 2, 1 / 2, 2, 2, 0],
      [0, H / 2, H / 2, 2 * K, 2 * K, 1],
    ],
    g: [
      [1, 0, 0],
      [2 / 3, K / 3, 1 / 3],
      [2 / 3, K / 3, 1 / 3],
      [1 / 6, K / 6, 1 / 3],
      [1 / 6, K / 6, 1 / 3],
      [0, 0, 1],
    ],
    b: [
      [1, 0, 5 / 2, 0, 1, 0],
      [0, K, 2, H, 1, 0],
      [0, K, 2, H, 1, 0],
      [0, H, 1 / 2, K, 1, 0],
      [0, H, 1 / 2, K, 1, 0],
      [0, 1, 0, 5 / 2, 0, 1],
    ],
  },
};

/**
 * How often |g_r| |d_k| of a filter and a line of a patch is counted in |Aᵀ| [(|G| |g|) ⊙ (|Bᵀ| |d|)], by output, r and k:
 * what the errors are measured by, since rounding errors of products that cancel stay. The largest sum over k of F(4, 3)
 * is 8.3 times a filter's length, it would be 16 with the points 0, ±1, ±2 and as much with 0, ±1, ±½.
 */
function countsOf(size: 2 | 4): readonly Matrix[] {
  const { a, g, b } = TRANSFORMS[size];
  return a.map((places) =>
    [0, 1, 2].map((tap) =>
      b.map((_, k) => places.reduce((sum, value, place) => sum + value * g[place]![tap]! * b[place]![k]!, 0)),
    ),
  );
}

/** Of one output, as [row of the patch, its column, filter's place, count] of both directions. */
function countsAt(rows: Matrix, columns: Matrix): readonly (readonly [number, number, number, number])[] {
  const list: [number, number, number, number][] = [];
  rows.forEach((down, r) => {
    columns.forEach((across, s) => {
      down.forEach((a, y) => {
        across.forEach((b, x) => {
          if (a * b > 0) list.push([y, x, r * 3 + s, a * b]);
        });
      });
    });
  });
  return list;
}

/** |Aᵀ| [(|G| |g| |Gᵀ|) ⊙ (|Bᵀ| |d| |B|)] |A|, summed over channels. */
function majorant(c: Convolution, input: Float64Array, weight: Float64Array): Float64Array {
  const out = new Float64Array(c.batch * c.groups * c.filters * c.outHeight * c.outWidth);
  const lines = countsOf(c.size);
  const counts = lines.map((rows) => lines.map((columns) => countsAt(rows, columns)));
  out.forEach((_, index) => {
    const x = index % c.outWidth;
    const y = Math.floor(index / c.outWidth) % c.outHeight;
    const plane = Math.floor(index / c.outWidth / c.outHeight);
    const filter = plane % c.filters;
    const group = Math.floor(plane / c.filters) % c.groups;
    const image = Math.floor(plane / c.filters / c.groups);
    const [top, left] = [y - (y % c.size) - c.top, x - (x % c.size) - c.left];
    let total = 0;
    for (let channel = 0; channel < c.channels; channel++) {
      const [row, column] = c.transposed ? [channel, filter] : [filter, channel];
      const [rows, columns] = c.transposed ? [c.channels, c.filters] : [c.filters, c.channels];
      const g = ((group * rows + row) * columns + column) * 9;
      const d = ((image * c.groups + group) * c.channels + channel) * c.height;
      for (const [row, column, tap, count] of counts[y % c.size]![x % c.size]!) {
        const [py, px] = [top + row, left + column];
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
 * absolute products. Winograd's, first order, with one rounding for each channel in the products:
 * - F(2, 3) has 2 in Bᵀ d B, 4 in G g Gᵀ (halving is exact), 5 in Aᵀ m A with the bias: channels + 11 units of the majorant.
 * - F(4, 3) has in one direction at most 4 in Bᵀ d (a difference, √½ or √2 itself, its product, a sum), 4 in G g (the same
 *   with thirds) and 5 in Aᵀ m (as Bᵀ d, and a sum): channels + 26 units. The bias has fewer.
 *
 * One unit more is for all of higher order.
 */
function grown(
  sums: Float64Array,
  c: Convolution | null,
  input: Float64Array,
  weight: Float64Array,
): Float64Array {
  if (!c) return sums;
  const roundings = c.size === 2 ? 12 : 27;
  const share = (c.channels + roundings) / (9 * c.channels + 4);
  return majorant(c, input, weight).map((value, i) => Math.max(sums[i]!, share * value));
}

/** What rounding errors of the forward pass are measured by, without a bias. */
export function forwardMagnitude(
  g: Geometry,
  x: Float64Array,
  weight: Float64Array,
  algorithm: Conv2dAlgorithm,
): Float64Array {
  const sums = new Float64Array(g.batch * g.groups * g.filters * g.outHeight * g.outWidth);
  forEachProduct(g, (i, p, q) => {
    sums[i]! += Math.abs(x[p]! * weight[q]!);
  });
  return grown(sums, winogradForward(g, algorithm), x, weight);
}

/** The same of the input-gradient. */
export function inputGradientMagnitude(
  g: Geometry,
  dy: Float64Array,
  weight: Float64Array,
  algorithm: Conv2dAlgorithm,
): Float64Array {
  const sums = new Float64Array(g.batch * g.groups * g.channels * g.height * g.width);
  forEachProduct(g, (i, p, q) => {
    sums[p]! += Math.abs(dy[i]! * weight[q]!);
  });
  return grown(sums, winogradInputGradient(g, algorithm), dy, weight);
}
