import type { Launch, Variant } from '../op.js';
import type { ForwardAttrs, Geometry, GradientAttrs } from './conv2d_geometry.js';
import { forwardGeometry, inputGeometry } from './conv2d_plan.js';

type Tile = '4x8' | '6x8';

/** Tiles of a unit times channels: their transforms then stay in the second-level cache. */
const TRANSFORMED = 8192;
/** Units that threads share well. */
const UNITS = 12;
/** Filters of a unit where there are so many: each part of the filters transforms the tiles anew. */
const LEAST_ROWS = 48;

/** A convolution with filters of 3 x 3 at stride 1; `transposed` takes weights [channels, filters], rotated. */
export interface Convolution
  extends Readonly<
    Record<'batch' | 'groups' | 'channels' | 'height' | 'width' | 'filters' | 'top' | 'left', number>
  > {
  readonly outHeight: number;
  readonly outWidth: number;
  readonly transposed: number;
}

const half = (size: number): number => Math.ceil(size / 2);
const tilesOf = (c: Convolution): number => c.batch * half(c.outHeight) * half(c.outWidth);

/**
 * Whether Winograd's is the faster way: at least 16 channels and filters, so that the products outweigh the transforms
 * of the tiles, and pixels enough to pay for 2.4 as many products a tile, in panels of eight, and for the transform of the
 * filters.
 */
const wins = (c: Convolution): boolean =>
  c.channels >= 16 &&
  c.filters >= 16 &&
  c.batch * c.outHeight * c.outWidth > 2.4 * 8 * Math.ceil(tilesOf(c) / 8) + 12;

/** Rows and columns of the kernel, stride and dilation are what the transform is made for. */
const fits = (g: Geometry): boolean =>
  [g.kernelHeight, g.kernelWidth].every((size) => size === 3) &&
  [g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth].every((size) => size === 1);

/** The forward pass as Winograd takes it, or null where it doesn't. */
export function winogradForward(g: Geometry): Convolution | null {
  const { batch, groups, channels, height, width, filters, outHeight, outWidth, top, left } = g;
  const size = { batch, groups, channels, height, width, filters, outHeight, outWidth, top, left };
  const convolution = { ...size, transposed: 0 };
  return fits(g) && wins(convolution) ? convolution : null;
}

/** The input-gradient: dy padded by what the kernel overlaps, channels and filters exchanged. */
export function winogradInputGradient(g: Geometry): Convolution | null {
  const convolution = {
    ...{ batch: g.batch, groups: g.groups, channels: g.filters, filters: g.channels },
    ...{ height: g.outHeight, width: g.outWidth, outHeight: g.height, outWidth: g.width },
    ...{ top: 2 - g.top, left: 2 - g.left, transposed: 1 },
  };
  return fits(g) && wins(convolution) ? convolution : null;
}

/** Bytes of the transformed filters, with 16 behind each filter of a place. */
const transformBytes = ({ groups, filters, channels }: Convolution): number =>
  16 * groups * filters * (4 * channels + 16);

/** Tiles and filters of a unit, so that there are enough units of near-equal cost. */
function share(c: Convolution): { tiles: number; rows: number } {
  const panels = Math.ceil(tilesOf(c) / 8);
  const most = Math.min(12, Math.max(4, Math.floor(TRANSFORMED / 8 / c.channels)));
  const tiles = 8 * Math.ceil(panels / Math.ceil(panels / most));
  const wanted = Math.ceil(UNITS / (c.groups * Math.ceil(tilesOf(c) / tiles)));
  const parts = Math.min(wanted, Math.max(1, Math.floor(c.filters / LEAST_ROWS)));
  return { tiles, rows: Math.ceil(c.filters / parts) };
}

/** What `layOut` and `transform` keep for a unit, in the order of assembly/winograd.ts. */
function scratchBytes(c: Convolution, tiles: number): number {
  const across = half(c.outWidth);
  const line = 8 * Math.min(across, tiles) + 24;
  const segments = Math.ceil(tiles / across) + 1;
  const panels = (tiles / 8) * 16 * (32 * c.channels + 64);
  return 16 * 6 * 32 + line + 16 * (tiles + 8) + panels + segments * (4 * line + 32) + 4 * line;
}

/** Filters are transformed once; then every unit transforms its tiles, multiplies and transforms back. */
function launches(
  tile: Tile,
  c: Convolution,
  operands: { readonly x: string; readonly bias: string | null; readonly mask: string | null },
  relu: boolean,
): Launch[] {
  const { tiles, rows } = share(c);
  const params = { ...c, tiles, rows, relu: Number(relu) };
  return [
    {
      kernel: `winograd_filters_f32__${tile}`,
      operands: ['weight', 'transforms'],
      params,
      units: c.groups * c.filters,
      once: true,
    },
    {
      kernel: `winograd_f32__${tile}`,
      operands: [operands.x, 'transforms', operands.bias, 'output', operands.mask],
      params,
      units: c.groups * Math.ceil(tilesOf(c) / tiles) * Math.ceil(c.filters / rows),
      scratch: scratchBytes(c, tiles),
    },
  ];
}

export const winogradForwardWasm = (
  tile: Tile,
  feature?: string,
): Variant<'x' | 'weight' | 'bias?', ForwardAttrs> => ({
  name: `conv2d_f32__winograd_${tile}`,
  when: (call) =>
    (feature === undefined || call.features.has(feature)) && winogradForward(forwardGeometry(call)) !== null,
  temporaries: (call) => ({ transforms: transformBytes(winogradForward(forwardGeometry(call))!) }),
  launches: (call) =>
    launches(
      tile,
      winogradForward(forwardGeometry(call))!,
      { x: 'x', bias: 'bias', mask: null },
      call.attrs.activation === 'relu',
    ),
});

export const winogradInputGradientWasm = (
  tile: Tile,
  feature?: string,
): Variant<'dy' | 'weight' | 'mask?', GradientAttrs> => ({
  name: `conv2d_input_gradient_f32__winograd_${tile}`,
  when: (call) =>
    (feature === undefined || call.features.has(feature)) &&
    winogradInputGradient(inputGeometry(call)) !== null,
  temporaries: (call) => ({ transforms: transformBytes(winogradInputGradient(inputGeometry(call))!) }),
  launches: (call) =>
    launches(
      tile,
      winogradInputGradient(inputGeometry(call))!,
      { x: 'dy', bias: null, mask: call.types.mask ? 'mask' : null },
      false,
    ),
});
