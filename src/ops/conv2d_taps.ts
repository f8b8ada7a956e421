/** Weight-gradients on webgpu tap by tap, where images are many: shaders/conv2d_weights_taps.wgsl. */
import type { Launch, Variant } from '../op.js';
import {
  gradientNames,
  type WeightGradientCall,
  type WeightGradientInputs,
  weightGeometry,
} from './conv2d_calls.js';
import { type WeightGradientAttrs, weightsOf } from './conv2d_geometry.js';
import { MOST_BYTES, QUAD, quadsOf, sharesOf } from './conv2d_quads.js';
import { sumOfParts } from './conv2d_sums.js';
import { tileCost } from './product_tiles.js';

const NAME = 'conv2d_weight_gradient_f32__quad_taps';
/** Filters and channels of an invocation. */
const SIDE = 8;
const WORKGROUP = 16;

/** Workgroups along an axis that every device takes. */
const MOST = 65535;

const ceil = (value: number, step: number) => Math.ceil(value / step);

/** Along an axis, how many outputs see a place inside through each tap, added up. */
function reached(taps: number, dilation: number, stride: number, before: number, size: number, outs: number) {
  let sum = 0;
  for (let tap = 0; tap < taps; tap++) {
    const at = tap * dilation - before;
    const first = Math.max(0, ceil(-at, stride));
    sum += Math.max(0, Math.min(outs, Math.floor((size - 1 - at) / stride) + 1) - first);
  }
  return sum;
}

/** How the work is cut: tiles of a tap, shares of its pixels. */
function planOf(call: WeightGradientCall) {
  const g = weightGeometry(call);
  const bias = Number(call.attrs.bias);
  const imageQuads = ceil(g.batch, 4);
  const taps = g.groups * (g.kernelHeight * g.kernelWidth + bias);
  const tiles = ceil(g.filters, 2 * SIDE) * ceil(g.channels, 2 * SIDE);
  const workgroups = ceil(4 * tiles, WORKGROUP);
  const pixels = imageQuads * g.outHeight * g.outWidth;
  const shares = sharesOf(call.features, 4 * tiles * taps, pixels);
  const columns = weightsOf(g) + bias;
  const rows =
    reached(g.kernelHeight, g.dilationHeight, g.strideHeight, g.top, g.height, g.outHeight) *
    reached(g.kernelWidth, g.dilationWidth, g.strideWidth, g.left, g.width, g.outWidth);
  return {
    ...{ g, bias, imageQuads, taps, workgroups, shares, columns },
    sums: g.groups * g.filters * columns,
    whole: shares === 1 && bias === 0,
    /** Of all invocations, pixels of four images. */
    steps: WORKGROUP * workgroups * g.groups * imageQuads * (rows + bias * g.outHeight * g.outWidth),
    xQuads: 4 * imageQuads * g.height * g.width * g.groups * ceil(g.channels, 4),
    dyQuads: 4 * imageQuads * g.outHeight * g.outWidth * g.groups * ceil(g.filters, 4),
  };
}

type Plan = ReturnType<typeof planOf>;

function laidOut({ g, imageQuads }: Plan): Launch {
  const frames = (planes: number, height: number, width: number) => ({
    ...{ planes, height, width },
    ...{ frameHeight: height, frameWidth: width, top: 0, left: 0 },
  });
  const x = frames(g.channels, g.height, g.width);
  return quadsOf(g, x, frames(g.filters, g.outHeight, g.outWidth), 4 * imageQuads);
}

function launches(call: WeightGradientCall): Launch[] {
  const plan = planOf(call);
  const { g, bias, imageQuads, columns, shares, sums: partStride, whole } = plan;
  const [weights] = gradientNames(call);
  const { batch, hasBias, hasMask, activation, ...shape } = g;
  const products: Launch = {
    kernel: NAME,
    operands: ['xQuads', 'dyQuads', whole ? weights : 'parts'],
    params: { ...shape, columns, imageQuads, shares, partStride },
    constants: { BIAS: bias },
    units: [plan.workgroups, plan.taps, shares],
  };
  if (whole) return [laidOut(plan), products];
  return [laidOut(plan), products, sumOfParts(call, { columns, parts: shares, sumStride: 1, partStride })];
}

/** What the kernels cost of a product of as many terms by `direct_4x4`, as of conv2d_strips. */
const SHARE = { software: 0.28, gpu: 2 };

function costOf(call: WeightGradientCall): number {
  const { features } = call;
  const { steps, sums, shares, xQuads, dyQuads, whole } = planOf(call);
  const tile = { kind: 'direct_4x4', rows: 1, columns: 1 };
  const products = tileCost(features, tile, [SIDE ** 2, steps, 4, 1]);
  const quads = xQuads + dyQuads + (whole ? 0 : (sums * shares) / 4);
  const movement = tileCost(features, tile, [quads, 1, QUAD, 1]);
  return SHARE[features.has('software') ? 'software' : 'gpu'] * (products + movement);
}

export const weightGradientTaps: Variant<WeightGradientInputs, WeightGradientAttrs> = {
  name: NAME,
  when(call) {
    if (!call.features.has('quads')) return false;
    const { workgroups, taps, xQuads, dyQuads, sums, shares } = planOf(call);
    const bytes = Math.max(16 * xQuads, 16 * dyQuads, 4 * sums * shares);
    return bytes <= MOST_BYTES && Math.max(workgroups, taps, shares) <= MOST;
  },
  cost: costOf,
  temporaries(call) {
    const { xQuads, dyQuads, sums, shares, whole } = planOf(call);
    return { xQuads: 16 * xQuads, dyQuads: 16 * dyQuads, ...(!whole && { parts: 4 * sums * shares }) };
  },
  launches,
};
