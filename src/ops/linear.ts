import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds, oneOf, orNull } from '../kinds.js';
import {
  type ErrorCase,
  expectDType,
  f32,
  type KernelCall,
  type RefTensor,
  type Sample,
  type TensorType,
  type Value,
} from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { sigmoid, sigmoidBackward, tanh, tanhBackward } from './activation.js';
import { addedBias } from './epilogue.js';
import { reshape } from './layout.js';
import type { MatmulOptions } from './matmul.js';
import { productKernels } from './matmul_kernels.js';
import { layout } from './matmul_layout.js';
import { relu, reluBackward } from './rectifier.js';
import { sum } from './reduce.js';

/** What can be applied to the sums while they are stored: functions whose derivative follows from their value. */
export type LinearActivation = 'relu' | 'tanh' | 'sigmoid';

export interface LinearOptions {
  /** Applied to every element of the result; default null: none. */
  readonly activation?: LinearActivation | null;
  /** Whether weight is [out, in], as PyTorch's, the default; false: it is [in, out]. */
  readonly transposeWeight?: boolean;
}

export const linearKinds: Kinds<LinearOptions> = {
  activation: orNull(oneOf('tanh', 'relu', 'sigmoid')),
  transposeWeight: flag,
};

interface Attrs {
  readonly activation: LinearActivation | null;
  readonly transposeWeight: boolean;
}

type Call = KernelCall<'x' | 'weight' | 'bias?', Attrs>;

interface Activation {
  /** The kernels' number for it. */
  readonly code: number;
  readonly evaluate: (x: number) => number;
  readonly backward: (grad: Value, y: Value) => Value;
  /** The op that it is by itself. */
  readonly op: typeof relu.op;
}

const ACTIVATIONS: Readonly<Record<LinearActivation, Activation>> = {
  relu: { code: 1, evaluate: (x) => (x <= 0 ? 0 : x), backward: reluBackward, op: relu.op },
  tanh: { code: 2, evaluate: Math.tanh, backward: tanhBackward, op: tanh.op },
  sigmoid: { code: 3, evaluate: (x) => 1 / (1 + Math.exp(-x)), backward: sigmoidBackward, op: sigmoid.op },
};
const NAMES = Object.keys(ACTIVATIONS) as LinearActivation[];

/** x as a matrix, whatever its leading axes. */
const flat = (x: TensorType): Shape => [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!];

const productOf = ({ types: { x, weight, bias }, attrs: { activation, transposeWeight } }: Call) => ({
  layout: layout(f32(flat(x)), weight, { transposeA: false, transposeB: transposeWeight }),
  hasBias: bias !== null,
  activation: activation ? ACTIVATIONS[activation].code : 0,
});

/** Sizes of the inner axis and of the result's last. */
const sizesOf = ({ shape: [first, second] }: TensorType, transposed: boolean): readonly [number, number] =>
  transposed ? [second!, first!] : [first!, second!];

function affine(
  { x, weight, bias }: { readonly x: RefTensor; readonly weight: RefTensor; readonly bias: RefTensor | null },
  { transposeWeight }: Attrs,
  sign: (v: number) => number = (v) => v,
): Float64Array {
  const [inner, columns] = sizesOf(weight, transposeWeight);
  const [row, column] = transposeWeight ? [inner, 1] : [1, columns];
  return Float64Array.from({ length: flat(x)[0]! * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    let total = bias ? sign(bias.data[j]!) : 0;
    for (let k = 0; k < inner; k++)
      total += sign(x.data[i * inner + k]! * weight.data[j * row + k * column]!);
    return total;
  });
}

/** The gradient before the activation as a matrix: the rules of all inputs record it, and equal nodes are merged. */
const beforeActivation = (grad: Value, y: Value, { activation }: Attrs): Value =>
  reshape(activation ? ACTIVATIONS[activation].backward(grad, y) : grad, { shape: flat(y) });

const plain = (
  [
    [[3, 5], 7],
    [[13], 9],
    [[2, 3, 4], 17],
    [[65, 19], 67],
    [[129, 5], 130],
  ] as const
).map(([x, out]) => ({ x: { shape: x }, weight: { shape: [out, x.at(-1)!] }, bias: { shape: [out] } }));

/** Sums stay clear of relu's kink: the bias outweighs them. */
const clear = (x: Shape, out: number) => ({
  x: { shape: x },
  weight: { shape: [out, x.at(-1)!], domain: [-0.2, 0.2] as const },
  bias: { shape: [out], domain: [2, 3] as const, signed: true },
});

const samples: readonly Sample<'x' | 'weight' | 'bias?', LinearOptions>[] = [
  ...plain.map((inputs) => ({ inputs })),
  { inputs: { x: { shape: [4, 3] }, weight: { shape: [8, 3] } } },
  { inputs: { x: { shape: [9, 6] }, weight: { shape: [3, 6] }, bias: { shape: [3] } } },
  { inputs: clear([2, 5], 6), options: { activation: 'relu' } },
  ...(['tanh', 'sigmoid'] as const).map((activation) => ({
    inputs: plain[2]!,
    options: { activation },
  })),
  { inputs: clear([7, 5], 11), options: { activation: 'relu' } },
  { inputs: clear([65, 4], 65), options: { activation: 'relu' } },
  {
    inputs: { x: { shape: [3, 13, 5] }, weight: { shape: [5, 19] }, bias: { shape: [19] } },
    options: { transposeWeight: false },
  },
  // More than 1024 sums, which rows of 3 or of 701 don't divide: the bias is added by several units.
  { inputs: { x: { shape: [345, 2] }, weight: { shape: [3, 2] }, bias: { shape: [3] } } },
  {
    inputs: { x: { shape: [2, 3] }, weight: { shape: [701, 3] }, bias: { shape: [701] } },
    options: { activation: 'tanh' },
  },
];

