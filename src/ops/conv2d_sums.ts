/** Weight-gradients in parts on webgpu: shaders/conv2d_sum_weights.wgsl. */
import type { Launch } from '../op.js';
import { gradientNames, type WeightGradientCall, weightGeometry } from './conv2d_calls.js';
import { weightsOf } from './conv2d_geometry.js';

/** Sums of a filter, one more than its taps where there is a bias; how many parts, and how far sums and parts lie apart. */
interface Parts {
  readonly columns: number;
  readonly parts: number;
  readonly sumStride: number;
  readonly partStride: number;
}

/** The launch that adds the parts up and puts the sums where they belong. */
export function sumOfParts(call: WeightGradientCall, parts: Parts): Launch {
  const g = weightGeometry(call);
  const rows = g.groups * g.filters;
  return {
    kernel: 'conv2d_sum_weights_f32',
    operands: ['parts', ...gradientNames(call)],
    params: { ...parts, rows, taps: weightsOf(g) },
    units: rows * parts.columns,
  };
}
