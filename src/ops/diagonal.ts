import { defineComposition } from '../composition.js';
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole, wholes } from '../kinds.js';
import { expectDType, f32, type Value } from '../op.js';
import { normalizeAxis, type Shape, sameShape, showShape, stridesOf } from '../shape.js';
import { expectRank } from './common.js';
import { sum } from './reduce.js';
import { stridedCopy } from './strided.js';

export interface DiagonalOptions {
  /** Which diagonal, default 0: the main one; positive ones lie above it. */
  readonly offset?: number;
  /** The axis of the rows, default 0. */
  readonly axis0?: number;
  /** The axis of the columns, default 1. */
  readonly axis1?: number;
}

export const diagonalKinds: Kinds<DiagonalOptions> = { offset: whole, axis0: whole, axis1: whole };

interface DiagonalAttrs {
  readonly offset: number;
  readonly axis0: number;
  readonly axis1: number;
}

function diagonalAttributes(
  name: string,
  { offset = 0, axis0 = 0, axis1 = 1 }: DiagonalOptions,
  rank: number,
): DiagonalAttrs {
  const [rows, columns] = [normalizeAxis(name, axis0, rank), normalizeAxis(name, axis1, rank)];
  if (rows === columns) fail(name, `axis0 ${axis0} and axis1 ${axis1} are the same axis`);
  if (!Number.isInteger(offset)) fail(name, `offset must be a whole number, got ${offset}`);
  return { offset, axis0: rows, axis1: columns };
}

/** The axes that stay, then the diagonal: sizes, strides and the place of the first element. */
function places(shape: Shape, { offset, axis0, axis1 }: DiagonalAttrs) {
  const strides = stridesOf(shape);
  const stays = (_: number, axis: number) => axis !== axis0 && axis !== axis1;
  const [down, right] = [Math.max(-offset, 0), Math.max(offset, 0)];
  const length = Math.max(Math.min(shape[axis0]! - down, shape[axis1]! - right), 0);
  return {
    shape: [...shape.filter(stays), length],
    strides: [...strides.filter(stays), strides[axis0]! + strides[axis1]!],
    first: length === 0 ? 0 : down * strides[axis0]! + right * strides[axis1]!,
  };
}

/** A diagonal of the matrices that two axes of x span, as the last axis of the result. */
export const diagonal = defineOp({
  name: 'diagonal',
  summary: 'y = a diagonal of the matrices that two axes span',
  inputs: ['x'],
  kinds: diagonalKinds,
  attributes: (options: DiagonalOptions | undefined, { x }) =>
    diagonalAttributes('diagonal', options ?? {}, x.shape.length),
  infer: ({ x }, attrs) => ({ shape: places(x.shape, attrs).shape, dtype: x.dtype }),
  ...stridedCopy<DiagonalAttrs>('diagonal', (x, attrs, y) => {
    const { shape, strides, first } = places(x.shape, attrs);
    return { shape, xStrides: strides, xOffset: first, yStrides: stridesOf(y.shape) };
  }),
  backward: {
    x: ({ grad, x, attrs }): Value => diagonalBackward(grad, { shape: x.shape, ...attrs }),
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3, 5] } } },
    { inputs: { x: { shape: [5, 4] } }, options: { offset: -2 } },
    { inputs: { x: { shape: [2, 3, 4, 5] } }, options: { offset: 1, axis0: -1, axis1: 1 } },
    { inputs: { x: { shape: [3, 2, 3], dtype: 'i32', domain: [-9, 9] } }, options: { axis0: 0, axis1: 2 } },
    { inputs: { x: { shape: [2, 3] } }, options: { offset: 4 } },
  ],
  errors: [
    {
      types: { x: f32([3]) },
      message: 'diagonal: axis 1 is outside a tensor of rank 1',
    },
    {
      types: { x: f32([3, 3]) },
      options: { axis0: 1, axis1: -1 },
      message: 'diagonal: axis0 1 and axis1 -1 are the same axis',
    },
    {
      types: { x: f32([3, 3]) },
      options: { offset: 0.5 },
      message: 'diagonal: offset must be a whole number, got 0.5',
    },
  ],
});

