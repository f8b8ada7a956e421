import { bytesOf, type OptimizerName, product, type Suite, type UpdateCase } from '../case.js';

/** Words that an element's update reads and writes, and its floating-point operations. */
const COSTS: Readonly<Record<OptimizerName, { readonly words: number; readonly flops: number }>> = {
  sgd: { words: 3, flops: 2 },
  momentum: { words: 5, flops: 4 },
  adam: { words: 7, flops: 12 },
  adamw: { words: 7, flops: 13 },
  rmsprop: { words: 5, flops: 8 },
};

function update(optimizer: OptimizerName, shapes: readonly (readonly number[])[], label: string): UpdateCase {
  const { words, flops } = COSTS[optimizer];
  const count = shapes.reduce((sum, shape) => sum + product(shape), 0);
  return {
    suite: 'optimiser',
    name: `${optimizer} ${label}`,
    pass: 'update',
    flops: flops * count,
    bytes: words * bytesOf(...shapes),
    operands: Object.fromEntries(
      shapes.flatMap((shape, i) => [
        [`parameter${i}`, { shape }],
        [`parameter${i}.gradient`, { shape }],
      ]),
    ),
    optimizer,
  };
}

const NAMES = Object.keys(COSTS) as OptimizerName[];

/** The weights and biases of an MLP 784-512-512-512-10. */
const MLP = [[512, 784], [512], [512, 512], [512], [512, 512], [512], [10, 512], [10]];

export const optimiserSuite: Suite = {
  bound: 'memory',
  cases: NAMES.map((name) => update(name, MLP, '8 tensors, 0.93M')),
  small: NAMES.map((name) => update(name, [[3, 5], [7]], '2 tensors')),
};
