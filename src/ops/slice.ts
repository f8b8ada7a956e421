import { applyWith } from '../apply.js';
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kind, type Kinds, listOf, orNull, whole, wholes } from '../kinds.js';
import { type Fold, f32, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, showShape, stridesOf } from '../shape.js';
import { full } from './fill.js';
import { stridedCopy } from './strided.js';

type Ends = readonly (number | null)[];

export interface SliceOptions {
  /**
   * First index along each axis; a negative one counts from the end. Null, and leaving the list out, mean the end at
   * which a walk by `step` begins: the first element, or the last where the step is negative.
   */
  readonly start?: Ends;
  /** One past the last index along each axis, in the direction of the step; null means as far as it goes. */
  readonly end?: Ends;
  /** Distance from one element to the next along each axis, default 1; negative ones walk backwards. */
  readonly step?: readonly number[];
}

const ends: Kind<Ends> = listOf(orNull(whole), 'a list of whole numbers and null');
export const sliceKinds: Kinds<SliceOptions> = { start: ends, end: ends, step: wholes };

/** Along each axis the first index, the distance to the next, and how many there are. */
interface SliceAttrs {
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly count: readonly number[];
}

/** First index and number of indices of from : to : step along an axis, or null where it leaves the axis. */
function walk(size: number, from: number | null, to: number | null, step: number): [number, number] | null {
  const turn = (index: number) => (index < 0 ? index + size : index);
  const first = from === null ? (step > 0 ? 0 : size - 1) : turn(from);
  const last = to === null ? (step > 0 ? size : -1) : turn(to);
  const [low, high] = step > 0 ? [first, last] : [last + 1, first + 1];
  const fits = Number.isInteger(low) && Number.isInteger(high) && 0 <= low && low <= high && high <= size;
  return fits ? [first, Math.ceil((high - low) / Math.abs(step))] : null;
}

function sliceAttributes(options: SliceOptions | undefined, { x }: { x: TensorType }): SliceAttrs {
  const rank = x.shape.length;
  const {
    start = Array(rank).fill(null),
    end = Array(rank).fill(null),
    step,
  } = options ?? fail('slice', 'needs options { start, end, step }');
  const steps = step ?? (Array(rank).fill(1) as number[]);
  if (!steps.every((one) => Number.isInteger(one) && one !== 0))
    fail('slice', `step must hold whole numbers other than 0, got [${steps.join(',')}]`);
  const walks = x.shape.map((size, axis) =>
    walk(size, start[axis] ?? null, end[axis] ?? null, steps[axis] ?? 1),
  );
  const lengths = [start, end, steps].every(({ length }) => length === rank);
  const found = walks.filter((one) => one !== null);
  if (!lengths || found.length < rank) {
    const stepped = step ? ` by step [${step.join(',')}]` : '';
    fail(
      'slice',
      `start [${shown(start)}] and end [${shown(end)}]${stepped} don't fit x ${showShape(x.shape)}`,
    );
  }
  // Where there is nothing to read, where it would begin is of no matter.
  return {
    start: found.map(([first, count]) => (count === 0 ? 0 : first)),
    step: found.map(([, count], axis) => (count < 2 ? 1 : steps[axis]!)),
    count: found.map(([, count]) => count),
  };
}

const shown = (ends: Ends): string => ends.map(String).join(',');

/** Strides and offset of the elements that a slice reads of a tensor of `shape`. */
function places(shape: Shape, { start, step }: Pick<SliceAttrs, 'start' | 'step'>) {
  const strides = stridesOf(shape);
  return {
    strides: strides.map((stride, axis) => stride * step[axis]!),
    offset: start.reduce((offset, first, axis) => offset + first * strides[axis]!, 0),
  };
}

/**
 * A box of x: along every axis the elements from `start` to before `end`, every `step`th of them.
 *
 * As in Python, but that an index outside of x is an error and not moved to its edge.
 */
