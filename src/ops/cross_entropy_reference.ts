/** Cross-entropy in double precision, row by row. */
import { LOST_POWER } from '../bounds.js';
import type { RefTensor } from '../op.js';
import { type CrossEntropyAttrs as Attrs, geometry, labelAt, placeOf } from './class_rows.js';
import { growth } from './softmax.js';

interface Inputs {
  readonly logits: RefTensor;
  readonly target: RefTensor;
  readonly weight: RefTensor | null;
}

interface Row {
  /** -log softmax. */
  readonly surprise: readonly number[];
  /** Weighted shares of the classes; a class without a share counts nothing, whatever its surprise. */
  readonly shares: readonly (number | null)[];
  /** What the shares' rounding errors are measured by: all terms positive, smoothing not taken off. */
  readonly sizes: readonly number[];
  /** What a kernel's error of e^(x - max) grows by. */
  readonly growths: readonly number[];
  readonly places: readonly number[];
  /** What a weighted mean divides by. */
  readonly weight: number;
}

/** One row, null where it is ignored. */
function rowAt(name: string, { logits, target, weight }: Inputs, attrs: Attrs, row: number): Row | null {
  const shape = geometry(logits.shape);
  const places = Array.from({ length: shape.classes }, (_, c) => placeOf(shape, row, c));
  const x = places.map((at) => logits.data[at]!);
  const top = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = Math.log(x.reduce((sum, v) => sum + Math.exp(v - top), 0));
  const surprise = x.map((v) => total + (top - v));
  const growths = x.map((v) => growth(v - top));
  const weightOf = (c: number) => (weight ? weight.data[c]! : 1);
  const { labelSmoothing } = attrs;
  const even = labelSmoothing / shape.classes;
  if (target.dtype === 'f32') {
    const shares = places.map((at, c) => weightOf(c) * (target.data[at]! * (1 - labelSmoothing) + even));
    const sizes = places.map((at, c) => Math.abs(weightOf(c)) * (Math.abs(target.data[at]!) + even));
    return { surprise, shares, sizes, growths, places, weight: 1 };
  }
  const label = labelAt(name, 'logits', { x: logits, target, ignoreIndex: attrs.ignoreIndex }, row);
  if (label === null) return null;
  const shares = places.map((_, c) => {
    const own = c === label ? 1 - labelSmoothing : null;
    return own === null && labelSmoothing === 0 ? null : weightOf(c) * ((own ?? 0) + even);
  });
  const sizes = shares.map((share, c) =>
    share === null ? 0 : Math.abs(weightOf(c)) * (Number(c === label) + even),
  );
  return { surprise, shares, sizes, growths, places, weight: weightOf(label) };
}

const rowsOf = (name: string, inputs: Inputs, attrs: Attrs): (Row | null)[] =>
  Array.from({ length: geometry(inputs.logits.shape).rows }, (_, row) => rowAt(name, inputs, attrs, row));

const add = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
/** What a mean divides by: no weights at all leave no mean, not even of what smoothing gives other classes. */
function divisorOf(rows: readonly (Row | null)[], { labelSmoothing }: Attrs): number {
  const total = add(rows.map((row) => row?.weight ?? 0));
  return total === 0 && labelSmoothing > 0 ? Number.NaN : total;
}

function reduced(rows: readonly (Row | null)[], attrs: Attrs, f: (row: Row) => number): Float64Array {
  const each = rows.map((row) => (row ? f(row) : 0));
  if (attrs.reduction === 'none') return Float64Array.from(each);
  return Float64Array.of(attrs.reduction === 'mean' ? add(each) / divisorOf(rows, attrs) : add(each));
}

/** Σ share surprise of each row, reduced. */
export const losses = (name: string, inputs: Inputs, attrs: Attrs): Float64Array =>
  reduced(rowsOf(name, inputs, attrs), attrs, ({ surprise, shares }) =>
    add(shares.map((share, c) => (share === null ? 0 : share * surprise[c]!))),
  );

export const magnitudes = (name: string, inputs: Inputs, attrs: Attrs): Float64Array =>
  reduced(rowsOf(name, inputs, attrs), attrs, ({ surprise, sizes }) =>
    add(sizes.map((size, c) => (size === 0 ? 0 : size * (1 + Math.abs(surprise[c]!))))),
  );

/** `each` of the row and a class, divided as the loss is. */
function gradients(
  name: string,
  inputs: Inputs,
  attrs: Attrs,
  each: (row: Row) => (c: number) => number,
): Float64Array {
  const rows = rowsOf(name, inputs, attrs);
  const scale = attrs.reduction === 'mean' ? 1 / divisorOf(rows, attrs) : 1;
  const dx = new Float64Array(inputs.logits.data.length);
  rows.forEach((row) => {
    if (!row) return;
    const slope = each(row);
    row.places.forEach((at, c) => {
      dx[at] = scale * slope(c);
    });
  });
  return dx;
}

/** Softmax times the sum of shares, without the share. */
export const derivatives = (name: string, inputs: Inputs, attrs: Attrs) =>
  gradients(name, inputs, attrs, ({ surprise, shares }) => {
    const all = add(shares.map((share) => share ?? 0));
    return (c) => all * Math.exp(-surprise[c]!) - (shares[c] ?? 0);
  });

export const slopeSizes = (name: string, inputs: Inputs, attrs: Attrs) =>
  gradients(name, inputs, attrs, ({ surprise, sizes, growths }) => {
    const all = add(sizes);
    return (c) => all * (Math.exp(-surprise[c]!) * growths[c]! + LOST_POWER) + sizes[c]!;
  });
