import { defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, type RefTensor, type SampleInput, type TensorType } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { elementwise, expectSameShape } from './common.js';

/** Refuses tensors that are not all f32 of one shape, and a `hyper` of another length. */
function checkUpdate(
  name: string,
  state: Readonly<Record<string, TensorType>>,
  hyper: TensorType,
  length: number,
): void {
  expectDType(name, { ...state, hyper }, 'f32');
  expectSameShape(name, state);
  if (!sameShape(hyper.shape, [length]))
    fail(name, `hyper must be [${length}], it is ${showShape(hyper.shape)}`);
}

const updateErrors = (name: string, inputs: readonly string[], length: number) => [
  {
    types: {
      ...Object.fromEntries(inputs.map((input) => [input, { shape: [3], dtype: 'f32' as const }])),
      hyper: { shape: [length + 1], dtype: 'f32' as const },
    },
    message: `${name}: hyper must be [${length}], it is [${length + 1}]`,
  },
];

/** g = grad + weightDecay · param, element by element. */
const decayed = (grad: Float64Array, decay: number, param: Float64Array): Float64Array =>
  grad.map((value, i) => value + decay * param[i]!);

/** The inputs' data without signs: the terms of an update may cancel, its rounding errors don't. */
const sizesOf = <K extends string>(
  inputs: { readonly [N in K]: RefTensor },
): { readonly [N in K]: Float64Array } => {
  const entries = Object.entries<RefTensor>(inputs).map(([name, { data }]) => [name, data.map(Math.abs)]);
  return Object.fromEntries(entries) as { readonly [N in K]: Float64Array };
};

const shapes: readonly Shape[] = [[1], [5], [3, 7], [4099]];
const size = ({ output }: { output: TensorType }) => ({ size: sizeOf(output.shape) });

/** Samples' hyper-parameters are f32 numbers, as a device holds them. */
const hyperInput = (values: readonly number[]): SampleInput => ({
  shape: [values.length],
  values: values.map(Math.fround),
});

/**
 * One step of gradient descent. `hyper` is [lr, weightDecay]; param is overwritten:
 * g = grad + weightDecay · param; param -= lr · g.
 */
export const sgdUpdate = defineOpWithOutputs({
  name: 'sgdUpdate',
  summary: 'param -= lr (grad + weightDecay · param)',
  inputs: ['param', 'grad', 'hyper'],
  infer({ param, grad, hyper }) {
    checkUpdate('sgdUpdate', { param, grad }, hyper, 2);
    return param;
  },
  reference({ param, grad, hyper }) {
    const [lr, decay] = hyper.data as unknown as [number, number];
    const g = decayed(grad.data, decay, param.data);
    return param.data.map((p, i) => p - lr * g[i]!);
  },
  backward: { param: null, grad: null, hyper: null },
  kernels: elementwise<'param' | 'grad' | 'hyper', object>(
    'sgd_update_f32',
    ['output', 'grad', 'hyper'],
    size,
  ),
  overwrites: ['param'],
  samples: shapes.map((shape) => ({
    inputs: { param: { shape }, grad: { shape }, hyper: hyperInput([0.1, 0.01]) },
  })),
  errors: updateErrors('sgdUpdate', ['param', 'grad'], 2),
  tolerance: { wasm: { ulps: 4, magnitude: 'declared' }, webgpu: { ulps: 4, magnitude: 'declared' } },
  magnitude(inputs) {
    const { param, grad, hyper } = sizesOf(inputs);
    const g = decayed(grad, hyper[1]!, param);
    return param.map((p, i) => p + hyper[0]! * g[i]!);
  },
});

/**
 * One step of gradient descent with momentum, as torch.optim.SGD takes it. `hyper` is
 * [lr, weightDecay, momentum, damped, nesterov]: g = grad + weightDecay · param; velocity = momentum · velocity +
 * damped · g; param -= lr (nesterov ? g + momentum · velocity : velocity), with damped = 1 - dampening (1 at the first
 * step) and nesterov 0 or 1. param and velocity are overwritten.
 */
