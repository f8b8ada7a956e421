import { LOST, LOST_POWER } from '../bounds.js';
import { defineOp } from '../define.js';
import { type Kinds, whole } from '../kinds.js';
import { expectDType, f32, type KernelCall, type Value, type Variant } from '../op.js';
import { normalizeAxis, type Shape, sizeOf } from '../shape.js';
import { mul, sub } from './binary.js';
import { expectSameShape } from './common.js';
import { full } from './fill.js';
import { sum } from './reduce.js';
import { rowVariants } from './row_lanes.js';
import { mapRows, rowsOf, SHORT } from './rows.js';
import { exp } from './unary.js';

export interface SoftmaxOptions {
  /** The axis along which the results add to 1, default the last. */
  readonly axis?: number;
}

export const softmaxKinds: Kinds<SoftmaxOptions> = { axis: whole };

interface AxisAttrs {
  readonly axis: number;
}

/** One wasm unit is a row, or 16 rows side by side. */
function rowKernels<N extends string>(kernel: string, operands: readonly string[]) {
  type Call = KernelCall<N, AxisAttrs>;
  const rows = ({ output, attrs }: Call) => rowsOf(output.shape, attrs.axis);
  const wasm: Variant<N, AxisAttrs> = {
    name: kernel,
    launches(call) {
      const { outer, length, inner } = rows(call);
      const units = outer * (inner === 1 ? 1 : Math.ceil(inner / 16));
      // A vector, and for short rows four of two operands side by side.
      const scratch = 16 + (inner === 1 && length <= SHORT ? 32 * length : 0);
      const params = { outer, length, inner, lanes: 0 };
      return [{ kernel, operands, params, units: length === 0 ? 0 : units, scratch }];
    },
  };
  const webgpu = rowVariants<N, AxisAttrs>(
    kernel,
    (call) => {
      const { outer, length, inner } = rows(call);
      return { rows: outer * inner, length, inner };
    },
    (call, { suffix, wide, lanes }) => {
      const { outer, length, inner } = rows(call);
      const params = { outer, length: wide ? length / 4 : length, inner, lanes };
      return [{ kernel: kernel + suffix, operands, params, units: length === 0 ? 0 : outer * inner * lanes }];
    },
  );
  return { wasm: [wasm], webgpu };
}

/** A row less its largest element, which may be so large that sums with it lose what follows, and the ln of the sum of its powers. */
function centred(row: Float64Array): { readonly below: Float64Array; readonly logSum: number } {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const below = row.map((v) => v - top);
  return { below, logSum: Math.log(below.reduce((total, v) => total + Math.exp(v), 0)) };
}
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((total, v, i) => total + v * b[i]!, 0);

const cases: readonly (readonly [Shape, SoftmaxOptions | undefined])[] = [
  [[1], undefined],
  [[5, 10], undefined],
  [[3, 17], { axis: 0 }],
  [[2, 7, 5], { axis: 1 }],
  [[2, 3], { axis: -1 }],
  [[4, 1031], undefined],
  [[3, 12], undefined],
  [[3, 520], undefined],
];

