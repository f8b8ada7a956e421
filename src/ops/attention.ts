import { defineComposition } from '../composition.js';
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type RefTensor, type TensorType, type Value } from '../op.js';
import {
  broadcastShapes,
  broadcastStrides,
  collapse,
  forEachOffset,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from '../shape.js';
import { mul } from './binary.js';
import { eight } from './common.js';
import { full } from './fill.js';
import { matmul } from './matmul.js';
import { softmaxBackward } from './softmax.js';

export interface MaskedSoftmaxOptions {
  /** Whether row i sees columns 0..i alone, default false. */
  readonly causal?: boolean;
  /** What the scores are multiplied by before the mask, default 1. */
  readonly scale?: number;
}

interface MaskAttrs {
  readonly causal: boolean;
  readonly scale: number;
}

type Call = KernelCall<'x' | 'mask?', MaskAttrs>;

/** Refuses a mask that is not bool or f32, or does not broadcast to the scores' shape. */
function checkMask(name: string, mask: TensorType | null, scores: Shape): void {
  if (!mask) return;
  if (mask.dtype === 'i32')
    fail(name, `mask must be bool or f32, it is ${mask.dtype}${showShape(mask.shape)}`);
  const shape = broadcastShapes(mask.shape, scores);
  if (!shape || !sameShape(shape, scores))
    fail(name, `mask ${showShape(mask.shape)} does not broadcast to the scores ${showShape(scores)}`);
}

function checkScale(name: string, scale: number): number {
  if (!Number.isFinite(scale)) fail(name, `scale must be a finite number, got ${scale}`);
  return scale;
}

function params({ types: { x, mask }, attrs }: Call) {
  const length = x.shape.at(-1)!;
  const lead = x.shape.slice(0, -1);
  const strides = mask ? broadcastStrides(mask.shape, x.shape) : x.shape.map(() => 0);
  const walk = collapse(lead, [strides.slice(0, -1)]);
  return {
    rows: length === 0 ? 0 : sizeOf(lead),
    length,
    queries: x.shape.at(-2)!,
    causal: Number(attrs.causal),
    mask: mask ? (mask.dtype === 'bool' ? 1 : 2) : 0,
    maskStep: strides.at(-1)!,
    rank: walk.shape.length,
    scale: attrs.scale,
    shape: eight(walk.shape),
    maskStrides: eight(walk.strides[0]!),
  };
}

const kernel = (backend: 'wasm' | 'webgpu') => ({
  name: 'masked_softmax_f32',
  launches(call: Call) {
    const p = params(call);
    const units = backend === 'wasm' ? p.rows : p.rows * 64;
    const operands = ['x', 'mask', 'output'];
    return [{ kernel: 'masked_softmax_f32', operands, params: p, units, scratch: 4 * p.length }];
  },
});

/** A row's terms: scaled scores with the mask, minus infinity where it hides. */
interface MaskedRow {
  readonly terms: Float64Array;
  readonly y: Float64Array;
  /** What a kernel's rounding errors of the powers grow with, among the terms that have a part in the row. */
  readonly size: number;
}

/** One row of the reference: `mask` gives the mask's element for a column. */
function maskedRow(
  scores: Float64Array,
  row: number,
  { causal, scale }: MaskAttrs,
  mask: { readonly bool: boolean; readonly at: (column: number) => number } | null,
): MaskedRow {
  const hidden = (i: number) => (causal && i > row) || (mask?.bool && mask.at(i) === 0);
  const added = (i: number) => (mask && !mask.bool ? mask.at(i) : 0);
  const terms = scores.map((score, i) => (hidden(i) ? -Infinity : score * scale + added(i)));
  const top = terms.reduce((a, b) => Math.max(a, b), -Infinity);
  if (top === -Infinity && (mask || causal)) return { terms, y: terms.map(() => 0), size: 0 };
  const powers = terms.map((term) => Math.exp(term - top));
  const total = powers.reduce((a, b) => a + b, 0);
  const size = terms.reduce((most, term, i) => {
    const part = top - term < 104 ? top - term + Math.abs(scores[i]! * scale) + Math.abs(added(i)) : 0;
    return Math.max(most, part);
  }, 0);
  return { terms, y: powers.map((power) => power / total), size };
}

/** All rows of the reference. */
function forRows(
  x: RefTensor,
  mask: RefTensor | null,
  attrs: MaskAttrs,
  visit: (row: number, result: MaskedRow) => void,
): void {
  const length = x.shape.at(-1)!;
  const queries = x.shape.at(-2)!;
  const strides = mask ? broadcastStrides(mask.shape, x.shape) : x.shape.map(() => 0);
  forEachOffset(x.shape.slice(0, -1), [strides.slice(0, -1)], (row, [start]) => {
    const at = (i: number) => mask!.data[start! + i * strides.at(-1)!]!;
    const scores = x.data.subarray(row * length, (row + 1) * length);
    visit(row, maskedRow(scores, row % queries, attrs, mask && { bool: mask.dtype === 'bool', at }));
  });
}

/**
 * Units of 2^-24, times 1 + s with s the row's `size`: a term is off by 4 s at most (its product with the rounded scale,
 * its sum, and the same of the maximum), its difference from the maximum by s more, and e^v by 6 + 4 |v| in WGSL; that
 * twice, in the power and in the sum of n rounded terms, and a quotient of 5 and a product of 1.
 */
const softmaxUnits = (n: number): number => n + 18;
/** Powers below what f32 holds. */
const SMALLEST = 2 ** -126;

const SCORES = { domain: [-4, 4] } as const;

/** Softmax over the last axis of x · scale under a mask, [.., queries, keys]. */
export const maskedSoftmax = defineOp({
  name: 'maskedSoftmax',
  summary: 'y = softmax(scale x + mask) over the last axis, 0 in a row that is hidden as a whole',
  inputs: ['x', 'mask?'],
  attributes: (options: MaskedSoftmaxOptions | undefined): MaskAttrs => ({
    causal: options?.causal ?? false,
    scale: checkScale('maskedSoftmax', options?.scale ?? 1),
  }),
  infer({ x, mask }) {
    expectDType('maskedSoftmax', { x }, 'f32');
    if (x.shape.length < 2) fail('maskedSoftmax', `x needs two axes or more, it is ${showShape(x.shape)}`);
    checkMask('maskedSoftmax', mask, x.shape);
    return x;
  },
  reference({ x, mask }, attrs) {
    const out = new Float64Array(x.data.length);
    forRows(x, mask, attrs, (row, { y }) => {
      out.set(y, row * y.length);
    });
    return out;
  },
  backward: {
    x: ({ grad, output, attrs: { scale } }): Value =>
      mul(softmaxBackward(grad, output), full({ shape: [], value: scale })),
    mask: ({ grad, output }): Value => softmaxBackward(grad, output),
  },
  cost: ({ output }) => ({ flops: 7 * sizeOf(output.shape) }),
  kernels: { wasm: [kernel('wasm')], webgpu: [kernel('webgpu')] },
  inPlace: ['x'],
  samples: [
    { inputs: { x: { shape: [1, 1], ...SCORES } } },
    {
      inputs: { x: { shape: [4, 6], ...SCORES } },
      options: { causal: true, scale: 0.5 } as MaskedSoftmaxOptions,
    },
    { inputs: { x: { shape: [2, 3, 17], ...SCORES }, mask: { shape: [3, 17], dtype: 'bool' } } },
    { inputs: { x: { shape: [2, 3, 5], ...SCORES }, mask: { shape: [2, 1, 5] } }, options: { scale: -0.7 } },
    {
      inputs: {
        x: { shape: [2, 2, 3, 4], ...SCORES },
        mask: { shape: [2, 1, 3, 1], dtype: 'bool', values: [1, 0, 1] },
      },
    },
    { inputs: { x: { shape: [3, 131], ...SCORES }, mask: { shape: [1, 131] } }, options: { causal: true } },
  ],
  errors: [
    {
      types: { x: f32([3]) },
      message: 'maskedSoftmax: x needs two axes or more, it is [3]',
    },
    {
      types: { x: { shape: [2, 3], dtype: 'i32' } },
      message: 'maskedSoftmax: x must be f32, it is i32[2,3]',
    },
    {
      types: { x: f32([2, 3]), mask: { shape: [3], dtype: 'i32' } },
      message: 'maskedSoftmax: mask must be bool or f32, it is i32[3]',
    },
    {
      types: { x: f32([2, 3]), mask: f32([4, 2, 3]) },
      message: 'maskedSoftmax: mask [4,2,3] does not broadcast to the scores [2,3]',
    },
    {
      types: { x: f32([2, 3]) },
      options: { scale: Infinity },
      message: 'maskedSoftmax: scale must be a finite number, got Infinity',
    },
  ],
  tolerance: {
    wasm: {
      ulps: ({ output }) => softmaxUnits(output.shape.at(-1)!),
      magnitude: 'declared',
      floor: SMALLEST,
    },
    webgpu: {
      ulps: ({ output }) => softmaxUnits(output.shape.at(-1)!),
      magnitude: 'declared',
      floor: SMALLEST,
    },
  },
  magnitude({ x, mask }, attrs) {
    const out = new Float64Array(x.data.length);
    forRows(x, mask, attrs, (row, { y, size }) => {
      out.set(
        y.map((value) => value * (1 + size)),
        row * y.length,
      );
    });
    return out;
  },
});

export interface AttentionOptions {
  /** Whether query i sees keys 0..i alone, default false; not together with a mask. */
  readonly causal?: boolean;
  /** What the scores are multiplied by, default 1 / √(features of q). */
  readonly scale?: number;
}

interface Attention<T> {
  readonly q: T;
  readonly k: T;
  readonly v: T;
  readonly mask: T | null;
}

const NAME = 'scaledDotProductAttention';

/** Checks a call's inputs. */
function checkAttention({ q, k, v, mask }: Attention<TensorType>): void {
  expectDType(NAME, { q, k, v }, 'f32');
  const shown = `q is ${showShape(q.shape)}, k is ${showShape(k.shape)}, v is ${showShape(v.shape)}`;
  if ([q, k, v].some(({ shape }) => shape.length < 2))
    fail(NAME, `q, k and v need two axes or more, ${shown}`);
  if (q.shape.at(-1) !== k.shape.at(-1)) fail(NAME, `q and k differ in features, ${shown}`);
  if (k.shape.at(-2) !== v.shape.at(-2)) fail(NAME, `k and v differ in length, ${shown}`);
  const lead = (type: TensorType) => type.shape.slice(0, -2);
  const batch = broadcastShapes(lead(q), lead(k));
  if (!batch || !broadcastShapes(batch, lead(v))) fail(NAME, `leading axes don't broadcast, ${shown}`);
  checkMask(NAME, mask, [...batch, q.shape.at(-2)!, k.shape.at(-2)!]);
}

/** The results by loops, each with the sum of its absolute terms, grown by what the errors of its weights grow with. */
function attend({ q, k, v, mask }: Attention<RefTensor>, attrs: MaskAttrs, y: TensorType) {
  const [queries, features] = q.shape.slice(-2) as [number, number];
  const [keys, width] = v.shape.slice(-2) as [number, number];
  const batch = y.shape.slice(0, -2);
  const [value, magnitude] = [new Float64Array(sizeOf(y.shape)), new Float64Array(sizeOf(y.shape))];
  const lead = ({ shape }: RefTensor) =>
    broadcastStrides(shape.slice(0, -2), batch).map((step) => step * shape.at(-1)! * shape.at(-2)!);
  const maskStrides = mask ? broadcastStrides(mask.shape, [...batch, queries, keys]) : [];
  const maskLead = mask ? maskStrides.slice(0, -2) : batch.map(() => 0);
  forEachOffset(batch, [lead(q), lead(k), lead(v), maskLead], (index, [qAt, kAt, vAt, mAt]) => {
    for (let i = 0; i < queries; i++) {
      const products = Array.from({ length: keys }, (_, j) =>
        Array.from(
          { length: features },
          (_, c) => q.data[qAt! + i * features + c]! * k.data[kAt! + j * features + c]!,
        ),
      );
      const scores = Float64Array.from(products, (list) => list.reduce((a, b) => a + b, 0));
      const terms = products.map((list) => list.reduce((a, b) => a + Math.abs(b), 0));
      const at = (j: number) => mask!.data[mAt! + i * maskStrides.at(-2)! + j * maskStrides.at(-1)!]!;
      const row = maskedRow(scores, i, attrs, mask && { bool: mask.dtype === 'bool', at });
      const seen = terms.filter((_, j) => row.y[j]! > 0).reduce((a, b) => Math.max(a, b), 0);
      const growth = 1 + row.size + (features + 2) * Math.abs(attrs.scale) * seen;
      for (let c = 0; c < width; c++) {
        const to = (index * queries + i) * width + c;
        for (let j = 0; j < keys; j++) {
          const part = row.y[j]! * v.data[vAt! + j * width + c]!;
          value[to]! += part;
          magnitude[to]! += Math.abs(part) * growth;
        }
      }
    }
  });
  return { value, magnitude };
}

// A score is off by (features + 2) units of its absolute terms, which comes into the weights twice; these have the error
// of maskedSoftmax, and the sum over n keys adds n + 2.
const attentionTolerance = {
  ulps: ({ types }: { types: { k: TensorType } }) => 2 * softmaxUnits(types.k.shape.at(-2)!) + 2,
  magnitude: 'declared',
  floor: SMALLEST,
} as const;

/**
 * Attention of queries q [.., queries, features] to keys k [.., keys, features] with values v [.., keys, width]: y [..,
 * queries, width], as torch.nn.functional.scaled_dot_product_attention. The mask broadcasts to [.., queries, keys]: bool,
 * true where a key takes part, or f32, added to the scaled scores. A query that sees no key gives 0.
 */
export const scaledDotProductAttention = defineComposition({
  name: NAME,
  summary: 'y = softmax(scale q kᵀ + mask) v',
  inputs: ['q', 'k', 'v', 'mask?'],
  attributes(options: AttentionOptions | undefined, types): MaskAttrs {
    checkAttention(types);
    const { causal = false } = options ?? {};
    if (causal && types.mask) fail(NAME, 'takes a mask or causal, not both');
    return { causal, scale: checkScale(NAME, options?.scale ?? 1 / Math.sqrt(types.q.shape.at(-1)!)) };
  },
  compose: ({ q, k, v, mask }, attrs) =>
    matmul(maskedSoftmax(matmul(q, k, { transposeB: true }), mask, attrs), v),
  reference: (inputs, attrs, [y]) => attend(inputs, attrs, y!).value,
  samples: [
    { inputs: { q: { shape: [3, 4] }, k: { shape: [5, 4] }, v: { shape: [5, 2] } } },
    {
      inputs: { q: { shape: [2, 3, 4, 5] }, k: { shape: [2, 3, 4, 5] }, v: { shape: [2, 3, 4, 5] } },
      options: { causal: true } as AttentionOptions,
    },
    {
      inputs: {
        q: { shape: [2, 3, 4] },
        k: { shape: [1, 5, 4] },
        v: { shape: [2, 5, 3] },
        mask: { shape: [3, 5], dtype: 'bool', values: [1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1] },
      },
      options: { scale: 1.5 },
    },
    {
      inputs: {
        q: { shape: [2, 1, 3] },
        k: { shape: [2, 7, 3] },
        v: { shape: [2, 7, 1] },
        mask: { shape: [2, 1, 7] },
      },
    },
  ],
  errors: [
    {
      types: { q: f32([3, 4]), k: f32([5, 3]), v: f32([5, 2]) },
      message: `${NAME}: q and k differ in features, q is [3,4], k is [5,3], v is [5,2]`,
    },
    {
      types: { q: f32([3, 4]), k: f32([5, 4]), v: f32([4, 2]) },
      message: `${NAME}: k and v differ in length, q is [3,4], k is [5,4], v is [4,2]`,
    },
    {
      types: { q: f32([4]), k: f32([5, 4]), v: f32([5, 2]) },
      message: `${NAME}: q, k and v need two axes or more, q is [4], k is [5,4], v is [5,2]`,
    },
    {
      types: { q: f32([2, 3, 4]), k: f32([3, 5, 4]), v: f32([5, 2]) },
      message: `${NAME}: leading axes don't broadcast, q is [2,3,4], k is [3,5,4], v is [5,2]`,
    },
    {
      types: { q: f32([3, 4]), k: f32([5, 4]), v: { shape: [5, 2], dtype: 'i32' } },
      message: `${NAME}: v must be f32, it is i32[5,2]`,
    },
    {
      types: { q: f32([3, 4]), k: f32([5, 4]), v: f32([5, 2]), mask: f32([3, 4]) },
      message: `${NAME}: mask [3,4] does not broadcast to the scores [3,5]`,
    },
    {
      types: { q: f32([3, 4]), k: f32([5, 4]), v: f32([5, 2]), mask: f32([3, 5]) },
      options: { causal: true },
      message: `${NAME}: takes a mask or causal, not both`,
    },
    {
      types: { q: f32([3, 0]), k: f32([5, 0]), v: f32([5, 2]) },
      message: `${NAME}: scale must be a finite number, got Infinity`,
    },
  ],
  tolerance: { wasm: attentionTolerance, webgpu: attentionTolerance },
  magnitude: (inputs, attrs, [y]) => attend(inputs, attrs, y!).magnitude,
});
