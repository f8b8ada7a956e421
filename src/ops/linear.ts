import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { sigmoidBackward, tanhBackward } from './activation.js';
import { reshape } from './layout.js';
import { matmul } from './matmul.js';
import { productKernels } from './matmul_kernels.js';
import { layout } from './matmul_layout.js';
import { reluBackward } from './rectifier.js';
import { sum } from './reduce.js';

/** What can be applied to the sums while they are stored: functions whose derivative follows from their value. */
export type LinearActivation = 'relu' | 'tanh' | 'sigmoid';

export interface LinearOptions {
  /** Applied to every element of the result; default null: none. */
  readonly activation?: LinearActivation | null;
}

interface Attrs {
  readonly activation: LinearActivation | null;
}

type Call = KernelCall<'x' | 'weight' | 'bias?', Attrs>;

interface Activation {
  /** The kernels' number for it. */
  readonly code: number;
  readonly evaluate: (x: number) => number;
  readonly backward: (grad: Value, y: Value) => Value;
}

const ACTIVATIONS: Readonly<Record<LinearActivation, Activation>> = {
  relu: { code: 1, evaluate: (x) => (x <= 0 ? 0 : x), backward: reluBackward },
  tanh: { code: 2, evaluate: Math.tanh, backward: tanhBackward },
  sigmoid: { code: 3, evaluate: (x) => 1 / (1 + Math.exp(-x)), backward: sigmoidBackward },
};
const NAMES = Object.keys(ACTIVATIONS);

/** x as a matrix, whatever its leading axes. */
const flat = (x: TensorType): Shape => [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!];

const productOf = ({ types: { x, weight, bias }, attrs: { activation } }: Call) => ({
  layout: layout(f32(flat(x)), weight, { transposeA: false, transposeB: true }),
  hasBias: bias !== null,
  activation: activation ? ACTIVATIONS[activation].code : 0,
});

function affine(
  x: RefTensor,
  weight: RefTensor,
  bias: RefTensor | null,
  sign: (v: number) => number = (v) => v,
): Float64Array {
  const [rows, inner] = flat(x) as [number, number];
  const columns = weight.shape[0]!;
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let total = bias ? sign(bias.data[column]!) : 0;
    for (let k = 0; k < inner; k++)
      total += sign(x.data[row * inner + k]! * weight.data[column * inner + k]!);
    return total;
  });
}

/** The gradient before the activation as a matrix: the rules of all inputs record it, and equal nodes are merged. */
const beforeActivation = (grad: Value, y: Value, { activation }: Attrs): Value =>
  reshape(activation ? ACTIVATIONS[activation].backward(grad, y) : grad, { shape: flat(y) });

const samples = (
  [
    [[3, 5], 7],
    [[13], 9],
    [[2, 3, 4], 17],
    [[65, 19], 67],
  ] as const
).map(([x, out]) => ({ x: { shape: x }, weight: { shape: [out, x.at(-1)!] }, bias: { shape: [out] } }));

/** Sums stay clear of relu's kink: the bias outweighs them. */
const clear = (x: Shape, out: number) => ({
  x: { shape: x },
  weight: { shape: [out, x.at(-1)!], domain: [-0.2, 0.2] as const },
  bias: { shape: [out], domain: [2, 3] as const, signed: true },
});

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

/** y = activation(x weightᵀ + bias): x [.., in], weight [out, in], bias [out] or null, as torch.nn.functional.linear. */
export const linear = defineOp({
  name: 'linear',
  summary: 'y = activation(x weightᵀ + bias) over the last axis',
  inputs: ['x', 'weight', 'bias?'],
  attributes(options: LinearOptions | undefined): Attrs {
    const activation = options?.activation ?? null;
    if (activation !== null && !NAMES.includes(activation))
      fail('linear', `activation must be null or one of ${NAMES.join(', ')}, got '${activation}'`);
    return { activation };
  },
  infer({ x, weight, bias }) {
    expectDType('linear', { x, weight, bias }, 'f32');
    const shown = `x is ${showShape(x.shape)}, weight is ${showShape(weight.shape)}`;
    if (x.shape.length === 0 || weight.shape.length !== 2 || x.shape.at(-1) !== weight.shape[1])
      fail('linear', `x must be [.., in] and weight [out, in], ${shown}`);
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== weight.shape[0]))
      fail('linear', `bias must be [${weight.shape[0]}], it is ${showShape(bias.shape)}, ${shown}`);
    return f32(x.shape.with(-1, weight.shape[0]!));
  },
  reference({ x, weight, bias }, { activation }) {
    const sums = affine(x, weight, bias);
    return activation ? sums.map(ACTIVATIONS[activation].evaluate) : sums;
  },
  backward: {
    // With G the gradient before the activation: dX = G W, dW = Gᵀ X, db = the sum of G's rows.
    x({ grad, output, x, weight, attrs }): Value {
      const dx = matmul(beforeActivation(grad, output, attrs), weight);
      return reshape(dx, { shape: x.shape });
    },
    weight({ grad, output, x, attrs }): Value {
      const g = beforeActivation(grad, output, attrs);
      return matmul(g, reshape(x, { shape: flat(x) }), { transposeA: true });
    },
    bias: ({ grad, output, attrs }): Value => sum(beforeActivation(grad, output, attrs), { axes: 0 }),
  },
  cost: ({ types, output }) => ({ flops: (2 * types.x.shape.at(-1)! + 1) * sizeOf(output.shape) }),
  kernels: productKernels('linear', ['x', 'weight', 'bias'], productOf),
  samples: [
    ...samples.map((inputs) => ({ inputs })),
    { inputs: { x: { shape: [4, 3] }, weight: { shape: [8, 3] } } },
    ...(['tanh', 'sigmoid'] as const).map((activation) => ({ inputs: samples[2]!, options: { activation } })),
    { inputs: clear([7, 5], 11), options: { activation: 'relu' } },
    { inputs: clear([65, 4], 65), options: { activation: 'relu' } },
  ],
  errors: [
    {
      types: { x: f32([2, 3]), weight: f32([3, 4]) },
      message: 'linear: x must be [.., in] and weight [out, in], x is [2,3], weight is [3,4]',
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
      message: "linear: activation must be null or one of relu, tanh, sigmoid, got 'gelu'",
    },
  ],
  tolerance: {
    wasm: tolerance({ relu: 0, tanh: 6, sigmoid: 6 }),
    webgpu: tolerance({ relu: 0, tanh: 40, sigmoid: 44 }, 1e-7),
  },
  magnitude({ x, weight, bias }, { activation }) {
    const sums = affine(x, weight, bias, Math.abs);
    return activation === 'sigmoid' ? sums.map((v) => v + 1) : sums;
  },
});
