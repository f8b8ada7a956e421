import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholeOrWholes } from '../kinds.js';
import { f32, type RefTensor, type TensorType, type Value } from '../op.js';
import { normalizeAxis } from '../shape.js';
import { permute } from './layout.js';
import { pick } from './strided.js';

/** What an op says whose result is x with its axes in another order. */
const permuted = {
  inputs: ['x'] as const,
  compose: ({ x }: { x: Value }, { axes }: { axes: readonly number[] }): Value => permute(x, { axes }),
  reference: ({ x }: { x: RefTensor }, { axes }: { axes: readonly number[] }) =>
    pick(
      x,
      axes.map((axis) => x.shape[axis]!),
      (position) => axes.map((_, axis) => position[axes.indexOf(axis)]!),
    ),
  linear: ['x'] as const,
};

export interface TransposeOptions {
  readonly axis0: number;
  readonly axis1: number;
}

export const transposeKinds: Kinds<TransposeOptions> = { axis0: whole, axis1: whole };

/** x with two axes exchanged. */
export const transpose = defineComposition({
  name: 'transpose',
  summary: 'y = x with two axes exchanged',
  ...permuted,
  kinds: transposeKinds,
  attributes(options: TransposeOptions | undefined, { x }) {
    const { axis0, axis1 } = options ?? fail('transpose', 'needs options { axis0, axis1 }');
    const rank = x.shape.length;
    const [a, b] = [axis0, axis1].map((axis) => normalizeAxis('transpose', axis, rank));
    return { axes: x.shape.map((_, axis) => (axis === a ? b! : axis === b ? a! : axis)) };
  },
  samples: [
    { inputs: { x: { shape: [5, 3] } }, options: { axis0: 0, axis1: 1 } },
    { inputs: { x: { shape: [2, 3, 4, 5] } }, options: { axis0: -1, axis1: 1 } },
    { inputs: { x: { shape: [3, 2], dtype: 'i32' } }, options: { axis0: 1, axis1: -1 } },
  ],
  errors: [
    { types: { x: f32([2, 3]) }, message: 'transpose: needs options { axis0, axis1 }' },
    {
      types: { x: f32([2, 3]) },
      options: { axis0: 0, axis1: 2 },
      message: 'transpose: axis 2 is outside a tensor of rank 2',
    },
  ],
});

export interface MoveAxisOptions {
  /** The axes to move. */
  readonly source: number | readonly number[];
  /** Where each of them stands in the result. */
  readonly destination: number | readonly number[];
}

export const moveAxisKinds: Kinds<MoveAxisOptions> = { source: wholeOrWholes, destination: wholeOrWholes };

const axisList = (axes: number | readonly number[], { shape }: TensorType): number[] => {
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) =>
    normalizeAxis('moveAxis', axis, shape.length),
  );
  if (new Set(list).size !== list.length)
    fail('moveAxis', `axes [${[axes].flat().join(',')}] name an axis twice`);
  return list;
};

/** x with axes moved to other places; the others keep their order. */
export const moveAxis = defineComposition({
  name: 'moveAxis',
  summary: 'y = x with axes moved to other places',
  ...permuted,
  kinds: moveAxisKinds,
  attributes(options: MoveAxisOptions | undefined, { x }) {
    const { source, destination } = options ?? fail('moveAxis', 'needs options { source, destination }');
    const [from, to] = [axisList(source, x), axisList(destination, x)];
    if (from.length !== to.length)
      fail('moveAxis', `source names ${from.length} axes, destination ${to.length}`);
    const staying = x.shape.map((_, axis) => axis).filter((axis) => !from.includes(axis));
    return {
      axes: x.shape.map((_, place) => (to.includes(place) ? from[to.indexOf(place)]! : staying.shift()!)),
    };
  },
  samples: [
    { inputs: { x: { shape: [2, 3, 4] } }, options: { source: 0, destination: -1 } },
    { inputs: { x: { shape: [2, 3, 4, 5] } }, options: { source: [3, 0], destination: [0, 2] } },
    { inputs: { x: { shape: [2, 3, 1], dtype: 'bool' } }, options: { source: [1], destination: [0] } },
  ],
  errors: [
    { types: { x: f32([2, 3]) }, message: 'moveAxis: needs options { source, destination }' },
    {
      types: { x: f32([2, 3]) },
      options: { source: 0, destination: 2 },
      message: 'moveAxis: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([2, 3]) },
      options: { source: [0, 1], destination: [0] },
      message: 'moveAxis: source names 2 axes, destination 1',
    },
    {
      types: { x: f32([2, 3]) },
      options: { source: [0, -2], destination: [0, 1] },
      message: 'moveAxis: axes [0,-2] name an axis twice',
    },
  ],
});
