import type { Launch, RefTensor, TensorType } from '../op.js';
import { collapse, forEachOffset, type Shape, sizeOf, stridesOf } from '../shape.js';
import { eight, elementUnits, walkParams } from './common.js';

/** A copy of `shape` elements from strided places of x to strided places of y; 32-bit words of any dtype. */
export interface StridedCopy {
  readonly shape: Shape;
  /** Strides may be negative: the offset is the place of the first element, wherever that is. */
  readonly xStrides: readonly number[];
  readonly xOffset?: number;
  readonly yStrides: readonly number[];
  readonly yOffset?: number;
}

/** The copy of a whole tensor into another of the same shape. */
export function wholeCopy(shape: Shape): StridedCopy {
  const strides = stridesOf(shape);
  return { shape, xStrides: strides, yStrides: strides };
}

/** Rows and columns of a tile of a wasm transposition, which is turned over in scratch: assembly/layout.ts has the same number. */
const TILE = 64;
/**
 * Words above which a copy is taken to find neither x nor y in a cache, and the side of the squares that it then goes by, with
 * the least rows and columns that these pay for. A square of what does lie in a cache takes a quarter more than its tiles.
 */
const FAR = 2 ** 20;
const SQUARE = 256;
const NARROW = 32;

/**
 * wasm: the walk with the axis along which x's words are neighbours last and that of y's before it, if these are two axes
 * of at least 2 and 4.
 */
function transposition({ shape, xStrides, yStrides }: StridedCopy) {
  const walk = collapse(shape, [xStrides, yStrides]);
  const [xMoves, yMoves] = walk.strides as [number[], number[]];
  const [column, row] = [xMoves.indexOf(1), yMoves.indexOf(1)];
  if (column < 0 || row < 0 || column === row || xMoves[row] === 0) return null;
  const [rows, columns] = [walk.shape[row]!, walk.shape[column]!];
  if (rows < 2 || columns < 4) return null;
  const axes = walk.shape.map((_, axis) => axis).filter((axis) => axis !== row && axis !== column);
  const order = [...axes, row, column];
  const along = (list: readonly number[]) => eight(order.map((axis) => list[axis]!));
  const planes = axes.reduce((product, axis) => product * walk.shape[axis]!, 1);
  const side = sizeOf(shape) > FAR && Math.min(rows, columns) >= NARROW ? SQUARE : TILE;
  return {
    params: {
      side,
      rank: order.length,
      shape: along(walk.shape),
      xStrides: along(xMoves),
      yStrides: along(yMoves),
    },
    units: planes * Math.ceil(rows / side) * Math.ceil(columns / side),
  };
}

export function copyLaunch(
  backend: 'wasm' | 'webgpu',
  copy: StridedCopy,
  from: string,
  to = 'output',
): Launch {
  const { shape, xStrides, xOffset = 0, yStrides, yOffset = 0 } = copy;
  const tiles = backend === 'wasm' ? transposition(copy) : null;
  if (tiles) {
    const { params, units } = tiles;
    return {
      kernel: 'copy__transposed',
      operands: [from, to],
      params: { ...params, xOffset, yOffset },
      units,
      scratch: TILE * (4 * TILE + 16),
    };
  }
  return {
    kernel: 'copy__strided',
    operands: [from, to],
    params: { ...walkParams(shape, { xStrides, yStrides }), xOffset, yOffset },
    units: elementUnits(sizeOf(shape), backend),
  };
}

/** Sets every word of an operand of this shape to `word`. */
export const fillLaunch = (
  backend: 'wasm' | 'webgpu',
  shape: Shape,
  word: number,
  to = 'output',
): Launch => ({
  kernel: 'fill',
  operands: [to],
  params: { size: sizeOf(shape), word },
  units: elementUnits(sizeOf(shape), backend),
});

export function copyReference(x: RefTensor, copy: StridedCopy, y: Float64Array): Float64Array {
  const { shape, xStrides, xOffset = 0, yStrides, yOffset = 0 } = copy;
  forEachOffset(shape, [xStrides, yStrides], (_, [p, q]) => {
    y[yOffset + q!] = x.data[xOffset + p!]!;
  });
  return y;
}

/** Where the elements of an op's only input come to lie. */
type Plan<A> = (x: TensorType, attrs: A, y: TensorType) => StridedCopy;

interface CopyCall<A> {
  readonly types: { readonly x: TensorType };
  readonly attrs: A;
  readonly output: TensorType;
}

/**
 * Kernels and reference of an op that is one strided copy of x. Where the copy does not reach every element of the
 * output, `rest` says that the others are 0.
 */
export function stridedCopy<A>(name: string, plan: Plan<A>, rest: 'none' | 'zero' = 'none') {
  const variant = (backend: 'wasm' | 'webgpu') => ({
    name: `${name}__strided`,
    launches: ({ types, attrs, output }: CopyCall<A>) => [
      ...(rest === 'zero' ? [fillLaunch(backend, output.shape, 0)] : []),
      copyLaunch(backend, plan(types.x, attrs, output), 'x'),
    ],
  });
  return {
    kernels: { wasm: [variant('wasm')], webgpu: [variant('webgpu')] },
    reference: ({ x }: { x: RefTensor }, attrs: A, outputs: readonly TensorType[]) =>
      copyReference(x, plan(x, attrs, outputs[0]!), new Float64Array(sizeOf(outputs[0]!.shape))),
  };
}

/** Elements of x at given places of its axes: the reference of whatever picks elements. */
export function pick(
  x: RefTensor,
  shape: Shape,
  place: (position: readonly number[]) => readonly number[],
): Float64Array {
  const strides = stridesOf(x.shape);
  const y = new Float64Array(sizeOf(shape));
  const axes = shape.map((_, axis) => shape.map((_, k) => (k === axis ? 1 : 0)));
  forEachOffset(shape, axes, (i, position) => {
    y[i] = x.data[place(position).reduce((offset, p, axis) => offset + p * strides[axis]!, 0)]!;
  });
  return y;
}
