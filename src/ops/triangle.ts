import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, whole } from '../kinds.js';
import { f32, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { pointwise } from './common.js';

export interface TriangleOptions {
  /** The diagonal that is kept last, default 0: the main one; positive ones lie above it. */
  readonly diagonal?: number;
}

export const triangleKinds: Kinds<TriangleOptions> = { diagonal: whole };

interface TriangleAttrs {
  readonly diagonal: number;
}

/** What tril and triu have in common; they keep the elements where `kept(column - row, diagonal)`. */
function triangle(name: string, upper: boolean, kept: (above: number, diagonal: number) => boolean) {
  return {
    name,
    inputs: ['x'] as const,
    kinds: triangleKinds,
    attributes(options: TriangleOptions | undefined, { x }: { x: TensorType }): TriangleAttrs {
      const { diagonal = 0 } = options ?? {};
      if (!Number.isInteger(diagonal)) fail(name, `diagonal must be a whole number, got ${diagonal}`);
      if (x.shape.length < 2) fail(name, `x must have at least 2 axes, it is ${showShape(x.shape)}`);
      return { diagonal };
    },
    infer: ({ x }: { x: TensorType }) => x,
    reference({ x }: { x: RefTensor }, { diagonal }: TriangleAttrs) {
      const [rows, columns] = matrix(x.shape);
      return x.data.map((value, i) =>
        kept((i % columns) - (Math.floor(i / columns) % rows), diagonal) ? value : 0,
      );
    },
    kernels: pointwise<'x', TriangleAttrs>('triangle', ['x', 'output'], ({ output, attrs }) => {
      const [rows, columns] = matrix(output.shape);
      // Beyond the corners every diagonal keeps all or nothing.
      const diagonal = Math.min(Math.max(attrs.diagonal, -rows), columns);
      return { size: sizeOf(output.shape), rows, columns, diagonal, upper: Number(upper) };
    }),
    inPlace: ['x'] as const,
    linear: ['x'] as const,
    samples: [
      { inputs: { x: { shape: [5, 3] } } },
      { inputs: { x: { shape: [3, 7] } }, options: { diagonal: 2 } },
      { inputs: { x: { shape: [2, 3, 4] } }, options: { diagonal: -1 } },
      { inputs: { x: { shape: [2, 67, 65], dtype: 'i32' as const, domain: [-9, 9] as const } } },
      { inputs: { x: { shape: [3, 2], dtype: 'bool' as const } }, options: { diagonal: 9 } },
    ],
    errors: [
      {
        types: { x: f32([3, 3]) },
        options: { diagonal: 0.5 },
        message: `${name}: diagonal must be a whole number, got 0.5`,
      },
      { types: { x: f32([3]) }, message: `${name}: x must have at least 2 axes, it is [3]` },
    ],
  };
}

const matrix = (shape: Shape): readonly [number, number] => [shape.at(-2)!, shape.at(-1)!];

/** The lower triangle of each matrix: what lies on the diagonal or below it, zero elsewhere. */
export const tril = defineOp({
  ...triangle('tril', false, (above, diagonal) => above <= diagonal),
  summary: 'y = x on the diagonal and below it, 0 above',
  backward: { x: ({ grad, attrs }): Value => tril(grad, attrs) },
});

/** The upper triangle of each matrix: what lies on the diagonal or above it, zero elsewhere. */
export const triu = defineOp({
  ...triangle('triu', true, (above, diagonal) => above >= diagonal),
  summary: 'y = x on the diagonal and above it, 0 below',
  backward: { x: ({ grad, attrs }): Value => triu(grad, attrs) },
});
