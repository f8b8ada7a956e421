import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type Sample, type Value } from '../op.js';
import { type Shape, sizeOf } from '../shape.js';
import { mul } from './binary.js';
import { expectSameShape } from './common.js';
import { expectOneOf } from './reduce_common.js';
import { axisOf, rowsOf } from './sort_select.js';

interface Along {
  /** The axis to go along. */
  readonly axis: number;
  /** From the last element to the first, default false. */
  readonly reverse?: boolean;
}

export interface ScanOptions extends Along {
  /** Each result without the element itself: the first is that of nothing. Default false. */
  readonly exclusive?: boolean;
}

interface ScanAttrs {
  readonly axis: number;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

/** Up to this length one GPU thread goes along a row, else 64 of them take a part each. */
const SERIAL_LIMIT = 32;

function scanKernels<N extends string, A extends { readonly axis: number; readonly reverse: boolean }>(
  kernelOf: (call: KernelCall<N, A>) => string,
  kernels: readonly string[],
  operands: readonly string[],
  mode: (attrs: A) => number,
) {
  const variant = (kernel: string, backend: 'wasm' | 'webgpu', serial: boolean) => ({
    name: backend === 'wasm' ? kernel : `${kernel}__${serial ? 'serial' : 'workgroup'}`,
    when: (call: KernelCall<N, A>) =>
      kernelOf(call) === kernel &&
      (backend === 'wasm' || !serial || rowsOf(call.output.shape, call.attrs.axis).length <= SERIAL_LIMIT),
    launches(call: KernelCall<N, A>) {
      const { attrs } = call;
      const rows = rowsOf(call.output.shape, attrs.axis);
      const count = rows.length === 0 ? 0 : rows.outer * rows.inner;
      const params = {
        ...rows,
        reverse: Number(attrs.reverse),
        mode: mode(attrs),
        serial: Number(serial),
      };
      return [{ kernel, operands, params, units: serial ? count : count * 64 }];
    },
  });
  return {
    wasm: kernels.map((kernel) => variant(kernel, 'wasm', true)),
    webgpu: kernels.flatMap((kernel) => [variant(kernel, 'webgpu', true), variant(kernel, 'webgpu', false)]),
  };
}

/** Replaces every row by what `f` makes of it, in the order of the scan. */
function mapRows(
  shape: Shape,
  { axis, reverse }: { readonly axis: number; readonly reverse: boolean },
  inputs: readonly Float64Array[],
  f: (...rows: Float64Array[]) => Float64Array,
): Float64Array {
  const { outer, length, inner } = rowsOf(shape, axis);
  const y = new Float64Array(sizeOf(shape));
  for (let row = 0; row < outer * inner; row++) {
    const base = Math.floor(row / inner) * length * inner + (row % inner);
    const at = (k: number) => base + (reverse ? length - 1 - k : k) * inner;
    const result = f(...inputs.map((data) => Float64Array.from({ length }, (_, k) => data[at(k)]!)));
    result.forEach((value, k) => {
      y[at(k)] = value;
    });
  }
  return y;
}

interface CumulativeSpec {
  readonly summary: string;
  readonly start: number;
  readonly step: (held: number, x: number, dtype: string) => number;
  readonly dtypes: readonly ('f32' | 'i32')[];
  readonly backward: (context: { grad: Value; x: Value; attrs: ScanAttrs }) => Value;
  readonly linear: boolean;
  readonly samples: readonly Sample<'x', ScanOptions>[];
}

/** y_i = x_0 ∘ x_1 ∘ ... ∘ x_i along an axis. */
function cumulative(name: string, spec: CumulativeSpec) {
  const kernels = spec.dtypes.map((dtype) => `${name}_${dtype}`);
  // One rounding for each element.
  const tolerance = {
    ulps: ({ types, attrs }: KernelCall<'x', ScanAttrs>) =>
      types.x.dtype === 'f32' ? rowsOf(types.x.shape, attrs.axis).length : 0,
    magnitude: 'absolute',
  } as const;
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['x'],
    attributes(options: ScanOptions | undefined, { x }): ScanAttrs {
      const { axis, reverse = false, exclusive = false } = options ?? fail(name, 'needs options { axis }');
      return { axis: axisOf(name, axis, x.shape), reverse, exclusive };
    },
    infer({ x }) {
      expectOneOf(name, x, spec.dtypes);
      return x;
    },
    reference: ({ x }, attrs) =>
      mapRows(x.shape, attrs, [x.data], (row) => {
        let held = spec.start;
        return row.map((v) => {
          const before = held;
          held = spec.step(held, v, x.dtype);
          return attrs.exclusive ? before : held;
        });
      }),
    backward: { x: spec.backward },
    kernels: scanKernels<'x', ScanAttrs>(
      ({ types }) => `${name}_${types.x.dtype}`,
      kernels,
      ['x', 'output'],
      ({ exclusive }) => Number(exclusive),
    ),
    linear: spec.linear ? ['x'] : [],
    samples: spec.samples,
    errors: [
      { types: { x: f32([2, 3]) }, message: `${name}: needs options { axis }` },
      {
        types: { x: f32([2, 3]) },
        options: { axis: -3 },
        message: `${name}: axis -3 is outside a tensor of rank 2`,
      },
      {
        types: { x: { shape: [2], dtype: 'bool' } },
        options: { axis: 0 },
        message: `${name}: x must be ${spec.dtypes.join(' or ')}, it is bool[2]`,
      },
    ],
    tolerance: { wasm: tolerance, webgpu: tolerance },
  });
}

