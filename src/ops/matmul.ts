import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { broadcastShapes, forEachOffset, type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { addedBias } from './epilogue.js';
import { reshape } from './layout.js';
import { declareLinear } from './linear.js';
import { productKernels } from './matmul_kernels.js';
import { asLeft, asRight, layout, MAX_BATCH_AXES, type MatmulAttrs } from './matmul_layout.js';

export interface MatmulOptions {
  /** Reads a as its transpose: a is [.., k, m]. */
  readonly transposeA?: boolean;
  /** Reads b as its transpose: b is [.., n, k]. */
  readonly transposeB?: boolean;
}

export const matmulKinds: Kinds<MatmulOptions> = { transposeA: flag, transposeB: flag };

type Call = KernelCall<'a' | 'b', MatmulAttrs>;

// A sum of k products, each rounded, in any order: at most k roundings on any term's way.
const tolerance = {
  ulps: ({ types, attrs }: Call) => layout(types.a, types.b, attrs).k + 2,
  magnitude: 'absolute',
} as const;

const show = (a: TensorType, b: TensorType): string =>
  `a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`;

/** The operands, vectors as matrices, and the gradient with the axes that it lacks for vectors. */
function matrices({ a, b, grad, attrs }: { a: Value; b: Value; grad: Value; attrs: MatmulAttrs }) {
  const turn = (value: Value, shape: Shape) =>
    sameShape(value.shape, shape) ? value : reshape(value, { shape });
  const { batch, m, n } = layout(a, b, attrs);
  const vectors = a.shape.length === 1 || b.shape.length === 1;
  return {
    a: turn(a, asLeft(a.shape)),
    b: turn(b, asRight(b.shape)),
    grad: vectors ? turn(grad, [...batch, m, n]) : grad,
  };
}

/**
 * Matrix product over the last two axes, [.., m, k] x [.., k, n] -> [.., m, n]; leading axes broadcast. A vector on the
 * left is one row, on the right one column, whose axis the result does not have: torch.matmul.
 */
export const matmul = defineOp({
  name: 'matmul',
  summary: 'y = a b over the last two axes',
  inputs: ['a', 'b'],
  kinds: matmulKinds,
  attributes: (options: MatmulOptions | undefined): MatmulAttrs => ({
    transposeA: options?.transposeA ?? false,
    transposeB: options?.transposeB ?? false,
  }),
  infer({ a, b }, attrs) {
    expectDType('matmul', { a, b }, 'f32');
    if (a.shape.length < 1 || b.shape.length < 1)
      fail('matmul', `operands need an axis or more, ${show(a, b)}`);
    if ((attrs.transposeA && a.shape.length === 1) || (attrs.transposeB && b.shape.length === 1))
      fail('matmul', `a vector has no transpose, ${show(a, b)}`);
    const { m, n, k } = layout(a, b, attrs);
    const inner = attrs.transposeB ? b.shape.at(-1) : asRight(b.shape).at(-2);
    const transposed = `${attrs.transposeA ? ', a transposed' : ''}${attrs.transposeB ? ', b transposed' : ''}`;
    if (inner !== k) fail('matmul', `inner sizes differ, ${show(a, b)}${transposed}`);
    const batch = broadcastShapes(asLeft(a.shape).slice(0, -2), asRight(b.shape).slice(0, -2));
    if (!batch) fail('matmul', `leading axes don't broadcast, ${show(a, b)}`);
    if (batch.length > MAX_BATCH_AXES)
      fail('matmul', `at most ${MAX_BATCH_AXES} leading axes, ${show(a, b)}`);
    return f32([...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])]);
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
    a(given): Value {
      const { transposeA, transposeB } = given.attrs;
      const { b, grad } = matrices(given);
      return transposeA
        ? matmul(b, grad, { transposeA: transposeB, transposeB: true })
        : matmul(grad, b, { transposeB: !transposeB });
    },
    // dB = Aᵀ dY, and for a transposed B the transpose of that, dYᵀ A.
    b(given): Value {
      const { transposeA, transposeB } = given.attrs;
      const { a, grad } = matrices(given);
      const db = transposeB
        ? matmul(grad, a, { transposeA: true, transposeB: transposeA })
        : matmul(a, grad, { transposeA: !transposeA });
      return given.b.shape.length === 1 ? reshape(db, { shape: db.shape.slice(0, -1) }) : db;
    },
  },
  cost({ types, output, attrs }) {
    return { flops: 2 * sizeOf(output.shape) * layout(types.a, types.b, attrs).k };
  },
  kernels: productKernels('matmul', ['a', 'b', null], ({ types, attrs }: Call) => ({
    layout: layout(types.a, types.b, attrs),
    hasBias: false,
    activation: 0,
  })),
  factors: ['a', 'b'],
  linear: ['a', 'b'],
  absorbs({ a, b }, { transposeA, transposeB }, reader): Value | null {
    if (transposeA || b.shape.length !== 2) return null;
    const bias = addedBias(reader, -1);
    return bias && linear(a, b, bias, { transposeWeight: transposeB });
  },
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
    { inputs: { a: { shape: [7] }, b: { shape: [7] } } },
    { inputs: { a: { shape: [5] }, b: { shape: [2, 1, 5, 3] } } },
    { inputs: { a: { shape: [2, 3, 5] }, b: { shape: [5] } } },
    { inputs: { a: { shape: [65, 67] }, b: { shape: [67, 66] } } },
    { inputs: { a: { shape: [129, 6] }, b: { shape: [6, 130] } } },
    { inputs: { a: { shape: [97, 401] }, b: { shape: [401, 9] } } },
    // Few rows or columns, each way round.
    { inputs: { a: { shape: [2, 9] }, b: { shape: [9, 7] } } },
    { inputs: { a: { shape: [3, 7] }, b: { shape: [9, 7] } }, options: { transposeB: true } },
    {
      inputs: { a: { shape: [9, 3] }, b: { shape: [11, 9] } },
      options: { transposeA: true, transposeB: true },
    },
    { inputs: { a: { shape: [9, 19] }, b: { shape: [19, 3] } } },
    { inputs: { a: { shape: [2, 5, 11] }, b: { shape: [2, 5, 1] } }, options: { transposeA: true } },
    { inputs: { a: { shape: [2, 5, 11] }, b: { shape: [2, 5, 2] } }, options: { transposeA: true } },
    {
      inputs: { a: { shape: [5, 9] }, b: { shape: [7, 5] } },
      options: { transposeA: true, transposeB: true },
    },
    { inputs: { a: { shape: [2, 7, 5] }, b: { shape: [2, 9, 5] } }, options: { transposeB: true } },
    { inputs: { a: { shape: [5] }, b: { shape: [3, 5] } }, options: { transposeB: true } },
    { inputs: { a: { shape: [2, 5, 3] }, b: { shape: [5] } }, options: { transposeA: true } },
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
      types: { a: f32([]), b: f32([3, 2]) },
      message: 'matmul: operands need an axis or more, a is [], b is [3,2]',
    },
    {
      types: { a: f32([2, 3]), b: f32([2]) },
      message: 'matmul: inner sizes differ, a is [2,3], b is [2]',
    },
    {
      types: { a: f32([3]), b: f32([3, 2]) },
      options: { transposeA: true },
      message: 'matmul: a vector has no transpose, a is [3], b is [3,2]',
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

export const linear = declareLinear(matmul);
