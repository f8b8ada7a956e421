import { defineComposition } from '../composition.js';
import type { TensorType } from '../op.js';
import type { Shape } from '../shape.js';
import {
  type AvgPool1dOptions,
  adaptiveAvgPool2d,
  avgPool1dKinds,
  avgPool2d,
  meanAttrs,
  roundings,
} from './avg_pool2d.js';
import { type AdaptivePool1dOptions, adaptivePlan, adaptivePool1dKinds } from './pool_adaptive.js';
import {
  adaptiveAttrsOf,
  adaptiveCases,
  adaptiveErrors,
  asLines,
  asPlanes,
  slidingErrors,
} from './pool_lines.js';
import { meansOf } from './pool_reference.js';
import { type Geometry, mostTaps, slidingPlan } from './pool_windows.js';

type XTypes = { readonly x: TensorType };

/** The tolerance of means over windows laid out by `plan`. */
function meanTolerance<A>(plan: (x: TensorType, attrs: A) => Geometry) {
  const on = (backend: 'wasm' | 'webgpu') =>
    ({
      ulps: ({ types, attrs }: { types: XTypes; attrs: A }) =>
        roundings(mostTaps(plan(types.x, attrs)), backend),
      magnitude: 'absolute',
    }) as const;
  return { wasm: on('wasm'), webgpu: on('webgpu') };
}

type MeanAttrs = ReturnType<typeof meanAttrs>;
const meanPlan = (x: TensorType, attrs: MeanAttrs): Geometry =>
  slidingPlan('avgPool1d', x, { ...attrs, dilation: [1, 1] }, 1);

const cases: readonly (readonly [Shape, AvgPool1dOptions])[] = [
  [[1, 1, 2], { kernel: 2 }],
  [[2, 3, 11], { kernel: 3, stride: 2, padding: 1, ceilMode: true }],
  [[2, 13], { kernel: 4, padding: 2, countIncludePad: false }],
];

/** The mean of each window of a line. x is [n, c, l] or [c, l]. */
export const avgPool1d = defineComposition({
  name: 'avgPool1d',
  summary: 'y = the mean of x in each window of a line',
  inputs: ['x'],
  kinds: avgPool1dKinds,
  attributes(options: AvgPool1dOptions | undefined, { x }) {
    const attrs = meanAttrs('avgPool1d', options, 1);
    meanPlan(x, attrs);
    return attrs;
  },
  compose: ({ x }, attrs) => asLines(avgPool2d(asPlanes(x), attrs)),
  reference: ({ x }, attrs) => meansOf(x.data, meanPlan(x, attrs), attrs),
  linear: ['x'],
  samples: cases.map(([shape, options]) => ({ inputs: { x: { shape } }, options })),
  errors: slidingErrors('avgPool1d'),
  tolerance: meanTolerance(meanPlan),
});

const adaptiveMeanPlan = (
  x: TensorType,
  attrs: { readonly outputSize: readonly [number, number] },
): Geometry => adaptivePlan('adaptiveAvgPool1d', x, attrs, 1);

/** The mean of each of `outputSize` windows that divide a line evenly. x is [n, c, l] or [c, l]. */
export const adaptiveAvgPool1d = defineComposition({
  name: 'adaptiveAvgPool1d',
  summary: 'y = the mean of x in each of so many windows of a line',
  inputs: ['x'],
  kinds: adaptivePool1dKinds,
  attributes: (options: AdaptivePool1dOptions | undefined, { x }) =>
    adaptiveAttrsOf('adaptiveAvgPool1d', options, x),
  compose: ({ x }, attrs) => asLines(adaptiveAvgPool2d(asPlanes(x), attrs)),
  reference: ({ x }, attrs) =>
    meansOf(x.data, adaptiveMeanPlan(x, attrs), { countIncludePad: false, divisorOverride: null }),
  linear: ['x'],
  samples: adaptiveCases.map(([shape, options]) => ({ inputs: { x: { shape } }, options })),
  errors: adaptiveErrors('adaptiveAvgPool1d'),
  tolerance: meanTolerance(adaptiveMeanPlan),
});
