import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds, number } from '../kinds.js';
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
import { scalar } from './fill.js';
import { rowVariants } from './row_lanes.js';
import { softmaxBackward } from './softmax.js';

export interface MaskedSoftmaxOptions {
  /** Whether row i sees columns 0..i alone, default false. */
  readonly causal?: boolean;
  /** What the scores are multiplied by before the mask, default 1. */
  readonly scale?: number;
}

export const maskedSoftmaxKinds: Kinds<MaskedSoftmaxOptions> = { causal: flag, scale: number };

export interface MaskAttrs {
  readonly causal: boolean;
  readonly scale: number;
}

type Call = KernelCall<'x' | 'mask?', MaskAttrs>;

/** Refuses a mask that is not bool or f32, or does not broadcast to the scores' shape. */
export function checkMask(name: string, mask: TensorType | null, scores: Shape): void {
  if (!mask) return;
  if (mask.dtype === 'i32')
    fail(name, `mask must be bool or f32, it is ${mask.dtype}${showShape(mask.shape)}`);
  const shape = broadcastShapes(mask.shape, scores);
  if (!shape || !sameShape(shape, scores))
    fail(name, `mask ${showShape(mask.shape)} does not broadcast to the scores ${showShape(scores)}`);
}

/** A finite number, or an error. */
export function checkScale(name: string, scale: number): number {
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

const KERNEL = 'masked_softmax_f32';
const OPERANDS = ['x', 'mask', 'output'];

const wasm = {
  name: KERNEL,
  launches(call: Call) {
    const p = { ...params(call), lanes: 0 };
    return [{ kernel: KERNEL, operands: OPERANDS, params: p, units: p.rows, scratch: 4 * p.length }];
  },
};

/** Masks are walked element by element: no quads. */
const webgpu = rowVariants<'x' | 'mask?', MaskAttrs>(
  KERNEL,
  (call) => ({ rows: params(call).rows, length: params(call).length, inner: 1 }),
  (call, { suffix, lanes }) => {
    const p = { ...params(call), lanes };
    return [{ kernel: KERNEL + suffix, operands: OPERANDS, params: p, units: p.rows * lanes }];
  },
  undefined,
  ['lanes', 'tree'],
  [false],
);

/** A row's terms: scaled scores with the mask, minus infinity where it hides. */
interface MaskedRow {
  readonly terms: Float64Array;
  readonly y: Float64Array;
  /** What a kernel's rounding errors of the powers grow with, among the terms that have a part in the row. */
  readonly size: number;
}

/** One row of the reference: `mask` gives the mask's element for a column. */
export function maskedRow(
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
export const softmaxUnits = (n: number): number => n + 18;
/** Powers below what f32 holds. */
export const SMALLEST = 2 ** -126;

const SCORES = { domain: [-4, 4] } as const;

/** Softmax over the last axis of x · scale under a mask, [.., queries, keys]. */
export const maskedSoftmax = defineOp({
  name: 'maskedSoftmax',
  summary: 'y = softmax(scale x + mask) over the last axis, 0 in a row that is hidden as a whole',
  inputs: ['x', 'mask?'],
  kinds: maskedSoftmaxKinds,
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
    x: ({ grad, output, attrs: { scale } }): Value => mul(softmaxBackward(grad, output), scalar(scale)),
    mask: ({ grad, output }): Value => softmaxBackward(grad, output),
  },
  cost: ({ output }) => ({ flops: 7 * sizeOf(output.shape) }),
  kernels: { wasm: [wasm], webgpu },
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
