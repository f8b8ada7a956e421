import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type TensorType, type Value } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectRank, type Pair, pair } from './common.js';

export interface Pool2dOptions {
  /** Window [height, width]. */
  readonly kernel: Pair;
  /** Default: the window. */
  readonly stride?: Pair;
  /** At most half the window. */
  readonly padding?: Pair;
}

export interface AvgPool2dOptions extends Pool2dOptions {
  /** Whether padding counts in the divisor, default true as in PyTorch. */
  readonly countIncludePad?: boolean;
}

interface PoolAttrs {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly countIncludePad: boolean;
}

const AXES = '[batch, channels, height, width]';

function poolAttrs(name: string, options: AvgPool2dOptions | undefined): PoolAttrs {
  if (!options) fail(name, 'needs options { kernel }');
  const kernel = pair(name, 'kernel', options.kernel, 1);
  const stride = pair(name, 'stride', options.stride ?? kernel, 1);
  const padding = pair(name, 'padding', options.padding ?? 0, 0);
  if (padding.some((size, axis) => 2 * size > kernel[axis]!)) {
    fail(name, `padding [${padding.join(',')}] is more than half the kernel [${kernel.join(',')}]`);
  }
  return { kernel, stride, padding, countIncludePad: options.countIncludePad ?? true };
}

function geometry(name: string, x: Shape, { kernel, stride, padding, countIncludePad }: PoolAttrs) {
  const [batch, channels, height, width] = x as [number, number, number, number];
  const extent = (size: number, axis: 0 | 1) =>
    Math.floor((size + 2 * padding[axis] - kernel[axis]) / stride[axis]) + 1;
  const [outHeight, outWidth] = [extent(height, 0), extent(width, 1)];
  if (outHeight < 1 || outWidth < 1) {
    fail(name, `the kernel [${kernel.join(',')}] is larger than the padded input, x is ${showShape(x)}`);
  }
  return {
    planes: batch * channels,
    height,
    width,
    outHeight,
    outWidth,
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    strideHeight: stride[0],
    strideWidth: stride[1],
    top: padding[0],
    left: padding[1],
    countIncludePad: Number(countIncludePad),
  };
}

type Geometry = ReturnType<typeof geometry>;

/** Calls `visit` with every window: its output index and the input indices that it covers. */
function forEachWindow(g: Geometry, visit: (y: number, covered: number[]) => void): void {
  for (let plane = 0; plane < g.planes; plane++) {
    for (let oy = 0; oy < g.outHeight; oy++) {
      for (let ox = 0; ox < g.outWidth; ox++) {
        const covered: number[] = [];
        for (let r = 0; r < g.kernelHeight; r++) {
          for (let s = 0; s < g.kernelWidth; s++) {
            const iy = oy * g.strideHeight - g.top + r;
            const ix = ox * g.strideWidth - g.left + s;
            const inside = iy >= 0 && iy < g.height && ix >= 0 && ix < g.width;
            if (inside) covered.push((plane * g.height + iy) * g.width + ix);
          }
        }
        visit((plane * g.outHeight + oy) * g.outWidth + ox, covered);
      }
    }
  }
}

const largest = (x: Float64Array, covered: readonly number[]): number =>
  covered.reduce((best, i) => (x[i]! > x[best]! ? i : best), covered[0]!);

const divisor = (g: Geometry, covered: readonly number[]): number =>
  g.countIncludePad ? g.kernelHeight * g.kernelWidth : covered.length;

