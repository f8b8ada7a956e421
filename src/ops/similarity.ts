import { LOST_POWER } from '../bounds.js';
import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, number, whole } from '../kinds.js';
import { expectDType, f32, type RefTensor, type TensorType, type Value } from '../op.js';
import { broadcastStrides, forEachOffset, normalizeAxis, type Shape, sizeOf } from '../shape.js';
import { add, div, maximum, mul, sub } from './binary.js';
import { broadcastOrFail } from './common.js';
import { equal } from './compare.js';
import { scalar } from './fill.js';
import { detach } from './layout.js';
import { expectEps } from './normalization.js';
import { pow } from './pow.js';
import { max, sum } from './reduce.js';
import { placesOfRows } from './rows.js';
import { abs, sqrt, square } from './unary.js';
import { where } from './where.js';

export interface NormalizeOptions {
  /** The exponent of the norm, above 0; Infinity: the largest absolute value. Default 2. */
  readonly p?: number;
  /** Default 1. */
  readonly axis?: number;
  /** The least that is divided by, default 1e-12. */
  readonly eps?: number;
}

export const normalizeKinds: Kinds<NormalizeOptions> = { p: number, axis: whole, eps: number };

interface NormalizeAttrs {
  readonly p: number;
  readonly axis: number;
  readonly eps: number;
}

/** ‖x‖_p along the axis, kept with size 1, but no less than eps: the bound is set before a root can have an infinite slope. */
function boundedNorm(x: Value, { p, axis, eps }: NormalizeAttrs): Value {
  const along = { axes: axis, keepDims: true };
  const size = abs(x);
  if (p === Number.POSITIVE_INFINITY) return maximum(max(size, along), scalar(eps));
  if (p === 1) return maximum(sum(size, along), scalar(eps));
  if (p === 2) return sqrt(maximum(sum(square(x), along), scalar(eps * eps)));
  // A power's slope at 0 may be infinite too.
  const zero = equal(size, scalar(0));
  const powers = where(zero, scalar(0), pow(where(zero, scalar(1), size), scalar(p)));
  return pow(maximum(sum(powers, along), scalar(eps ** p)), scalar(1 / p));
}

function referenceNorm(values: readonly number[], p: number): number {
  if (p === Number.POSITIVE_INFINITY) return values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return values.reduce((total, v) => total + Math.abs(v) ** p, 0) ** (1 / p);
}

/**
 * A row of n: terms, sum, root and quotient, of which WGSL's take 9 and 5 units. Another p goes by way of powers: WGSL's are
 * off by 2 (3 + 5 |p log2 x|), 66 units for |p log2 x| <= 6, its root by as many at most, divided by p.
 */
const normalizeTolerance = (backend: 'wasm' | 'webgpu') =>
  ({
    ulps({ types, attrs }: { types: { readonly x: TensorType }; attrs: NormalizeAttrs }) {
      const powers = ![1, 2, Number.POSITIVE_INFINITY].includes(attrs.p) && backend === 'webgpu';
      return (types.x.shape[attrs.axis]! + 16 + (powers ? 2 * 66 : 0)) * Math.max(1, 1 / attrs.p);
    },
  }) as const;

/** y = x / max(‖x‖_p, eps) along an axis, as torch.nn.functional.normalize. */
export const normalize = defineComposition({
  name: 'normalize',
  summary: 'y = x / max(‖x‖_p, eps) along an axis',
  inputs: ['x'],
  kinds: normalizeKinds,
  attributes(options: NormalizeOptions | undefined, { x }): NormalizeAttrs {
    expectDType('normalize', { x }, 'f32');
    const { p = 2, axis = 1, eps = 1e-12 } = options ?? {};
    if (!(p > 0)) fail('normalize', `p must be above 0, got ${p}`);
    return { p, axis: normalizeAxis('normalize', axis, x.shape.length), eps: expectEps('normalize', eps) };
  },
  compose: ({ x }, attrs): Value => div(x, boundedNorm(x, attrs)),
  reference({ x }, { p, axis, eps }) {
    const y = new Float64Array(x.data.length);
    for (const row of placesOfRows(x.shape, axis)) {
      const divisor = Math.max(
        referenceNorm(
          row.map((i) => x.data[i]!),
          p,
        ),
        eps,
      );
      for (const i of row) y[i] = x.data[i]! / divisor;
    }
    return y;
  },
  samples: [
    { inputs: { x: { shape: [3, 17] } } },
    { inputs: { x: { shape: [2, 5, 3], domain: [0.25, 1], signed: true } }, options: { p: 1, axis: -2 } },
    { inputs: { x: { shape: [4, 3], domain: [0.25, 1], signed: true } }, options: { p: 3, axis: 0 } },
    { inputs: { x: { shape: [2, 7], domain: [0.25, 1], signed: true } }, options: { p: 0.5 } },
    {
      inputs: { x: { shape: [3, 5], distinct: true, domain: [1, 2] } },
      options: { p: Number.POSITIVE_INFINITY },
    },
    { inputs: { x: { shape: [2, 3] } }, options: { eps: 10 } },
  ],
  errors: [
    { types: { x: f32([3]) }, message: 'normalize: axis 1 is outside a tensor of rank 1' },
    { types: { x: f32([2, 3]) }, options: { p: 0 }, message: 'normalize: p must be above 0, got 0' },
    {
      types: { x: f32([2, 3]) },
      options: { eps: -1 },
      message: 'normalize: eps must be a number of at least 0, got -1',
    },
    {
      types: { x: { shape: [2, 3], dtype: 'i32' } },
      message: 'normalize: x must be f32, it is i32[2,3]',
    },
  ],
  tolerance: { wasm: normalizeTolerance('wasm'), webgpu: normalizeTolerance('webgpu') },
});

