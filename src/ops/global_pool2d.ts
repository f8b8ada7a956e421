import { defineComposition } from '../composition.js';
import { f32, type RefTensor, type TensorType } from '../op.js';
import { type Shape, sizeOf } from '../shape.js';
import { adaptiveMaxPool2d } from './max_pool2d.js';
import { adaptivePlan } from './pool_adaptive.js';
import { largestOf, meansOf } from './pool_reference.js';
import { expectPlanes, forEachWindow } from './pool_windows.js';
import { mean } from './reduce.js';

const shapes: readonly Shape[] = [
  [1, 1, 1, 1],
  [2, 3, 7, 5],
  [2, 9, 13],
];

const check = (name: string, x: TensorType): object => {
  expectPlanes(name, x, 2);
  return {};
};

const errors = (name: string) => [
  {
    types: { x: f32([8, 8]) },
    message: `${name}: x must be [batch, channels, height, width] or [channels, height, width], it is [8,8]`,
  },
  {
    types: { x: f32([1, 1, 0, 8]) },
    message: `${name}: x must not be empty but along the batch, it is [1,1,0,8]`,
  },
];

const plan = (x: RefTensor) => adaptivePlan('global pooling', x, { outputSize: [1, 1] }, 2);

// As many roundings as the mean of a plane has.
const tolerance = {
  ulps: ({ types }: { types: { readonly x: TensorType } }) => sizeOf(types.x.shape.slice(-2)) + 3,
  magnitude: 'absolute',
} as const;

/** The mean of each plane; height and width stay, with size 1. x is [n, c, h, w] or [c, h, w]. */
export const globalAvgPool2d = defineComposition({
  name: 'globalAvgPool2d',
  summary: 'y = the mean of each plane',
  inputs: ['x'],
  attributes: (_: undefined, { x }) => check('globalAvgPool2d', x),
  compose: ({ x }) => mean(x, { axes: [-2, -1], keepDims: true }),
  reference: ({ x }) => meansOf(x.data, plan(x), { countIncludePad: false, divisorOverride: null }),
  linear: ['x'],
  samples: shapes.map((shape) => ({ inputs: { x: { shape } } })),
  errors: errors('globalAvgPool2d'),
  tolerance: { wasm: tolerance, webgpu: tolerance },
});

/** The largest element of each plane; height and width stay, with size 1. Of equal ones the first has the gradient. */
export const globalMaxPool2d = defineComposition({
  name: 'globalMaxPool2d',
  summary: 'y = the largest x in each plane',
  inputs: ['x'],
  attributes: (_: undefined, { x }) => check('globalMaxPool2d', x),
  compose: ({ x }) => adaptiveMaxPool2d(x, { outputSize: 1 }),
  reference({ x }, _, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachWindow(plan(x), (i, covered) => {
      out[i] = x.data[largestOf(x.data, covered)]!;
    });
    return out;
  },
  samples: shapes.map((shape) => ({ inputs: { x: { shape, distinct: true } } })),
  errors: errors('globalMaxPool2d'),
});
