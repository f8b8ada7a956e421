import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, wholes } from '../kinds.js';
import { expectDType, f32, type KernelCall, type Value } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import {
  forEachRead,
  type InterpolateOptions,
  interpolateKinds,
  mostReads,
  type ResizeAttrs,
  type Resizing,
  resizeAttrs,
  resizedShape,
  resizeParams,
  resizing,
} from './resize_geometry.js';

export type { InterpolateOptions } from './resize_geometry.js';

/** Bytes of a thread's table of columns: two places and two weights for each, and for the row. */
const tableBytes = ({ columns }: Resizing) => 16 * (columns.outSize + 1);

/** Shapes and options that both directions are tried on. */
const cases: readonly (readonly [Shape, InterpolateOptions])[] = [
  [[1, 1, 1, 1], { size: 1 }],
  [[2, 3, 5, 4], { size: [7, 9], mode: 'nearest' }],
  [[1, 2, 7, 6], { scaleFactor: [0.6, 1.7] }],
  [[1, 3, 5], { scaleFactor: 1.1 }],
  [[1, 1, 39, 26], { size: [33, 44] }],
  [[2, 2, 7], { size: 12, mode: 'linear' }],
  [[1, 3, 9], { size: [4], mode: 'linear', alignCorners: true }],
  [[1, 2, 5, 7], { size: [8, 3], mode: 'bilinear' }],
  [[2, 1, 4, 5], { size: [9, 1], mode: 'bilinear', alignCorners: true }],
  [[1, 2, 6, 5], { scaleFactor: [1.3, 0.7], mode: 'bilinear' }],
  [[1, 1, 3, 17], { scaleFactor: 2, mode: 'bilinear' }],
];

// A weight is a quotient of two whole numbers: on wasm it rounds three times; in WGSL either conversion may miss by one
// ulp (2 units) and the quotient by 2.5 (5 units). A bilinear weight is two of those. Then two products and two sums.
const interpolateTolerance = (weight: number) => ({
  ulps: ({ attrs }: KernelCall<'x', ResizeAttrs>) => (attrs.mode === 'nearest' ? 0 : 2 * weight + 4),
  magnitude: 'absolute' as const,
});

/**
 * x [n, c, l] or [n, c, h, w] at another size, as torch.nn.functional.interpolate: centres of elements keep their places
 * unless `alignCorners`; the nearest element is that of f32 arithmetic. A size that stays the same is copied.
 */
export const interpolate = defineOp({
  name: 'interpolate',
  summary: 'y = x at another size, by nearest elements or linear interpolation',
  inputs: ['x'],
  kinds: interpolateKinds,
  attributes: (options: InterpolateOptions | undefined, { x }) =>
    resizeAttrs('interpolate', options, x.shape),
  infer({ x }, attrs) {
    expectDType('interpolate', { x }, 'f32');
    resizing('interpolate', x.shape, attrs);
    return f32(resizedShape('interpolate', x.shape, attrs));
  },
  reference({ x }, attrs, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachRead(resizing('interpolate', x.shape, attrs), (i, from, weight) => {
      out[i]! += weight * x.data[from]!;
    });
    return out;
  },
  backward: { x: ({ grad, x, attrs }): Value => interpolateBackward(grad, { ...attrs, shape: x.shape }) },
  cost: ({ output, attrs }) => ({ flops: attrs.mode === 'nearest' ? 0 : 6 * sizeOf(output.shape) }),
  kernels: {
    wasm: [
      {
        name: 'resize_f32',
        launches({ types: { x }, attrs }) {
          const g = resizing('interpolate', x.shape, attrs);
          return [
            {
              kernel: 'resize_f32',
              operands: ['x', 'output'],
              params: resizeParams(g),
              units: g.planes * g.rows.outSize,
              scratch: tableBytes(g),
            },
          ];
        },
      },
    ],
    webgpu: [
      {
        name: 'resize_f32',
        launches: ({ types: { x }, attrs, output }) => [
          {
            kernel: 'resize_f32',
            operands: ['x', 'output'],
            params: resizeParams(resizing('interpolate', x.shape, attrs)),
            units: sizeOf(output.shape),
          },
        ],
      },
    ],
  },
  linear: ['x'],
  samples: cases.map(([shape, options]) => ({ inputs: { x: { shape } }, options })),
  errors: [
    { types: { x: f32([1, 1, 4]) }, message: 'interpolate: needs either size or scaleFactor' },
    {
      types: { x: f32([1, 1, 4]) },
      options: { size: 8, scaleFactor: 2 },
      message: 'interpolate: needs either size or scaleFactor',
    },
    {
      types: { x: f32([4, 4]) },
      options: { size: 8 },
      message:
        'interpolate: x must have axes [batch, channels, length] or [batch, channels, height, width], it is [4,4]',
    },
    {
      types: { x: { shape: [1, 1, 4], dtype: 'i32' } },
      options: { size: 8 },
      message: 'interpolate: x must be f32, it is i32[1,1,4]',
    },
    {
      types: { x: f32([1, 1, 4, 4]) },
      options: { size: 8, mode: 'linear' },
      message: "interpolate: mode 'linear' needs 3 axes, x is [1,1,4,4]",
    },
    {
      types: { x: f32([1, 1, 4]) },
      options: { size: 8, mode: 'bilinear' },
      message: "interpolate: mode 'bilinear' needs 4 axes, x is [1,1,4]",
    },
    {
      types: { x: f32([1, 1, 4]) },
      options: { size: 8, mode: 'cubic' as 'linear' },
      message: "interpolate: mode must be one of nearest, linear, bilinear, got 'cubic'",
    },
    {
      types: { x: f32([1, 1, 4]) },
      options: { size: 8, alignCorners: true },
      message: "interpolate: alignCorners is not for mode 'nearest'",
    },
    {
      types: { x: f32([1, 1, 4]) },
      options: { size: [8, 8] },
      message: 'interpolate: size [8,8] must have one number per axis of x [1,1,4] after channels',
    },
    {
      types: { x: f32([1, 1, 4]) },
      options: { size: 0 },
      message: 'interpolate: size must be a whole number of at least 1, got 0',
    },
    {
      types: { x: f32([1, 1, 4, 4]) },
      options: { scaleFactor: [2, -1] },
      message: 'interpolate: scaleFactor must be positive, got -1',
    },
    {
      types: { x: f32([1, 1, 2]) },
      options: { scaleFactor: 0.3 },
      message: 'interpolate: x [1,1,2] would become [1,1,0]',
    },
    {
      types: { x: f32([1, 1, 10000019]) },
      options: { size: 10000079, mode: 'linear' },
      message: 'interpolate: coordinates of 10000019 elements resized to 10000079 need more than 31 bits',
    },
  ],
  tolerance: { wasm: interpolateTolerance(3), webgpu: interpolateTolerance(9) },
});

