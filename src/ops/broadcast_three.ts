import type { RefTensor, TensorType } from '../op.js';
import { broadcastStrides, forEachOffset, type Shape, sizeOf } from '../shape.js';
import { walkParams } from './common.js';

/** Parameters of a kernel of three broadcast operands. */
export const threeParams = (shape: Shape, [p, q, r]: readonly TensorType[]) =>
  walkParams(shape, {
    pStrides: broadcastStrides(p!.shape, shape),
    qStrides: broadcastStrides(q!.shape, shape),
    rStrides: broadcastStrides(r!.shape, shape),
  });

/** The reference of every broadcasting op of three operands. */
export function referenceOfThree(
  tensors: readonly RefTensor[],
  shape: Shape,
  f: (p: number, q: number, r: number) => number,
): Float64Array {
  const y = new Float64Array(sizeOf(shape));
  const strides = tensors.map((tensor) => broadcastStrides(tensor.shape, shape));
  const [p, q, r] = tensors.map(({ data }) => data) as [Float64Array, Float64Array, Float64Array];
  forEachOffset(shape, strides, (i, [a, b, c]) => {
    y[i] = f(p[a!]!, q[b!]!, r[c!]!);
  });
  return y;
}

/** Shapes of triples: equal, scalars, three that broadcast along different axes, and rows across blocks. */
export const triples: readonly (readonly [Shape, Shape, Shape])[] = [
  [[4099], [4099], [4099]],
  [[2, 5], [2, 5], []],
  [[], [7], [7]],
  [
    [3, 1],
    [2, 1, 5],
    [3, 5],
  ],
  [[67, 1], [63], [67, 63]],
];