const errors: readonly ErrorCase<'x' | 'weight' | 'bias?', LinearOptions>[] = [
  {
    types: { x: f32([2, 3]), weight: f32([3, 4]) },
    message: 'linear: x must be [.., in] and weight [out, in], x is [2,3], weight is [3,4]',
  },
  {
    types: { x: f32([2, 3]), weight: f32([4, 3]) },
    options: { transposeWeight: false },
    message: 'linear: x must be [.., in] and weight [in, out], x is [2,3], weight is [4,3]',
  },
  {
    types: { x: f32([2, 3]), weight: f32([4, 3]), bias: f32([3]) },
    message: 'linear: bias must be [4], it is [3], x is [2,3], weight is [4,3]',
  },
  {
    types: { x: { shape: [2, 3], dtype: 'i32' }, weight: f32([4, 3]) },
    message: 'linear: x must be f32, it is i32[2,3]',
  },
  {
    types: { x: f32([2, 3]), weight: f32([4, 3]) },
    options: { activation: 'gelu' as LinearActivation },
    message: "linear: activation must be one of tanh, relu, sigmoid or null, got 'gelu'",
  },
];

/**
 * The sum of k products and the bias rounds k + 1 times on any term's way, and no activation is steeper than 1; to that
 * comes what it is off by itself (src/ops/unary.ts), in units of at most the sum for tanh and of 1 for sigmoid.
 */
const tolerance = (own: Readonly<Record<LinearActivation, number>>, floor = 0) =>
  ({
    ulps: ({ types, attrs }: Call) =>
      types.x.shape.at(-1)! + 3 + (attrs.activation ? own[attrs.activation] : 0),
    magnitude: 'declared',
    floor,
  }) as const;

type Matmul = (a: Value, b: Value, options?: MatmulOptions) => Value;

/**
 * y = activation(x weightᵀ + bias): x [.., in], weight [out, in], bias [out] or null, as torch.nn.functional.linear. Made
 * beside `matmul`, for the two name each other: this one's gradients are products, and a product with a bias is this.
 */
export const declareLinear = (matmul: Matmul) => {
  const linear = defineOp({
    name: 'linear',
    summary: 'y = activation(x weightᵀ + bias) over the last axis',
    inputs: ['x', 'weight', 'bias?'],
    factors: ['x', 'weight'],
    kinds: linearKinds,
    attributes(options: LinearOptions | undefined): Attrs {
      return { activation: options?.activation ?? null, transposeWeight: options?.transposeWeight ?? true };
    },
    infer({ x, weight, bias }, { transposeWeight }) {
      expectDType('linear', { x, weight, bias }, 'f32');
      const shown = `x is ${showShape(x.shape)}, weight is ${showShape(weight.shape)}`;
      const [inner, columns] = sizesOf(weight, transposeWeight);
      if (x.shape.length === 0 || weight.shape.length !== 2 || x.shape.at(-1) !== inner)
        fail(
          'linear',
          `x must be [.., in] and weight ${transposeWeight ? '[out, in]' : '[in, out]'}, ${shown}`,
        );
      if (bias && (bias.shape.length !== 1 || bias.shape[0] !== columns))
        fail('linear', `bias must be [${columns}], it is ${showShape(bias.shape)}, ${shown}`);
      return f32(x.shape.with(-1, columns));
    },
    reference(inputs, attrs) {
      const sums = affine(inputs, attrs);
      const { activation } = attrs;
      return activation ? sums.map(ACTIVATIONS[activation].evaluate) : sums;
    },
    backward: {
      // With G the gradient before the activation: dX = G W, dW = Gᵀ X, db = the sum of G's rows; of Wᵀ the transposes.
      x({ grad, output, x, weight, attrs }): Value {
        const g = beforeActivation(grad, output, attrs);
        return reshape(matmul(g, weight, { transposeB: !attrs.transposeWeight }), { shape: x.shape });
      },
      weight({ grad, output, x, attrs }): Value {
        const g = beforeActivation(grad, output, attrs);
        const rows = reshape(x, { shape: flat(x) });
        return attrs.transposeWeight
          ? matmul(g, rows, { transposeA: true })
          : matmul(rows, g, { transposeA: true });
      },
      bias: ({ grad, output, attrs }): Value => sum(beforeActivation(grad, output, attrs), { axes: 0 }),
    },
    cost: ({ types, output }) => ({ flops: (2 * types.x.shape.at(-1)! + 1) * sizeOf(output.shape) }),
    kernels: productKernels('linear', ['x', 'weight', 'bias'], productOf),
    absorbs({ x, weight, bias }, attrs, reader): Value | null {
      if (attrs.activation) return null;
      const added = bias ? null : addedBias(reader, -1);
      if (added) return linear(x, weight, added, attrs);
      const activation = NAMES.find((name) => ACTIVATIONS[name].op === reader.op);
      return activation ? linear(x, weight, bias, { ...attrs, activation }) : null;
    },
    samples,
    errors,
    tolerance: {
      wasm: tolerance({ relu: 0, tanh: 6, sigmoid: 6 }),
      webgpu: tolerance({ relu: 0, tanh: 40, sigmoid: 44 }, 1e-7),
    },
    magnitude(inputs, attrs) {
      const sums = affine(inputs, attrs, Math.abs);
      return attrs.activation === 'sigmoid' ? sums.map((v) => v + 1) : sums;
    },
  });
  return linear;
};
