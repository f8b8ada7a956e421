import { defineOp } from '../define.js';
import { expectDType, f32, type KernelCall, type Value } from '../op.js';
import { normalizeAxis, type Shape, sizeOf } from '../shape.js';
import { mul, sub } from './binary.js';
import { expectSameShape } from './common.js';
import { full } from './fill.js';
import { sum } from './reduce.js';
import { mapRows, rowsOf } from './rows.js';
import { exp } from './unary.js';

export interface SoftmaxOptions {
  /** The axis along which the results add to 1, default the last. */
  readonly axis?: number;
}

interface AxisAttrs {
  readonly axis: number;
}

/** One wasm unit is a row, one GPU workgroup too. */
function rowKernels<N extends string>(kernel: string, operands: readonly string[]) {
  const variant = (backend: 'wasm' | 'webgpu') => ({
    name: kernel,
    launches({ output, attrs }: KernelCall<N, AxisAttrs>) {
      const params = rowsOf(output.shape, attrs.axis);
      const count = params.length === 0 ? 0 : params.outer * params.inner;
      const units = backend === 'wasm' ? count : count * 64;
      return [{ kernel, operands, params, units, scratch: 8 * params.length }];
    },
  });
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

const logSumExp = (row: Float64Array): number => {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  return top + Math.log(row.reduce((total, v) => total + Math.exp(v - top), 0));
};
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((total, v, i) => total + v * b[i]!, 0);

const cases: readonly (readonly [Shape, SoftmaxOptions | undefined])[] = [
  [[1], undefined],
  [[5, 10], undefined],
  [[3, 17], { axis: 0 }],
  [[2, 7, 5], { axis: 1 }],
  [[2, 3], { axis: -1 }],
  [[4, 1031], undefined],
];

const axisAttrs =
  (name: string) =>
  (options: SoftmaxOptions | undefined, types: Readonly<Record<string, { shape: Shape }>>) => ({
    axis: normalizeAxis(name, options?.axis ?? -1, Object.values(types)[0]!.shape.length),
  });

const axisErrors = (name: string) => [
  {
    types: { x: f32([2, 3]) },
    options: { axis: 2 },
    message: `${name}: axis 2 is outside a tensor of rank 2`,
  },
  { types: { x: { shape: [2], dtype: 'i32' as const } }, message: `${name}: x must be f32, it is i32[2]` },
];

/**
 * Units of 2^-24 by which a kernel's e^v may be off, for v in [-8, 0] as the samples have it: |v| for the rounding of v,
 * and exp's own, 3 units on wasm (assembly/simd.ts), 3 + 2 |v| ulp of 2^-23 in WGSL.
 */
export const POWER_ULPS = { wasm: 8 + 3, webgpu: 8 + 2 * (3 + 2 * 8) } as const;

type Units = (backend: 'wasm' | 'webgpu', length: number) => number;

/** A tolerance of so many units for a row of `length` elements. */
const rowTolerance = (units: Units, magnitude: 'output' | 'declared') => {
  const on = (backend: 'wasm' | 'webgpu') => ({
    ulps: ({ output, attrs }: KernelCall<string, AxisAttrs>) => units(backend, output.shape[attrs.axis]!),
    magnitude,
  });
  return { wasm: on('wasm'), webgpu: on('webgpu') };
};

/** y = e^x / Σ e^x along an axis, computed from the row's maximum so that it can't overflow. */
export const softmax = defineOp({
  name: 'softmax',
  summary: 'y = e^x / Σ e^x along an axis',
  inputs: ['x'],
  attributes: axisAttrs('softmax'),
  infer({ x }) {
    expectDType('softmax', { x }, 'f32');
    return x;
  },
  reference: ({ x }, { axis }) =>
    mapRows(x.shape, axis, [x.data], (row) => {
      const total = logSumExp(row);
      return row.map((v) => Math.exp(v - total));
    }),
  backward: { x: ({ grad, output, attrs }): Value => softmaxBackward(grad, output, attrs) },
  cost: ({ output }) => ({ flops: 5 * sizeOf(output.shape) }),
  kernels: rowKernels<'x'>('softmax_f32', ['x', 'output']),
  inPlace: ['x'],
  samples: cases.map(([shape, options]) => ({ inputs: { x: { shape, domain: [-4, 4] as const } }, options })),
  errors: axisErrors('softmax'),
  // The power above and, by way of the sum of n rounded terms, below; WGSL's quotient takes 5 units, the product 1.
  tolerance: rowTolerance((backend, n) => 2 * POWER_ULPS[backend] + n + 6, 'output'),
});

/** dx = y (dy - Σ dy y). */
export const softmaxBackward = defineOp({
  name: 'softmaxBackward',
  summary: 'dx = y (dy - Σ dy y)',
  inputs: ['dy', 'y'],
  attributes: axisAttrs('softmaxBackward'),
  infer({ dy, y }) {
    expectDType('softmaxBackward', { dy, y }, 'f32');
    expectSameShape('softmaxBackward', { dy, y });
    return y;
  },
  reference: ({ dy, y }, { axis }) =>
    mapRows(y.shape, axis, [dy.data, y.data], (d, v) => {
      const total = dot(d, v);
      return v.map((value, i) => value * (d[i]! - total));
    }),
  backward: {
    dy: ({ grad, y, attrs }): Value => softmaxBackward(grad, y, attrs),
    // d/dy of <g, y (dy - <dy, y>)> = g (dy - <dy, y>) - dy <g, y>
    y({ grad, dy, y, attrs: { axis } }): Value {
      const along = { axes: axis, keepDims: true };
      const centred = sub(dy, sum(mul(dy, y), along));
      return sub(mul(grad, centred), mul(dy, sum(mul(grad, y), along)));
    },
  },
  kernels: rowKernels<'dy' | 'y'>('softmax_backward_f32', ['dy', 'y', 'output']),
  inPlace: ['dy', 'y'],
  linear: ['dy'],
  samples: cases.map(([shape, options]) => ({
    inputs: { dy: { shape }, y: { shape, domain: [0.01, 1] as const } },
    options,
  })),
  errors: [
    {
      types: { dy: f32([3]), y: f32([2, 3]) },
      message: 'softmaxBackward: shapes differ, dy is [3], y is [2,3]',
    },
  ],
  // A sum of n products takes n roundings, the difference and the product one each; second orders fit into one more.
  tolerance: rowTolerance((_, n) => n + 3, 'declared'),
  magnitude: ({ dy, y }, { axis }) =>
    mapRows(y.shape, axis, [dy.data.map(Math.abs), y.data.map(Math.abs)], (d, v) => {
      const total = dot(d, v);
      return v.map((value, i) => value * (d[i]! + total));
    }),
});

/** y = x - log Σ e^x along an axis. */
export const logSoftmax = defineOp({
  name: 'logSoftmax',
  summary: 'y = x - log Σ e^x along an axis',
  inputs: ['x'],
  attributes: axisAttrs('logSoftmax'),
  infer({ x }) {
    expectDType('logSoftmax', { x }, 'f32');
    return x;
  },
  reference: ({ x }, { axis }) =>
    mapRows(x.shape, axis, [x.data], (row) => {
      const total = logSumExp(row);
      return row.map((v) => v - total);
    }),
  backward: { x: ({ grad, output, attrs }): Value => logSoftmaxBackward(grad, output, attrs) },
  cost: ({ output }) => ({ flops: 5 * sizeOf(output.shape) }),
  kernels: rowKernels<'x'>('log_softmax_f32', ['x', 'output']),
  inPlace: ['x'],
  samples: cases.map(([shape, options]) => ({ inputs: { x: { shape, domain: [-4, 4] as const } }, options })),
  errors: axisErrors('logSoftmax'),
  // A relative error of Σ is an absolute one of ln Σ: the power's and n units; ln's own are 6 units, or 8 near 1 (WGSL:
  // 3 ulp, or 2^-21 within [½, 2]); the two differences add one each.
  tolerance: rowTolerance((backend, n) => POWER_ULPS[backend] + n + 16, 'declared'),
  magnitude: ({ x }, { axis }) =>
    mapRows(x.shape, axis, [x.data], (row) => {
      const total = logSumExp(row);
      return row.map((v) => 1 + Math.abs(v - total));
    }),
});

/** dx = dy - e^y Σ dy. */
export const logSoftmaxBackward = defineOp({
  name: 'logSoftmaxBackward',
  summary: 'dx = dy - e^y Σ dy',
  inputs: ['dy', 'y'],
  attributes: axisAttrs('logSoftmaxBackward'),
  infer({ dy, y }) {
    expectDType('logSoftmaxBackward', { dy, y }, 'f32');
    expectSameShape('logSoftmaxBackward', { dy, y });
    return y;
  },
  reference: ({ dy, y }, { axis }) =>
    mapRows(y.shape, axis, [dy.data, y.data], (d, v) => {
      const total = d.reduce((a, b) => a + b, 0);
      return d.map((value, i) => value - Math.exp(v[i]!) * total);
    }),
  backward: {
    dy: ({ grad, y, attrs: { axis } }): Value =>
      sub(grad, sum(mul(grad, exp(y)), { axes: axis, keepDims: true })),
    y: ({ grad, dy, y, attrs: { axis } }): Value =>
      mul(mul(mul(grad, exp(y)), sum(dy, { axes: axis, keepDims: true })), full({ shape: [], value: -1 })),
  },
  kernels: rowKernels<'dy' | 'y'>('log_softmax_backward_f32', ['dy', 'y', 'output']),
  inPlace: ['dy', 'y'],
  linear: ['dy'],
  samples: cases.map(([shape, options]) => ({
    inputs: { dy: { shape }, y: { shape, domain: [-5, -0.1] as const } },
    options,
  })),
  errors: [
    {
      types: { dy: f32([3]), y: f32([2, 3]) },
      message: 'logSoftmaxBackward: shapes differ, dy is [3], y is [2,3]',
    },
  ],
  // The power's error, n - 1 roundings of the sum, one each of product and difference.
  tolerance: rowTolerance((backend, n) => POWER_ULPS[backend] + n + 2, 'declared'),
  magnitude: ({ dy, y }, { axis }) =>
    mapRows(y.shape, axis, [dy.data.map(Math.abs), y.data], (d, v) => {
      const total = d.reduce((a, b) => a + b, 0);
      return d.map((value, i) => value + Math.exp(v[i]!) * total);
    }),
});
