import { fail } from '../errors.js';
import { type Kinds, whole } from '../kinds.js';
import type { Launch, RefTensor, TensorType } from '../op.js';
import { forEachOffset, normalizeAxis, type Shape, showShape, sizeOf, stridesOf } from '../shape.js';
import { elementUnits, walkParams } from './common.js';

export interface AxisOptions {
  /** The axis that the index runs along; negative axes count from the end. */
  readonly axis: number;
}

export const axisKinds: Kinds<AxisOptions> = { axis: whole };

export interface AxisAttrs {
  readonly axis: number;
}

export const axisAttrs = (name: string, options: AxisOptions | undefined, x: TensorType): AxisAttrs => ({
  axis: normalizeAxis(name, (options ?? fail(name, 'needs options { axis }')).axis, x.shape.length),
});

/**
 * Places in a table that an index tensor names: position p stands for element p · tableStrides + k · axisStride of the
 * table, where k = index[p · indexStrides] is one of `axisSize` places along the table's axis.
 */
interface IndexedWalk {
  readonly shape: Shape;
  readonly axis: number;
  readonly indexStrides: readonly number[];
  /** 0 along the axis. */
  readonly tableStrides: readonly number[];
  readonly axisSize: number;
  readonly axisStride: number;
}

/** Every element of the index names a place on its own line along the axis. */
export function elementWalk(table: Shape, index: Shape, axis: number): IndexedWalk {
  const strides = stridesOf(table);
  return {
    shape: index,
    axis,
    indexStrides: stridesOf(index),
    tableStrides: strides.with(axis, 0),
    axisSize: table[axis]!,
    axisStride: strides[axis]!,
  };
}

/** Each of `count` indices names a whole slice of the table across the axis. */
export function sliceWalk(table: Shape, count: number, axis: number): IndexedWalk {
  const strides = stridesOf(table);
  return {
    shape: table.with(axis, count),
    axis,
    indexStrides: table.map((_, k) => Number(k === axis)),
    tableStrides: strides.with(axis, 0),
    axisSize: table[axis]!,
    axisStride: strides[axis]!,
  };
}

/** Where element number `at` of a tensor of this shape lies. */
export const positionOf = (shape: Shape, at: number): number[] =>
  stridesOf(shape).map((stride, axis) => Math.floor(at / stride) % shape[axis]!);

/** What is wrong with element number `at` of `index`; `table` is the indexed input's name. */
export function indexFault(
  table: string,
  types: Readonly<Record<string, TensorType>>,
  index: string,
  axis: number,
  [at, value]: readonly [number, number],
): string {
  const [indexed, indices] = [types[table]!, types[index]!];
  return (
    `${index} ${value | 0} at ${showShape(positionOf(indices.shape, at))} is outside axis ${axis} of ${table}, ` +
    `${table} is ${showShape(indexed.shape)}, ${index} is ${showShape(indices.shape)}`
  );
}

type Report = (detail: readonly [number, number]) => string;

function checked(name: string, index: RefTensor, at: number, size: number, report: Report): number {
  const value = index.data[at]!;
  if (value < 0 || value >= size) fail(name, report([at, value]));
  return value;
}

/** y[p] = table at the place that position p stands for. */
export function gatherReference(
  name: string,
  walk: IndexedWalk,
  table: RefTensor,
  index: RefTensor,
  report: Report,
): Float64Array {
  const y = new Float64Array(sizeOf(walk.shape));
  forEachOffset(walk.shape, [walk.indexStrides, walk.tableStrides], (n, [i, t]) => {
    y[n] = table.data[t! + checked(name, index, i!, walk.axisSize, report) * walk.axisStride]!;
  });
  return y;
}

export interface Scatter extends IndexedWalk {
  readonly sourceStrides: readonly number[];
  /** What each element of the source is multiplied by. */
  readonly scale: number;
  /** An index whose elements are left out; -1 for none. */
  readonly skip: number;
}

/** Adds scale · source[p] to `y` at the place that position p stands for. */
export function scatterReference(
  name: string,
  scatter: Scatter,
  y: Float64Array,
  index: RefTensor,
  source: RefTensor,
  report: Report,
): Float64Array {
  const { shape, indexStrides, tableStrides, sourceStrides, axisSize, axisStride, scale, skip } = scatter;
  forEachOffset(shape, [indexStrides, tableStrides, sourceStrides], (_, [i, t, s]) => {
    const k = checked(name, index, i!, axisSize, report);
    if (k !== skip) y[t! + k * axisStride]! += scale * source.data[s!]!;
  });
  return y;
}

/** Reads a table of any dtype; operands by name. */
export function gatherLaunch(
  backend: 'wasm' | 'webgpu',
  [table, index]: readonly [string, string],
  walk: IndexedWalk,
): Launch {
  const { shape, indexStrides, tableStrides, axisSize, axisStride } = walk;
  return {
    kernel: 'gather__strided',
    operands: [table, index, 'output', 'fault'],
    params: {
      ...walkParams(shape, { indexStrides, xStrides: tableStrides }),
      axisSize,
      axisStride,
    },
    units: elementUnits(sizeOf(shape), backend),
  };
}

/** Lines along the axis that one wasm unit adds up; assembly/scatter.ts counts with the same number. */
const LINES = 64;

/**
 * Adds to what `output` holds already. On wasm a unit owns lines of the output along the axis and adds in the index's
 * order; on webgpu a chain leads from the first element of an index to the next of the same index, and one invocation
 * follows it in that order. Both give the same bits at every run.
 */
export function scatterLaunches(
  backend: 'wasm' | 'webgpu',
  [index, source]: readonly [string, string],
  indexShape: Shape,
  scatter: Scatter,
): Launch[] {
  const { shape, axis, indexStrides, tableStrides, sourceStrides, axisSize, axisStride } = scatter;
  const { scale, skip } = scatter;
  const steps = {
    indexStep: indexStrides[axis]!,
    sourceStep: sourceStrides[axis]!,
    axisStride,
    scale,
  };
  const length = shape[axis]!;
  if (backend === 'wasm') {
    const [lines, ...strides] = [shape, indexStrides, sourceStrides, tableStrides].map((list) =>
      list.toSpliced(axis, 1),
    ) as [number[], number[], number[], number[]];
    const params = walkParams(lines, {
      indexStrides: strides[0]!,
      sourceStrides: strides[1]!,
      yStrides: strides[2]!,
    });
    return [
      {
        kernel: 'scatter_add_f32__lines',
        operands: [index, source, 'output', 'fault'],
        params: { ...params, ...steps, length, axisSize, skip },
        units: Math.ceil(sizeOf(lines) / LINES),
      },
    ];
  }
  const size = sizeOf(indexShape);
  return [
    {
      kernel: 'scatter_chain',
      operands: [index, 'chain', 'fault'],
      params: { size, length, step: steps.indexStep, axisSize, skip },
      units: size,
    },
    {
      kernel: 'scatter_add_f32__chain',
      operands: [index, 'chain', source, 'output'],
      params: {
        ...walkParams(shape, { indexStrides, sourceStrides, yStrides: tableStrides }),
        ...steps,
      },
      units: sizeOf(shape),
    },
  ];
}

/** Bytes of what {@link scatterLaunches} needs beside its operands. */
export const scatterTemporaries = (backend: 'wasm' | 'webgpu', indexShape: Shape): Record<string, number> =>
  backend === 'wasm' ? {} : { chain: 4 * sizeOf(indexShape) };
