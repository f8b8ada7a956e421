import type { KernelCall, Launch, Variant } from '../op.js';
import { sizeOf } from '../shape.js';
import { type Conv2dAttrs, type Geometry, type GradientAttrs, geometry } from './conv2d_geometry.js';

/** Output columns (pixels, batch merged) that one wasm work unit covers. */
const PIXELS = 96;
/** Depth of a block of taps, as in the matrix product. */
const DEPTH = 512;

/** x, padded (cropped where negative) and spread by `step`, in memory of its own. */
interface Padding {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly top: number;
  readonly left: number;
  readonly stepHeight: number;
  readonly stepWidth: number;
}

const padLaunch = (from: string, padding: Padding): Launch => ({
  kernel: 'pad2d_f32',
  operands: [from, 'padded'],
  params: { ...padding },
  units: padding.planes,
});

const paddedBytes = ({ planes, outHeight, outWidth }: Padding): number =>
  4 * planes * outHeight * outWidth + 64;

/** The rows and columns of the padded input that any output sees. */
const seen = (g: Geometry) => ({
  height: (g.outHeight - 1) * g.strideHeight + g.dilationHeight * (g.kernelHeight - 1) + 1,
  width: (g.outWidth - 1) * g.strideWidth + g.dilationWidth * (g.kernelWidth - 1) + 1,
});

function hasPadding(g: Geometry): boolean {
  const { height, width } = seen(g);
  return g.top !== 0 || g.left !== 0 || height > g.height || width > g.width;
}

function inputPadding(g: Geometry): Padding {
  const { height, width } = seen(g);
  return {
    planes: g.batch * g.groups * g.channels,
    height: g.height,
    width: g.width,
    outHeight: height,
    outWidth: width,
    top: g.top,
    left: g.left,
    stepHeight: 1,
    stepWidth: 1,
  };
}

const padded = (g: Geometry): Geometry => ({
  ...g,
  ...seen(g),
  top: 0,
  left: 0,
});

/**
 * The convolution of an input that needs no padding any more: weights are packed into tiles of rows, then every unit
 * multiplies them with its columns of patches.
 */
function convolve(tile: string, g: Geometry, from: string, weight: string, bias: string | null): Launch[] {
  const taps = g.channels * g.kernelHeight * g.kernelWidth;
  const columns = g.batch * g.outHeight * g.outWidth;
  return [
    {
      kernel: `conv2d_pack_f32__${tile}`,
      operands: [weight, 'tiles'],
      params: { ...g },
      units: g.groups,
    },
    {
      kernel: `conv2d_f32__${tile}`,
      operands: [from, 'tiles', bias, 'output'],
      params: { ...g },
      units: g.groups * Math.ceil(columns / PIXELS),
      scratch: 4 * (taps + 8 * DEPTH + 6 * 8) + 64,
    },
  ];
}

const tileBytes = (g: Geometry): number =>
  4 * g.groups * g.filters * g.channels * g.kernelHeight * g.kernelWidth;

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

/**
 * The input-gradient as a convolution of stride 1: dy, spread by the stride and padded by what the kernel overlaps,
 * with filters rotated by 180 degrees and channels exchanged.
 */
function transposed(g: Geometry): { padding: Padding; convolution: Geometry } {
  const reachHeight = g.dilationHeight * (g.kernelHeight - 1);
  const reachWidth = g.dilationWidth * (g.kernelWidth - 1);
  const padding = {
    planes: g.batch * g.groups * g.filters,
    height: g.outHeight,
    width: g.outWidth,
    outHeight: g.height + reachHeight,
    outWidth: g.width + reachWidth,
    top: reachHeight - g.top,
    left: reachWidth - g.left,
    stepHeight: g.strideHeight,
    stepWidth: g.strideWidth,
  };
  const convolution = {
    ...g,
    channels: g.filters,
    filters: g.channels,
    height: padding.outHeight,
    width: padding.outWidth,
    outHeight: g.height,
    outWidth: g.width,
    strideHeight: 1,
    strideWidth: 1,
    top: 0,
    left: 0,
  };
  return { padding, convolution };
}

export type ForwardCall = KernelCall<'x' | 'weight' | 'bias?', Conv2dAttrs>;
export const forwardGeometry = ({ types, attrs }: ForwardCall) => ({
  ...geometry(types.x.shape, types.weight.shape, attrs),
  hasBias: Number(types.bias !== null),
});

export const forwardWasm = (
  tile: '4x8' | '6x8',
  feature?: string,
): Variant<'x' | 'weight' | 'bias?', Conv2dAttrs> => ({
  name: `conv2d_f32__${tile}`,
  when: ({ features }) => feature === undefined || features.has(feature),
  temporaries(call) {
    const g = forwardGeometry(call);
    const tiles = { tiles: tileBytes(g) };
    return hasPadding(g) ? { ...tiles, padded: paddedBytes(inputPadding(g)) } : tiles;
  },
  launches(call) {
    const g = forwardGeometry(call);
    if (!hasPadding(g)) return convolve(tile, g, 'x', 'weight', 'bias');
    return [padLaunch('x', inputPadding(g)), ...convolve(tile, padded(g), 'padded', 'weight', 'bias')];
  },
});

