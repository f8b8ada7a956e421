import { LOST_POWER } from '../bounds.js';
import type { RefTensor } from '../op.js';
import type { Shape } from '../shape.js';

export interface StandardizeAttrs {
  /** Added to the variance. */
  readonly eps: number;
  /** Without it rows are divided by their root mean square, and no mean is taken. */
  readonly centred: boolean;
  /** One row per group over the whole batch, in place of one per batch item and group. */
  readonly overBatch: boolean;
}

/**
 * Where the rows of x [batch, groups, channels, plane] lie: row r is `blocks` runs of `run` elements, `step` apart, the
 * first at r · run. Weight and bias have one element per group and channel.
 */
export function layoutOf(x: Shape, overBatch: boolean) {
  const [batch, groups, channels, plane] = x as readonly [number, number, number, number];
  const run = channels * plane;
  return {
    batch,
    groups,
    channels,
    plane,
    rows: overBatch ? groups : batch * groups,
    blocks: overBatch ? batch : 1,
    run,
    step: overBatch ? groups * run : 0,
    count: (overBatch ? batch : 1) * run,
  };
}

export type Layout = ReturnType<typeof layoutOf>;

/** The shape of the statistics: one mean and one variance per row. */
export const statisticsShape = ({ batch, groups }: Layout, overBatch: boolean): number[] =>
  overBatch ? [groups] : [batch, groups];

/** Calls `visit` with every row: where its elements lie, and which weight belongs to each. */
function forEachRow(
  layout: Layout,
  visit: (row: number, at: readonly number[], affine: readonly number[]) => void,
): void {
  const { rows, run, step, count, groups, channels, plane } = layout;
  const places = Array.from({ length: count }, (_, i) => i);
  for (let row = 0; row < rows; row++) {
    visit(
      row,
      places.map((i) => row * run + Math.floor(i / run) * step + (i % run)),
      places.map((i) => (row % groups) * channels + Math.floor((i % run) / plane)),
    );
  }
}

const average = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / Math.max(values.length, 1);

export interface Operands {
  readonly x: RefTensor;
  readonly weight: RefTensor | null;
  readonly bias: RefTensor | null;
}

/** Mean and variance of each row, then y = (x - mean) / √(variance + eps) · weight + bias, in that order of outputs. */
export function standardizeReference(
  { x, weight, bias }: Operands,
  layout: Layout,
  { eps, centred }: StandardizeAttrs,
): [y: Float64Array, mean: Float64Array, variance: Float64Array] {
  const y = new Float64Array(x.data.length);
  const mean = new Float64Array(layout.rows);
  const variance = new Float64Array(layout.rows);
  forEachRow(layout, (row, at, affine) => {
    mean[row] = centred ? average(at.map((i) => x.data[i]!)) : 0;
    variance[row] = average(at.map((i) => (x.data[i]! - mean[row]!) ** 2));
    const root = Math.sqrt(variance[row] + eps);
    at.forEach((i, k) => {
      const w = weight ? weight.data[affine[k]!]! : 1;
      const b = bias ? bias.data[affine[k]!]! : 0;
      y[i] = ((x.data[i]! - mean[row]!) / root) * w + b;
    });
  });
  return [y, mean, variance];
}

/** Every term of {@link standardizeReference} positive; the mean's own error counts as one standard deviation. */
export function standardizeMagnitude(
  operands: Operands,
  layout: Layout,
  attrs: StandardizeAttrs,
): [y: Float64Array, mean: Float64Array, variance: Float64Array] {
  const { weight, bias, x } = operands;
  const [plain, mean, variance] = standardizeReference({ x, weight: null, bias: null }, layout, attrs);
  forEachRow(layout, (row, at, affine) => {
    const deviation = Math.sqrt(variance[row]! + attrs.eps);
    at.forEach((i, k) => {
      const w = weight ? Math.abs(weight.data[affine[k]!]!) : 1;
      const b = bias ? Math.abs(bias.data[affine[k]!]!) : 0;
      const size = Math.abs(plain[i]!);
      // Below the normal numbers the distance over the deviation loses what the weight then multiplies, or the weight over
      // the deviation what the distance does.
      const lost = LOST_POWER * (1 + w + size * deviation);
      plain[i] = (size + Number(attrs.centred)) * w + b + lost;
    });
  });
  return [plain, mean.map((m, row) => Math.abs(m) + Math.sqrt(variance[row]!)), variance];
}

/**
 * Units of 2^-24 by which a standardised element may be off, relative to {@link standardizeMagnitude}, for rows of n. The
 * second pass measures from the first's mean and corrects it, so that a large mean costs nothing: the correction is off
 * by n + 2 units of the mean distance, which is at most a standard deviation; a distance and its correction round once
 * each. The variance takes n + 6 (squares, sum, its scale, the correction), half of that in the root, and eps 1; the
 * root's inverse 4 (WGSL: 2 ulp); weight and bias round three times. That is n + 2 for the distance, and n / 2 + 13,
 * never more than n + 14 (the last for what is of second order).
 */
export const standardizeUlps = (count: number): number => count + 14;

interface BackwardOperands {
  readonly dy: RefTensor;
  readonly x: RefTensor;
  readonly mean: RefTensor;
  readonly variance: RefTensor;
  readonly weight: RefTensor | null;
}

/**
 * dx = s (g - avg g - h avg (g h)) with g = dy · weight, h = (x - mean) s, s = 1 / √(variance + eps), averages over
 * rows (that of g only where rows are centred); dweight = Σ dy h and dbias = Σ dy by channel. With `positive` every term
 * counts by its absolute value.
 */
export function standardizeBackwardReference(
  { dy, x, mean, variance, weight }: BackwardOperands,
  layout: Layout,
  { eps, centred }: StandardizeAttrs,
  positive = false,
): [dx: Float64Array, dweight: Float64Array, dbias: Float64Array] {
  const term = positive ? Math.abs : (value: number) => value;
  const sign = positive ? -1 : 1;
  const dx = new Float64Array(x.data.length);
  const dweight = new Float64Array(layout.groups * layout.channels);
  const dbias = new Float64Array(dweight.length);
  forEachRow(layout, (row, at, affine) => {
    const s = 1 / Math.sqrt(variance.data[row]! + eps);
    const h = at.map((i) => term((x.data[i]! - mean.data[row]!) * s));
    const g = at.map((i, k) => term(dy.data[i]! * (weight ? weight.data[affine[k]!]! : 1)));
    const level = centred ? average(g) : 0;
    const slope = average(g.map((value, k) => value * h[k]!));
    at.forEach((i, k) => {
      dx[i] = s * (g[k]! - sign * level - sign * h[k]! * slope);
      dweight[affine[k]!]! += term(dy.data[i]!) * h[k]!;
      dbias[affine[k]!]! += term(dy.data[i]!);
    });
  });
  return [dx, dweight, dbias];
}
