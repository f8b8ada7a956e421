import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { flag, type Kinds, number } from '../kinds.js';
import { expectDType, f32, type RefTensor, type TensorType } from '../op.js';
import { broadcastShapes, broadcastStrides, forEachOffset, showShape, sizeOf } from '../shape.js';
import {
  checkMask,
  checkScale,
  type MaskAttrs,
  maskedRow,
  maskedSoftmax,
  SMALLEST,
  softmaxUnits,
} from './masked_softmax.js';
import { matmul } from './matmul.js';

export interface AttentionOptions {
  /** Whether query i sees keys 0..i alone, default false; not together with a mask. */
  readonly causal?: boolean;
  /** What the scores are multiplied by, default 1 / √(features of q). */
  readonly scale?: number;
}

export const attentionKinds: Kinds<AttentionOptions> = { causal: flag, scale: number };

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
  kinds: attentionKinds,
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
