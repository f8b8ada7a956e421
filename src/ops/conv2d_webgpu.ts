import type { Features, Launch, Variant } from '../op.js';
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
import { correlationOf, flattened, slotsOf, type WeightPlan, weightPlan } from './conv2d_correlate.js';
import {
  type ForwardAttrs,
  type Geometry,
  type GradientAttrs,
  type WeightGradientAttrs,
  weightsOf,
} from './conv2d_geometry.js';
import {
  forwardProducts,
  inputGradientProducts,
  SHARE_ON_CPU,
  weightGradientProducts,
} from './conv2d_products.js';
import { MOST_BYTES } from './conv2d_quads.js';
import { weightGradientStrips } from './conv2d_strips.js';
import { sumOfParts } from './conv2d_sums.js';
import { weightGradientTaps } from './conv2d_taps.js';
import { tileCost } from './product_tiles.js';

/** Sides of the tiles that shaders/conv2d.wgsl and conv2d_weight_gradient.wgsl are made for. */
const TILES = [128, 64, 32] as const;
type Tile = (typeof TILES)[number];

/** A correlation from registers: strips of eight pixels of up to eight planes. */
function fromRegisters(operands: readonly string[], g: Geometry, turned: boolean): Launch[] {
  const shape = correlationOf(flattened(g), turned);
  const { batch, groups, rows, countHeight, countWidth, phasesHeight, phasesWidth, pitchHeight } = shape;
  const slots = slotsOf(rows);
  const slides = Number((turned ? 1 : g.strideHeight) === pitchHeight);
  const pixels = Math.ceil((batch * Math.ceil(countHeight / 8) * countWidth) / 64);
  const units = 64 * pixels * Math.ceil(rows / slots) * groups * phasesHeight * phasesWidth;
  const constants = { SLOTS: slots, SLIDES: slides, MASKED: g.hasMask };
  return [{ kernel: 'conv2d_f32__direct', operands, params: shape, constants, units }];
}

/** A correlation by tiles. */
function byTiles(tile: Tile, operands: readonly string[], g: Geometry, turned: boolean): Launch[] {
  const shape = correlationOf(g, turned);
  const { batch, groups, rows, countHeight, countWidth, phasesHeight, phasesWidth } = shape;
  const aligned = Number(!turned && weightsOf(g) % 4 === 0);
  return [
    {
      kernel: `conv2d_f32__${tile}x${tile}`,
      operands,
      params: shape,
      constants: { MASKED: g.hasMask, ALIGNED: aligned },
      units: [
        Math.ceil((batch * countHeight * countWidth) / tile),
        Math.ceil(rows / tile),
        groups * phasesHeight * phasesWidth,
      ],
    },
  ];
}

/** Rows of weights that an invocation of shaders/conv2d_packed.wgsl loads for its quad. */
const BLOCKS = [4, 2, 1] as const;
type Block = (typeof BLOCKS)[number];
/** Pixels of a quad, and quads of a workgroup. */
const QUAD_PIXELS = 32;
const QUADS = 8;

/** Vec4s of a correlation's frame and weights. */
const packedSize = (shape: ReturnType<typeof correlationOf>): number =>
  shape.weightsAt + shape.groups * shape.kernelHeight * shape.kernelWidth * shape.rows * shape.quads;

/** A correlation of planes by fours: `source`, weight, and a mask or a bias. */
function byQuads(block: Block, source: 'x' | 'dy', further: string, g: Geometry): Launch[] {
  const turned = source === 'dy';
  const shape = correlationOf(g, turned);
  const { batch, groups, rows, countHeight, countWidth, phasesHeight, phasesWidth, weightsAt, quads } = shape;
  const weights = packedSize(shape) - weightsAt;
  const products =
    Math.ceil((batch * countHeight * countWidth) / QUAD_PIXELS) * Math.ceil(rows / (4 * block));
  return [
    {
      kernel: 'conv2d_pack_f32',
      operands: [source, 'weight', turned ? further : null, 'frame'],
      params: shape,
      constants: { MASKED: g.hasMask },
      units: 64 * Math.ceil(weightsAt / quads / 64) + weights / quads,
    },
    {
      kernel: `conv2d_f32__packed_${4 * block}`,
      operands: ['frame', turned ? null : further, 'output'],
      params: shape,
      units: [Math.ceil(products / QUADS), 1, groups * phasesHeight * phasesWidth],
    },
  ];
}

