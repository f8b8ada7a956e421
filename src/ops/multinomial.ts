/** Classes drawn by their weights. */
import { defineComposition } from '../composition.js';
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds, whole } from '../kinds.js';
import { expectDType, f32, type KernelCall, type TensorType } from '../op.js';
import { toUniform } from '../random.js';
import { showShape, sizeOf } from '../shape.js';
import { div } from './binary.js';
import { expectWhole } from './common.js';
import { greater } from './compare.js';
import { scalar } from './fill.js';
import { exponential, wordOf } from './random.js';
import { expectSeed, seedErrors, seedInput } from './seed.js';
import { topK } from './sort.js';
import { where } from './where.js';

export interface CategoricalOptions {
  /** Draws per row, default 1. */
  readonly samples?: number;
}

export const categoricalKinds: Kinds<CategoricalOptions> = { samples: whole };

function check(name: string, weights: TensorType, seed: TensorType): void {
  expectDType(name, { weights }, 'f32');
  expectSeed(name, seed);
  const { shape } = weights;
  if (shape.length < 1 || shape.length > 2 || shape.at(-1) === 0) {
    fail(name, `weights must be [classes] or [rows, classes], they are ${showShape(shape)}`);
  }
}

const wrongWeights = (name: string) => [
  ...seedErrors(name, { weights: f32([3]) }),
  {
    types: { weights: f32([]), seed: { shape: [2], dtype: 'i32' as const } },
    message: `${name}: weights must be [classes] or [rows, classes], they are []`,
  },
  {
    types: { weights: f32([3]), seed: { shape: [2], dtype: 'i32' as const } },
    options: { samples: 0 },
    message: `${name}: samples must be a whole number of at least 1, got 0`,
  },
];

const launchesOn = (backend: 'wasm' | 'webgpu') => ({
  name: 'categorical_f32',
  launches({ types, attrs: { samples } }: KernelCall<'weights' | 'seed', { samples: number }>) {
    const classes = types.weights.shape.at(-1)!;
    const rows = sizeOf(types.weights.shape.slice(0, -1));
    return [
      {
        kernel: 'categorical_f32',
        operands: ['weights', 'seed', 'output', 'fault'],
        params: { rows, classes, samples },
        units: backend === 'wasm' ? rows : rows * samples,
        scratch: 64,
      },
    ];
  },
});

const weightFault = ({ shape }: TensorType, [row]: readonly [number, number]): string =>
  `row ${row} of weights needs a positive and finite sum and no negative weight, weights is ${showShape(shape)}`;

/**
 * Draws classes with replacement, each as likely as its share of its row's weights: weights [classes] or [rows, classes]
 * gives i32 [samples] or [rows, samples].
 *
 * @throws where a weight is negative, infinite or NaN, and where no weight of a row is positive.
 */
export const categorical = defineOp({
  name: 'categorical',
  summary: 'y = classes drawn by weight, with replacement',
  inputs: ['weights', 'seed'],
  kinds: categoricalKinds,
  attributes(options: CategoricalOptions | undefined) {
    return { samples: expectWhole('categorical', 'samples', options?.samples ?? 1, 1) };
  },
  infer({ weights, seed }, { samples }) {
    check('categorical', weights, seed);
    return { shape: [...weights.shape.slice(0, -1), samples], dtype: 'i32' };
  },
  reference({ weights, seed }, { samples }, [y]) {
    const classes = weights.shape.at(-1)!;
    return new Float64Array(sizeOf(y!.shape)).map((_, draw) => {
      const first = Math.floor(draw / samples) * classes;
      const row = weights.data.subarray(first, first + classes);
      const total = row.reduce((sum, weight) => sum + weight, 0);
      if (!(total > 0 && total < Infinity) || row.some((weight) => weight < 0))
        fail('categorical', weightFault(weights, [first / classes, 0]));
      const wanted = toUniform(wordOf(seed.data, draw)) * total;
      let sum = 0;
      const found = row.findIndex((weight) => {
        sum += weight;
        return sum > wanted;
      });
      return found >= 0 ? found : row.findLastIndex((weight) => weight > 0);
    });
  },
  fault: ({ weights }, _, detail) => weightFault(weights, detail),
  backward: { weights: null, seed: null },
  kernels: { wasm: [launchesOn('wasm')], webgpu: [launchesOn('webgpu')] },
  // Weights whose running sums and products with 24 random bits are exact, so that every device draws the same.
  samples: [
    {
      inputs: { weights: { shape: [4], values: [1, 0, 2, 1] }, seed: seedInput(1, 2) },
      options: { samples: 50 },
    },
    {
      inputs: {
        weights: { shape: [3, 5], values: [0, 0.5, 0.25, 0.25, 0, 4, 1, 2, 1, 0] },
        seed: seedInput(7, -2),
      },
      options: { samples: 7 },
    },
    { inputs: { weights: { shape: [2, 1], values: [1] }, seed: seedInput(7, 0) } },
  ],
  errors: wrongWeights('categorical'),
});

