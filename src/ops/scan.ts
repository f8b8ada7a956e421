import { LOST_POWER } from '../bounds.js';
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds } from '../kinds.js';
import { f32, type KernelCall, type Sample, type Value } from '../op.js';
import type { Shape } from '../shape.js';
import { mul, sub } from './binary.js';
import { snake } from './common.js';
import { equal } from './compare.js';
import { scalar } from './fill.js';
import { linearScan } from './linear_scan.js';
import { expectOneOf } from './reduce_common.js';
import { axisOf, rowsOf } from './rows.js';
import { type AlongOptions, alongKinds, blockScans, mapScans, scanKernels } from './scan_common.js';
import { exp } from './unary.js';
import { where } from './where.js';

export interface ScanOptions extends AlongOptions {
  /** Each result without the element itself: the first is that of nothing. Default false. */
  readonly exclusive?: boolean;
}

export const scanKinds: Kinds<ScanOptions> = { ...alongKinds, exclusive: flag };

interface ScanAttrs {
  readonly axis: number;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

interface CumulativeSpec {
  readonly summary: string;
  readonly start: number;
  readonly step: (held: number, x: number, dtype: string) => number;
  readonly dtypes: readonly ('f32' | 'i32')[];
  readonly backward: (context: { grad: Value; x: Value; output: Value; attrs: ScanAttrs }) => Value;
  readonly linear: boolean;
  /** Whether what parts of a row make may overflow though the row does not, so that it is gone through in order. */
  readonly ordered?: boolean;
  /** Whether nothing has a finite result, so that there is an exclusive form. */
  readonly exclusive: boolean;
  readonly samples: readonly Sample<'x', ScanOptions>[];
  /** Units per rounding, default 1, and what they are of where that is not the same of absolute numbers. */
  readonly ulps?: { readonly wasm: number; readonly webgpu: number };
  readonly magnitude?: (row: Float64Array, attrs: ScanAttrs) => Float64Array;
}

/** Neighbouring rows of one wasm unit: assembly/scan.ts has the same number. */
const TOGETHER = 1024;

/** y_i = x_0 ∘ x_1 ∘ ... ∘ x_i along an axis. */
function cumulative(name: string, spec: CumulativeSpec) {
  const names = spec.dtypes.map((dtype) => `${snake(name)}_${dtype}`);
  const kernelOf = ({ types }: KernelCall<'x', ScanAttrs>) => `${snake(name)}_${types.x.dtype}`;
  const mode = ({ exclusive }: ScanAttrs) => Number(exclusive);
  const kernels = scanKernels<'x', ScanAttrs>(kernelOf, names, ['x', 'output'], mode, TOGETHER);
  // At most one rounding for each element of the row: it is gone through once, or by p parts of n / p elements, of which an
  // element may meet those of two and of p - 3 joined ones.
  const tolerance = (backend: 'wasm' | 'webgpu') => ({
    ulps: ({ types, attrs }: KernelCall<'x', ScanAttrs>) =>
      types.x.dtype === 'f32' ? rowsOf(types.x.shape, attrs.axis).length * (spec.ulps?.[backend] ?? 1) : 0,
    magnitude: spec.magnitude ? ('declared' as const) : ('absolute' as const),
  });
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['x'],
    kinds: scanKinds,
    attributes(options: ScanOptions | undefined, { x }): ScanAttrs {
      const { axis, reverse = false, exclusive = false } = options ?? fail(name, 'needs options { axis }');
      if (exclusive && !spec.exclusive) fail(name, 'has no exclusive form: that of nothing is -Infinity');
      return { axis: axisOf(name, axis, x.shape), reverse, exclusive };
    },
    infer({ x }) {
      expectOneOf(name, x, spec.dtypes);
      return x;
    },
    reference: ({ x }, attrs) =>
      mapScans(x.shape, attrs, [x.data], (row) => {
        let held = spec.start;
        return row.map((v) => {
          const before = held;
          held = spec.step(held, v, x.dtype);
          return attrs.exclusive ? before : held;
        });
      }),
    backward: { x: spec.backward },
    kernels: spec.ordered ? kernels : { ...kernels, webgpu: blockScans<ScanAttrs>(names, kernelOf, mode) },
    linear: spec.linear ? ['x'] : [],
    samples: spec.samples,
    errors: [
      ...(spec.exclusive
        ? []
        : [
            {
              types: { x: f32([2]) },
              options: { axis: 0, exclusive: true },
              message: `${name}: has no exclusive form: that of nothing is -Infinity`,
            },
          ]),
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
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
    magnitude: ({ x }, attrs) => mapScans(x.shape, attrs, [x.data], (row) => spec.magnitude!(row, attrs)),
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

/** Rows that a GPU takes in blocks: by neighbouring lanes, by lanes of a row, the last block a short one. */
const inBlocks: readonly (readonly [Shape, ScanOptions])[] = [
  [[523, 9], { axis: 0, reverse: true }],
  [[2059], { axis: 0 }],
];

/** The sums of x's elements up to and with each one, along an axis; f32, or i32, which wraps. */
export const cumsum = cumulative('cumsum', {
  summary: 'y_i = x_0 + ... + x_i along an axis',
  start: 0,
  step: (held, x, dtype) => (dtype === 'f32' ? held + x : (held + x) | 0),
  dtypes: ['f32', 'i32'],
  backward: ({ grad, attrs }): Value => cumsum(grad, { ...attrs, reverse: !attrs.reverse }),
  linear: true,
  exclusive: true,
  samples: [
    { inputs: { x: { shape: [2, 67], dtype: 'i32', domain: [-9, 9] } }, options: { axis: 1 } },
    { inputs: { x: { shape: [7, 2], dtype: 'i32', domain: [-9, 9] } }, options: { axis: 0, reverse: true } },
    { inputs: { x: { shape: [35, 9], dtype: 'i32', domain: [-9, 9] } }, options: { axis: 0 } },
    ...[...cases, ...inBlocks].map(([shape, options]) => ({ inputs: { x: { shape } }, options })),
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
  ordered: true,
  exclusive: true,
  samples: [
    { inputs: { x: { shape: [2, 5], values: [2, 0, 3, -1, 0, 1.5, 2, 0, 4, 5] } }, options: { axis: 1 } },
    ...cases.map(([shape, options]) => ({
      inputs: { x: { shape, domain: [0.9, 1.1] as const, signed: true } },
      options,
    })),
  ],
  // What a product below the normal numbers loses grows with the elements after it: of n, n times the most is enough.
  magnitude(row, { exclusive }) {
    let size = 1;
    let most = 1;
    return row.map((v) => {
      const before = size + LOST_POWER * most;
      size *= Math.abs(v);
      most = Math.max(1, most * Math.abs(v));
      return exclusive ? before : size + LOST_POWER * most;
    });
  },
});

/** ln (e^a + e^b). */
function logAdd(a: number, b: number): number {
  const top = Math.max(a, b);
  return Math.abs(top) === Infinity ? top : top + Math.log1p(Math.exp(Math.min(a, b) - top));
}

/** ln (e^x_0 + ... + e^x_i) along an axis, from the larger of two numbers on, so that it can't overflow. */
export const logCumSumExp = cumulative('logCumSumExp', {
  summary: 'y_i = ln (e^x_0 + ... + e^x_i) along an axis',
  start: -Infinity,
  step: logAdd,
  dtypes: ['f32'],
  // dx_i = e^(x_i - y_i) U_i with U_i = dy_i + e^(y_i - y_{i+1}) U_{i+1}, and e^(y_{i-1} - y_i) = 1 - e^(x_i - y_i),
  // which is 0 where x_i = Infinity: what lies before has no part in the results from there on.
  backward({ grad, x, output, attrs: { axis, reverse } }): Value {
    const share = exp(sub(x, output));
    const infinite = equal(x, scalar(Infinity));
    const rest = where(infinite, scalar(0), sub(scalar(1), share));
    return mul(share, linearScan(rest, grad, { axis, reverse: !reverse, mode: 'shifted' }));
  },
  linear: false,
  exclusive: false,
  samples: [...cases, ...inBlocks].map(([shape, { axis, reverse }]) => ({
    inputs: { x: { shape, domain: [-4, 4] as const } },
    options: { axis, reverse },
  })),
  // The power e^d, d <= 0, off by 3 + |d| units on wasm and by 6 + 5 |d| in WGSL, has the share e^d / (1 + e^d) <= ½ of
  // the sum, and |d| times that is at most 0.28: less than 2 and 5 units. The sum beside it, its logarithm (8 units near 1
  // in WGSL, else 6), and the sum of both.
  ulps: { wasm: 2 + 10, webgpu: 5 + 10 },
  magnitude(row) {
    let held = -Infinity;
    let largest = 1;
    return row.map((v) => {
      held = logAdd(held, v);
      largest = Math.max(largest, 1 + Math.abs(held));
      return largest;
    });
  },
});

/** For each element of a row the product of all others, made without division. */
export const exclusiveProducts = (x: Value, axis: number): Value => {
  const along = (reverse: boolean) => cumprod(x, { axis, reverse, exclusive: true });
  return mul(along(false), along(true));
};
