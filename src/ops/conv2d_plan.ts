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
import { type Convolution, frameForward, frameWeights, spread } from './conv2d_frame.js';
import type { ForwardAttrs, Geometry, GradientAttrs, WeightGradientAttrs } from './conv2d_geometry.js';
import { gcd, weightsOf } from './conv2d_geometry.js';

type Tile = '4x8' | '6x8' | '6x16';
/** Tiles that differ in their columns alone are one kernel. */
const kernelOf = (tile: Tile): string => (tile === '4x8' ? '4x8' : '6x8');
const rowsOf = (tile: Tile): number => Number(tile[0]);

/** Filters [groups, filters, channels, rows, columns] within a weight, by strides in elements. */
interface Filters {
  readonly groups: number;
  readonly filters: number;
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly first: number;
  readonly groupStride: number;
  readonly filterStride: number;
  readonly channelStride: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** One convolution with packed filters: of the whole output, or of a phase of it. */
interface Pass {
  readonly convolution: Convolution;
  readonly filters: Filters;
}

function forwardPass(g: Geometry): Pass {
  const { hasBias, hasMask, activation, ...c } = g;
  const { groups, filters, channels, kernelHeight, kernelWidth } = g;
  const taps = weightsOf(g);
  return {
    convolution: {
      ...c,
      ...{ imageHeight: g.outHeight, imageWidth: g.outWidth },
      ...{ firstRow: 0, firstColumn: 0, stepHeight: 1, stepWidth: 1, spread: 0 },
    },
    filters: {
      ...{ groups, filters, channels, kernelHeight, kernelWidth },
      ...{ first: 0, groupStride: filters * taps, filterStride: taps },
      ...{ channelStride: kernelHeight * kernelWidth, rowStride: kernelWidth, columnStride: 1 },
    },
  };
}

/**
 * Along one axis, the pixels of x at place = phase (mod stride) in the padded input, and the taps that reach them: pixel
 * q stride + phase meets tap r at dy's element q - (r dilation - phase) / stride. Read backwards these taps are those of a
 * convolution of stride 1.
 */
function phaseOf(g: Geometry, axis: 'Height' | 'Width', phase: number) {
  const [stride, dilation, kernel] = [g[`stride${axis}`], g[`dilation${axis}`], g[`kernel${axis}`]];
  const [pad, size] = axis === 'Height' ? [g.top, g.height] : [g.left, g.width];
  const taps = Array.from({ length: kernel }, (_, r) => r).filter((r) => (r * dilation) % stride === phase);
  const from = Math.ceil((pad - phase) / stride);
  const count = Math.floor((size - 1 + pad - phase) / stride) - from + 1;
  const last = taps.at(-1) ?? 0;
  const common = gcd(stride, dilation);
  return {
    taps: taps.length,
    lastTap: last,
    tapStep: stride / common,
    dilation: dilation / common,
    pad: taps.length > 0 ? (last * dilation - phase) / stride - from : 0,
    count,
    first: from * stride + phase - pad,
  };
}

/** A pass whose tap columns are spread if that costs less: filters by the order of taps (column, row, channel). */
function spreadPass(pass: Pass): Pass {
  const convolution = spread(pass.convolution);
  if (!convolution) return pass;
  const f = pass.filters;
  return {
    convolution,
    filters: {
      ...f,
      ...{ groups: f.kernelWidth, channels: 1, kernelWidth: f.channels },
      first: f.first + (f.kernelWidth - 1) * f.columnStride,
      ...{ groupStride: -f.columnStride, columnStride: f.channelStride },
    },
  };
}

/** The input-gradient: for every phase of the stride, a convolution of dy with the taps that reach it, turned round. */
function inputPasses(g: Geometry): Pass[] {
  const passes: Pass[] = [];
  const area = g.kernelHeight * g.kernelWidth;
  for (let i = 0; i < g.strideHeight; i++) {
    for (let j = 0; j < g.strideWidth; j++) {
      const [down, across] = [phaseOf(g, 'Height', i), phaseOf(g, 'Width', j)];
      if (down.count < 1 || across.count < 1) continue;
      const empty = down.taps * across.taps === 0;
      const shape = {
        groups: g.groups,
        filters: g.channels,
        channels: empty ? 0 : g.filters,
        kernelHeight: empty ? 1 : down.taps,
        kernelWidth: empty ? 1 : across.taps,
      };
      const pass: Pass = {
        convolution: {
          ...shape,
          ...{ batch: g.batch, height: g.outHeight, width: g.outWidth, top: down.pad, left: across.pad },
          ...{ strideHeight: 1, strideWidth: 1 },
          ...{ dilationHeight: down.dilation, dilationWidth: across.dilation },
          ...{ outHeight: down.count, outWidth: across.count, imageHeight: g.height, imageWidth: g.width },
          ...{ firstRow: down.first, firstColumn: across.first },
          ...{ stepHeight: g.strideHeight, stepWidth: g.strideWidth, spread: 0 },
        },
        filters: {
          ...shape,
          first: down.lastTap * g.kernelWidth + across.lastTap,
          ...{ groupStride: g.filters * weightsOf(g), filterStride: area, channelStride: weightsOf(g) },
          ...{ rowStride: -down.tapStep * g.kernelWidth, columnStride: -across.tapStep },
        },
      };
      passes.push(spreadPass(pass));
    }
  }
  return passes;
}

const tileBytes = ({ groups, filters, channels, kernelHeight, kernelWidth }: Filters): number =>
  4 * groups * filters * channels * kernelHeight * kernelWidth;

const tilesOf = (passes: readonly Pass[]) =>
  Object.fromEntries(passes.map(({ filters }, i) => [`tiles${i}`, tileBytes(filters)]));

interface Operands {
  readonly x: string;
  readonly bias: string | null;
  readonly mask: string | null;
}

/** Filters are packed into tiles of rows; then every unit multiplies them with the patches of its pixels. */
function convolve(tile: Tile, passes: readonly Pass[], operands: Operands, activation: number): Launch[] {
  const { x, bias, mask } = operands;
  const packs = passes.map(({ filters }, i) => ({
    kernel: `conv2d_pack_f32__${kernelOf(tile)}`,
    operands: ['weight', `tiles${i}`],
    params: { ...filters },
    units: filters.groups * Math.ceil(filters.filters / rowsOf(tile)),
    once: true,
  }));
  const products = passes.map(({ convolution }, i): Launch => {
    const { params, units, scratch } = frameForward(convolution, rowsOf(tile), mask !== null);
    return {
      kernel: `conv2d_f32__${kernelOf(tile)}`,
      operands: [x, `tiles${i}`, bias, 'output', mask],
      params: { ...params, activation, pairs: Number(tile === '6x16') },
      units,
      scratch,
    };
  });
  return [...packs, ...products];
}

export const forwardWasm = (tile: Tile, feature?: string): Variant<ForwardInputs, ForwardAttrs> => ({
  name: `conv2d_f32__${tile}`,
  when: ({ features }) => feature === undefined || features.has(feature),
  temporaries: (call) => tilesOf([forwardPass(forwardGeometry(call))]),
  launches(call) {
    const g = forwardGeometry(call);
    return convolve(tile, [forwardPass(g)], { x: 'x', bias: 'bias', mask: null }, g.activation);
  },
});

export const inputGradientWasm = (
  tile: Tile,
  feature?: string,
): Variant<InputGradientInputs, GradientAttrs> => ({
  name: `conv2d_input_gradient_f32__${tile}`,
  when: ({ features }) => feature === undefined || features.has(feature),
  temporaries: (call) => tilesOf(inputPasses(inputGeometry(call))),
  launches(call) {
    const mask = call.types.mask ? 'mask' : null;
    return convolve(tile, inputPasses(inputGeometry(call)), { x: 'dy', bias: null, mask }, 0);
  },
});

const framedWeights = (call: WeightGradientCall) =>
  frameWeights(forwardPass(weightGeometry(call)).convolution);

/** Units of the wasm kernel that adds the shares. */
const SUM = 1024;

export const weightGradientWasm = (
  tile: Tile,
  feature?: string,
): Variant<WeightGradientInputs, WeightGradientAttrs> => ({
  name: `conv2d_weight_gradient_f32__${tile}`,
  when: ({ features }) => feature === undefined || features.has(feature),
  temporaries(call): Record<string, number> {
    const { shares } = framedWeights(call);
    if (shares === 1) return {};
    const sums = { dweight: 4 * shares * sizeOf(call.attrs.shape) };
    return call.attrs.bias ? { ...sums, dbias: 4 * shares * call.attrs.shape[0]! } : sums;
  },
  launches(call) {
    const { shares, params, units, scratch } = framedWeights(call);
    const [weight, bias] = gradientNames(call);
    const mask = call.types.mask ? 'mask' : null;
    const [dweight, dbias] = shares === 1 ? [weight, bias] : ['dweight', bias && 'dbias'];
    const gradient = {
      kernel: `conv2d_weight_gradient_f32__${kernelOf(tile)}`,
      operands: ['x', 'dy', mask, dweight, dbias],
      params: { ...params, pairs: Number(tile === '6x16') },
      units,
      scratch,
    };
    if (shares === 1) return [gradient];
    const total = (from: string, to: string, size: number): Launch => ({
      kernel: 'conv2d_sum_f32',
      operands: [from, to],
      params: { size, parts: shares },
      units: Math.ceil(size / SUM),
    });
    const sums = [total('dweight', weight, sizeOf(call.attrs.shape))];
    return [gradient, ...sums, ...(bias ? [total('dbias', bias, call.attrs.shape[0]!)] : [])];
  },
});
