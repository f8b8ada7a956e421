import type { Launch, Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import {
  type ForwardInputs,
  forwardGeometry,
  gradientNames,
  type InputGradientInputs,
  inputGeometry,
  type WeightGradientCall,
  type WeightGradientInputs,
  weightGeometry,
} from './conv2d_calls.js';
import {
  type ForwardAttrs,
  type Geometry,
  type GradientAttrs,
  type WeightGradientAttrs,
  weightsOf,
} from './conv2d_geometry.js';

type WebGPULaunch = Omit<Launch, 'params' | 'units'>;

/** Tiles of 64 by 64 outputs of an implicit product [m, n]: workgroups over columns, rows, groups. */
const product = (launch: WebGPULaunch, g: Geometry, m: number, n: number): Launch[] => [
  { ...launch, params: { ...g }, units: [Math.ceil(n / 64), Math.ceil(m / 64), g.groups] },
];

/** A kernel for groups of one channel, by invocations. */
const direct = (launch: WebGPULaunch, g: Geometry, units: number): Launch[] => [
  { ...launch, params: { ...g }, units },
];

/** Whether tiles of 64 filters would be almost empty. */
const isDepthwise = (g: Geometry): boolean => g.channels === 1 && g.filters <= 4;

export const forwardWebGPU: readonly Variant<ForwardInputs, ForwardAttrs>[] = [
  {
    name: 'conv2d_f32__depthwise',
    when: (call) => isDepthwise(forwardGeometry(call)),
    launches(call) {
      const operands = ['x', 'weight', 'bias', 'output'];
      const launch = { kernel: 'conv2d_f32__depthwise', operands };
      return direct(launch, forwardGeometry(call), sizeOf(call.output.shape));
    },
  },
  {
    name: 'conv2d_f32__64x64',
    launches(call) {
      const g = forwardGeometry(call);
      const operands = ['x', 'weight', 'bias', 'output'];
      const columns = g.batch * g.outHeight * g.outWidth;
      return product({ kernel: 'conv2d_f32__64x64', operands }, g, g.filters, columns);
    },
  },
];

export const inputGradientWebGPU: readonly Variant<InputGradientInputs, GradientAttrs>[] = [
  {
    name: 'conv2d_input_gradient_f32__depthwise',
    when: (call) => isDepthwise(inputGeometry(call)),
    launches(call) {
      const operands = ['dy', 'weight', 'mask', 'output'];
      const launch = { kernel: 'conv2d_input_gradient_f32__depthwise', operands };
      return direct(launch, inputGeometry(call), sizeOf(call.output.shape));
    },
  },
  {
    name: 'conv2d_input_gradient_f32__64x64',
    launches(call) {
      const g = inputGeometry(call);
      const operands = ['dy', 'weight', 'mask', 'output'];
      const columns = g.batch * g.height * g.width;
      return product({ kernel: 'conv2d_input_gradient_f32__64x64', operands }, g, g.channels, columns);
    },
  },
];

/** The bias-gradient of a webgpu call that asks for it: a workgroup per filter. */
function biasGradient(call: WeightGradientCall, g: Geometry): Launch[] {
  const [, bias] = gradientNames(call);
  if (!bias) return [];
  return [
    {
      kernel: 'conv2d_bias_gradient_f32',
      operands: ['dy', 'mask', bias],
      params: { ...g },
      units: 64 * g.groups * g.filters,
    },
  ];
}

export const weightGradientWebGPU: readonly Variant<WeightGradientInputs, WeightGradientAttrs>[] = [
  {
    name: 'conv2d_weight_gradient_f32__depthwise',
    when: (call) => isDepthwise(weightGeometry(call)),
    launches(call) {
      const g = weightGeometry(call);
      const operands = ['x', 'dy', 'mask', gradientNames(call)[0]];
      const launch = { kernel: 'conv2d_weight_gradient_f32__depthwise', operands };
      return [...direct(launch, g, 64 * sizeOf(call.attrs.shape)), ...biasGradient(call, g)];
    },
  },
  {
    name: 'conv2d_weight_gradient_f32__64x64',
    launches(call) {
      const g = weightGeometry(call);
      const operands = ['x', 'dy', 'mask', gradientNames(call)[0]];
      const launch = { kernel: 'conv2d_weight_gradient_f32__64x64', operands };
      return [...product(launch, g, g.filters, weightsOf(g)), ...biasGradient(call, g)];
    },
  },
];