export const forwardWebGPU: readonly Variant<'x' | 'weight' | 'bias?', Conv2dAttrs>[] = [
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

export type InputGradientCall = KernelCall<'dy' | 'weight', GradientAttrs>;
export const inputGeometry = ({ types, attrs }: InputGradientCall) =>
  geometry(attrs.shape, types.weight.shape, attrs);

export const inputGradientWasm = (
  tile: '4x8' | '6x8',
  feature?: string,
): Variant<'dy' | 'weight', GradientAttrs> => ({
  name: `conv2d_input_gradient_f32__${tile}`,
  when: ({ features }) => feature === undefined || features.has(feature),
  temporaries(call) {
    const g = inputGeometry(call);
    return { tiles: tileBytes(g), flipped: tileBytes(g), padded: paddedBytes(transposed(g).padding) };
  },
  launches(call) {
    const g = inputGeometry(call);
    const { padding, convolution } = transposed(g);
    return [
      padLaunch('dy', padding),
      { kernel: 'conv2d_flip_f32', operands: ['weight', 'flipped'], params: { ...g }, units: g.groups },
      ...convolve(tile, convolution, 'padded', 'flipped', null),
    ];
  },
});

export const inputGradientWebGPU: readonly Variant<'dy' | 'weight', GradientAttrs>[] = [
  {
    name: 'conv2d_input_gradient_f32__depthwise',
    when: (call) => isDepthwise(inputGeometry(call)),
    launches(call) {
      const operands = ['dy', 'weight', 'output'];
      const launch = { kernel: 'conv2d_input_gradient_f32__depthwise', operands };
      return direct(launch, inputGeometry(call), sizeOf(call.output.shape));
    },
  },
  {
    name: 'conv2d_input_gradient_f32__64x64',
    launches(call) {
      const g = inputGeometry(call);
      const operands = ['dy', 'weight', 'output'];
      const columns = g.batch * g.height * g.width;
      return product({ kernel: 'conv2d_input_gradient_f32__64x64', operands }, g, g.channels, columns);
    },
  },
];

export type WeightGradientCall = KernelCall<'x' | 'dy', GradientAttrs>;
export const weightGeometry = ({ types, attrs }: WeightGradientCall) =>
  geometry(types.x.shape, attrs.shape, attrs);

/** Taps (rows of the transposed gradient) that one wasm work unit covers. */
const TAPS = 48;
/** dWᵀ = patches · dYᵀ: dY is packed into panels of 8 filters, x is read in place. */
export const weightGradientWasm = (
  tile: '4x8' | '6x8',
  feature?: string,
): Variant<'x' | 'dy', GradientAttrs> => ({
  name: `conv2d_weight_gradient_f32__${tile}`,
  when: ({ features }) => feature === undefined || features.has(feature),
  temporaries(call) {
    const g = weightGeometry(call);
    const panels = Math.ceil(g.filters / 8);
    const packed = { panels: 4 * 8 * g.groups * panels * g.batch * g.outHeight * g.outWidth };
    return hasPadding(g) ? { ...packed, padded: paddedBytes(inputPadding(g)) } : packed;
  },
  launches(call) {
    const g = weightGeometry(call);
    const panels = Math.ceil(g.filters / 8);
    const taps = g.channels * g.kernelHeight * g.kernelWidth;
    const source = hasPadding(g) ? padded(g) : g;
    const pads = hasPadding(g) ? [padLaunch('x', inputPadding(g))] : [];
    return [
      ...pads,
      {
        kernel: 'conv2d_pack_gradient_f32',
        operands: ['dy', 'panels'],
        params: { ...source },
        units: g.groups * panels * g.batch,
      },
      {
        kernel: `conv2d_weight_gradient_f32__${tile}`,
        operands: [hasPadding(g) ? 'padded' : 'x', 'panels', 'output'],
        params: { ...source },
        units: g.groups * panels * Math.ceil(taps / TAPS),
        scratch: 4 * 8 * TAPS + 4 * TAPS,
      },
    ];
  },
});

export const weightGradientWebGPU: readonly Variant<'x' | 'dy', GradientAttrs>[] = [
  {
    name: 'conv2d_weight_gradient_f32__depthwise',
    when: (call) => isDepthwise(weightGeometry(call)),
    launches(call) {
      const operands = ['x', 'dy', 'output'];
      const launch = { kernel: 'conv2d_weight_gradient_f32__depthwise', operands };
      return direct(launch, weightGeometry(call), 64 * sizeOf(call.output.shape));
    },
  },
  {
    name: 'conv2d_weight_gradient_f32__64x64',
    launches(call) {
      const g = weightGeometry(call);
      const operands = ['x', 'dy', 'output'];
      const taps = g.channels * g.kernelHeight * g.kernelWidth;
      return product({ kernel: 'conv2d_weight_gradient_f32__64x64', operands }, g, g.filters, taps);
    },
  },
];