export interface InterpolateBackwardOptions extends InterpolateOptions {
  /** The shape of the tensor that was resized. */
  readonly shape: Shape;
}

export const interpolateBackwardKinds: Kinds<InterpolateBackwardOptions> = {
  ...interpolateKinds,
  shape: wholes,
};

type BackwardAttrs = ResizeAttrs & { readonly shape: Shape };

// The weights as in `interpolate`, two products, and a sum over the outputs that read an element.
const backwardTolerance = (weight: number) => ({
  ulps({ attrs }: KernelCall<'dy', BackwardAttrs>) {
    const reads = mostReads(resizing('interpolateBackward', attrs.shape, attrs));
    return reads + (attrs.mode === 'nearest' ? 0 : 2 * weight + 2);
  },
  magnitude: 'absolute' as const,
});

/** dx of `interpolate`: each dy goes back to the elements that it was made of, by their weights. */
export const interpolateBackward = defineOp({
  name: 'interpolateBackward',
  summary: 'dx = Σ weight · dy over the outputs that read x',
  inputs: ['dy'],
  kinds: interpolateBackwardKinds,
  attributes(options: InterpolateBackwardOptions | undefined): BackwardAttrs {
    if (!options) fail('interpolateBackward', 'needs options { shape }');
    const { shape } = options;
    return { ...resizeAttrs('interpolateBackward', options, shape), shape };
  },
  infer({ dy }, attrs) {
    expectDType('interpolateBackward', { dy }, 'f32');
    const expected = resizedShape('interpolateBackward', attrs.shape, attrs);
    if (!sameShape(dy.shape, expected)) {
      fail('interpolateBackward', `dy must be ${showShape(expected)}, it is ${showShape(dy.shape)}`);
    }
    return f32(attrs.shape);
  },
  reference({ dy }, attrs) {
    const dx = new Float64Array(sizeOf(attrs.shape));
    forEachRead(resizing('interpolateBackward', attrs.shape, attrs), (i, to, weight) => {
      dx[to]! += weight * dy.data[i]!;
    });
    return dx;
  },
  backward: { dy: ({ grad, attrs: { shape: _, ...attrs } }): Value => interpolate(grad, attrs) },
  cost: ({ types: { dy }, attrs }) => ({ flops: (attrs.mode === 'nearest' ? 1 : 8) * sizeOf(dy.shape) }),
  kernels: {
    wasm: [
      {
        name: 'resize_backward_f32',
        launches({ attrs }) {
          const g = resizing('interpolateBackward', attrs.shape, attrs);
          return [
            {
              kernel: 'resize_backward_f32',
              operands: ['dy', 'output'],
              params: resizeParams(g),
              units: g.planes,
              scratch: tableBytes(g),
            },
          ];
        },
      },
    ],
    webgpu: [
      {
        name: 'resize_backward_f32',
        launches: ({ attrs, output }) => [
          {
            kernel: 'resize_backward_f32',
            operands: ['dy', 'output'],
            params: resizeParams(resizing('interpolateBackward', attrs.shape, attrs)),
            units: sizeOf(output.shape),
          },
        ],
      },
    ],
  },
  linear: ['dy'],
  samples: cases.map(([shape, options]) => ({
    inputs: {
      dy: {
        shape: resizedShape('interpolateBackward', shape, resizeAttrs('interpolateBackward', options, shape)),
      },
    },
    options: { ...options, shape },
  })),
  errors: [
    {
      types: { dy: f32([1, 1, 9]) },
      options: { size: 8, shape: [1, 1, 4] },
      message: 'interpolateBackward: dy must be [1,1,8], it is [1,1,9]',
    },
    {
      types: { dy: { shape: [1, 1, 8], dtype: 'i32' } },
      options: { size: 8, shape: [1, 1, 4] },
      message: 'interpolateBackward: dy must be f32, it is i32[1,1,8]',
    },
    { types: { dy: f32([1, 1, 9]) }, message: 'interpolateBackward: needs options { shape }' },
  ],
  tolerance: { wasm: backwardTolerance(3), webgpu: backwardTolerance(9) },
});