export const slice = defineOp({
  name: 'slice',
  summary: 'y = x[start : end : step] along every axis',
  inputs: ['x'],
  kinds: sliceKinds,
  attributes: sliceAttributes,
  infer: ({ x }, { count }) => ({ shape: count, dtype: x.dtype }),
  ...stridedCopy<SliceAttrs>('slice', (x, attrs, y) => {
    const { strides, offset } = places(x.shape, attrs);
    return { shape: y.shape, xStrides: strides, xOffset: offset, yStrides: stridesOf(y.shape) };
  }),
  backward: {
    // A slice that only turns axes round is its own inverse.
    x: ({ grad, x, attrs }): Value =>
      sameShape(attrs.count, x.shape)
        ? applyWith(slice.op, [grad], { ...attrs })[0]!
        : sliceBackward(grad, { shape: x.shape, start: attrs.start, step: attrs.step }),
  },
  // What is the same everywhere is made in the shape that is wanted, as the zeros that layers start from.
  folds: ({ x }, { count: shape }): Fold | null =>
    x.node?.op === full.op
      ? { without: x, outputs: [applyWith(full.op, [], { ...x.node.attrs, shape })[0]!] }
      : null,
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [7] } }, options: { start: [2], end: [5] } },
    { inputs: { x: { shape: [3, 4, 9] } }, options: { start: [1, 0, -4], end: [3, 4, -1] } },
    {
      inputs: { x: { shape: [6, 2], dtype: 'i32', domain: [-5, 5] } },
      options: { start: [5, 0], end: [6, 2] },
    },
    { inputs: { x: { shape: [11, 5] } }, options: { start: [1, 4], end: [null, 0], step: [3, -2] } },
    { inputs: { x: { shape: [2, 4, 3] } }, options: { step: [1, -1, -1] } },
    { inputs: { x: { shape: [9], dtype: 'bool' } }, options: { start: [-1], end: [null], step: [-4] } },
    { inputs: { x: { shape: [3, 2] } }, options: { start: [2, 0], end: [2, 2], step: [-1, 1] } },
  ],
  errors: [
    {
      types: { x: f32([3, 4]) },
      options: { start: [0, 2], end: [3, 5] },
      message: "slice: start [0,2] and end [3,5] don't fit x [3,4]",
    },
    {
      types: { x: f32([5]) },
      options: { start: [1], end: [null, 4], step: [-1] },
      message: "slice: start [1] and end [null,4] by step [-1] don't fit x [5]",
    },
    {
      types: { x: f32([5]) },
      options: { start: [1], end: [4], step: [-1] },
      message: "slice: start [1] and end [4] by step [-1] don't fit x [5]",
    },
    {
      types: { x: f32([5]) },
      options: { step: [0] },
      message: 'slice: step must hold whole numbers other than 0, got [0]',
    },
    { types: { x: f32([5]) }, message: 'slice: needs options { start, end, step }' },
  ],
});

export interface SliceBackwardOptions {
  /** Shape of what was sliced. */
  readonly shape: Shape;
  readonly start: readonly number[];
  readonly step: readonly number[];
}

export const sliceBackwardKinds: Kinds<SliceBackwardOptions> = { shape: wholes, start: wholes, step: wholes };

/** A tensor of zeros with x at those of its places that a slice reads: the slice's gradient. */
export const sliceBackward = defineOp({
  name: 'sliceBackward',
  summary: 'y = 0, but y[start : : step] = x',
  inputs: ['x'],
  kinds: sliceBackwardKinds,
  attributes(options: SliceBackwardOptions | undefined, { x }) {
    const { shape, start, step } = options ?? fail('sliceBackward', 'needs options { shape, start, step }');
    const rank = x.shape.length;
    const inside = x.shape.every((count, axis) => {
      const [size = 0, first = -1, by = 0] = [shape[axis], start[axis], step[axis]];
      const last = first + (count - 1) * by;
      return count === 0 || (by !== 0 && Math.min(first, last) >= 0 && Math.max(first, last) < size);
    });
    if (!inside || [shape, start, step].some(({ length }) => length !== rank)) {
      const where = `start [${start.join(',')}] and step [${step.join(',')}]`;
      fail('sliceBackward', `x ${showShape(x.shape)} at ${where} doesn't fit ${showShape(shape)}`);
    }
    return { shape, start, step };
  },
  infer: ({ x }, { shape }) => ({ shape, dtype: x.dtype }),
  ...stridedCopy<SliceBackwardOptions>(
    'slice_backward',
    (x, attrs) => {
      const { strides, offset } = places(attrs.shape, attrs);
      return { shape: x.shape, xStrides: stridesOf(x.shape), yStrides: strides, yOffset: offset };
    },
    'zero',
  ),
  backward: {
    x: ({ grad, x, attrs: { start, step } }): Value =>
      applyWith(slice.op, [grad], { start, step, count: x.shape })[0]!,
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3] } }, options: { shape: [7], start: [2], step: [1] } },
    { inputs: { x: { shape: [4, 2] } }, options: { shape: [11, 5], start: [1, 4], step: [3, -2] } },
    {
      inputs: { x: { shape: [2, 1, 3], dtype: 'i32', domain: [-5, 5] } },
      options: { shape: [2, 4, 3], start: [0, 3, 2], step: [1, 1, -1] },
    },
  ],
  errors: [
    {
      types: { x: f32([3]) },
      options: { shape: [6], start: [2], step: [2] },
      message: "sliceBackward: x [3] at start [2] and step [2] doesn't fit [6]",
    },
    { types: { x: f32([3]) }, message: 'sliceBackward: needs options { shape, start, step }' },
  ],
});
