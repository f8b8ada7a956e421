import type { KernelCall } from '../op.js';
import {
  type ForwardAttrs,
  type Geometry,
  type GradientAttrs,
  geometry,
  type WeightGradientAttrs,
} from './conv2d_geometry.js';

export type ForwardInputs = 'x' | 'weight' | 'bias?';
export type ForwardCall = KernelCall<ForwardInputs, ForwardAttrs>;
export const forwardGeometry = ({ types, attrs }: ForwardCall): Geometry => ({
  ...geometry(types.x.shape, types.weight.shape, attrs),
  hasBias: Number(types.bias !== null),
  activation: Number(attrs.activation === 'relu'),
});

export type InputGradientInputs = 'dy' | 'weight' | 'mask?';
export type InputGradientCall = KernelCall<InputGradientInputs, GradientAttrs>;
export const inputGeometry = ({ types, attrs }: InputGradientCall): Geometry => ({
  ...geometry(attrs.shape, types.weight.shape, attrs),
  hasMask: Number(types.mask !== null),
});

export type WeightGradientInputs = 'x' | 'dy' | 'mask?';
export type WeightGradientCall = KernelCall<WeightGradientInputs, WeightGradientAttrs>;
export const weightGeometry = ({ types, attrs }: WeightGradientCall): Geometry => ({
  ...geometry(types.x.shape, attrs.shape, attrs),
  hasMask: Number(types.mask !== null),
});

/** The outputs' names: an op with one output calls it otherwise. */
export const gradientNames = ({ attrs }: WeightGradientCall) =>
  attrs.bias ? (['output0', 'output1'] as const) : (['output', null] as const);
