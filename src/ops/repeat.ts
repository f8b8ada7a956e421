import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholes } from '../kinds.js';
import { f32, type Value } from '../op.js';
import { checkShape, normalizeAxis, showShape, sizeOf } from '../shape.js';
import { expectWhole } from './common.js';
import { broadcastTo, reshape } from './layout.js';
import { pick } from './strided.js';

/** x repeated so many times along each of its axes: by one broadcast where eight axes are enough for it. */
function tile(x: Value, repeats: readonly number[]): Value {
  const before: number[] = [];
  const wide: number[] = [];
  x.shape.forEach((size, axis) => {
    const count = repeats[axis]!;
    if (count === 1 && before.length > 0) {
      before.push(before.pop()! * size);
      wide.push(wide.pop()! * size);
    } else {
      before.push(...(count === 1 ? [size] : [1, size]));
      wide.push(...(count === 1 ? [size] : [count, size]));
    }
  });
  if (wide.length > 8) {
    const repeated = x.shape.map((_, axis) => axis).filter((axis) => repeats[axis] !== 1);
    const middle = repeated[repeated.length >> 1]!;
    const inner = tile(
      x,
      repeats.map((count, axis) => (axis < middle ? 1 : count)),
    );
    return tile(
      inner,
      repeats.map((count, axis) => (axis < middle ? count : 1)),
    );
  }
  const spread = broadcastTo(reshape(x, { shape: before }), { shape: wide });
  return reshape(spread, { shape: x.shape.map((size, axis) => size * repeats[axis]!) });
}

export interface RepeatOptions {
  /** How often x is repeated along each axis; numbers beyond x's rank are for new leading axes. */
  readonly repeats: readonly number[];
}

export const repeatKinds: Kinds<RepeatOptions> = { repeats: wholes };

/** Copies of x next to each other along each axis. */
export const repeat = defineComposition({
  name: 'repeat',
  summary: 'y = copies of x next to each other along each axis',
  inputs: ['x'],
  kinds: repeatKinds,
  attributes(options: RepeatOptions | undefined, { x }) {
    const { repeats } = options ?? fail('repeat', 'needs options { repeats }');
    for (const count of repeats) expectWhole('repeat', 'repeats', count, 0);
    if (repeats.length < x.shape.length)
      fail(
        'repeat',
        `repeats [${repeats.join(',')}] must have a number for each axis of x ${showShape(x.shape)}`,
      );
    checkShape('repeat', repeats);
    return { repeats };
  },
  compose({ x }, { repeats }) {
    const lead = Array<number>(repeats.length - x.shape.length).fill(1);
    return tile(reshape(x, { shape: [...lead, ...x.shape] }), repeats);
  },
  reference({ x }, { repeats }, [y]) {
    const lead = repeats.length - x.shape.length;
    return pick(x, y!.shape, (position) => x.shape.map((size, axis) => position[lead + axis]! % size));
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 2] } }, options: { repeats: [2, 3] } },
    { inputs: { x: { shape: [2, 3] } }, options: { repeats: [2, 1, 1, 2] } },
    { inputs: { x: { shape: [2, 1, 2, 1, 2] } }, options: { repeats: [2, 3, 2, 2, 2] } },
    { inputs: { x: { shape: [2, 3], dtype: 'i32', domain: [-9, 9] } }, options: { repeats: [1, 1] } },
    { inputs: { x: { shape: [] } }, options: { repeats: [3] } },
    { inputs: { x: { shape: [2, 2] } }, options: { repeats: [0, 2] } },
  ],
  errors: [
    { types: { x: f32([3]) }, message: 'repeat: needs options { repeats }' },
    {
      types: { x: f32([3]) },
      options: { repeats: [-1] },
      message: 'repeat: repeats must be a whole number of at least 0, got -1',
    },
    {
      types: { x: f32([3, 2]) },
      options: { repeats: [2] },
      message: 'repeat: repeats [2] must have a number for each axis of x [3,2]',
    },
    {
      types: { x: f32([3]) },
      options: { repeats: [1, 1, 1, 1, 1, 1, 1, 1, 2] },
      message: 'repeat: shape [1,1,1,1,1,1,1,1,2] has more than 8 axes',
    },
  ],
});

export interface RepeatInterleaveOptions {
  /** How often each element is repeated. */
  readonly repeats: number;
  /** Along which axis; default: x becomes a list of all its elements first. */
  readonly axis?: number;
}

export const repeatInterleaveKinds: Kinds<RepeatInterleaveOptions> = { repeats: whole, axis: whole };

/** Each element of x so many times in a row along an axis. */
export const repeatInterleave = defineComposition({
  name: 'repeatInterleave',
  summary: 'y = each element of x several times in a row along an axis',
  inputs: ['x'],
  kinds: repeatInterleaveKinds,
  attributes(options: RepeatInterleaveOptions | undefined, { x }) {
    const given = options ?? fail('repeatInterleave', 'needs options { repeats }');
    const repeats = expectWhole('repeatInterleave', 'repeats', given.repeats, 0);
    const shape = given.axis === undefined ? [sizeOf(x.shape)] : x.shape;
    return { repeats, shape, axis: normalizeAxis('repeatInterleave', given.axis ?? 0, shape.length) };
  },
  compose({ x }, { repeats, shape, axis }) {
    const [outer, inner] = [sizeOf(shape.slice(0, axis + 1)), sizeOf(shape.slice(axis + 1))];
    const spread = broadcastTo(reshape(x, { shape: [outer, 1, inner] }), { shape: [outer, repeats, inner] });
    return reshape(spread, { shape: shape.with(axis, shape[axis]! * repeats) });
  },
  reference: ({ x }, { repeats, shape, axis }, [y]) =>
    pick({ ...x, shape }, y!.shape, (position) => position.with(axis, Math.floor(position[axis]! / repeats))),
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 2] } }, options: { repeats: 2, axis: 0 } },
    { inputs: { x: { shape: [2, 3] } }, options: { repeats: 3, axis: -1 } },
    { inputs: { x: { shape: [2, 2], dtype: 'i32', domain: [-9, 9] } }, options: { repeats: 2 } },
  ],
  errors: [
    { types: { x: f32([3]) }, message: 'repeatInterleave: needs options { repeats }' },
    {
      types: { x: f32([3]) },
      options: { repeats: -1 },
      message: 'repeatInterleave: repeats must be a whole number of at least 0, got -1',
    },
    {
      types: { x: f32([3]) },
      options: { repeats: 2, axis: 1 },
      message: 'repeatInterleave: axis 1 is outside a tensor of rank 1',
    },
  ],
});
