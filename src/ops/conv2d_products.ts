/** Convolutions on webgpu that are matrix products as they lie: of 1 x 1, and weight-gradients of few pixels by columns of x. */
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
import {
  type ForwardAttrs,
  type Geometry,
  type GradientAttrs,
  isPointwise,
  type WeightGradientAttrs,
  weightsOf,
} from './conv2d_geometry.js';
import type { Product } from './matmul_layout.js';
import { wholeProduct } from './matmul_webgpu.js';
import { fits, PRODUCT_TILES, type ProductTile, tileCost } from './product_tiles.js';

/** One operand: strides along rows (columns), along the inner axis, from group to group and from image to image. */
interface Side {
  readonly across: number;
  readonly inner: number;
  readonly group: number;
  readonly image: number;
}

/** y[image, group] = left right, [m, k] by [k, n]. */
function product(
  g: Geometry,
  [m, n, k]: readonly [number, number, number],
  left: Side,
  right: Side,
): Product {
  const layout = {
    ...{ m, n, k, aRow: left.across, aColumn: left.inner, bRow: right.inner, bColumn: right.across },
    ...{ batch: [g.batch, g.groups], transposeA: false, transposeB: false, aBatch: [], bBatch: [] },
    aStrides: [left.image, left.group],
    bStrides: [right.image, right.group],
  };
  return { layout, hasBias: g.hasBias !== 0, activation: g.activation };
}

const pixelsOf = (g: Geometry): number => g.outHeight * g.outWidth;

/** x, y or dy by planes: rows are channels. */
const planes = (channels: number, pixels: number, groups: number, alongPixels: boolean): Side => ({
  across: alongPixels ? 1 : pixels,
  inner: alongPixels ? pixels : 1,
  group: channels * pixels,
  image: groups * channels * pixels,
});

function forwardProduct(g: Geometry): Product {
  const pixels = pixelsOf(g);
  const weight: Side = { across: g.channels, inner: 1, group: g.filters * g.channels, image: 0 };
  return product(g, [g.filters, pixels, g.channels], weight, planes(g.channels, pixels, g.groups, true));
}

function inputProduct(g: Geometry): Product {
  const pixels = pixelsOf(g);
  const weight: Side = { across: 1, inner: g.channels, group: g.filters * g.channels, image: 0 };
  return product(g, [g.channels, pixels, g.filters], weight, planes(g.filters, pixels, g.groups, true));
}

/** Of each image by itself. */
function weightProduct(g: Geometry): Product {
  const pixels = pixelsOf(g);
  const dy = planes(g.filters, pixels, g.groups, false);
  return product(g, [g.filters, weightsOf(g), pixels], dy, planes(weightsOf(g), pixels, g.groups, false));
}

/** Kernels of products do in about half the time what convolutions' own do on a CPU: their loads need no test. */
export const SHARE_ON_CPU = 0.4;
/** Up to so many rows or columns a product is one of vectors, which is not for tiles. */
const FEW = 4;
/** Up to so many elements of columns for each of the gradient, copying them is a small part of the work. */
const MOST_COLUMNS = 4;

const costOf = (features: Features, tile: ProductTile, { layout: { m, n, k, batch } }: Product): number =>
  (features.has('software') ? SHARE_ON_CPU : 1) *
  tileCost(features, tile, [m, n, k, batch.reduce((a, b) => a * b, 1)]);

const suits = (features: Features, tile: ProductTile, { layout: { m, n } }: Product): boolean =>
  Math.min(m, n) > FEW && fits(tile, m, n) && (tile.feature === undefined || features.has(tile.feature));

const nameOf = (pass: string, tile: ProductTile) => `${pass}_f32__product_${tile.kind}`;

export const forwardProducts = PRODUCT_TILES.map(
  (tile): Variant<ForwardInputs, ForwardAttrs> => ({
    name: nameOf('conv2d', tile),
    when(call) {
      const g = forwardGeometry(call);
      return isPointwise(g) && suits(call.features, tile, forwardProduct(g));
    },
    cost: (call) => costOf(call.features, tile, forwardProduct(forwardGeometry(call))),
    launches: (call) => [
      wholeProduct(forwardProduct(forwardGeometry(call)), ['weight', 'x', 'bias', 'output'], tile),
    ],
  }),
);

export const inputGradientProducts = PRODUCT_TILES.map(
  (tile): Variant<InputGradientInputs, GradientAttrs> => ({
    name: nameOf('conv2d_input_gradient', tile),
    when(call) {
      const g = inputGeometry(call);
      return isPointwise(g) && g.hasMask === 0 && suits(call.features, tile, inputProduct(g));
    },
    cost: (call) => costOf(call.features, tile, inputProduct(inputGeometry(call))),
    launches: (call) => [
      wholeProduct(inputProduct(inputGeometry(call)), ['weight', 'dy', null, 'output'], tile),
    ],
  }),
);

/** Columns of x where it takes any: [batch, groups, channels, taps, pixels]. */
const columnsOf = (g: Geometry): number =>
  isPointwise(g) ? 0 : g.batch * g.groups * weightsOf(g) * pixelsOf(g);

function weightLaunches(call: WeightGradientCall, tile: ProductTile): Launch[] {
  const g = weightGeometry(call);
  const columns = columnsOf(g);
  const size = g.groups * g.filters * weightsOf(g);
  const output = gradientNames(call)[0];
  const { hasBias, hasMask, activation, batch, groups, channels, filters, ...shape } = g;
  const unfold: Launch = {
    kernel: 'unfold_f32',
    operands: ['x', 'columns'],
    params: { planes: batch * groups * channels, ...shape },
    units: columns,
  };
  const sum: Launch = {
    kernel: 'matmul_parts_f32',
    operands: ['parts', null, output],
    params: { size, parts: batch, n: weightsOf(g) },
    units: size,
  };
  const right = columns > 0 ? 'columns' : 'x';
  const made = wholeProduct(weightProduct(g), ['dy', right, null, batch > 1 ? 'parts' : output], tile);
  return [...(columns > 0 ? [unfold] : []), made, ...(batch > 1 ? [sum] : [])];
}

export const weightGradientProducts = PRODUCT_TILES.map(
  (tile): Variant<WeightGradientInputs, WeightGradientAttrs> => ({
    name: nameOf('conv2d_weight_gradient', tile),
    when(call) {
      const g = weightGeometry(call);
      const few = columnsOf(g) <= MOST_COLUMNS * g.groups * g.filters * weightsOf(g);
      const plain = g.hasMask === 0 && !call.attrs.bias && g.top >= 0 && g.left >= 0;
      return plain && few && suits(call.features, tile, weightProduct(g));
    },
    cost: (call) => costOf(call.features, tile, weightProduct(weightGeometry(call))),
    temporaries(call) {
      const g = weightGeometry(call);
      const columns = columnsOf(g);
      const parts = g.batch > 1 ? g.batch * g.groups * g.filters * weightsOf(g) : 0;
      return { ...(columns > 0 && { columns: 4 * columns }), ...(parts > 0 && { parts: 4 * parts }) };
    },
    launches: (call) => weightLaunches(call, tile),
  }),
);
