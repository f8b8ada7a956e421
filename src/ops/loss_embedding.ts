/** Losses of distances between vectors, composed of other ops. */
import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { flag, type Kinds, number } from '../kinds.js';
import { expectDType, f32, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { add, div, minimum, mul, sub } from './binary.js';
import { expectSameShape } from './common.js';
import { equal } from './compare.js';
import { full, scalar } from './fill.js';
import { type Reduction, type ReductionOptions, reductionKinds } from './loss_spec.js';
import { norm, normGrowth, normUnits } from './norm.js';
import { mean, sum } from './reduce.js';
import { clamp, sqrt, square } from './unary.js';
import { where } from './where.js';

const add64 = (list: ArrayLike<number>): number => Array.from(list).reduce((a, b) => a + b, 0);

function reduceValue(value: Value, reduction: Reduction): Value {
  if (reduction === 'none') return value;
  return reduction === 'mean' ? mean(value) : sum(value);
}

function reduce64(each: readonly number[], reduction: Reduction): Float64Array {
  if (reduction === 'none') return Float64Array.from(each);
  return Float64Array.of(add64(each) / (reduction === 'mean' ? each.length : 1));
}

/** The vectors of a tensor along its last axis. */
function vectorsOf({ data, shape }: RefTensor): number[][] {
  const length = shape.at(-1)!;
  return Array.from({ length: sizeOf(shape.slice(0, -1)) }, (_, row) =>
    Array.from(data.subarray(row * length, (row + 1) * length)),
  );
}

/** Refuses what is not f32 vectors of one shape, and returns that of the distances. */
function vectorsShape(name: string, types: Readonly<Record<string, TensorType>>): Shape {
  expectDType(name, types, 'f32');
  expectSameShape(name, types);
  const [[first, { shape }]] = Object.entries(types) as [[string, TensorType]];
  if (shape.length === 0) fail(name, `${first} must have an axis of components, it is []`);
  return shape.slice(0, -1);
}

export interface CosineEmbeddingLossOptions extends ReductionOptions {
  /** How similar vectors may be that should differ, -1 to 1; default 0. */
  readonly margin?: number;
}

export const cosineEmbeddingLossKinds: Kinds<CosineEmbeddingLossOptions> = {
  ...reductionKinds,
  margin: number,
};

interface CosineAttrs {
  readonly margin: number;
  readonly reduction: Reduction;
}

/** Added to squared lengths, as in PyTorch. */
const EPS = 1e-12;

function checkCosine(name: string, a: TensorType, b: TensorType, target: TensorType): void {
  const shape = vectorsShape(name, { a, b });
  if (target.dtype === 'bool') fail(name, `target must be f32 or i32, it is bool${showShape(target.shape)}`);
  if (shape.length > 1) fail(name, `a must be [components] or [n, components], it is ${showShape(a.shape)}`);
  if (!sameShape(target.shape, shape))
    fail(name, `target must be ${showShape(shape)}, it is ${showShape(target.shape)}`);
}

const cosineUlps = (backend: 'wasm' | 'webgpu') =>
  ({
    // Dot product and squared lengths n each, of which a root halves those; roots 1 or 10 units, the quotient 1 or 5, the
    // rest one each; the mean a unit for each row.
    ulps: ({ types }: { types: { readonly a: TensorType } }) =>
      2 * types.a.shape.at(-1)! + (backend === 'wasm' ? 8 : 22) + sizeOf(types.a.shape.slice(0, -1)),
    magnitude: 'declared',
  }) as const;

/** 1 - cos(a, b) where target is 1, max(cos(a, b) - margin, 0) where it is -1, 0 elsewhere; vectors along the last axis. */
export const cosineEmbeddingLoss = defineComposition({
  name: 'cosineEmbeddingLoss',
  summary: 'y = 1 - cos(a, b) where target is 1, max(cos(a, b) - margin, 0) where it is -1; each, mean or Σ',
  inputs: ['a', 'b', 'target'],
  kinds: cosineEmbeddingLossKinds,
  attributes(options: CosineEmbeddingLossOptions | undefined, { a, b, target }): CosineAttrs {
    const name = 'cosineEmbeddingLoss';
    checkCosine(name, a, b, target);
    return { margin: options?.margin ?? 0, reduction: options?.reduction ?? 'mean' };
  },
  compose({ a, b, target }, { margin, reduction }): Value {
    const along = { axes: -1 };
    const squared = (x: Value) => add(sum(square(x), along), scalar(EPS));
    const cosine = div(sum(mul(a, b), along), sqrt(mul(squared(a), squared(b))));
    const is = (value: number) => equal(target, full({ shape: [], value, dtype: target.dtype }));
    const far = where(is(-1), clamp(sub(cosine, scalar(margin)), { min: 0 }), scalar(0));
    return reduceValue(where(is(1), sub(scalar(1), cosine), far), reduction);
  },
  constants: ['target'],
  reference({ a, b, target }, { margin, reduction }) {
    const second = vectorsOf(b);
    const each = vectorsOf(a).map((u, row) => {
      const v = second[row]!;
      const squared = (x: readonly number[]) => add64(x.map((one) => one * one)) + EPS;
      const cosine = add64(u.map((one, i) => one * v[i]!)) / Math.sqrt(squared(u) * squared(v));
      const sign = target.data[row]!;
      if (sign === 1) return 1 - cosine;
      return sign === -1 ? Math.max(cosine - margin, 0) : 0;
    });
    return reduce64(each, reduction);
  },
  samples: [
    {
      inputs: {
        a: { shape: [5, 7] },
        b: { shape: [5, 7] },
        target: { shape: [5], values: [1, -1, 1, 1, -1] },
      },
    },
    {
      inputs: {
        a: { shape: [4, 17], domain: [0.2, 1] },
        b: { shape: [4, 17], domain: [0.2, 1] },
        target: { shape: [4], dtype: 'i32', values: [1, -1] },
      },
      options: { margin: 0.5, reduction: 'none' },
    },
    {
      inputs: { a: { shape: [3] }, b: { shape: [3] }, target: { shape: [], values: [1] } },
      options: { reduction: 'sum' },
    },
  ],
  errors: [
    {
      types: { a: f32([2, 3]), b: f32([3]), target: f32([2]) },
      message: 'cosineEmbeddingLoss: shapes differ, a is [2,3], b is [3]',
    },
    {
      types: { a: f32([2, 3]), b: f32([2, 3]), target: f32([3]) },
      message: 'cosineEmbeddingLoss: target must be [2], it is [3]',
    },
    {
      types: { a: f32([2, 3]), b: f32([2, 3]), target: { shape: [2], dtype: 'bool' } },
      message: 'cosineEmbeddingLoss: target must be f32 or i32, it is bool[2]',
    },
    {
      types: { a: f32([]), b: f32([]), target: f32([]) },
      message: 'cosineEmbeddingLoss: a must have an axis of components, it is []',
    },
    {
      types: { a: f32([2, 3, 4]), b: f32([2, 3, 4]), target: f32([2, 3]) },
      message: 'cosineEmbeddingLoss: a must be [components] or [n, components], it is [2,3,4]',
    },
    {
      types: { a: f32([2, 3]), b: { shape: [2, 3], dtype: 'i32' }, target: f32([2]) },
      message: 'cosineEmbeddingLoss: b must be f32, it is i32[2,3]',
    },
  ],
  tolerance: { wasm: cosineUlps('wasm'), webgpu: cosineUlps('webgpu') },
  magnitude: ({ a }, { margin, reduction }) =>
    reduce64(
      vectorsOf(a).map(() => 2 + Math.abs(margin)),
      reduction,
    ),
});

export interface TripletMarginLossOptions extends ReductionOptions {
  /** By how much the negative should be farther away than the positive, above 0; default 1. */
  readonly margin?: number;
  /** The exponent of the norm, above 0; default 2. */
  readonly p?: number;
  /** Added to each difference, default 1e-6. */
  readonly eps?: number;
  /** Whether the negative's distance is the less of those from anchor and positive, default false. */
  readonly swap?: boolean;
}

export const tripletMarginLossKinds: Kinds<TripletMarginLossOptions> = {
  ...reductionKinds,
  margin: number,
  p: number,
  eps: number,
  swap: flag,
};

interface TripletAttrs {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;
  readonly reduction: Reduction;
}

/** Distances to the positive and to the negative, row by row. */
function distances(
  tensors: { anchor: RefTensor; positive: RefTensor; negative: RefTensor },
  { p, eps, swap }: TripletAttrs,
): { near: number; far: number; size: number }[] {
  const [anchor, positive, negative] = [tensors.anchor, tensors.positive, tensors.negative].map(vectorsOf);
  const lengthOf = (x: readonly number[]): number =>
    Number.isFinite(p)
      ? add64(x.map((v) => Math.abs(v) ** p)) ** (1 / p)
      : x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const between = (u: readonly number[], v: readonly number[]) =>
    lengthOf(u.map((one, i) => one - v[i]! + eps));
  return anchor!.map((a, row) => {
    const [b, c] = [positive![row]!, negative![row]!];
    const other = between(a, c);
    const far = swap ? Math.min(other, between(b, c)) : other;
    // Differences cancel: their roundings are units of the operands.
    const size = lengthOf(
      a.map((one, i) => Math.abs(one) + Math.abs(b[i]!) + Math.abs(c[i]!) + Math.abs(eps)),
    );
    const pairs: (readonly [readonly number[], readonly number[]])[] = [
      [a, b],
      [a, c],
    ];
    if (swap) pairs.push([b, c]);
    const grown = pairs.map(([u, v]) => {
      const difference = Float64Array.from(u, (one, i) => one - v[i]! + eps);
      return lengthOf(Array.from(difference)) * normGrowth(difference, p);
    });
    return { near: between(a, b), far, size: size + add64(grown) };
  });
}

const tripletUlps = (backend: 'wasm' | 'webgpu') =>
  ({
    /**
     * Of the norms' sizes, see `distances`: a difference, eps and its own rounding 3 for each of two norms, of sizes that a
     * p-norm with p >= 1 adds up as its components do; the norms' own; the margin's rounding, its sum, the difference; a sum
     * over the rows, with the quotient of a mean 5.
     */
    ulps({ types, attrs }: { types: { readonly anchor: TensorType }; attrs: TripletAttrs }) {
      const { shape } = types.anchor;
      return 6 + normUnits(shape.at(-1)!, attrs.p, backend) + 3 + sizeOf(shape.slice(0, -1)) + 5;
    },
    magnitude: 'declared',
  }) as const;

/** max(margin + ‖anchor - positive + eps‖_p - ‖anchor - negative + eps‖_p, 0), vectors along the last axis. */
export const tripletMarginLoss = defineComposition({
  name: 'tripletMarginLoss',
  summary: 'y = max(margin + ‖anchor - positive‖_p - ‖anchor - negative‖_p, 0), each, mean or Σ',
  inputs: ['anchor', 'positive', 'negative'],
  kinds: tripletMarginLossKinds,
  attributes(options: TripletMarginLossOptions | undefined, types): TripletAttrs {
    const name = 'tripletMarginLoss';
    const { margin = 1, p = 2, eps = 1e-6, swap = false } = options ?? {};
    vectorsShape(name, types as unknown as Readonly<Record<string, TensorType>>);
    if (!(p > 0)) fail(name, `p must be above 0, got ${p}`);
    if (!(margin > 0)) fail(name, `margin must be above 0, got ${margin}`);
    return { margin, p, eps, swap, reduction: options?.reduction ?? 'mean' };
  },
  compose({ anchor, positive, negative }, { margin, p, eps, swap, reduction }): Value {
    const between = (a: Value, b: Value) => norm(add(sub(a, b), scalar(eps)), { p, axes: -1 });
    const other = between(anchor, negative);
    const far = swap ? minimum(other, between(positive, negative)) : other;
    const short = sub(add(between(anchor, positive), scalar(margin)), far);
    return reduceValue(clamp(short, { min: 0 }), reduction);
  },
  reference: (tensors, attrs) =>
    reduce64(
      distances(tensors, attrs).map(({ near, far }) => Math.max(attrs.margin + near - far, 0)),
      attrs.reduction,
    ),
  samples: [
    { inputs: { anchor: { shape: [5, 7] }, positive: { shape: [5, 7] }, negative: { shape: [5, 7] } } },
    {
      inputs: {
        anchor: { shape: [2, 3, 5], distinct: true },
        positive: { shape: [2, 3, 5], distinct: true, domain: [-1, 1.005] },
        negative: { shape: [2, 3, 5], distinct: true, domain: [1.5, 2.005] },
      },
      options: { p: 1, swap: true, margin: 9, reduction: 'none' },
    },
    {
      inputs: {
        anchor: { shape: [4, 3], domain: [0, 0.5] },
        positive: { shape: [4, 3], domain: [1, 1.5] },
        negative: { shape: [4, 3], domain: [1, 1.5] },
      },
      options: { p: 3, eps: 1e-3, reduction: 'sum' },
    },
    { inputs: { anchor: { shape: [3] }, positive: { shape: [3] }, negative: { shape: [3] } } },
  ],
  errors: [
    {
      types: { anchor: f32([2, 3]), positive: f32([2, 3]), negative: f32([3]) },
      message: 'tripletMarginLoss: shapes differ, anchor is [2,3], positive is [2,3], negative is [3]',
    },
    {
      types: { anchor: f32([2]), positive: f32([2]), negative: f32([2]) },
      options: { p: 0 },
      message: 'tripletMarginLoss: p must be above 0, got 0',
    },
    {
      types: { anchor: f32([2]), positive: f32([2]), negative: f32([2]) },
      options: { margin: 0 },
      message: 'tripletMarginLoss: margin must be above 0, got 0',
    },
  ],
  tolerance: { wasm: tripletUlps('wasm'), webgpu: tripletUlps('webgpu') },
  magnitude: (tensors, attrs) =>
    reduce64(
      distances(tensors, attrs).map(({ size }) => attrs.margin + size),
      attrs.reduction,
    ),
});