/** The cases near 0, and rows whose elements lie up to 60 apart. */
const spreadSamples = [
  ...cases.map(([shape, options]) => ({ inputs: { x: { shape, domain: [-4, 4] as const } }, options })),
  { inputs: { x: { shape: [5, 67], domain: [-30, 30] as const } } },
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
 * What the units below are multiplied by: e^v is relatively off by |v| for the rounding of v = x - max, and by its own, 3 on
 * wasm (assembly/softmax.ts), 2 (3 + 2 |v|) in WGSL. Beyond 104 the power is 0 in f32.
 */
export const growth = (v: number): number => 1 + Math.min(Math.abs(v), 104);

/** Units of 2^-24, times growth(v), by which a kernel's e^v may be off: 3 + |v| on wasm, 6 + 5 |v| in WGSL. */
export const POWER_UNITS = { wasm: 3, webgpu: 6 } as const;

/**
 * Units by which a kernel's Σ e^v of n terms, the largest e^0, may be off: n roundings, and the powers' errors, weighted by
 * their shares q = e^v / Σ e^v of the sum. There Σ q |v| = -Σ q ln q - ln Σ e^v is at most ln n, however far the v lie apart.
 */
export const sumUnits = (backend: 'wasm' | 'webgpu', n: number): number =>
  POWER_UNITS[backend] + (backend === 'wasm' ? 1 : 5) * Math.log(Math.max(1, n)) + n;

/** What the error of a power e^v is measured by, or that of a function of it that is relatively off by as much. */
export const powerSize = (v: number, power = Math.exp(v)): number => power * growth(v) + LOST_POWER;

type Units = (backend: 'wasm' | 'webgpu', length: number) => number;

/** A tolerance of so many units for a row of `length` elements. */
const rowTolerance = (units: Units) => {
  const on = (backend: 'wasm' | 'webgpu') => ({
    ulps: ({ output, attrs }: KernelCall<string, AxisAttrs>) => units(backend, output.shape[attrs.axis]!),
    magnitude: 'declared' as const,
    floor: LOST.webgpu,
  });
  return { wasm: on('wasm'), webgpu: on('webgpu') };
};

/** y = e^x / Σ e^x along an axis, computed from the row's maximum so that it can't overflow. */
export const softmax = defineOp({
  name: 'softmax',
  summary: 'y = e^x / Σ e^x along an axis',
  inputs: ['x'],
  kinds: softmaxKinds,
  attributes: axisAttrs('softmax'),
  infer({ x }) {
    expectDType('softmax', { x }, 'f32');
    return x;
  },
  reference: ({ x }, { axis }) =>
    mapRows(x.shape, axis, [x.data], (row) => {
      const { below, logSum } = centred(row);
      return below.map((v) => Math.exp(v - logSum));
    }),
  backward: { x: ({ grad, output, attrs }): Value => softmaxBackward(grad, output, attrs) },
  cost: ({ output }) => ({ flops: 5 * sizeOf(output.shape) }),
  kernels: rowKernels<'x'>('softmax_f32', ['x', 'output']),
  inPlace: ['x'],
  samples: spreadSamples,
  errors: axisErrors('softmax'),
  // The power above, the sum below; WGSL's quotient takes 5 units, wasm's and its product 2; second orders fit into 1.
  tolerance: rowTolerance((backend, n) => POWER_UNITS[backend] + sumUnits(backend, n) + 6),
  magnitude: ({ x }, { axis }) =>
    mapRows(x.shape, axis, [x.data], (row) => {
      const { below, logSum } = centred(row);
      return below.map((v) => Math.exp(v - logSum) * growth(v));
    }),
});

/** dx = y (dy - Σ dy y). */
export const softmaxBackward = defineOp({
  name: 'softmaxBackward',
  summary: 'dx = y (dy - Σ dy y)',
  inputs: ['dy', 'y'],
  kinds: softmaxKinds,
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
  tolerance: rowTolerance((_, n) => n + 3),
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
  kinds: softmaxKinds,
  attributes: axisAttrs('logSoftmax'),
  infer({ x }) {
    expectDType('logSoftmax', { x }, 'f32');
    return x;
  },
  reference: ({ x }, { axis }) =>
    mapRows(x.shape, axis, [x.data], (row) => {
      const { below, logSum } = centred(row);
      return below.map((v) => v - logSum);
    }),
  backward: { x: ({ grad, output, attrs }): Value => logSoftmaxBackward(grad, output, attrs) },
  cost: ({ output }) => ({ flops: 5 * sizeOf(output.shape) }),
  kernels: rowKernels<'x'>('log_softmax_f32', ['x', 'output']),
  inPlace: ['x'],
  samples: spreadSamples,
  errors: axisErrors('logSoftmax'),
  // A relative error of Σ is an absolute one of ln Σ; ln's own are 6 units of ln Σ, or 8 of 1 (WGSL: 3 ulp, or 2^-21 within
  // [½, 2]). The two differences add one of |x - max| and one of |y|; |x - max| and ln Σ are at most |y|, their sum.
  tolerance: rowTolerance((backend, n) => sumUnits(backend, n) + 8),
  magnitude: ({ x }, { axis }) =>
    mapRows(x.shape, axis, [x.data], (row) => {
      const { below, logSum } = centred(row);
      return below.map((v) => 1 + Math.abs(v - logSum));
    }),
});

/** dx = dy - e^y Σ dy. */
export const logSoftmaxBackward = defineOp({
  name: 'logSoftmaxBackward',
  summary: 'dx = dy - e^y Σ dy',
  inputs: ['dy', 'y'],
  kinds: softmaxKinds,
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
  samples: [
    ...cases.map(([shape, options]) => ({
      inputs: { dy: { shape }, y: { shape, domain: [-5, -0.1] as const } },
      options,
    })),
    { inputs: { dy: { shape: [5, 67] }, y: { shape: [5, 67], domain: [-60, -0.1] } } },
  ],
  errors: [
    {
      types: { dy: f32([3]), y: f32([2, 3]) },
      message: 'logSoftmaxBackward: shapes differ, dy is [3], y is [2,3]',
    },
  ],
  // The power's error, n - 1 roundings of the sum, one each of product and difference.
  tolerance: rowTolerance((backend, n) => POWER_UNITS[backend] + n + 2),
  magnitude: ({ dy, y }, { axis }) =>
    mapRows(y.shape, axis, [dy.data.map(Math.abs), y.data], (d, v) => {
      const total = d.reduce((a, b) => a + b, 0);
      return d.map((value, i) => value + (Math.exp(v[i]!) * growth(v[i]!) + LOST_POWER) * total);
    }),
});
