import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type TensorType, type Value, type Variant } from '../op.js';
import { broadcastShapes, broadcastStrides, forEachOffset, showShape, sizeOf } from '../shape.js';

export interface MatmulOptions {
  /** Reads a as its transpose: a is [.., k, m]. */
  readonly transposeA?: boolean;
  /** Reads b as its transpose: b is [.., n, k]. */
  readonly transposeB?: boolean;
}

interface MatmulAttrs {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

type Call = KernelCall<'a' | 'b', MatmulAttrs>;

/** Sizes, strides in elements, and the walk over the batch axes. */
function layout(a: TensorType, b: TensorType, { transposeA, transposeB }: MatmulAttrs) {
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const n = transposeB ? bRows : bColumns;
  const [aBatch, bBatch] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShapes(aBatch, bBatch) ?? [];
  const scaled = (shape: readonly number[], matrix: number) =>
    broadcastStrides(shape, batch).map((s) => s * matrix);
  return {
    m,
    n,
    k,
    aRow: transposeA ? 1 : aColumns,
    aColumn: transposeA ? aColumns : 1,
    bRow: transposeB ? 1 : bColumns,
    bColumn: transposeB ? bColumns : 1,
    batch,
    aStrides: scaled(aBatch, m * k),
    bStrides: scaled(bBatch, k * n),
  };
}

const MAX_BATCH_AXES = 4;

/** Batch axes, right-aligned in the four that the parameter struct holds. */
function batchParams({ batch, aStrides, bStrides }: ReturnType<typeof layout>) {
  const lead = MAX_BATCH_AXES - batch.length;
  return {
    batchShape: [...Array<number>(lead).fill(1), ...batch],
    aBatch: [...Array<number>(lead).fill(0), ...aStrides],
    bBatch: [...Array<number>(lead).fill(0), ...bStrides],
  };
}

function params(call: Call) {
  const shape = layout(call.types.a, call.types.b, call.attrs);
  const { m, n, k, aRow, aColumn, bRow, bColumn } = shape;
  return { m, n, k, aRow, aColumn, bRow, bColumn, batch: sizeOf(shape.batch), ...batchParams(shape) };
}

/** Rows of a and columns of b that one wasm work unit covers, and the depth of a block. */
const ROWS = 96;
const COLUMNS = 512;
const DEPTH = 512;
const up = (value: number, step: number) => Math.ceil(value / step) * step;

/** b is packed once into panels of 8 columns; every unit packs its own rows of a and multiplies. */
const wasm = (tile: '4x8' | '6x8', feature?: string): Variant<'a' | 'b', MatmulAttrs> => ({
  name: `matmul_f32__${tile}`,
  when: ({ features }) => feature === undefined || features.has(feature),
  temporaries(call) {
    const { k, n, batch } = params(call);
    return { panels: 4 * batch * k * up(n, 8) };
  },
  launches(call) {
    const p = params(call);
    const blocks = Math.ceil(p.m / ROWS) * Math.ceil(p.n / COLUMNS);
    return [
      {
        kernel: 'matmul_pack_b_f32',
        operands: ['b', 'panels'],
        params: p,
        units: p.batch * Math.ceil(p.n / 8),
      },
      {
        kernel: `matmul_f32__${tile}`,
        operands: ['a', 'panels', 'output'],
        params: p,
        units: p.batch * blocks,
        scratch: 4 * ROWS * DEPTH + 4 * 6 * 8,
      },
    ];
  },
});

const webgpu = (tile: number): Variant<'a' | 'b', MatmulAttrs> => ({
  name: `matmul_f32__${tile}x${tile}`,
  when: (call) => tile === 16 || Math.min(params(call).m, params(call).n) >= tile,
  launches(call) {
    const p = params(call);
    return [
      {
        kernel: `matmul_f32__${tile}x${tile}`,
        operands: ['a', 'b', 'output'],
        params: p,
        units: [Math.ceil(p.n / tile), Math.ceil(p.m / tile), p.batch],
      },
    ];
  },
});

// A sum of k products, each rounded, in any order: at most k roundings on any term's way.
const tolerance = { ulps: (call: Call) => params(call).k + 2, magnitude: 'absolute' } as const;

const show = (a: TensorType, b: TensorType) => `a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`;

/** Matrix product over the last two axes, [.., m, k] x [.., k, n] -> [.., m, n]; leading axes broadcast. */
export const matmul = defineOp({
  name: 'matmul',
  summary: 'y = a b over the last two axes',
  inputs: ['a', 'b'],
  attributes: (options: MatmulOptions | undefined): MatmulAttrs => ({
    transposeA: options?.transposeA ?? false,
    transposeB: options?.transposeB ?? false,
  }),
  infer({ a, b }, attrs) {
    expectDType('matmul', { a, b }, 'f32');
    if (a.shape.length < 2 || b.shape.length < 2)
      fail('matmul', `operands need two axes or more, ${show(a, b)}`);
    const { m, n, k } = layout(a, b, attrs);
    const inner = attrs.transposeB ? b.shape.at(-1) : b.shape.at(-2);
    const transposed = `${attrs.transposeA ? ', a transposed' : ''}${attrs.transposeB ? ', b transposed' : ''}`;
    if (inner !== k) fail('matmul', `inner sizes differ, ${show(a, b)}${transposed}`);
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    if (!batch) fail('matmul', `leading axes don't broadcast, ${show(a, b)}`);
    if (batch.length > MAX_BATCH_AXES)
      fail('matmul', `at most ${MAX_BATCH_AXES} leading axes, ${show(a, b)}`);
    return f32([...batch, m, n]);
  },
  reference({ a, b }, attrs, [y]) {
    const { m, n, k, aRow, aColumn, bRow, bColumn, batch, aStrides, bStrides } = layout(a, b, attrs);
    const out = new Float64Array(sizeOf(y!.shape));
    forEachOffset(batch, [aStrides, bStrides], (index, [aStart, bStart]) => {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let p = 0; p < k; p++) {
            total += a.data[aStart! + i * aRow + p * aColumn]! * b.data[bStart! + p * bRow + j * bColumn]!;
          }
          out[(index * m + i) * n + j] = total;
        }
      }
    });
    return out;
  },
  backward: {
    // Y = A B: dA = dY Bᵀ, and for a transposed A the transpose of that, B dYᵀ.
    a: ({ grad, b, attrs: { transposeA, transposeB } }): Value =>
      transposeA
        ? matmul(b, grad, { transposeA: transposeB, transposeB: true })
        : matmul(grad, b, { transposeB: !transposeB }),
    // dB = Aᵀ dY, and for a transposed B the transpose of that, dYᵀ A.
    b: ({ grad, a, attrs: { transposeA, transposeB } }): Value =>
      transposeB
        ? matmul(grad, a, { transposeA: true, transposeB: transposeA })
        : matmul(a, grad, { transposeA: !transposeA }),
  },
  cost({ types, output, attrs }) {
    return { flops: 2 * sizeOf(output.shape) * layout(types.a, types.b, attrs).k };
  },
  kernels: { wasm: [wasm('6x8', 'tile-6x8'), wasm('4x8')], webgpu: [webgpu(64), webgpu(16)] },
  linear: ['a', 'b'],
  samples: [
    { inputs: { a: { shape: [1, 1] }, b: { shape: [1, 1] } } },
    { inputs: { a: { shape: [3, 5] }, b: { shape: [5, 7] } } },
    { inputs: { a: { shape: [4, 8] }, b: { shape: [8, 8] } } },
    { inputs: { a: { shape: [6, 3] }, b: { shape: [3, 9] } } },
    { inputs: { a: { shape: [7, 13] }, b: { shape: [17, 13] } }, options: { transposeB: true } },
    { inputs: { a: { shape: [13, 11] }, b: { shape: [13, 5] } }, options: { transposeA: true } },
    {
      inputs: { a: { shape: [5, 6] }, b: { shape: [7, 5] } },
      options: { transposeA: true, transposeB: true },
    },
    { inputs: { a: { shape: [2, 3, 4] }, b: { shape: [2, 4, 5] } } },
    { inputs: { a: { shape: [2, 1, 3, 4] }, b: { shape: [5, 4, 2] } } },
    { inputs: { a: { shape: [3, 4, 5] }, b: { shape: [5, 2] } } },
    { inputs: { a: { shape: [65, 67] }, b: { shape: [67, 66] } } },
    { inputs: { a: { shape: [97, 401] }, b: { shape: [401, 9] } } },
  ],
  errors: [
    {
      types: { a: f32([3, 5]), b: f32([4, 2]) },
      message: 'matmul: inner sizes differ, a is [3,5], b is [4,2]',
    },
    {
      types: { a: f32([3, 5]), b: f32([5, 2]) },
      options: { transposeB: true },
      message: 'matmul: inner sizes differ, a is [3,5], b is [5,2], b transposed',
    },
    {
      types: { a: f32([3]), b: f32([3, 2]) },
      message: 'matmul: operands need two axes or more, a is [3], b is [3,2]',
    },
    {
      types: { a: f32([2, 3, 5]), b: f32([3, 5, 2]) },
      message: "matmul: leading axes don't broadcast, a is [2,3,5], b is [3,5,2]",
    },
    {
      types: { a: { shape: [3, 5], dtype: 'i32' }, b: f32([5, 2]) },
      message: 'matmul: a must be f32, it is i32[3,5]',
    },
  ],
  tolerance: { wasm: tolerance, webgpu: tolerance },
});