/** Workgroups along an axis that every device takes. */
const MOST = 65535;
const fits = (launches: readonly Launch[]): boolean =>
  launches.every(({ units }) => typeof units === 'number' || units.every((n) => n <= MOST));

function forwardBy(tile: Tile): Variant<ForwardInputs, ForwardAttrs> {
  const launches = (g: Geometry) => byTiles(tile, ['x', 'weight', 'bias', 'output'], g, false);
  return {
    name: `conv2d_f32__${tile}x${tile}`,
    when: (call) => suits(tile, forwardGeometry(call).filters) && fits(launches(forwardGeometry(call))),
    cost: (call) => costBy(call.features, tile, forwardSize(forwardGeometry(call))),
    launches: (call) => launches(forwardGeometry(call)),
  };
}

/** A product that a pass is: filters or channels by pixels or taps, its inner length, and how many there are. */
type Size = readonly [rows: number, columns: number, inner: number, count: number];

const forwardSize = (g: Geometry): Size => [
  g.filters,
  g.batch * g.outHeight * g.outWidth,
  weightsOf(g),
  g.groups,
];

/** Of the taps of each pixel of x, those that the stride reaches. */
const inputSize = (g: Geometry): Size => [
  g.channels,
  g.batch * g.height * g.width,
  (g.filters * g.kernelHeight * g.kernelWidth) / (g.strideHeight * g.strideWidth),
  g.groups,
];

/** As of the products' own kernels: by tiles, or from registers, where a workgroup has few rows and as many columns as given. */
const costBy = (features: Features, tile: Tile | null, size: Size, columns = 512): number =>
  tile === null
    ? tileCost(features, { kind: 'direct_4x4', rows: slotsOf(size[0]), columns }, size)
    : tileCost(features, { kind: `${tile}x${tile}`, rows: tile, columns: tile }, size);

/** What packing an element costs, in floating-point operations of a product. */
const PACKING = 40;
/** What quads of few rows do of what those of sixteen do. */
const BLOCK_RATE: Readonly<Record<Block, number>> = { 4: 1, 2: 0.8, 1: 0.6 };
/** Of a GPU: neighbours load what lies apart. */
const SHARE_ON_GPU = 2;

/** As of a product by quads, with what is packed. */
function packedCost(features: Features, block: Block, g: Geometry, turned: boolean): number {
  const shape = correlationOf(g, turned);
  const { batch, groups, rows, countHeight, countWidth, phasesHeight, phasesWidth, quads } = shape;
  const tile = { kind: 'quad_16x8', rows: 4 * block, columns: QUAD_PIXELS };
  const taps = (g.kernelHeight * g.kernelWidth * 4 * quads) / (phasesHeight * phasesWidth);
  const products = groups * phasesHeight * phasesWidth;
  const size = [rows, batch * countHeight * countWidth, taps, products] as const;
  const packing = tileCost(features, tile, [
    tile.rows,
    tile.columns,
    (PACKING * 4 * packedSize(shape)) / (2 * tile.rows * tile.columns),
    1,
  ]);
  const share = features.has('software') ? SHARE_ON_CPU : SHARE_ON_GPU;
  return share * (tileCost(features, tile, size) / BLOCK_RATE[block] + packing);
}

/** Whether a tile is not mostly empty. */
const suits = (tile: Tile, rows: number): boolean => rows > tile / 2;

const frameBytes = (g: Geometry, turned: boolean): number => 16 * packedSize(correlationOf(g, turned));

/** Whether a device passes values between neighbours, and what is packed fits. */
const packs = (block: Block, features: Features, g: Geometry, turned: boolean): boolean =>
  features.has('quads') &&
  (block === 1 || (turned ? g.channels : g.filters) > 2 * block) &&
  frameBytes(g, turned) <= MOST_BYTES &&
  fits(byQuads(block, turned ? 'dy' : 'x', '', g));

function forwardByQuads(block: Block): Variant<ForwardInputs, ForwardAttrs> {
  return {
    name: `conv2d_f32__packed_${4 * block}`,
    when: (call) => packs(block, call.features, forwardGeometry(call), false),
    cost: (call) => packedCost(call.features, block, forwardGeometry(call), false),
    temporaries: (call) => ({ frame: frameBytes(forwardGeometry(call), false) }),
    launches: (call) => byQuads(block, 'x', 'bias', forwardGeometry(call)),
  };
}