/** One wasm unit is a plane; one webgpu invocation an element of the output. */
function planeKernels<N extends string, A extends object>(
  kernel: string,
  operands: readonly string[],
  plan: (call: { types: Readonly<Record<string, TensorType>>; attrs: A }) => Geometry,
) {
  const variant = (backend: 'wasm' | 'webgpu') => ({
    name: kernel,
    launches(call: { types: { readonly [K in N]: TensorType }; output: TensorType; attrs: A }) {
      const g = plan(call as { types: Readonly<Record<string, TensorType>>; attrs: A });
      return [
        {
          kernel,
          operands,
          params: { ...g },
          units: backend === 'wasm' ? g.planes : sizeOf(call.output.shape),
        },
      ];
    },
  });
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

const cases: readonly (readonly [Shape, AvgPool2dOptions])[] = [
  [[1, 1, 2, 2], { kernel: 2 }],
  [[2, 3, 8, 8], { kernel: 2 }],
  [[1, 2, 7, 9], { kernel: 3, stride: 2 }],
  [[1, 3, 6, 5], { kernel: [3, 2], stride: 1, padding: 1 }],
  [[2, 1, 24, 24], { kernel: 2, stride: 2 }],
  [[1, 2, 9, 7], { kernel: 4, stride: 3, padding: 2 }],
];

const outOf = (name: string, x: Shape, options: AvgPool2dOptions): number[] => {
  const g = geometry(name, x, poolAttrs(name, options));
  return [x[0]!, x[1]!, g.outHeight, g.outWidth];
};

function inferPool(name: string, x: TensorType, attrs: PoolAttrs): TensorType {
  expectDType(name, { x }, 'f32');
  expectRank(name, 'x', x, 4, AXES);
  const g = geometry(name, x.shape, attrs);
  return f32([x.shape[0]!, x.shape[1]!, g.outHeight, g.outWidth]);
}

const poolErrors = (name: string) => [
  {
    types: { x: f32([1, 1, 2, 2]) },
    options: { kernel: 3 },
    message: `${name}: the kernel [3,3] is larger than the padded input, x is [1,1,2,2]`,
  },
  {
    types: { x: f32([1, 1, 8, 8]) },
    options: { kernel: 2, padding: 2 },
    message: `${name}: padding [2,2] is more than half the kernel [2,2]`,
  },
  {
    types: { x: f32([8, 8]) },
    options: { kernel: 2 },
    message: `${name}: x must have 4 axes ${AXES}, it is [8,8]`,
  },
];

/** The largest element of each window; padding never wins. x is [n, c, h, w]. */
export const maxPool2d = defineOp({
  name: 'maxPool2d',
  summary: 'y = the largest x in each window',
  inputs: ['x'],
  attributes: (options: Pool2dOptions | undefined) => poolAttrs('maxPool2d', options),
  infer: ({ x }, attrs) => inferPool('maxPool2d', x, attrs),
  reference({ x }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachWindow(geometry('maxPool2d', x.shape, attrs), (i, covered) => {
      out[i] = x.data[largest(x.data, covered)]!;
    });
    return out;
  },
  backward: { x: ({ grad, x, attrs }): Value => maxPool2dBackward(grad, x, attrs) },
  cost: ({ output, attrs }) => ({ flops: sizeOf(output.shape) * attrs.kernel[0] * attrs.kernel[1] }),
  kernels: planeKernels<'x', PoolAttrs>('max_pool2d_f32', ['x', 'output'], ({ types, attrs }) =>
    geometry('maxPool2d', types.x!.shape, attrs),
  ),
  samples: cases.map(([shape, options]) => ({ inputs: { x: { shape, distinct: true } }, options })),
  errors: poolErrors('maxPool2d'),
});

/** dx of `maxPool2d`: each dy goes to the first largest element of its window. */
export const maxPool2dBackward = defineOp({
  name: 'maxPool2dBackward',
  summary: 'dx = Σ dy over the windows that x wins',
  inputs: ['dy', 'x'],
  attributes: (options: Pool2dOptions | undefined) => poolAttrs('maxPool2dBackward', options),
  infer({ dy, x }, attrs) {
    const y = inferPool('maxPool2dBackward', x, attrs);
    expectDType('maxPool2dBackward', { dy }, 'f32');
    if (showShape(dy.shape) !== showShape(y.shape)) {
      fail('maxPool2dBackward', `dy must be ${showShape(y.shape)}, it is ${showShape(dy.shape)}`);
    }
    return x;
  },
  reference({ dy, x }, attrs) {
    const dx = new Float64Array(x.data.length);
    forEachWindow(geometry('maxPool2dBackward', x.shape, attrs), (i, covered) => {
      dx[largest(x.data, covered)]! += dy.data[i]!;
    });
    return dx;
  },
  // dx is linear in dy; its adjoint picks the winners' gradients: the winner of each window is one-hot in the input.
  backward: {
    dy: ({ grad, x, attrs }): Value => maxPool2dSelect(grad, x, attrs),
    x: () => null,
  },
  kernels: planeKernels<'dy' | 'x', PoolAttrs>(
    'max_pool2d_backward_f32',
    ['dy', 'x', 'output'],
    ({ types, attrs }) => geometry('maxPool2dBackward', types.x!.shape, attrs),
  ),
  linear: ['dy'],
  samples: cases.map(([shape, options]) => ({
    inputs: { dy: { shape: outOf('maxPool2dBackward', shape, options) }, x: { shape, distinct: true } },
    options,
  })),
  errors: [
    {
      types: { dy: f32([1, 1, 3, 3]), x: f32([1, 1, 4, 4]) },
      options: { kernel: 2 },
      message: 'maxPool2dBackward: dy must be [1,1,2,2], it is [1,1,3,3]',
    },
  ],
  tolerance: { wasm: { ulps: 9, magnitude: 'absolute' }, webgpu: { ulps: 9, magnitude: 'absolute' } },
});

/** Picks from `values` the element at which x is largest, per window: the adjoint of `maxPool2dBackward`. */
export const maxPool2dSelect = defineOp({
  name: 'maxPool2dSelect',
  summary: 'y = values where x is largest in each window',
  inputs: ['values', 'x'],
  attributes: (options: Pool2dOptions | undefined) => poolAttrs('maxPool2dSelect', options),
  infer({ values, x }, attrs) {
    expectDType('maxPool2dSelect', { values }, 'f32');
    if (showShape(values.shape) !== showShape(x.shape)) {
      fail(
        'maxPool2dSelect',
        `shapes differ, values is ${showShape(values.shape)}, x is ${showShape(x.shape)}`,
      );
    }
    return inferPool('maxPool2dSelect', x, attrs);
  },
  reference({ values, x }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachWindow(geometry('maxPool2dSelect', x.shape, attrs), (i, covered) => {
      out[i] = values.data[largest(x.data, covered)]!;
    });
    return out;
  },
  backward: { values: ({ grad, x, attrs }): Value => maxPool2dBackward(grad, x, attrs), x: () => null },
  kernels: planeKernels<'values' | 'x', PoolAttrs>(
    'max_pool2d_select_f32',
    ['values', 'x', 'output'],
    ({ types, attrs }) => geometry('maxPool2dSelect', types.x!.shape, attrs),
  ),
  linear: ['values'],
  samples: cases.map(([shape, options]) => ({
    inputs: { values: { shape }, x: { shape, distinct: true } },
    options,
  })),
  errors: [
    {
      types: { values: f32([1, 1, 3, 3]), x: f32([1, 1, 4, 4]) },
      options: { kernel: 2 },
      message: 'maxPool2dSelect: shapes differ, values is [1,1,3,3], x is [1,1,4,4]',
    },
  ],
});

const averageTolerance = { ulps: 20, magnitude: 'absolute' } as const;

/** The mean of each window. x is [n, c, h, w]. */
export const avgPool2d = defineOp({
  name: 'avgPool2d',
  summary: 'y = the mean of x in each window',
  inputs: ['x'],
  attributes: (options: AvgPool2dOptions | undefined) => poolAttrs('avgPool2d', options),
  infer: ({ x }, attrs) => inferPool('avgPool2d', x, attrs),
  reference({ x }, attrs, [y]) {
    const g = geometry('avgPool2d', x.shape, attrs);
    const out = new Float64Array(sizeOf(y!.shape));
    forEachWindow(g, (i, covered) => {
      out[i] = covered.reduce((total, p) => total + x.data[p]!, 0) / divisor(g, covered);
    });
    return out;
  },
  backward: { x: ({ grad, x, attrs }): Value => avgPool2dBackward(grad, { ...attrs, shape: x.shape }) },
  cost: ({ output, attrs }) => ({ flops: sizeOf(output.shape) * attrs.kernel[0] * attrs.kernel[1] }),
  kernels: planeKernels<'x', PoolAttrs>('avg_pool2d_f32', ['x', 'output'], ({ types, attrs }) =>
    geometry('avgPool2d', types.x!.shape, attrs),
  ),
  linear: ['x'],
  samples: cases.flatMap(([shape, options]) => [
    { inputs: { x: { shape } }, options },
    { inputs: { x: { shape } }, options: { ...options, countIncludePad: false } },
  ]),
  errors: poolErrors('avgPool2d'),
  tolerance: { wasm: averageTolerance, webgpu: averageTolerance },
});

export interface AvgPool2dBackwardOptions extends AvgPool2dOptions {
  /** The shape of the pooled tensor, [n, c, h, w]. */
  readonly shape: Shape;
}

/** dx of `avgPool2d`: each dy is shared equally by its window. */
export const avgPool2dBackward = defineOp({
  name: 'avgPool2dBackward',
  summary: 'dx = Σ dy / divisor over the windows that cover x',
  inputs: ['dy'],
  attributes(options: AvgPool2dBackwardOptions | undefined) {
    if (!options) fail('avgPool2dBackward', 'needs options { kernel, shape }');
    return { ...poolAttrs('avgPool2dBackward', options), shape: options.shape };
  },
  infer({ dy }, attrs) {
    const y = inferPool('avgPool2dBackward', f32(attrs.shape), attrs);
    expectDType('avgPool2dBackward', { dy }, 'f32');
    if (showShape(dy.shape) !== showShape(y.shape)) {
      fail('avgPool2dBackward', `dy must be ${showShape(y.shape)}, it is ${showShape(dy.shape)}`);
    }
    return f32(attrs.shape);
  },
  reference({ dy }, attrs) {
    const g = geometry('avgPool2dBackward', attrs.shape, attrs);
    const dx = new Float64Array(sizeOf(attrs.shape));
    forEachWindow(g, (i, covered) => {
      for (const p of covered) dx[p]! += dy.data[i]! / divisor(g, covered);
    });
    return dx;
  },
  backward: { dy: ({ grad, attrs }): Value => avgPool2d(grad, attrs) },
  kernels: planeKernels<'dy', PoolAttrs & { shape: Shape }>(
    'avg_pool2d_backward_f32',
    ['dy', 'output'],
    ({ attrs }) => geometry('avgPool2dBackward', attrs.shape, attrs),
  ),
  linear: ['dy'],
  samples: cases.flatMap(([shape, options]) =>
    [true, false].map((countIncludePad) => ({
      inputs: { dy: { shape: outOf('avgPool2dBackward', shape, options) } },
      options: { ...options, countIncludePad, shape },
    })),
  ),
  errors: [
    {
      types: { dy: f32([1, 1, 3, 3]) },
      options: { kernel: 2, shape: [1, 1, 4, 4] },
      message: 'avgPool2dBackward: dy must be [1,1,2,2], it is [1,1,3,3]',
    },
  ],
  tolerance: { wasm: averageTolerance, webgpu: averageTolerance },
});
