import type { Variant } from '../op.js';
import { gradientNames, type WeightGradientCall, type WeightGradientInputs } from './conv2d_calls.js';
import type { WeightGradientAttrs } from './conv2d_geometry.js';
import { fillLaunch } from './strided.js';

type WeightVariant = Variant<WeightGradientInputs, WeightGradientAttrs>;

const isEmpty = ({ types }: WeightGradientCall): boolean => types.x.shape[0] === 0;

/** The weight-gradient's variants, of which those that are given add up images, and one where there is none: all is 0. */
export const orEmpty = (backend: 'wasm' | 'webgpu', variants: readonly WeightVariant[]): WeightVariant[] => [
  {
    name: 'conv2d_weight_gradient_f32__empty',
    when: isEmpty,
    launches: (call) =>
      gradientNames(call).flatMap((name, i) =>
        name === null ? [] : fillLaunch(backend, call.outputs[i]!.shape, 0, name),
      ),
  },
  ...variants.map(
    (one): WeightVariant => ({
      ...one,
      when: (call) => !isEmpty(call) && (one.when?.(call) ?? true),
    }),
  ),
];