/** Shapes and options whose rows are of one element, of a few, of more than a workgroup, and strided. */
const cases: readonly (readonly [Shape, ScanOptions])[] = [
  [[], { axis: 0 }],
  [[3, 7], { axis: 1, exclusive: true }],
  [[3, 1], { axis: -1, reverse: true }],
  [[2, 131, 2], { axis: 1 }],
  [[67, 3], { axis: 0, reverse: true, exclusive: true }],
  [[2, 5, 3], { axis: -2, reverse: true }],
];

/** The sums of x's elements up to and with each one, along an axis; f32, or i32, which wraps. */
export const cumsum = cumulative('cumsum', {
  summary: 'y_i = x_0 + ... + x_i along an axis',
  start: 0,
  step: (held, x, dtype) => (dtype === 'f32' ? held + x : (held + x) | 0),
  dtypes: ['f32', 'i32'],
  backward: ({ grad, attrs }): Value => cumsum(grad, { ...attrs, reverse: !attrs.reverse }),
  linear: true,
  samples: [
    { inputs: { x: { shape: [2, 67], dtype: 'i32', domain: [-9, 9] } }, options: { axis: 1 } },
    { inputs: { x: { shape: [7, 2], dtype: 'i32', domain: [-9, 9] } }, options: { axis: 0, reverse: true } },
    ...cases.map(([shape, options]) => ({ inputs: { x: { shape } }, options })),
  ],
});

/** The products of x's elements up to and with each one, along an axis. */
export const cumprod = cumulative('cumprod', {
  summary: 'y_i = x_0 · ... · x_i along an axis',
  start: 1,
  step: (held, x) => held * x,
  dtypes: ['f32'],
  // dx_i = Π_{j<i} x_j · Σ_{k>=i} dy_k Π_{i<j<=k} x_j: no division, so right where elements are zero.
  backward: ({ grad, x, attrs: { axis, reverse, exclusive } }): Value =>
    mul(
      cumprod(x, { axis, reverse, exclusive: true }),
      linearScan(x, grad, { axis, reverse: !reverse, mode: exclusive ? 'exclusive' : 'shifted' }),
    ),
  linear: false,
  samples: [
    { inputs: { x: { shape: [2, 5], values: [2, 0, 3, -1, 0, 1.5, 2, 0, 4, 5] } }, options: { axis: 1 } },
    ...cases.map(([shape, options]) => ({
      inputs: { x: { shape, domain: [0.9, 1.1] as const, signed: true } },
      options,
    })),
  ],
});

/** For each element of a row the product of all others, made without division. */
export const exclusiveProducts = (x: Value, axis: number): Value => {
  const along = (reverse: boolean) => cumprod(x, { axis, reverse, exclusive: true });
  return mul(along(false), along(true));
};

const MODES = ['inclusive', 'exclusive', 'shifted'] as const;

export interface LinearScanOptions extends Along {
  /**
   * `inclusive` (default): y_i = a_i y_{i-1} + b_i. `exclusive`: the same, each result one place later, the first 0.
   * `shifted`: y_i = a_{i-1} y_{i-1} + b_i.
   */
  readonly mode?: (typeof MODES)[number];
}

