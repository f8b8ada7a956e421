import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, oneOf } from '../kinds.js';
import { expectDType, f32, type KernelCall, type Value } from '../op.js';
import { sizeOf } from '../shape.js';
import { mul } from './binary.js';
import { expectSameShape } from './common.js';
import { axisOf, rowsOf } from './rows.js';
import { type AlongOptions, alongKinds, mapScans, scanKernels } from './scan_common.js';

const MODES = ['inclusive', 'exclusive', 'shifted'] as const;

export interface LinearScanOptions extends AlongOptions {
  /**
   * `inclusive` (default): y_i = a_i y_{i-1} + b_i. `exclusive`: the same, each result one place later, the first 0.
   * `shifted`: y_i = a_{i-1} y_{i-1} + b_i.
   */
  readonly mode?: (typeof MODES)[number];
}

export const linearScanKinds: Kinds<LinearScanOptions> = {
  ...alongKinds,
  mode: oneOf(...MODES),
};

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

// Each term b_k Π a_j takes at most one rounding for each factor, and one for each addition that it is part of.
const linearTolerance = {
  ulps: ({ output, attrs }: KernelCall<'a' | 'b', LinearAttrs>) =>
    2 * rowsOf(output.shape, attrs.axis).length,
  magnitude: 'absolute',
} as const;

/** A linear recurrence along an axis, from 0 on. */
export const linearScan = defineOp<readonly ['a', 'b'], LinearAttrs, LinearScanOptions>({
  name: 'linearScan',
  summary: 'y_i = a_i y_{i-1} + b_i along an axis',
  inputs: ['a', 'b'],
  kinds: linearScanKinds,
  attributes(options: LinearScanOptions | undefined, { a }): LinearAttrs {
    const {
      axis,
      reverse = false,
      mode = 'inclusive',
    } = options ?? fail('linearScan', 'needs options { axis }');
    return { axis: axisOf('linearScan', axis, a.shape), reverse, mode };
  },
  infer({ a, b }) {
    expectDType('linearScan', { a, b }, 'f32');
    expectSameShape('linearScan', { a, b });
    return a;
  },
  reference: ({ a, b }, attrs) =>
    mapScans(a.shape, attrs, [a.data, b.data], (p, q) => recur(p, q, attrs.mode)),
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
      message: "linearScan: mode must be one of inclusive, exclusive, shifted, got 'open'",
    },
  ],
  tolerance: { wasm: linearTolerance, webgpu: linearTolerance },
});

function adjointOf({ axis, reverse }: LinearAttrs, mode: LinearScanOptions['mode']): LinearScanOptions {
  return { axis, reverse: !reverse, mode };
}
