import { applyWith } from '../apply.js';
import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholeOrWholes } from '../kinds.js';
import { f32, type Value } from '../op.js';
import { normalizeAxes, normalizeAxis, showShape } from '../shape.js';
import { expectWhole } from './common.js';
import { reshape } from './layout.js';
import { slice } from './slice.js';
import { pick } from './strided.js';

/** The slice of one axis from `first` on. */
function alongAxis(x: Value, axis: number, first: number, count: number): Value {
  return applyWith(slice.op, [x], {
    start: x.shape.map((_, k) => (k === axis ? first : 0)),
    step: x.shape.map(() => 1),
    count: x.shape.with(axis, count),
  })[0]!;
}

export interface SelectOptions {
  readonly axis: number;
  /** A negative index counts from the end. */
  readonly index: number;
}

export const selectKinds: Kinds<SelectOptions> = { axis: whole, index: whole };

/** One index of an axis; the axis goes. */
export const select = defineComposition({
  name: 'select',
  summary: 'y = x at one index of an axis, which goes',
  inputs: ['x'],
  kinds: selectKinds,
  attributes(options: SelectOptions | undefined, { x }) {
    const given = options ?? fail('select', 'needs options { axis, index }');
    const axis = normalizeAxis('select', given.axis, x.shape.length);
    const size = x.shape[axis]!;
    const index = given.index < 0 ? given.index + size : given.index;
    if (!Number.isInteger(index) || index < 0 || index >= size)
      fail('select', `index ${given.index} is outside axis ${axis} of x ${showShape(x.shape)}`);
    return { axis, index };
  },
  compose: ({ x }, { axis, index }) =>
    reshape(alongAxis(x, axis, index, 1), { shape: x.shape.toSpliced(axis, 1) }),
  reference: ({ x }, { axis, index }) =>
    pick(x, x.shape.toSpliced(axis, 1), (position) => position.toSpliced(axis, 0, index)),
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 4] } }, options: { axis: 1, index: 2 } },
    { inputs: { x: { shape: [2, 3, 5], dtype: 'i32', domain: [-9, 9] } }, options: { axis: -2, index: -1 } },
    { inputs: { x: { shape: [3] } }, options: { axis: 0, index: 0 } },
  ],
  errors: [
    { types: { x: f32([3, 4]) }, message: 'select: needs options { axis, index }' },
    {
      types: { x: f32([3, 4]) },
      options: { axis: 2, index: 0 },
      message: 'select: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([3, 4]) },
      options: { axis: 0, index: -4 },
      message: 'select: index -4 is outside axis 0 of x [3,4]',
    },
  ],
});

export interface NarrowOptions {
  readonly axis: number;
  /** The first index kept; a negative one counts from the end. */
  readonly start: number;
  /** How many indices are kept. */
  readonly length: number;
}

export const narrowKinds: Kinds<NarrowOptions> = { axis: whole, start: whole, length: whole };

/** `length` indices of an axis from `start` on. */
export const narrow = defineComposition({
  name: 'narrow',
  summary: 'y = `length` indices of an axis of x from `start` on',
  inputs: ['x'],
  kinds: narrowKinds,
  attributes(options: NarrowOptions | undefined, { x }) {
    const given = options ?? fail('narrow', 'needs options { axis, start, length }');
    const axis = normalizeAxis('narrow', given.axis, x.shape.length);
    const size = x.shape[axis]!;
    const length = expectWhole('narrow', 'length', given.length, 0);
    const start = given.start < 0 ? given.start + size : given.start;
    if (!Number.isInteger(start) || start < 0 || start + length > size) {
      const range = `${length} indices from ${given.start} on`;
      fail('narrow', `${range} are outside axis ${axis} of x ${showShape(x.shape)}`);
    }
    return { axis, start, length };
  },
  compose: ({ x }, { axis, start, length }) => alongAxis(x, axis, start, length),
  reference: ({ x }, { axis, start, length }) =>
    pick(x, x.shape.with(axis, length), (position) => position.with(axis, position[axis]! + start)),
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 7] } }, options: { axis: -1, start: 2, length: 3 } },
    { inputs: { x: { shape: [5, 2], dtype: 'bool' } }, options: { axis: 0, start: -2, length: 2 } },
    { inputs: { x: { shape: [2, 3] } }, options: { axis: 1, start: 3, length: 0 } },
  ],
  errors: [
    { types: { x: f32([3, 4]) }, message: 'narrow: needs options { axis, start, length }' },
    {
      types: { x: f32([3, 4]) },
      options: { axis: 2, start: 0, length: 1 },
      message: 'narrow: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([3, 4]) },
      options: { axis: 1, start: 2, length: 3 },
      message: 'narrow: 3 indices from 2 on are outside axis 1 of x [3,4]',
    },
    {
      types: { x: f32([3, 4]) },
      options: { axis: 1, start: 2, length: -1 },
      message: 'narrow: length must be a whole number of at least 0, got -1',
    },
  ],
});

export interface FlipOptions {
  /** The axes to turn round. */
  readonly axes: number | readonly number[];
}

export const flipKinds: Kinds<FlipOptions> = { axes: wholeOrWholes };

/** x with the order of its elements turned round along the axes. */
export const flip = defineComposition({
  name: 'flip',
  summary: 'y = x turned round along axes',
  inputs: ['x'],
  kinds: flipKinds,
  attributes(options: FlipOptions | undefined, { x }) {
    const { axes } = options ?? fail('flip', 'needs options { axes }');
    return { axes: normalizeAxes('flip', axes, x.shape.length) };
  },
  compose: ({ x }, { axes }) => slice(x, { step: x.shape.map((_, axis) => (axes.includes(axis) ? -1 : 1)) }),
  reference: ({ x }, { axes }) =>
    pick(x, x.shape, (position) =>
      position.map((p, axis) => (axes.includes(axis) ? x.shape[axis]! - 1 - p : p)),
    ),
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 5] } }, options: { axes: 1 } },
    { inputs: { x: { shape: [2, 3, 4] } }, options: { axes: [0, -1] } },
    { inputs: { x: { shape: [67], dtype: 'i32', domain: [-99, 99] } }, options: { axes: 0 } },
    { inputs: { x: { shape: [3, 2, 1], dtype: 'bool' } }, options: { axes: [0, 1, 2] } },
    { inputs: { x: { shape: [2, 3] } }, options: { axes: [] } },
  ],
  errors: [
    { types: { x: f32([2, 3]) }, message: 'flip: needs options { axes }' },
    {
      types: { x: f32([2, 3]) },
      options: { axes: 2 },
      message: 'flip: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([2, 3]) },
      options: { axes: [1, -1] },
      message: 'flip: axes [1,-1] name an axis twice',
    },
  ],
});