interface LinearAttrs {
  readonly axis: number;
  readonly reverse: boolean;
  readonly mode: string;
}

function recur(a: Float64Array, b: Float64Array, mode: string): Float64Array {
  let held = 0;
  return a.map((factor, i) => {
    const before = held;
    if (mode === 'shifted') {
      const y = b[i]! + before;
      held = factor * y;
      return y;
    }
    held = factor * before + b[i]!;
    return mode === 'exclusive' ? before : held;
  });
}

// Each term b_k Π a_j takes at most one rounding for each factor and two for each addition that it is part of: its own
// part of the row is gone through twice, at most 64 parts are joined.
const linearTolerance = {
  ulps: ({ output, attrs }: KernelCall<'a' | 'b', LinearAttrs>) =>
    2 * rowsOf(output.shape, attrs.axis).length + 2,
  magnitude: 'absolute',
} as const;

/** A linear recurrence along an axis, from 0 on. */
export const linearScan = defineOp<readonly ['a', 'b'], LinearAttrs, LinearScanOptions>({
  name: 'linearScan',
  summary: 'y_i = a_i y_{i-1} + b_i along an axis',
  inputs: ['a', 'b'],
  attributes(options: LinearScanOptions | undefined, { a }): LinearAttrs {
    const {
      axis,
      reverse = false,
      mode = 'inclusive',
    } = options ?? fail('linearScan', 'needs options { axis }');
    if (!MODES.includes(mode)) fail('linearScan', `mode must be one of ${MODES.join(', ')}, got ${mode}`);
    return { axis: axisOf('linearScan', axis, a.shape), reverse, mode };
  },
  infer({ a, b }) {
    expectDType('linearScan', { a, b }, 'f32');
    expectSameShape('linearScan', { a, b });
    return a;
  },
  reference: ({ a, b }, attrs) =>
    mapRows(a.shape, attrs, [a.data, b.data], (p, q) => recur(p, q, attrs.mode)),
  // The adjoint of a recurrence is one in the other direction; what a_i is multiplied with is the state before.
  backward: {
    a: ({ grad, a, b, output, attrs }): Value => {
      const { mode } = attrs;
      const adjoint = linearScan(a, grad, adjointOf(attrs, mode === 'inclusive' ? 'shifted' : 'exclusive'));
      if (mode !== 'inclusive') return mul(adjoint, output);
      return mul(adjoint, linearScan(a, b, { ...(attrs as LinearScanOptions), mode: 'exclusive' }));
    },
    b: ({ grad, a, attrs }): Value => {
      const modes = { inclusive: 'shifted', exclusive: 'exclusive', shifted: 'inclusive' } as const;
      return linearScan(a, grad, adjointOf(attrs, modes[attrs.mode as keyof typeof modes]));
    },
  },
  cost: ({ output }) => ({ flops: 2 * sizeOf(output.shape) }),
  kernels: scanKernels<'a' | 'b', LinearAttrs>(
    () => 'linear_scan_f32',
    ['linear_scan_f32'],
    ['a', 'b', 'output'],
    ({ mode }) => MODES.indexOf(mode as (typeof MODES)[number]),
  ),
  linear: ['b'],
  samples: MODES.flatMap((mode) => [
    { inputs: { a: { shape: [3, 7] }, b: { shape: [3, 7] } }, options: { axis: 1, reverse: true, mode } },
    { inputs: { a: { shape: [67, 2] }, b: { shape: [67, 2] } }, options: { axis: 0, mode } },
  ]),
  errors: [
    { types: { a: f32([2]), b: f32([2]) }, message: 'linearScan: needs options { axis }' },
    {
      types: { a: f32([2]), b: f32([3]) },
      options: { axis: 0 },
      message: 'linearScan: shapes differ, a is [2], b is [3]',
    },
    {
      types: { a: f32([2]), b: f32([2]) },
      options: { axis: 0, mode: 'open' as 'inclusive' },
      message: 'linearScan: mode must be one of inclusive, exclusive, shifted, got open',
    },
  ],
  tolerance: { wasm: linearTolerance, webgpu: linearTolerance },
});

function adjointOf({ axis, reverse }: LinearAttrs, mode: LinearScanOptions['mode']): LinearScanOptions {
  return { axis, reverse: !reverse, mode };
}