export interface DiagonalBackwardOptions extends DiagonalOptions {
  /** Shape of what the diagonal was taken of. */
  readonly shape: Shape;
}

export const diagonalBackwardKinds: Kinds<DiagonalBackwardOptions> = { ...diagonalKinds, shape: wholes };

/** A tensor of zeros with x as one of its diagonals: the diagonal's gradient. */
export const diagonalBackward = defineOp({
  name: 'diagonalBackward',
  summary: 'y = 0, but with x as a diagonal',
  inputs: ['x'],
  kinds: diagonalBackwardKinds,
  attributes(options: DiagonalBackwardOptions | undefined, { x }) {
    const { shape, ...rest } = options ?? fail('diagonalBackward', 'needs options { shape }');
    const attrs = diagonalAttributes('diagonalBackward', rest, shape.length);
    const wanted = places(shape, attrs).shape;
    if (!sameShape(wanted, x.shape))
      fail(
        'diagonalBackward',
        `a diagonal of ${showShape(shape)} is ${showShape(wanted)}, x is ${showShape(x.shape)}`,
      );
    return { shape, ...attrs };
  },
  infer: ({ x }, { shape }) => ({ shape, dtype: x.dtype }),
  ...stridedCopy<DiagonalAttrs>(
    'diagonal_backward',
    (x, attrs, y) => {
      const { strides, first } = places(y.shape, attrs);
      return { shape: x.shape, xStrides: stridesOf(x.shape), yStrides: strides, yOffset: first };
    },
    'zero',
  ),
  backward: {
    x: ({ grad, attrs: { offset, axis0, axis1 } }): Value => diagonal(grad, { offset, axis0, axis1 }),
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [3] } }, options: { shape: [3, 5] } },
    { inputs: { x: { shape: [2, 4, 2] } }, options: { shape: [2, 3, 4, 5], offset: 1, axis0: -1, axis1: 1 } },
    { inputs: { x: { shape: [2], dtype: 'i32', domain: [-9, 9] } }, options: { shape: [5, 2], offset: -2 } },
  ],
  errors: [
    { types: { x: f32([3]) }, message: 'diagonalBackward: needs options { shape }' },
    {
      types: { x: f32([3]) },
      options: { shape: [4, 4] },
      message: 'diagonalBackward: a diagonal of [4,4] is [4], x is [3]',
    },
  ],
});

/** The sum of a matrix's main diagonal. */
export const trace = defineComposition({
  name: 'trace',
  summary: 'y = Σ x[i, i]',
  inputs: ['x'],
  attributes(_: undefined, { x }) {
    expectDType('trace', { x }, 'f32');
    expectRank('trace', 'x', x, 2, '[row, column]');
    return {};
  },
  compose: ({ x }) => sum(diagonal(x)),
  reference({ x }) {
    const [rows, columns] = x.shape as [number, number];
    let total = 0;
    for (let i = 0; i < Math.min(rows, columns); i++) total += x.data[i * columns + i]!;
    return Float64Array.of(total);
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [5, 5] } } },
    { inputs: { x: { shape: [3, 7] } } },
    { inputs: { x: { shape: [2, 1] } } },
  ],
  errors: [
    { types: { x: f32([3]) }, message: 'trace: x must have 2 axes [row, column], it is [3]' },
    { types: { x: { shape: [3, 3], dtype: 'i32' } }, message: 'trace: x must be f32, it is i32[3,3]' },
  ],
  // A sum of n terms takes n - 1 roundings.
  tolerance: {
    wasm: { ulps: ({ types }) => Math.min(...types.x.shape), magnitude: 'absolute' },
    webgpu: { ulps: ({ types }) => Math.min(...types.x.shape), magnitude: 'absolute' },
  },
});
