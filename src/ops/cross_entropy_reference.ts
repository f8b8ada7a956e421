/** Cross-entropy in double precision, row by row. */
import type { RefTensor } from '../op.js';
import { type CrossEntropyAttrs as Attrs, geometry, labelAt, placeOf } from './class_rows.js';

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
  const weightOf = (c: number) => (weight ? weight.data[c]! : 1);
  const { labelSmoothing } = attrs;
  const even = labelSmoothing / shape.classes;
  if (target.dtype === 'f32') {
    const shares = places.map((at, c) => weightOf(c) * (target.data[at]! * (1 - labelSmoothing) + even));
    return { surprise, shares, places, weight: 1 };
  }
  const label = labelAt(name, 'logits', { x: logits, target, ignoreIndex: attrs.ignoreIndex }, row);
  if (label === null) return null;
  const shares = places.map((_, c) => {
    const own = c === label ? 1 - labelSmoothing : null;
    return own === null && labelSmoothing === 0 ? null : weightOf(c) * ((own ?? 0) + even);
  });
  return { surprise, shares, places, weight: weightOf(label) };
}

const rowsOf = (name: string, inputs: Inputs, attrs: Attrs): (Row | null)[] =>
  Array.from({ length: geometry(inputs.logits.shape).rows }, (_, row) => rowAt(name, inputs, attrs, row));

const add = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const weightsOf = (rows: readonly (Row | null)[]): number => add(rows.map((row) => row?.weight ?? 0));

function reduced(rows: readonly (Row | null)[], { reduction }: Attrs, f: (row: Row) => number): Float64Array {
  const each = rows.map((row) => (row ? f(row) : 0));
  if (reduction === 'none') return Float64Array.from(each);
  return Float64Array.of(reduction === 'mean' ? add(each) / weightsOf(rows) : add(each));
}

/** Σ share surprise of each row, reduced. */
export const losses = (name: string, inputs: Inputs, attrs: Attrs): Float64Array =>
  reduced(rowsOf(name, inputs, attrs), attrs, ({ surprise, shares }) =>
    add(shares.map((share, c) => (share === null ? 0 : share * surprise[c]!))),
  );

export const magnitudes = (name: string, inputs: Inputs, attrs: Attrs): Float64Array =>
  reduced(rowsOf(name, inputs, attrs), attrs, ({ surprise, shares }) =>
    add(shares.map((share, c) => (share === null ? 0 : Math.abs(share) * (1 + Math.abs(surprise[c]!))))),
  );

/** `combine` of softmax times the sum of shares, and the share, times dy. */
function gradients(
  name: string,
  inputs: Inputs & { readonly dy: RefTensor },
  attrs: Attrs,
  combine: (all: number, share: number) => number,
): Float64Array {
  const rows = rowsOf(name, inputs, attrs);
  const scale = attrs.reduction === 'mean' ? 1 / weightsOf(rows) : 1;
  const dx = new Float64Array(inputs.logits.data.length);
  rows.forEach((row, r) => {
    if (!row) return;
    const g = inputs.dy.data[attrs.reduction === 'none' ? r : 0]! * scale;
    const all = add(row.shares.map((share) => share ?? 0));
    row.places.forEach((at, c) => {
      dx[at] = g * combine(all * Math.exp(-row.surprise[c]!), row.shares[c] ?? 0);
    });
  });
  return dx;
}

export const derivatives = (name: string, inputs: Inputs & { readonly dy: RefTensor }, attrs: Attrs) =>
  gradients(name, inputs, attrs, (all, share) => all - share);

export const sizes = (name: string, inputs: Inputs & { readonly dy: RefTensor }, attrs: Attrs) =>
  gradients(name, inputs, attrs, (all, share) => Math.abs(all) + Math.abs(share));