export interface MultinomialOptions extends CategoricalOptions {
  /** Whether a class may be drawn again; default false, as torch.multinomial. */
  readonly replacement?: boolean;
}

export const multinomialKinds: Kinds<MultinomialOptions> = { ...categoricalKinds, replacement: flag };

/**
 * torch.multinomial: i32 [samples] or [rows, samples] classes. Without replacement the classes with the largest
 * weight / e, e exponential, in this order (Efraimidis and Spirakis, 2006). Classes whose weight is not positive come last,
 * by their number, where more are asked for than have weights.
 *
 * @throws with replacement, as `categorical`.
 */
export const multinomial = defineComposition({
  name: 'multinomial',
  summary: 'y = classes drawn by weight, without replacement unless asked for',
  inputs: ['weights', 'seed'],
  kinds: multinomialKinds,
  attributes(options: MultinomialOptions | undefined, { weights, seed }) {
    const { samples = 1, replacement = false } = options ?? {};
    check('multinomial', weights, seed);
    expectWhole('multinomial', 'samples', samples, 1);
    const classes = weights.shape.at(-1)!;
    if (!replacement && samples > classes)
      fail('multinomial', `can't draw ${samples} of ${classes} classes without replacement`);
    return { samples, replacement };
  },
  compose({ weights, seed }, { samples, replacement }) {
    if (replacement) return categorical(weights, seed, { samples });
    // Not positive are 0, negative numbers and NaN; an exponential may be 0 itself.
    const ratios = div(weights, exponential(seed, { shape: weights.shape }));
    const keys = where(greater(weights, scalar(0)), ratios, scalar(-1));
    return topK(keys, { k: samples })[1]!;
  },
  reference({ weights, seed }, { samples, replacement }, [y]) {
    if (replacement) return categorical.op.reference([weights, seed], { samples }, [y!])[0]!;
    const classes = weights.shape.at(-1)!;
    const keys = weights.data.map((weight, i) =>
      weight > 0 ? weight / -Math.log(1 - toUniform(wordOf(seed.data, i))) : -1,
    );
    return new Float64Array(sizeOf(y!.shape)).map((_, i) => {
      const first = Math.floor(i / samples) * classes;
      const order = Array.from({ length: classes }, (_, c) => c);
      order.sort(
        (a, b) =>
          Number(keys[first + b]! > keys[first + a]!) - Number(keys[first + a]! > keys[first + b]!) || a - b,
      );
      return order[i % samples]!;
    });
  },
  constants: ['weights'],
  samples: [
    { inputs: { weights: { shape: [5], domain: [0.1, 1] }, seed: seedInput(1, 2) }, options: { samples: 5 } },
    {
      inputs: { weights: { shape: [3, 7], domain: [0.1, 1] }, seed: seedInput(4, 2) },
      options: { samples: 2 },
    },
    // The exponential of class 3 is 0.
    {
      inputs: { weights: { shape: [4], values: [1, 1, 1, 0] }, seed: seedInput(1343428, 0) },
      options: { samples: 1 },
    },
    {
      inputs: { weights: { shape: [5], values: [0, 1, -2, Number.NaN, 3] }, seed: seedInput(3, 1) },
      options: { samples: 5 },
    },
    {
      inputs: { weights: { shape: [2, 4], values: [1, 2, 1, 4] }, seed: seedInput(9, 2) },
      options: { samples: 9, replacement: true },
    },
  ],
  errors: [
    ...wrongWeights('multinomial'),
    {
      types: { weights: f32([3]), seed: { shape: [2], dtype: 'i32' } },
      options: { samples: 4 },
      message: "multinomial: can't draw 4 of 3 classes without replacement",
    },
  ],
});
