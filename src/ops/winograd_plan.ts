import type { Launch, Variant } from '../op.js';
import { type ForwardCall, forwardGeometry, type InputGradientCall, inputGeometry } from './conv2d_calls.js';
import {
  type Conv2dAlgorithm,
  type ForwardAttrs,
  type Geometry,
  type GradientAttrs,
  suitsWinograd,
} from './conv2d_geometry.js';

type Tile = '4x8' | '6x8' | '6x16';
/** Tiles that differ in their columns alone are one kernel. */
const kernelOf = (tile: Tile): string => (tile === '4x8' ? '4x8' : '6x8');

/** Numbers of a unit's transformed tiles, which then stay in the second-level cache. */
const TRANSFORMED = 131072;
/** What a transform of a tile's filter works in. */
const FILTER_BYTES = 576;
/** Units that threads share well. */
const UNITS = 12;
/** Filters of a unit where there are so many: each part of the filters transforms the tiles anew. */
const LEAST_ROWS = 48;

/**
 * A convolution with filters of 3 x 3 at stride 1 by tiles of `size` x `size` outputs; `transposed` takes weights
 * [channels, filters], rotated.
 */
export interface Convolution
  extends Readonly<
    Record<'batch' | 'groups' | 'channels' | 'height' | 'width' | 'filters' | 'top' | 'left', number>
  > {
  readonly outHeight: number;
  readonly outWidth: number;
  readonly size: 2 | 4;
  readonly transposed: number;
}

const acrossOf = (c: Convolution): number => Math.ceil(c.outWidth / c.size);
const tilesOf = (c: Convolution): number => c.batch * Math.ceil(c.outHeight / c.size) * acrossOf(c);
/** Places of a tile's transform. */
const placesOf = ({ size }: Convolution): number => (size + 2) ** 2;

/** Columns of whole panels of eight. */
const inPanels = (columns: number): number => 8 * Math.ceil(columns / 8);

/**
 * Whether F(2, 3) is the faster way: at least 16 channels and filters, so that the products outweigh the transforms
 * of the tiles, and pixels enough to pay for 2.4 as many products a tile and for the transform of the filters.
 */
const wins = (c: Convolution): boolean =>
  inPanels(c.batch * c.outHeight * c.outWidth) > 2.4 * inPanels(tilesOf(c)) + 12;

/** The convolution as it is asked for, or null where it doesn't go Winograd's way. */
function taken(g: Geometry, c: Omit<Convolution, 'size'>, algorithm: Conv2dAlgorithm): Convolution | null {
  if (algorithm === 'direct' || !suitsWinograd(g)) return null;
  const convolution = { ...c, size: algorithm === 'winograd4' ? 4 : 2 } as const;
  return algorithm !== 'auto' || wins(convolution) ? convolution : null;
}

/** The forward pass as Winograd takes it, or null where it doesn't. */
export function winogradForward(g: Geometry, algorithm: Conv2dAlgorithm): Convolution | null {
  const { batch, groups, channels, height, width, filters, outHeight, outWidth, top, left } = g;
  const size = { batch, groups, channels, height, width, filters, outHeight, outWidth, top, left };
  return taken(g, { ...size, transposed: 0 }, algorithm);
}

/** The input-gradient: dy padded by what the kernel overlaps, channels and filters exchanged. */
export function winogradInputGradient(g: Geometry, algorithm: Conv2dAlgorithm): Convolution | null {
  const convolution = {
    ...{ batch: g.batch, groups: g.groups, channels: g.filters, filters: g.channels },
    ...{ height: g.outHeight, width: g.outWidth, outHeight: g.height, outWidth: g.width },
    ...{ top: 2 - g.top, left: 2 - g.left, transposed: 1 },
  };
  return taken(g, convolution, algorithm);
}

/** Bytes of the transformed filters, with 16 behind each filter of a place. */
const transformBytes = (c: Convolution): number => placesOf(c) * c.groups * c.filters * (4 * c.channels + 16);

