import { defineComposition } from '../composition.js';
import type { TensorType } from '../op.js';
import type { Shape } from '../shape.js';
import {
  type LpAttrs,
  type LpPool1dOptions,
  lpAttrs,
  lpOfPlanes,
  lpPlan,
  lpPool1dKinds,
  lpReference,
  lpUlps,
} from './lp_pool2d.js';
import { asLines, asPlanes, slidingErrors } from './pool_lines.js';

const cases: readonly (readonly [Shape, LpPool1dOptions])[] = [
  [[1, 1, 2], { p: 2, kernel: 2 }],
  [[2, 3, 10], { p: 3, kernel: 3, stride: 2, ceilMode: true }],
  [[2, 7], { p: Number.POSITIVE_INFINITY, kernel: 2 }],
];

const tolerance = (backend: 'wasm' | 'webgpu') => ({
  ulps: ({ types, attrs }: { types: { readonly x: TensorType }; attrs: LpAttrs }) =>
    lpUlps(backend, attrs, lpPlan('lpPool1d', types.x, attrs, 1)),
});

/** `lpPool2d` along one axis. x is [n, c, l] or [c, l]. */
export const lpPool1d = defineComposition({
  name: 'lpPool1d',
  summary: 'y = (Σ x^p)^(1/p) over each window of a line',
  inputs: ['x'],
  kinds: lpPool1dKinds,
  attributes: (options: LpPool1dOptions | undefined, { x }) => lpAttrs('lpPool1d', options, x, 1),
  compose: ({ x }, attrs) => asLines(lpOfPlanes(asPlanes(x), attrs)),
  reference: ({ x }, attrs) => lpReference(x, lpPlan('lpPool1d', x, attrs, 1), attrs),
  samples: cases.map(([shape, options]) => ({
    inputs: { x: { shape, domain: [0.4, 2] as const, distinct: !Number.isFinite(options.p) } },
    options,
  })),
  errors: slidingErrors('lpPool1d').flatMap(({ types, options, message }) =>
    options && !('padding' in options) ? [{ types, options: { p: 2, ...options }, message }] : [],
  ),
  tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
});
