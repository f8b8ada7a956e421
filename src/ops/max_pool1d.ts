import { defineComposition, defineCompositionWithOutputs } from '../composition.js';
import type { RefTensor, TensorType } from '../op.js';
import type { Shape } from '../shape.js';
import {
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
} from './max_pool2d.js';
import { type AdaptivePool1dOptions, adaptivePlan, adaptivePool1dKinds } from './pool_adaptive.js';
import {
  adaptiveAttrsOf,
  adaptiveCases,
  adaptiveErrors,
  asLines,
  asPlanes,
  slidingErrors,
} from './pool_lines.js';
import { largestOf } from './pool_reference.js';
import {
  forEachWindow,
  type Geometry,
  type Pool1dOptions,
  pool1dKinds,
  slidingAttrs,
  slidingPlan,
} from './pool_windows.js';

/** The winners of windows: their values, and their indices in the line. */
function winnersOf(x: RefTensor, g: Geometry): [Float64Array, Float64Array] {
  const size = g.planes * g.width.out;
  const [values, indices] = [new Float64Array(size), new Float64Array(size)];
  forEachWindow(g, (i, covered) => {
    const winner = largestOf(x.data, covered);
    values[i] = x.data[winner]!;
    indices[i] = winner % g.width.size;
  });
  return [values, indices];
}

const maxCases: readonly (readonly [Shape, Pool1dOptions])[] = [
  [[1, 1, 2], { kernel: 2 }],
  [[2, 3, 11], { kernel: 3, stride: 2, padding: 1, ceilMode: true }],
  [[2, 13], { kernel: 2, stride: 1, dilation: 3 }],
];

/** Completes the options and checks that windows fit. */
function maxAttrs(name: string, options: Pool1dOptions | undefined, x: TensorType) {
  const attrs = slidingAttrs(name, options, 1);
  slidingPlan(name, x, attrs, 1);
  return attrs;
}

/** The largest element of each window of a line. x is [n, c, l] or [c, l]. */
export const maxPool1d = defineComposition({
  name: 'maxPool1d',
  summary: 'y = the largest x in each window of a line',
  inputs: ['x'],
  kinds: pool1dKinds,
  attributes: (options: Pool1dOptions | undefined, { x }) => maxAttrs('maxPool1d', options, x),
  compose: ({ x }, attrs) => asLines(maxPool2d(asPlanes(x), attrs)),
  reference: ({ x }, attrs) => winnersOf(x, slidingPlan('maxPool1d', x, attrs, 1))[0],
  samples: maxCases.map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options })),
  errors: slidingErrors('maxPool1d'),
});

/** `maxPool1d`, and the index of each winner in its line, i32: of equal ones the first, of NaNs the last. */
export const maxPool1dWithIndices = defineCompositionWithOutputs({
  name: 'maxPool1dWithIndices',
  summary: 'y = the largest x in each window of a line, and its index, i32',
  inputs: ['x'],
  kinds: pool1dKinds,
  attributes: (options: Pool1dOptions | undefined, { x }) => maxAttrs('maxPool1dWithIndices', options, x),
  compose: ({ x }, attrs) => maxPool2dWithIndices(asPlanes(x), attrs).map(asLines),
  reference: ({ x }, attrs) => winnersOf(x, slidingPlan('maxPool1dWithIndices', x, attrs, 1)),
  samples: maxCases.map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options })),
  errors: slidingErrors('maxPool1dWithIndices'),
});

/** The largest element of each of `outputSize` windows that divide a line evenly. x is [n, c, l] or [c, l]. */
export const adaptiveMaxPool1d = defineComposition({
  name: 'adaptiveMaxPool1d',
  summary: 'y = the largest x in each of so many windows of a line',
  inputs: ['x'],
  kinds: adaptivePool1dKinds,
  attributes: (options: AdaptivePool1dOptions | undefined, { x }) =>
    adaptiveAttrsOf('adaptiveMaxPool1d', options, x),
  compose: ({ x }, attrs) => asLines(adaptiveMaxPool2d(asPlanes(x), attrs)),
  reference: ({ x }, attrs) => winnersOf(x, adaptivePlan('adaptiveMaxPool1d', x, attrs, 1))[0],
  samples: adaptiveCases.map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options })),
  errors: adaptiveErrors('adaptiveMaxPool1d'),
});

/** `adaptiveMaxPool1d`, and the index of each winner in its line, i32. */
export const adaptiveMaxPool1dWithIndices = defineCompositionWithOutputs({
  name: 'adaptiveMaxPool1dWithIndices',
  summary: 'y = the largest x in each of so many windows of a line, and its index, i32',
  inputs: ['x'],
  kinds: adaptivePool1dKinds,
  attributes: (options: AdaptivePool1dOptions | undefined, { x }) =>
    adaptiveAttrsOf('adaptiveMaxPool1dWithIndices', options, x),
  compose: ({ x }, attrs) => adaptiveMaxPool2dWithIndices(asPlanes(x), attrs).map(asLines),
  reference: ({ x }, attrs) => winnersOf(x, adaptivePlan('adaptiveMaxPool1dWithIndices', x, attrs, 1)),
  samples: adaptiveCases.map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options })),
  errors: adaptiveErrors('adaptiveMaxPool1dWithIndices'),
});
