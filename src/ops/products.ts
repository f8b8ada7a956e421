import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { flag, type Kinds } from '../kinds.js';
import { expectDType, f32, type KernelCall, type RefTensor, type TensorType } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { mul } from './binary.js';
import { scalar } from './fill.js';
import { reshape } from './layout.js';
import { matmul } from './matmul.js';
import { sum } from './reduce.js';

type Pair = { readonly a: TensorType; readonly b: TensorType };

const shown = ({ a, b }: Pair): string => `a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`;

/** Refuses operands that are not f32 of `rank` axes. */
function expectRanks(name: string, { a, b }: Pair, rank: number, axes: string): void {
  expectDType(name, { a, b }, 'f32');
  if (a.shape.length !== rank || b.shape.length !== rank)
    fail(name, `operands must be ${axes}, ${shown({ a, b })}`);
}

/** [batch, m, k] x [batch, k, n] in f64. */
function product(a: RefTensor, b: RefTensor, batch: number): Float64Array {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  return Float64Array.from({ length: batch * m * n }, (_, at) => {
    const column = at % n;
    const row = Math.floor(at / n);
    const matrix = Math.floor(row / m);
    let total = 0;
    for (let i = 0; i < k; i++) total += a.data[row * k + i]! * b.data[(matrix * k + i) * n + column]!;
    return total;
  });
}

// A sum of k products, each rounded, in any order.
const productTolerance = {
  ulps: ({ types }: KernelCall<'a' | 'b', object>) => types.a.shape.at(-1)! + 2,
  magnitude: 'absolute',
} as const;

/** The product of two matrices, [m, k] x [k, n] -> [m, n]; nothing broadcasts: torch.mm. */
export const mm = defineComposition({
  name: 'mm',
  summary: 'y = a b, two matrices',
  inputs: ['a', 'b'],
  attributes(_: undefined, types) {
    expectRanks('mm', types, 2, 'matrices [m, k] and [k, n]');
    if (types.a.shape[1] !== types.b.shape[0]) fail('mm', `inner sizes differ, ${shown(types)}`);
    return {};
  },
  compose: ({ a, b }) => matmul(a, b),
  reference: ({ a, b }) => product(a, b, 1),
  linear: ['a', 'b'],
  samples: [
    { inputs: { a: { shape: [3, 5] }, b: { shape: [5, 7] } } },
    { inputs: { a: { shape: [1, 5] }, b: { shape: [5, 1] } } },
  ],
  errors: [
    {
      types: { a: f32([1, 5]), b: f32([1, 5]) },
      message: 'mm: inner sizes differ, a is [1,5], b is [1,5]',
    },
    {
      types: { a: f32([2, 3, 5]), b: f32([5, 1]) },
      message: 'mm: operands must be matrices [m, k] and [k, n], a is [2,3,5], b is [5,1]',
    },
    {
      types: { a: { shape: [2, 3], dtype: 'i32' }, b: f32([3, 1]) },
      message: 'mm: a must be f32, it is i32[2,3]',
    },
  ],
  tolerance: { wasm: productTolerance, webgpu: productTolerance },
});

/** One product for each of a batch, [batch, m, k] x [batch, k, n] -> [batch, m, n]; nothing broadcasts: torch.bmm. */
export const bmm = defineComposition({
  name: 'bmm',
  summary: 'y[i] = a[i] b[i], two lists of matrices',
  inputs: ['a', 'b'],
  attributes(_: undefined, types) {
    expectRanks('bmm', types, 3, '[batch, m, k] and [batch, k, n]');
    const { a, b } = types;
    if (a.shape[0] !== b.shape[0]) fail('bmm', `batch sizes differ, ${shown(types)}`);
    if (a.shape[2] !== b.shape[1]) fail('bmm', `inner sizes differ, ${shown(types)}`);
    return {};
  },
  compose: ({ a, b }) => matmul(a, b),
  reference: ({ a, b }) => product(a, b, a.shape[0]!),
  linear: ['a', 'b'],
  samples: [
    { inputs: { a: { shape: [3, 2, 5] }, b: { shape: [3, 5, 7] } } },
    { inputs: { a: { shape: [1, 4, 1] }, b: { shape: [1, 1, 3] } } },
  ],
  errors: [
    {
      types: { a: f32([1, 2, 5]), b: f32([3, 5, 2]) },
      message: 'bmm: batch sizes differ, a is [1,2,5], b is [3,5,2]',
    },
    {
      types: { a: f32([3, 2, 5]), b: f32([3, 2, 5]) },
      message: 'bmm: inner sizes differ, a is [3,2,5], b is [3,2,5]',
    },
    {
      types: { a: f32([2, 5]), b: f32([5, 2]) },
      message: 'bmm: operands must be [batch, m, k] and [batch, k, n], a is [2,5], b is [5,2]',
    },
  ],
  tolerance: { wasm: productTolerance, webgpu: productTolerance },
});

