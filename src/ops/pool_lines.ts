// Pooling along one axis: that of planes whose height is 1, so that no bytes move.
import { f32, type TensorType, type Value } from '../op.js';
import type { Shape } from '../shape.js';
import { reshape } from './layout.js';
import { type AdaptivePool1dOptions, adaptiveAttrs, adaptivePlan } from './pool_adaptive.js';
import type { Pool1dOptions } from './pool_windows.js';

/** [..., length] as planes [..., 1, length]. */
export const asPlanes = (x: Value): Value =>
  reshape(x, { shape: [...x.shape.slice(0, -1), 1, ...x.shape.slice(-1)] });

export const asLines = (y: Value): Value =>
  reshape(y, { shape: [...y.shape.slice(0, -2), ...y.shape.slice(-1)] });

interface Refused {
  readonly types: { readonly x: TensorType };
  readonly options?: Pool1dOptions;
  readonly message: string;
}

/** What windows that slide along a line refuse. */
export const slidingErrors = (name: string): readonly Refused[] => [
  { types: { x: f32([1, 1, 4]) }, message: `${name}: needs options { kernel }` },
  {
    types: { x: f32([1, 1, 2]) },
    options: { kernel: 3 },
    message: `${name}: the kernel reaches over [3], more than the padded input, x is [1,1,2]`,
  },
  {
    types: { x: f32([1, 1, 8]) },
    options: { kernel: 2, padding: 2 },
    message: `${name}: padding [2] is more than half the kernel [2]`,
  },
  {
    types: { x: f32([8]) },
    options: { kernel: 2 },
    message: `${name}: x must be [batch, channels, length] or [channels, length], it is [8]`,
  },
];

export const adaptiveCases: readonly (readonly [Shape, AdaptivePool1dOptions])[] = [
  [[2, 3, 11], { outputSize: 4 }],
  [[2, 5], { outputSize: 7 }],
  [[1, 1, 1], { outputSize: 1 }],
];

/** What windows that divide a line refuse. */
export const adaptiveErrors = (name: string) => [
  { types: { x: f32([1, 1, 4]) }, message: `${name}: needs options { outputSize }` },
  {
    types: { x: f32([8]) },
    options: { outputSize: 2 },
    message: `${name}: x must be [batch, channels, length] or [channels, length], it is [8]`,
  },
];

/** Completes the options and checks x. */
export function adaptiveAttrsOf(name: string, options: AdaptivePool1dOptions | undefined, x: TensorType) {
  const attrs = adaptiveAttrs(name, options, x.shape, 1);
  adaptivePlan(name, x, attrs, 1);
  return attrs;
}
