import { applyWith } from '../apply.js';
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, wholeOrWholes } from '../kinds.js';
import { f32, type KernelCall, type Value } from '../op.js';
import { normalizeAxis, type Shape, sizeOf } from '../shape.js';
import { type Bordered, borderLaunch, forEachSource } from './border.js';

export interface RollOptions {
  /** How far elements move, towards higher indices where positive. */
  readonly shifts: number | readonly number[];
  /** The axis of each shift; default: x is rolled as one list of all its elements. */
  readonly axes?: number | readonly number[];
}

export const rollKinds: Kinds<RollOptions> = { shifts: wholeOrWholes, axes: wholeOrWholes };

interface RollAttrs {
  /** x's, or the number of its elements where they are rolled as one list. */
  readonly shape: Shape;
  /** From 0 to the axis's size. */
  readonly shifts: readonly number[];
}

/** Rolling is what is left of a circular border where it takes away behind x what it adds before. */
const rolled = ({ shape, shifts }: RollAttrs): Bordered => ({
  shape,
  before: shifts,
  after: shifts.map((shift) => -shift || 0),
  border: 'circular',
});

const rollVariant = (backend: 'wasm' | 'webgpu') => ({
  name: 'roll__border',
  launches: ({ attrs, output }: KernelCall<'x', RollAttrs>) => [borderLaunch(backend, rolled(attrs), output)],
});

/** x with its elements moved along axes; what leaves at one end comes back at the other. */
export const roll = defineOp({
  name: 'roll',
  summary: 'y[i] = x[(i - shift) mod n] along axes',
  inputs: ['x'],
  kinds: rollKinds,
  attributes(options: RollOptions | undefined, { x }): RollAttrs {
    const given = options ?? fail('roll', 'needs options { shifts }');
    const list = [given.shifts ?? fail('roll', 'needs options { shifts }')].flat();
    const shape = given.axes === undefined ? [sizeOf(x.shape)] : x.shape;
    const axes = [given.axes ?? 0].flat().map((axis) => normalizeAxis('roll', axis, shape.length));
    if (axes.length !== list.length)
      fail('roll', `${list.length} shifts need as many axes, got ${axes.length}`);
    const totals = shape.map((_, axis) =>
      list.reduce((sum, shift, k) => (axes[k] === axis ? sum + shift : sum), 0),
    );
    return { shape, shifts: totals.map((shift, axis) => modulo(shift, shape[axis]!)) };
  },
  infer: ({ x }) => ({ shape: x.shape, dtype: x.dtype }),
  reference({ x }, attrs) {
    const y = new Float64Array(sizeOf(x.shape));
    forEachSource(rolled(attrs), (at, source) => {
      y[at] = x.data[source]!;
    });
    return y;
  },
  backward: {
    x: ({ grad, attrs: { shape, shifts } }): Value =>
      applyWith(roll.op, [grad], {
        shape,
        shifts: shifts.map((shift, axis) => modulo(-shift, shape[axis]!)),
      })[0]!,
  },
  kernels: { wasm: [rollVariant('wasm')], webgpu: [rollVariant('webgpu')] },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [5, 3] } }, options: { shifts: -2, axes: 0 } },
    { inputs: { x: { shape: [3, 7] } }, options: { shifts: 5 } },
    { inputs: { x: { shape: [2, 3, 4] } }, options: { shifts: [1, 9], axes: [-1, 0] } },
    {
      inputs: { x: { shape: [4, 2], dtype: 'i32', domain: [-9, 9] } },
      options: { shifts: [1, 2], axes: [0, 0] },
    },
    { inputs: { x: { shape: [3], dtype: 'bool' } }, options: { shifts: 0, axes: 0 } },
  ],
  errors: [
    { types: { x: f32([3]) }, message: 'roll: needs options { shifts }' },
    {
      types: { x: f32([3]) },
      options: { shifts: 0.5 },
      message: 'roll: shifts must be a whole number or a list of them, got 0.5',
    },
    {
      types: { x: f32([3, 2]) },
      options: { shifts: 1, axes: 2 },
      message: 'roll: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: f32([3, 2]) },
      options: { shifts: [1, 2], axes: [0] },
      message: 'roll: 2 shifts need as many axes, got 1',
    },
  ],
});

const modulo = (value: number, size: number): number => (size === 0 ? 0 : ((value % size) + size) % size);