export const sgdMomentumUpdate = defineOpWithOutputs({
  name: 'sgdMomentumUpdate',
  summary: 'velocity = momentum · velocity + damped · g; param -= lr · velocity (or nesterov’s look ahead)',
  inputs: ['param', 'velocity', 'grad', 'hyper'],
  infer({ param, velocity, grad, hyper }) {
    checkUpdate('sgdMomentumUpdate', { param, velocity, grad }, hyper, 5);
    return [param, velocity];
  },
  reference({ param, velocity, grad, hyper }) {
    const [lr, decay, momentum, damped, nesterov] = hyper.data as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const g = decayed(grad.data, decay, param.data);
    const v = velocity.data.map((value, i) => momentum * value + damped * g[i]!);
    return [param.data.map((p, i) => p - lr * (nesterov ? g[i]! + momentum * v[i]! : v[i]!)), v];
  },
  backward: { param: null, velocity: null, grad: null, hyper: null },
  kernels: elementwise<'param' | 'velocity' | 'grad' | 'hyper', object>(
    'sgd_momentum_update_f32',
    ['output0', 'output1', 'grad', 'hyper'],
    size,
  ),
  overwrites: ['param', 'velocity'],
  samples: shapes.flatMap((shape) =>
    [0, 1].map((nesterov) => ({
      inputs: {
        param: { shape },
        velocity: { shape },
        grad: { shape },
        hyper: hyperInput([0.1, 0.01, 0.9, 1, nesterov]),
      },
    })),
  ),
  errors: updateErrors('sgdMomentumUpdate', ['param', 'velocity', 'grad'], 5),
  tolerance: { wasm: { ulps: 8, magnitude: 'declared' }, webgpu: { ulps: 8, magnitude: 'declared' } },
  magnitude(inputs) {
    const { param, velocity, grad, hyper } = sizesOf(inputs);
    const [lr, decay, momentum, damped, nesterov] = [...hyper] as [number, number, number, number, number];
    const g = decayed(grad, decay, param);
    const v = velocity.map((value, i) => momentum * value + damped * g[i]!);
    return [param.map((p, i) => p + lr * (nesterov ? g[i]! + momentum * v[i]! : v[i]!)), v];
  },
});

/**
 * One step of Adam (Kingma and Ba, 2015), as torch.optim.Adam takes it. `hyper` is [stepSize, beta1, 1 - beta1, beta2,
 * 1 - beta2, 1 / √(1 - beta2^t), eps, weightDecay] with stepSize = lr / (1 - beta1^t): g = grad + weightDecay · param;
 * m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²; param -= stepSize · m / (√v / √(1 - beta2^t) + eps).
 * param, m and v are overwritten.
 */
export const adamUpdate = defineOpWithOutputs({
  name: 'adamUpdate',
  summary: 'm, v = moving means of g, g²; param -= stepSize · m / (√v · root + eps)',
  inputs: ['param', 'm', 'v', 'grad', 'hyper'],
  infer({ param, m, v, grad, hyper }) {
    checkUpdate('adamUpdate', { param, m, v, grad }, hyper, 8);
    return [param, m, v];
  },
  reference({ param, m, v, grad, hyper }) {
    const [step, beta1, rest1, beta2, rest2, root, eps, decay] = [...hyper.data] as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const g = decayed(grad.data, decay, param.data);
    const first = m.data.map((value, i) => beta1 * value + rest1 * g[i]!);
    const second = v.data.map((value, i) => beta2 * value + rest2 * g[i]! * g[i]!);
    return [
      param.data.map((p, i) => p - (step * first[i]!) / (Math.sqrt(second[i]!) * root + eps)),
      first,
      second,
    ];
  },
  backward: { param: null, m: null, v: null, grad: null, hyper: null },
  cost: ({ output }) => ({ flops: 15 * sizeOf(output.shape) }),
  kernels: elementwise<'param' | 'm' | 'v' | 'grad' | 'hyper', object>(
    'adam_update_f32',
    ['output0', 'output1', 'output2', 'grad', 'hyper'],
    size,
  ),
  overwrites: ['param', 'm', 'v'],
  samples: shapes.map((shape) => ({
    inputs: {
      param: { shape },
      m: { shape },
      v: { shape, domain: [0.01, 1] },
      grad: { shape },
      hyper: hyperInput([
        1e-3 / (1 - 0.9 ** 3),
        0.9,
        0.1,
        0.999,
        0.001,
        1 / Math.sqrt(1 - 0.999 ** 3),
        1e-8,
        0.01,
      ]),
    },
  })),
  errors: updateErrors('adamUpdate', ['param', 'm', 'v', 'grad'], 8),
  // WGSL: division 5 units, sqrt 10, and the moments' own roundings.
  tolerance: { wasm: { ulps: 12, magnitude: 'declared' }, webgpu: { ulps: 24, magnitude: 'declared' } },
  magnitude(inputs) {
    const { param, m, v, grad, hyper } = sizesOf(inputs);
    const [step, beta1, rest1, beta2, rest2, root, eps, decay] = [...hyper] as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const g = decayed(grad, decay, param);
    const first = m.map((value, i) => beta1 * value + rest1 * g[i]!);
    const second = v.map((value, i) => beta2 * value + rest2 * g[i]! * g[i]!);
    return [
      param.map((p, i) => p + (step * first[i]!) / (Math.sqrt(second[i]!) * root + eps)),
      first,
      second,
    ];
  },
});
