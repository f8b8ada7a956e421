/** How a GPU walks the rows of normalisation: shaders/standardize.wgsl and its kin. */
import type { Launch } from '../op.js';
import type { RowPlan, Rows } from './row_lanes.js';
import type { paramsOf } from './standardize_call.js';
import type { Layout } from './standardize_layout.js';

/** Stretches shorter than this are left to a walk that finds each element's channel by division. */
const STRETCH = 16;

/** Elements of a row that is worth taking apart, and how many parts of all rows keep a GPU busy. */
const LONG = 1024;
const PARTS = 1024;

/** Fields of the parameter struct that say how a GPU walks; on wasm all are 0. */
export interface WalkParams {
  readonly lanes: number;
  readonly walkBlocks: number;
  readonly walkStep: number;
  readonly walkRun: number;
  readonly walkStride: number;
  readonly walkParts: number;
  readonly partBlocks: number;
  readonly byElement: number;
}

/** Stretches of neighbours: a batch item's channel; all of a row where it is short; a column where every row is one. */
function stretchesOf({ rows, blocks, run, step, channels, plane }: Layout, overBatch: boolean) {
  const byElement = overBatch ? 0 : plane === 1 ? 1 : 2;
  if (overBatch && run === 1)
    return { walkBlocks: 1, walkStep: blocks, walkRun: blocks, walkStride: rows, byElement };
  if (overBatch) return { walkBlocks: blocks, walkStep: step, walkRun: run, walkStride: 1, byElement };
  if (plane >= STRETCH)
    return { walkBlocks: channels, walkStep: plane, walkRun: plane, walkStride: 1, byElement: 0 };
  return { walkBlocks: 1, walkStep: run, walkRun: run, walkStride: 1, byElement };
}

/** Parts of a row over the batch, where rows are few and long. */
export function partsOf(layout: Layout, overBatch: boolean): { walkParts: number; partBlocks: number } {
  const { walkBlocks } = stretchesOf(layout, overBatch);
  const wanted = overBatch && layout.count >= LONG ? Math.ceil(PARTS / Math.max(1, layout.rows)) : 1;
  const partBlocks = Math.ceil(walkBlocks / Math.max(1, Math.min(wanted, walkBlocks)));
  return { walkParts: Math.ceil(walkBlocks / partBlocks) || 1, partBlocks };
}

/** The rows, or their parts, as lanes are shared out. Quads must have one channel, or four whose weights are neighbours. */
export function gpuRows(layout: Layout, overBatch: boolean): Rows {
  const { walkRun, walkStride } = stretchesOf(layout, overBatch);
  const { walkParts } = partsOf(layout, overBatch);
  const quads = layout.plane === 1 || layout.plane % 4 === 0;
  return {
    rows: layout.rows * walkParts,
    length: walkRun,
    inner: quads ? walkStride : Math.max(2, walkStride),
  };
}

export function walkParams(layout: Layout, overBatch: boolean, { wide, lanes }: RowPlan): WalkParams {
  const walk = stretchesOf(layout, overBatch);
  const width = wide ? 4 : 1;
  return {
    ...walk,
    ...partsOf(layout, overBatch),
    lanes,
    walkRun: walk.walkRun / width,
    walkStep: walk.walkStep / width,
  };
}

/** Batch items of a part of columns whose sums are gradients, and how many parts there are. */
function columnParts(layout: Layout, wide: boolean) {
  const columns = (layout.groups * layout.channels) / (wide ? 4 : 1);
  const wanted = Math.min(layout.batch, Math.ceil((16 * PARTS) / Math.max(1, columns)), 64);
  const partBlocks = Math.max(1, Math.ceil(layout.batch / Math.max(1, wanted)));
  return { columns, partBlocks, walkParts: Math.ceil(layout.batch / partBlocks) };
}

/** Bytes of the sums that parts leave for the gradients of weight and bias, or for a row. */
export const sumBytes = (layout: Layout, overBatch: boolean): number =>
  overBatch
    ? 8 * layout.rows * partsOf(layout, overBatch).walkParts
    : 8 * layout.groups * layout.channels * columnParts(layout, quadColumns(layout)).walkParts;

const quadColumns = ({ channels }: Layout): boolean => channels % 4 === 0;

/** The launch that joins sums to the gradients of weight and bias. */
export const joinLaunch = (
  channels: number,
  parts: number,
  byRow: boolean,
  [dweight, dbias]: readonly [string, string],
): Launch => ({
  kernel: 'standardize_join_f32',
  operands: ['sums', dweight, dbias],
  params: { channels, parts, byRow: Number(byRow) },
  units: channels,
});

/** The gradients of weight and bias where every element of a row has its own: by columns, then their parts. */
export function columnLaunches(
  layout: Layout,
  params: ReturnType<typeof paramsOf>,
  outputs: readonly [string, string],
): Launch[] {
  const wide = quadColumns(layout);
  const { columns, partBlocks, walkParts } = columnParts(layout, wide);
  const channels = layout.groups * layout.channels;
  return [
    {
      kernel: `standardize_affine_columns_f32${wide ? '__4' : ''}`,
      operands: ['dy', 'x', 'mean', 'variance', 'sums'],
      params: { ...params, partBlocks, walkParts },
      units: columns * walkParts,
    },
    joinLaunch(channels, walkParts, false, outputs),
  ];
}
