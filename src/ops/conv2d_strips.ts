/** Weight-gradients on webgpu from registers that hold many filters, channels and taps: shaders/conv2d_weights_strips.wgsl. */
import type { Features, Launch, Variant } from '../op.js';
import {
  gradientNames,
  type WeightGradientCall,
  type WeightGradientInputs,
  weightGeometry,
} from './conv2d_calls.js';
import { type Geometry, isPointwise, type WeightGradientAttrs, weightsOf } from './conv2d_geometry.js';
import { MOST_BYTES, QUAD, quadsOf, sharesOf } from './conv2d_quads.js';
import { sumOfParts } from './conv2d_sums.js';
import { tileCost } from './product_tiles.js';

/** A kernel: its taps along either axis, its stride along rows, and quads of filters and of channels of an invocation. */
interface Strips {
  readonly kind: string;
  readonly taps: number;
  readonly step: number;
  readonly filterQuads: number;
  readonly channelQuads: number;
  /** Whether the invocations of a quad share what they load of x. */
  readonly quad?: boolean;
}

const STRIPS: readonly Strips[] = [
  { kind: 'strips_1x1', taps: 1, step: 1, filterQuads: 2, channelQuads: 2 },
  { kind: 'strips_3x3', taps: 3, step: 1, filterQuads: 2, channelQuads: 1 },
  { kind: 'strips_3x3_by_2', taps: 3, step: 2, filterQuads: 2, channelQuads: 1 },
  { kind: 'quad_strips_3x3', taps: 3, step: 1, filterQuads: 2, channelQuads: 1, quad: true },
  { kind: 'quad_strips_3x3_by_2', taps: 3, step: 2, filterQuads: 2, channelQuads: 1, quad: true },
];

const WORKGROUP = 32;

const ceil = (value: number, step: number) => Math.ceil(value / step);

/** Pixels in one row where the kernel sees them one by one: the image's shape is then of no account. */
function inRows(g: Geometry): Geometry {
  if (!isPointwise(g)) return g;
  const width = g.height * g.width;
  return { ...g, height: 1, width, outHeight: 1, outWidth: width };
}

/** How the work is cut: sizes of frames, tiles of filters and channels, shares of the strips. */
function planOf(call: WeightGradientCall, kernel: Strips) {
  const g = inRows(weightGeometry(call));
  const across = ceil(g.outWidth, 4);
  const strips = g.batch * g.outHeight * across;
  const [filterQuads, channelQuads] = [ceil(g.filters, 4), ceil(g.channels, 4)];
  const filterTiles = ceil(filterQuads, kernel.filterQuads);
  const tiles =
    g.groups *
    (kernel.quad ? 4 * ceil(filterTiles, 4) : filterTiles) *
    ceil(channelQuads, kernel.channelQuads);
  const share = ceil(strips, sharesOf(call.features, tiles, strips));
  const shares = ceil(strips, share);
  const columns = weightsOf(g) + Number(call.attrs.bias);
  const frameHeight = (g.outHeight - 1) * g.strideHeight + kernel.taps;
  const frameWidth = (4 * across - 1) * kernel.step + kernel.taps;
  return {
    ...{ g, across, strips, tiles, share, shares, columns, frameHeight, frameWidth },
    sums: g.groups * g.filters * columns,
    whole: shares === 1 && !call.attrs.bias,
    xQuads: g.batch * frameHeight * frameWidth * g.groups * channelQuads,
    dyQuads: 4 * strips * g.groups * filterQuads,
  };
}

type Plan = ReturnType<typeof planOf>;

function laidOut({ g, across, frameHeight, frameWidth }: Plan): Launch {
  const { channels, filters, height, width, outHeight, outWidth, top, left } = g;
  return quadsOf(
    g,
    { planes: channels, height, width, frameHeight, frameWidth, top, left },
    {
      ...{ planes: filters, height: outHeight, width: outWidth },
      ...{ frameHeight: outHeight, frameWidth: 4 * across, top: 0, left: 0 },
    },
  );
}