function inputGradientByQuads(block: Block): Variant<InputGradientInputs, GradientAttrs> {
  return {
    name: `conv2d_input_gradient_f32__packed_${4 * block}`,
    when: (call) => packs(block, call.features, inputGeometry(call), true),
    cost: (call) => packedCost(call.features, block, inputGeometry(call), true),
    temporaries: (call) => ({ frame: frameBytes(inputGeometry(call), true) }),
    launches: (call) => byQuads(block, 'dy', 'mask', inputGeometry(call)),
  };
}

export const forwardWebGPU: readonly Variant<ForwardInputs, ForwardAttrs>[] = [
  ...forwardProducts,
  ...BLOCKS.map(forwardByQuads),
  {
    name: 'conv2d_f32__direct',
    cost: (call) => costBy(call.features, null, forwardSize(forwardGeometry(call))),
    launches: (call) => fromRegisters(['x', 'weight', 'bias', 'output'], forwardGeometry(call), false),
  },
  ...TILES.map(forwardBy),
];

function inputGradientBy(tile: Tile): Variant<InputGradientInputs, GradientAttrs> {
  const launches = (g: Geometry) => byTiles(tile, ['dy', 'weight', 'mask', 'output'], g, true);
  return {
    name: `conv2d_input_gradient_f32__${tile}x${tile}`,
    when: (call) => suits(tile, inputGeometry(call).channels) && fits(launches(inputGeometry(call))),
    cost: (call) => costBy(call.features, tile, inputSize(inputGeometry(call))),
    launches: (call) => launches(inputGeometry(call)),
  };
}

export const inputGradientWebGPU: readonly Variant<InputGradientInputs, GradientAttrs>[] = [
  ...inputGradientProducts,
  ...BLOCKS.map(inputGradientByQuads),
  {
    name: 'conv2d_input_gradient_f32__direct',
    cost: (call) => costBy(call.features, null, inputSize(inputGeometry(call))),
    launches: (call) => fromRegisters(['dy', 'weight', 'mask', 'output'], inputGeometry(call), true),
  },
  ...TILES.map(inputGradientBy),
];

/** A weight-gradient's sums by parts, and the launch that adds these and puts them where they belong. */
function inParts(call: WeightGradientCall, plan: WeightPlan): Launch[] {
  const g = weightGeometry(call);
  const [weights] = gradientNames(call);
  const { hasBias, hasMask, activation, ...shape } = g;
  const { kernel, columns, share, sumStride, partStride, parts, constants, units } = plan;
  const first: Launch = {
    kernel,
    operands: ['x', 'dy', 'mask', plan.whole ? weights : 'parts'],
    params: { ...shape, columns, share, sumStride, partStride },
    constants: { MASKED: hasMask, ...constants },
    units,
  };
  if (plan.whole) return [first];
  return [first, sumOfParts(call, { columns, parts, sumStride, partStride })];
}

function weightGradientBy(tile: Tile | null): Variant<WeightGradientInputs, WeightGradientAttrs> {
  const planOf = (call: WeightGradientCall) => weightPlan(weightGeometry(call), call.attrs.bias, tile);
  const partsOf = (plan: WeightPlan): Record<string, number> =>
    plan.whole ? {} : { parts: 4 * plan.parts * plan.sums };
  return {
    name: `conv2d_weight_gradient_f32__${tile === null ? 'direct' : `${tile}x${tile}`}`,
    when: (call) =>
      tile === null ||
      (suits(tile, Math.min(weightGeometry(call).filters, weightsOf(weightGeometry(call)))) &&
        fits(inParts(call, planOf(call)))),
    cost(call) {
      const g = weightGeometry(call);
      const { columns, share } = planOf(call);
      const shares = Math.ceil((g.batch * g.outHeight * g.outWidth) / share);
      return costBy(call.features, tile, [g.filters, columns, share, g.groups * shares], 8);
    },
    temporaries: (call) => partsOf(planOf(call)),
    launches: (call) => inParts(call, planOf(call)),
  };
}

export const weightGradientWebGPU: readonly Variant<WeightGradientInputs, WeightGradientAttrs>[] = [
  ...weightGradientProducts,
  ...weightGradientStrips,
  weightGradientTaps,
  weightGradientBy(null),
  ...TILES.map(weightGradientBy),
];
