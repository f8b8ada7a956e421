import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, orNull, whole } from '../kinds.js';
import { expectDType, f32, type KernelCall, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, sizeOf } from '../shape.js';
import { expectWhole, shapesOf } from './common.js';
import { notEqual } from './compare.js';
import { full, scalar } from './fill.js';
import {
  gatherLaunch,
  gatherReference,
  indexFault,
  type Scatter,
  scatterLaunches,
  scatterReference,
  scatterTemporaries,
  sliceWalk,
} from './indexing_walk.js';
import { reshape } from './layout.js';
import { fillLaunch } from './strided.js';
import { where } from './where.js';

type Backend = 'wasm' | 'webgpu';

export interface EmbeddingOptions {
  /** A row of weight whose gradient stays zero; negative numbers count from the last row. Default null: none. */
  readonly paddingIndex?: number | null;
}

export const embeddingKinds: Kinds<EmbeddingOptions> = { paddingIndex: orNull(whole) };

interface Attrs {
  readonly paddingIndex: number | null;
}

function paddingOf(name: string, paddingIndex: number | null | undefined, rows: number): number | null {
  if (paddingIndex === undefined || paddingIndex === null) return null;
  if (!Number.isInteger(paddingIndex) || paddingIndex < -rows || paddingIndex >= rows)
    fail(name, `paddingIndex ${paddingIndex} is outside the ${rows} rows of weight`);
  return paddingIndex < 0 ? paddingIndex + rows : paddingIndex;
}

/** The weight's rows, one for each of the indices in a list. */
const rowWalk = (weight: Shape, indices: Shape) => sliceWalk(weight, sizeOf(indices), 0);

const i32 = (shape: Shape): TensorType => ({ shape, dtype: 'i32' });

type EmbeddingCall = KernelCall<'indices' | 'weight', Attrs>;

/** Row indices[..] of weight: torch.nn.functional.embedding. indices i32 of any shape, weight [rows, size]. */
export const embedding = defineOp({
  name: 'embedding',
  summary: 'y[.., :] = weight[indices[..], :]',
  inputs: ['indices', 'weight'],
  kinds: embeddingKinds,
  attributes(options: EmbeddingOptions | undefined, { indices, weight }): Attrs {
    expectDType('embedding', { indices }, 'i32');
    if (weight.shape.length !== 2)
      fail('embedding', `weight must be [rows, size], ${shapesOf({ indices, weight })}`);
    return { paddingIndex: paddingOf('embedding', options?.paddingIndex, weight.shape[0]!) };
  },
  infer: ({ indices, weight }) => ({ shape: [...indices.shape, weight.shape[1]!], dtype: weight.dtype }),
  reference: ({ indices, weight }) =>
    gatherReference('embedding', rowWalk(weight.shape, indices.shape), weight, indices, (detail) =>
      indexFault('weight', { weight, indices }, 'indices', 0, detail),
    ),
  backward: {
    indices: null,
    weight: ({ grad, indices, weight, attrs }): Value =>
      embeddingBackward(grad, indices, { rows: weight.shape[0]!, ...attrs }),
  },
  kernels: { wasm: [embeddingVariant('wasm')], webgpu: [embeddingVariant('webgpu')] },
  fault: (types, _, detail) => indexFault('weight', types, 'indices', 0, detail),
  samples: [
    {
      inputs: { indices: { shape: [3, 7], dtype: 'i32', domain: [0, 4] }, weight: { shape: [5, 9] } },
    },
    {
      inputs: { indices: { shape: [13], dtype: 'i32', domain: [0, 2] }, weight: { shape: [4, 67] } },
      // No index is the padding row here: central differences would see what its gradient leaves out.
      options: { paddingIndex: -1 },
    },
    { inputs: { indices: { shape: [], dtype: 'i32', domain: [0, 1] }, weight: { shape: [2, 1] } } },
  ],
  errors: [
    {
      types: { indices: i32([2]), weight: f32([5]) },
      message: 'embedding: weight must be [rows, size], indices is [2], weight is [5]',
    },
    {
      types: { indices: f32([2]), weight: f32([5, 3]) },
      message: 'embedding: indices must be i32, it is f32[2]',
    },
    {
      types: { indices: i32([2]), weight: f32([5, 3]) },
      options: { paddingIndex: 5 },
      message: 'embedding: paddingIndex 5 is outside the 5 rows of weight',
    },
  ],
});

function embeddingVariant(backend: Backend) {
  return {
    name: 'gather__strided',
    launches: ({ types: { indices, weight } }: EmbeddingCall) => [
      gatherLaunch(backend, ['weight', 'indices'], rowWalk(weight.shape, indices.shape)),
    ],
  };
}

export interface EmbeddingBackwardOptions extends EmbeddingOptions {
  /** Rows of weight. */
  readonly rows: number;
}

export const embeddingBackwardKinds: Kinds<EmbeddingBackwardOptions> = { ...embeddingKinds, rows: whole };

interface BackwardAttrs extends Attrs {
  readonly rows: number;
}