function launches(call: WeightGradientCall, kernel: Strips): Launch[] {
  const plan = planOf(call, kernel);
  const { g, across, frameHeight, frameWidth, columns, strips, share, shares, sums } = plan;
  const { groups, channels, filters, outHeight: rows, strideHeight: stride } = g;
  const [weights] = gradientNames(call);
  const products: Launch = {
    kernel: `conv2d_weight_gradient_f32__${kernel.kind}`,
    operands: ['xQuads', 'dyQuads', plan.whole ? weights : 'parts'],
    params: {
      ...{ groups, channels, filters, rows, across, frameHeight, frameWidth, stride, columns },
      ...{ strips, share, shares, partStride: sums },
    },
    units: kernel.quad ? [ceil(plan.tiles, WORKGROUP), 1, shares] : plan.tiles * shares,
  };
  if (plan.whole) return [laidOut(plan), products];
  const sum = sumOfParts(call, { columns, parts: shares, sumStride: 1, partStride: sums });
  return [laidOut(plan), products, sum];
}

/**
 * What the kernels cost of a product of as many terms by `direct_4x4`. On a CPU loads cost far more than multiply-adds, and
 * here each serves many; of 1 x 1 those that quads of a product share serve as many where vectors are wide. On a GPU so many
 * registers leave room for few invocations, and large tiles do better.
 */
function shareOf(features: Features, { taps }: Strips): number {
  if (!features.has('software')) return 2;
  if (taps > 1) return 0.32;
  return features.has('lanes-8') ? 0.4 : 0.18;
}

/** What the kernels cost whose quads share loads. */
const QUADS_RATE = 0.75;

function costOf(features: Features, kernel: Strips, plan: Plan): number {
  const { tiles, strips, sums, shares, xQuads, dyQuads, whole } = plan;
  const outputs = 16 * kernel.filterQuads * kernel.channelQuads * kernel.taps ** 2;
  const invocations = kernel.quad ? WORKGROUP * ceil(tiles, WORKGROUP) : tiles;
  const tile = { kind: 'direct_4x4', rows: 1, columns: 1 };
  const products = tileCost(features, tile, [outputs, invocations, 4 * strips, kernel.quad ? QUADS_RATE : 1]);
  const quads = xQuads + dyQuads + (whole ? 0 : (sums * shares) / 4);
  const movement = tileCost(features, tile, [quads, 1, QUAD, 1]);
  return shareOf(features, kernel) * (products + movement);
}

function takes(call: WeightGradientCall, { taps, step, quad }: Strips): boolean {
  const g = weightGeometry(call);
  if (quad && !call.features.has('quads')) return false;
  if (taps === 1) return isPointwise(g);
  return (
    [g.kernelHeight, g.kernelWidth].every((size) => size === taps) &&
    [g.dilationHeight, g.dilationWidth].every((size) => size === 1) &&
    g.strideWidth === step
  );
}

export const weightGradientStrips = STRIPS.map(
  (kernel): Variant<WeightGradientInputs, WeightGradientAttrs> => ({
    name: `conv2d_weight_gradient_f32__${kernel.kind}`,
    when(call) {
      if (!takes(call, kernel)) return false;
      const { xQuads, dyQuads, sums, shares } = planOf(call, kernel);
      return Math.max(16 * xQuads, 16 * dyQuads, 4 * sums * shares) <= MOST_BYTES;
    },
    cost: (call) => costOf(call.features, kernel, planOf(call, kernel)),
    temporaries(call) {
      const { xQuads, dyQuads, sums, shares, whole } = planOf(call, kernel);
      return { xQuads: 16 * xQuads, dyQuads: 16 * dyQuads, ...(!whole && { parts: 4 * sums * shares }) };
    },
    launches: (call) => launches(call, kernel),
  }),
);