/** Every product of an element of a and one of b: a [m], b [n] -> [m, n]: torch.outer. */
export const outer = defineComposition({
  name: 'outer',
  summary: 'y[i, j] = a[i] b[j], two vectors',
  inputs: ['a', 'b'],
  attributes(_: undefined, types) {
    expectRanks('outer', types, 1, 'vectors [m] and [n]');
    return {};
  },
  compose: ({ a, b }) => mul(reshape(a, { shape: [a.shape[0]!, 1] }), b),
  reference: ({ a, b }) => Float64Array.from([...a.data].flatMap((p) => [...b.data].map((q) => p * q))),
  linear: ['a', 'b'],
  samples: [
    { inputs: { a: { shape: [5] }, b: { shape: [7] } } },
    { inputs: { a: { shape: [67] }, b: { shape: [1] } } },
  ],
  errors: [
    {
      types: { a: f32([3]), b: f32([3, 1]) },
      message: 'outer: operands must be vectors [m] and [n], a is [3], b is [3,1]',
    },
  ],
  tolerance: { wasm: { ulps: 1 }, webgpu: { ulps: 1 } },
});

/** The sum of the products of two vectors' elements: torch.dot. */
export const dot = defineComposition({
  name: 'dot',
  summary: 'y = Σ a b, two vectors',
  inputs: ['a', 'b'],
  attributes(_: undefined, types) {
    expectRanks('dot', types, 1, 'vectors [n]');
    if (types.a.shape[0] !== types.b.shape[0]) fail('dot', `lengths differ, ${shown(types)}`);
    return {};
  },
  compose: ({ a, b }) => sum(mul(a, b)),
  reference: ({ a, b }) => Float64Array.of(a.data.reduce((total, v, i) => total + v * b.data[i]!, 0)),
  linear: ['a', 'b'],
  samples: [
    { inputs: { a: { shape: [131] }, b: { shape: [131] } } },
    { inputs: { a: { shape: [1] }, b: { shape: [1] } } },
  ],
  errors: [
    { types: { a: f32([3]), b: f32([1]) }, message: 'dot: lengths differ, a is [3], b is [1]' },
    {
      types: { a: f32([3, 1]), b: f32([3]) },
      message: 'dot: operands must be vectors [n], a is [3,1], b is [3]',
    },
  ],
  tolerance: { wasm: productTolerance, webgpu: productTolerance },
});

export interface GramMatrixOptions {
  /** Divides by channels · height · width, default false. */
  readonly normalize?: boolean;
}

export const gramMatrixKinds: Kinds<GramMatrixOptions> = { normalize: flag };

const positions = (x: Shape): number => sizeOf(x.slice(-2));

// A sum over all positions, each product rounded, and the scale's rounding and product.
const gramTolerance = {
  ulps: ({ types }: KernelCall<'x', object>) => positions(types.x.shape) + 4,
  magnitude: 'absolute',
} as const;

/**
 * Sums over positions of products of two channels, as style transfer compares them (Gatys et al., 2015): x [c, h, w] or
 * [n, c, h, w] -> [c, c] or [n, c, c].
 */
export const gramMatrix = defineComposition({
  name: 'gramMatrix',
  summary: 'y = X Xᵀ, X the channels as rows; / (c h w) if normalised',
  inputs: ['x'],
  kinds: gramMatrixKinds,
  attributes(options: GramMatrixOptions | undefined, { x }) {
    expectDType('gramMatrix', { x }, 'f32');
    if (x.shape.length !== 3 && x.shape.length !== 4)
      fail('gramMatrix', `x must be [c, h, w] or [n, c, h, w], it is ${showShape(x.shape)}`);
    return { normalize: options?.normalize ?? false };
  },
  compose({ x }, { normalize }) {
    const rows = reshape(x, { shape: [...x.shape.slice(0, -2), positions(x.shape)] });
    const gram = matmul(rows, rows, { transposeB: true });
    return normalize ? mul(gram, scalar(1 / sizeOf(x.shape.slice(-3)))) : gram;
  },
  reference({ x }, { normalize }, [y]) {
    const [channels, length] = [x.shape.at(-3)!, positions(x.shape)];
    const scale = normalize ? 1 / (channels * length) : 1;
    return Float64Array.from({ length: sizeOf(y!.shape) }, (_, at) => {
      const row = Math.floor(at / channels);
      const other = Math.floor(row / channels) * channels + (at % channels);
      let total = 0;
      for (let i = 0; i < length; i++) total += x.data[row * length + i]! * x.data[other * length + i]!;
      return total * scale;
    });
  },
  samples: [
    { inputs: { x: { shape: [5, 3, 7] } } },
    { inputs: { x: { shape: [2, 3, 4, 5] } }, options: { normalize: true } },
    { inputs: { x: { shape: [1, 1, 1] } }, options: { normalize: true } },
  ],
  errors: [
    {
      types: { x: f32([3, 4]) },
      message: 'gramMatrix: x must be [c, h, w] or [n, c, h, w], it is [3,4]',
    },
  ],
  tolerance: { wasm: gramTolerance, webgpu: gramTolerance },
});