const sumsOf = (weight: Shape, indices: Shape, { paddingIndex }: Attrs): Scatter => ({
  ...rowWalk(weight, indices),
  sourceStrides: [weight[1]!, 1],
  scale: 1,
  skip: paddingIndex ?? -1,
});

const sumRows = (dy: RefTensor, indices: RefTensor, attrs: BackwardAttrs, weight: TensorType): Float64Array =>
  scatterReference(
    'embeddingBackward',
    sumsOf(weight.shape, indices.shape, attrs),
    new Float64Array(sizeOf(weight.shape)),
    indices,
    dy,
    (detail) => indexFault('dweight', { dweight: weight, indices }, 'indices', 0, detail),
  );

type BackwardCall = KernelCall<'dy' | 'indices', BackwardAttrs>;

/** A sum of at most as many terms as there are indices. */
const backwardTolerance = {
  ulps: ({ types }: BackwardCall) => sizeOf(types.indices.shape),
  magnitude: 'absolute',
} as const;

/** dweight[indices[..], :] += dy[.., :], in the order of the indices; the row of paddingIndex stays zero. */
export const embeddingBackward = defineOp({
  name: 'embeddingBackward',
  summary: 'dweight[indices[..], :] = Σ dy[.., :], but for the row paddingIndex',
  inputs: ['dy', 'indices'],
  kinds: embeddingBackwardKinds,
  attributes(options: EmbeddingBackwardOptions | undefined): BackwardAttrs {
    const given = options ?? fail('embeddingBackward', 'needs options { rows }');
    const rows = expectWhole('embeddingBackward', 'rows', given.rows, 0);
    return { rows, paddingIndex: paddingOf('embeddingBackward', given.paddingIndex, rows) };
  },
  infer({ dy, indices }, { rows }) {
    expectDType('embeddingBackward', { dy }, 'f32');
    expectDType('embeddingBackward', { indices }, 'i32');
    if (dy.shape.length === 0 || !sameShape(dy.shape.slice(0, -1), indices.shape))
      fail('embeddingBackward', `dy must be [.., size] for indices [..], ${shapesOf({ dy, indices })}`);
    return f32([rows, dy.shape.at(-1)!]);
  },
  reference: ({ dy, indices }, attrs, [y]) => sumRows(dy, indices, attrs, y!),
  backward: {
    dy({ grad, indices, attrs: { paddingIndex } }): Value {
      const rows = embedding(indices, grad);
      if (paddingIndex === null) return rows;
      const counts = notEqual(indices, full({ shape: [], value: paddingIndex, dtype: 'i32' }));
      return where(reshape(counts, { shape: [...indices.shape, 1] }), rows, scalar(0));
    },
    indices: null,
  },
  cost: ({ types }) => ({ flops: sizeOf(types.dy.shape) }),
  kernels: { wasm: [sumVariant('wasm')], webgpu: [sumVariant('webgpu')] },
  fault: ({ indices, dy }, { rows }, detail) =>
    indexFault('dweight', { dweight: f32([rows, dy.shape.at(-1)!]), indices }, 'indices', 0, detail),
  linear: ['dy'],
  samples: [
    {
      inputs: { dy: { shape: [3, 7, 9] }, indices: { shape: [3, 7], dtype: 'i32', domain: [0, 4] } },
      options: { rows: 6 },
    },
    {
      inputs: { dy: { shape: [13, 67] }, indices: { shape: [13], dtype: 'i32', domain: [0, 2] } },
      options: { rows: 3, paddingIndex: 1 },
    },
    {
      inputs: { dy: { shape: [1] }, indices: { shape: [], dtype: 'i32', domain: [0, 1] } },
      options: { rows: 2, paddingIndex: -1 },
    },
  ],
  errors: [
    {
      types: { dy: f32([2, 3]), indices: i32([3]) },
      options: { rows: 4 },
      message: 'embeddingBackward: dy must be [.., size] for indices [..], dy is [2,3], indices is [3]',
    },
    {
      types: { dy: f32([3, 2]), indices: i32([3]) },
      message: 'embeddingBackward: needs options { rows }',
    },
    {
      types: { dy: f32([3, 2]), indices: i32([3]) },
      options: { rows: 4, paddingIndex: -5 },
      message: 'embeddingBackward: paddingIndex -5 is outside the 4 rows of weight',
    },
  ],
  tolerance: { wasm: backwardTolerance, webgpu: backwardTolerance },
});

function sumVariant(backend: Backend) {
  return {
    name: `embedding_backward_f32__${backend === 'wasm' ? 'lines' : 'chain'}`,
    temporaries: ({ types }: BackwardCall) => scatterTemporaries(backend, types.indices.shape),
    launches: ({ types: { indices }, attrs, output }: BackwardCall) => [
      fillLaunch(backend, output.shape, 0),
      ...scatterLaunches(
        backend,
        ['indices', 'dy'],
        indices.shape,
        sumsOf(output.shape, indices.shape, attrs),
      ),
    ],
  };
}
