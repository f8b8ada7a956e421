import { fail } from '../errors.js';
import { flag, type Kinds, number } from '../kinds.js';
import { expectDType, type TensorType } from '../op.js';
import { sameShape, showShape } from '../shape.js';
import { expectRank } from './common.js';
import { type Layout, layoutOf, type StandardizeAttrs } from './standardize_layout.js';
import type { WalkParams } from './standardize_webgpu.js';

export interface StandardizeOptions {
  readonly eps: number;
  readonly centred?: boolean;
  readonly overBatch?: boolean;
}

export const standardizeKinds: Kinds<StandardizeOptions> = { eps: number, centred: flag, overBatch: flag };

export const AXES = '[batch, groups, channels, plane]';

export const complete = (name: string, options: StandardizeOptions | undefined): StandardizeAttrs => {
  if (!options) fail(name, 'needs options { eps }');
  return { eps: options.eps, centred: options.centred ?? true, overBatch: options.overBatch ?? false };
};

/** Refuses an x that is not [batch, groups, channels, plane], and weights that don't fit it. */
export function check(
  name: string,
  x: TensorType,
  affine: Readonly<Record<string, TensorType | null>>,
  attrs: StandardizeAttrs,
): Layout {
  expectDType(name, { x, ...affine }, 'f32');
  expectRank(name, 'x', x, 4, AXES);
  const layout = layoutOf(x.shape, attrs.overBatch);
  if (attrs.overBatch && layout.channels !== 1)
    fail(name, `rows over the batch have one channel per group, x is ${showShape(x.shape)}`);
  for (const [input, type] of Object.entries(affine)) {
    const wanted = [layout.groups * layout.channels];
    if (type && !sameShape(type.shape, wanted))
      fail(name, `${input} must be ${showShape(wanted)}, it is ${showShape(type.shape)}`);
  }
  return layout;
}

const NO_WALK: WalkParams = {
  lanes: 0,
  walkBlocks: 0,
  walkStep: 0,
  walkRun: 0,
  walkStride: 0,
  walkParts: 0,
  partBlocks: 0,
  byElement: 0,
};

export const paramsOf = (
  layout: Layout,
  { eps, centred, overBatch }: StandardizeAttrs,
  has: { readonly weight: TensorType | null; readonly bias?: TensorType | null },
  together = 0,
  walk: WalkParams = NO_WALK,
) => {
  const { batch, rows, blocks, run, step, groups, channels, plane, count } = layout;
  return {
    batch,
    rows,
    blocks,
    run,
    step,
    groups,
    channels,
    plane,
    eps,
    scale: 1 / Math.max(count, 1),
    centred: Number(centred),
    overBatch: Number(overBatch),
    hasWeight: Number(has.weight !== null),
    hasBias: Number((has.bias ?? null) !== null),
    together,
    ...walk,
  };
};

/** Numbers of which the first `few` say little about the others: the kernel measures from a mean and has to move it. */
const steps = (count: number, few: number): number[] =>
  Array.from({ length: count }, (_, i) => (i < few ? 0 : 3) + ((i * 37) % 101) / 101);

/** x, whether there are weights, and options: rows of one element, tails, and a mean that dwarfs the spread. */
export const cases: readonly {
  readonly shape: readonly number[];
  readonly affine?: 'both' | 'weight';
  readonly domain?: readonly [number, number];
  readonly values?: readonly number[];
  readonly options: StandardizeOptions;
}[] = [
  { shape: [1, 1, 1, 1], affine: 'both', options: { eps: 0.01 } },
  { shape: [3, 1, 19, 1], affine: 'both', options: { eps: 1e-5 } },
  { shape: [2, 3, 2, 7], affine: 'both', options: { eps: 1e-3 } },
  { shape: [5, 2, 3, 1], affine: 'weight', options: { eps: 1e-5, centred: false } },
  { shape: [4, 3, 1, 9], affine: 'both', options: { eps: 1e-5, overBatch: true } },
  { shape: [17, 2, 1, 1], options: { eps: 1e-5, overBatch: true } },
  { shape: [9, 7, 1, 1], affine: 'both', options: { eps: 1e-5, overBatch: true } },
  { shape: [3, 259, 1, 1], affine: 'both', options: { eps: 1e-5, overBatch: true } },
  { shape: [11, 1, 5, 1], affine: 'both', options: { eps: 1e-5 } },
  { shape: [2, 3, 1, 67], domain: [999.5, 1000.5], options: { eps: 1e-5 } },
  { shape: [3, 2, 1, 5], affine: 'weight', options: { eps: 0, centred: false, overBatch: true } },
  { shape: [2, 67, 1, 5], affine: 'both', options: { eps: 1e-5, overBatch: true } },
  { shape: [1, 1, 131, 1], values: steps(131, 66), affine: 'both', options: { eps: 1e-5 } },
  { shape: [70, 5, 1, 1], values: steps(350, 160), options: { eps: 1e-5, overBatch: true } },
  { shape: [11, 1, 1, 1], affine: 'both', options: { eps: 0.01 } },
  { shape: [2, 2, 2, 23], affine: 'both', options: { eps: 1e-5 } },
  // Quads of elements: of a row's own weights, of one weight's, of rows in parts.
  { shape: [5, 2, 8, 1], affine: 'both', options: { eps: 1e-5 } },
  { shape: [2, 2, 3, 20], affine: 'both', options: { eps: 1e-5 } },
  { shape: [2, 1, 3, 4], affine: 'both', options: { eps: 1e-5 } },
  { shape: [16, 2, 1, 64], affine: 'both', options: { eps: 1e-5, overBatch: true } },
  { shape: [9, 2, 1, 115], values: steps(2070, 230), options: { eps: 1e-5, overBatch: true } },
  { shape: [9, 1, 1, 115], affine: 'weight', options: { eps: 1e-5, centred: false, overBatch: true } },
  // One row, whose elements are both a column and neighbours.
  { shape: [12, 1, 1, 1], affine: 'both', options: { eps: 1e-5, overBatch: true } },
];

/** Rows of one wasm unit where every row is a column of memory: assembly/standardize_rows.ts has the same number. */
const COLUMNS = 16;

/** One wasm unit is a row, or COLUMNS of them. */
export const rowUnits = ({ rows, plane }: Layout, overBatch: boolean): number =>
  overBatch && plane === 1 ? Math.ceil(rows / COLUMNS) : rows;

/** Rows over the batch that wasm takes together: assembly/standardize_rows.ts has the same number. */
const SLOTS = 64;

/** wasm's private bytes: slots, and behind them `tensors` times the elements of a unit's columns, or what nobody asks for. */
export const scratchOf = ({ batch, plane }: Layout, overBatch: boolean, tensors: number): number =>
  SLOTS * 96 + (overBatch && plane === 1 ? 64 * batch * tensors : 32);