/** Tiles and filters of a unit, so that there are enough units of near-equal cost. */
function share(c: Convolution): { tiles: number; rows: number } {
  const panels = Math.ceil(tilesOf(c) / 8);
  const most = Math.min(12, Math.max(4, Math.floor(TRANSFORMED / placesOf(c) / 8 / c.channels)));
  // An even number of units, which two threads share alike.
  const even = 2 * Math.ceil(panels / most / 2);
  const tiles = 8 * Math.ceil(panels / (panels > most ? even : 1));
  const wanted = Math.ceil(UNITS / (c.groups * Math.ceil(tilesOf(c) / tiles)));
  const parts = Math.min(wanted, Math.max(1, Math.floor(c.filters / LEAST_ROWS)));
  return { tiles, rows: Math.ceil(c.filters / parts) };
}

/** What `layOut` and `transform` keep for a unit, in the order of assembly/winograd.ts. */
function scratchBytes(c: Convolution, tiles: number): number {
  const across = acrossOf(c);
  const line = 4 * c.size * Math.min(across, tiles) + 24;
  const patch = (c.size + 2) * line;
  const segments = Math.ceil(tiles / across) + 1;
  const panels = (tiles / 8) * placesOf(c) * (32 * c.channels + 64);
  return (
    448 + placesOf(c) * 12 * 32 + line + 16 * (tiles + 8) + panels + segments * (patch + 40) + 32 + patch
  );
}

/** Filters are transformed once; then every unit transforms its tiles, multiplies and transforms back. */
function launches(
  tile: Tile,
  c: Convolution,
  operands: { readonly x: string; readonly bias: string | null; readonly mask: string | null },
  relu: boolean,
): Launch[] {
  const { tiles, rows } = share(c);
  const params = { ...c, tiles, rows, relu: Number(relu), pairs: Number(tile === '6x16') };
  return [
    {
      kernel: 'winograd_filters_f32',
      operands: ['weight', 'transforms'],
      params,
      units: c.groups * c.filters,
      scratch: FILTER_BYTES,
      once: true,
    },
    {
      kernel: `winograd_f32__${kernelOf(tile)}`,
      operands: [operands.x, 'transforms', operands.bias, 'output', operands.mask],
      params,
      units: c.groups * Math.ceil(tilesOf(c) / tiles) * Math.ceil(c.filters / rows),
      scratch: scratchBytes(c, tiles),
    },
  ];
}

const forwardOf = (call: ForwardCall) => winogradForward(forwardGeometry(call), call.attrs.algorithm);
const inputGradientOf = (call: InputGradientCall) =>
  winogradInputGradient(inputGeometry(call), call.attrs.algorithm);

export const winogradForwardWasm = (
  tile: Tile,
  feature?: string,
): Variant<'x' | 'weight' | 'bias?', ForwardAttrs> => ({
  name: `conv2d_f32__winograd_${tile}`,
  when: (call) => (feature === undefined || call.features.has(feature)) && forwardOf(call) !== null,
  temporaries: (call) => ({ transforms: transformBytes(forwardOf(call)!) }),
  launches: (call) =>
    launches(tile, forwardOf(call)!, { x: 'x', bias: 'bias', mask: null }, call.attrs.activation === 'relu'),
});

export const winogradInputGradientWasm = (
  tile: Tile,
  feature?: string,
): Variant<'dy' | 'weight' | 'mask?', GradientAttrs> => ({
  name: `conv2d_input_gradient_f32__winograd_${tile}`,
  when: (call) => (feature === undefined || call.features.has(feature)) && inputGradientOf(call) !== null,
  temporaries: (call) => ({ transforms: transformBytes(inputGradientOf(call)!) }),
  launches: (call) =>
    launches(
      tile,
      inputGradientOf(call)!,
      { x: 'dy', bias: null, mask: call.types.mask ? 'mask' : null },
      false,
    ),
});