export interface CosineSimilarityOptions {
  /** An axis of the two tensors' broadcast, default 1. */
  readonly axis?: number;
  /** The least norm that is divided by, default 1e-8. */
  readonly eps?: number;
}

export const cosineSimilarityKinds: Kinds<CosineSimilarityOptions> = { axis: whole, eps: number };

interface CosineAttrs {
  readonly axis: number;
  readonly eps: number;
}

const sharedShape = ({ a, b }: { readonly a: TensorType; readonly b: TensorType }): Shape =>
  broadcastOrFail('cosineSimilarity', { a, b });

/**
 * The norm, no less than eps; its slope is that of the norm itself even there, as PyTorch has it, and 0 for a row of zeros,
 * where the root's is infinite.
 */
function clampedNorm(squares: Value, eps: number): Value {
  const norm = sqrt(where(equal(squares, scalar(0)), scalar(eps * eps), squares));
  return add(norm, detach(sub(maximum(sqrt(squares), scalar(eps)), norm)));
}

function cosines(
  { a, b }: { readonly a: RefTensor; readonly b: RefTensor },
  { axis, eps }: CosineAttrs,
  positive: boolean,
): Float64Array {
  const shape = sharedShape({ a, b });
  const [left, right] = [a, b].map((tensor) => {
    const data = new Float64Array(sizeOf(shape));
    forEachOffset(shape, [broadcastStrides(tensor.shape, shape)], (i, [offset]) => {
      data[i] = tensor.data[offset!]!;
    });
    return data;
  }) as [Float64Array, Float64Array];
  const rows = placesOfRows(shape, axis);
  const lengthOf = (row: readonly number[], data: Float64Array) =>
    Math.max(Math.sqrt(row.reduce((total, i) => total + data[i]! ** 2, 0)), eps);
  return Float64Array.from(rows, (row) => {
    const products = row.map((i) => left[i]! * right[i]!);
    const dot = products.reduce((total, v) => total + (positive ? Math.abs(v) : v), 0);
    // What products lose below the normal numbers is divided too.
    return (dot + (positive ? LOST_POWER : 0)) / (lengthOf(row, left) * lengthOf(row, right));
  });
}

/** n + 1 for the product's sum, n / 2 and 15 for each norm (WGSL's root takes 9), 6 for product and quotient. */
const COSINE = {
  ulps: ({
    types,
    attrs,
  }: {
    types: { readonly a: TensorType; readonly b: TensorType };
    attrs: CosineAttrs;
  }) => 2 * sharedShape(types)[attrs.axis]! + 37,
  magnitude: 'declared',
} as const;

/** y = ⟨a, b⟩ / (max(‖a‖, eps) max(‖b‖, eps)) along an axis, as torch.nn.functional.cosine_similarity. */
export const cosineSimilarity = defineComposition({
  name: 'cosineSimilarity',
  summary: 'y = ⟨a, b⟩ / (max(‖a‖, eps) max(‖b‖, eps)) along an axis',
  inputs: ['a', 'b'],
  kinds: cosineSimilarityKinds,
  attributes(options: CosineSimilarityOptions | undefined, { a, b }): CosineAttrs {
    expectDType('cosineSimilarity', { a, b }, 'f32');
    const { axis = 1, eps = 1e-8 } = options ?? {};
    const rank = sharedShape({ a, b }).length;
    return {
      axis: normalizeAxis('cosineSimilarity', axis, rank),
      eps: expectEps('cosineSimilarity', eps),
    };
  },
  compose({ a, b }, { axis, eps }): Value {
    const length = (value: Value) => {
      // Along an axis that is broadcast, each element counts once per copy.
      const shape = sharedShape({ a, b });
      const own = axis - (shape.length - value.shape.length);
      const copies = own < 0 || value.shape[own] === 1 ? shape[axis]! : 1;
      const squares = own < 0 ? square(value) : sum(square(value), { axes: own, keepDims: true });
      return clampedNorm(copies === 1 ? squares : mul(squares, scalar(copies)), eps);
    };
    const dot = sum(mul(a, b), { axes: axis, keepDims: true });
    return sum(div(dot, mul(length(a), length(b))), { axes: axis });
  },
  reference: (inputs, attrs) => cosines(inputs, attrs, false),
  samples: [
    { inputs: { a: { shape: [3, 17] }, b: { shape: [3, 17] } } },
    { inputs: { a: { shape: [2, 5, 3] }, b: { shape: [5, 1] } }, options: { axis: -2 } },
    { inputs: { a: { shape: [4, 7] }, b: { shape: [7] } }, options: { eps: 0.01 } },
    { inputs: { a: { shape: [6, 1] }, b: { shape: [6, 5] } }, options: { axis: 0 } },
  ],
  errors: [
    {
      types: { a: f32([2, 3]), b: f32([2, 4]) },
      message: "cosineSimilarity: shapes don't broadcast, a is [2,3], b is [2,4]",
    },
    {
      types: { a: f32([3]), b: f32([3]) },
      message: 'cosineSimilarity: axis 1 is outside a tensor of rank 1',
    },
    {
      types: { a: f32([2, 3]), b: f32([2, 3]) },
      options: { eps: -1 },
      message: 'cosineSimilarity: eps must be a number of at least 0, got -1',
    },
    {
      types: { a: f32([2, 3]), b: { shape: [2, 3], dtype: 'i32' } },
      message: 'cosineSimilarity: b must be f32, it is i32[2,3]',
    },
  ],
  tolerance: { wasm: COSINE, webgpu: COSINE },
  magnitude: (inputs, attrs) => cosines(inputs, attrs, true),
});
