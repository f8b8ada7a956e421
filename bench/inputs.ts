import { Generator } from '../src/random.js';
import { type BenchCase, conv2dOutputShape, poolingOutputShape, type StepCase } from './cases.js';

/** A tensor in plain memory, row-major. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The operands of a case by name, all in PyTorch's layouts (NCHW, weights OIHW and [out, in]). */
export type CaseInputs = Readonly<Record<string, HostTensor>>;

/** How many losses a step's contestant returns as its output, from the initial parameters on. */
export const STEP_LOSSES = 4;

/** Adam as every contestant of a step uses it. */
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Names of a step's parameters in `state_dict` form, first layer first, weight before bias. */
export const PARAMETERS: Readonly<Record<StepCase['net'], Readonly<Record<string, readonly number[]>>>> = {
  mlp: { 'fc1.weight': [128, 784], 'fc1.bias': [128], 'fc2.weight': [10, 128], 'fc2.bias': [10] },
  cnn: {
    'conv1.weight': [16, 1, 5, 5],
    'conv1.bias': [16],
    'conv2.weight': [32, 16, 5, 5],
    'conv2.bias': [32],
    'fc1.weight': [128, 512],
    'fc1.bias': [128],
    'fc2.weight': [10, 128],
    'fc2.bias': [10],
  },
};

/** Names and shapes of a case's operands, in the order in which they are filled. */
function operandShapes(c: BenchCase): Record<string, readonly number[]> {
  switch (c.suite) {
    case 'gemm':
      return { a: c.transposeA ? [c.k, c.m] : [c.m, c.k], b: c.transposeB ? [c.n, c.k] : [c.k, c.n] };
    case 'conv2d': {
      const input = [c.batch, c.channels, c.height, c.width];
      const weight = [c.outChannels, c.channels, c.kernel, c.kernel];
      if (c.pass === 'forward') return { input, weight };
      const outputGradient = conv2dOutputShape(c);
      return c.pass === 'input-gradient' ? { outputGradient, weight } : { input, outputGradient };
    }
    case 'pooling': {
      const input = [c.batch, c.channels, c.height, c.width];
      return c.pass === 'forward' ? { input } : { input, outputGradient: poolingOutputShape(c) };
    }
    case 'elementwise': {
      const a = [c.rows, c.columns];
      return c.op === 'add' ? { a, b: a } : c.op === 'mul-broadcast-row' ? { a, b: [c.columns] } : { a };
    }
    case 'step':
      return { input: c.net === 'mlp' ? [c.batch, 784] : [c.batch, 1, 28, 28], ...PARAMETERS[c.net] };
  }
}

/**
 * The operands of a case, the same numbers for the same seed. Values are uniform in [-1, 1]; a step's
 * parameters in plus or minus 1/sqrt(fan in), its `labels` ([batch], whole numbers 0..9 kept as f32) come
 * besides.
 */
export function caseInputs(c: BenchCase, seed = 1): CaseInputs {
  const generator = new Generator(seed);
  const inputs: Record<string, HostTensor> = {};
  let bound = 1;
  for (const [name, shape] of Object.entries(operandShapes(c))) {
    if (c.suite === 'step' && name.endsWith('.weight')) {
      bound = 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1));
    }
    const size = shape.reduce((a, b) => a * b, 1);
    inputs[name] = {
      shape,
      data: Float32Array.from({ length: size }, () => generator.uniform(-bound, bound)),
    };
  }
  if (c.suite === 'step') {
    inputs.labels = {
      shape: [c.batch],
      data: Float32Array.from({ length: c.batch }, () => generator.below(10)),
    };
  }
  return inputs;
}

/** The named operand of a case. */
export function operand(inputs: CaseInputs, name: string): HostTensor {
  const tensor = inputs[name];
  if (!tensor)
    throw new RangeError(`operand: this case has no '${name}', it has ${Object.keys(inputs).join(', ')}`);
  return tensor;
}
