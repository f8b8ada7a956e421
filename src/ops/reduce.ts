import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import {
  type BackwardContext,
  expectDType,
  f32,
  type KernelCall,
  type TensorType,
  type Value,
} from '../op.js';
import {
  collapse,
  forEachOffset,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sizeOf,
  stridesOf,
} from '../shape.js';
import { div, mul } from './binary.js';
import { cast } from './cast.js';
import { eight, elementUnits } from './common.js';
import { equal } from './compare.js';
import { full } from './fill.js';
import { broadcastTo, reshape } from './layout.js';

export interface ReduceOptions {
  /** The axes that disappear; default all. */
  readonly axes?: number | readonly number[];
  /** Keeps each reduced axis with size 1, default false. */
  readonly keepDims?: boolean;
}

interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

const kept = (shape: Shape, axes: readonly number[]): number[] =>
  shape.filter((_, axis) => !axes.includes(axis));
const withOnes = (shape: Shape, axes: readonly number[]): number[] =>
  shape.map((size, axis) => (axes.includes(axis) ? 1 : size));

/** The walk over what is kept and, inside, the walk over what is reduced. */
function reduceParams(x: TensorType, axes: readonly number[]) {
  const strides = stridesOf(x.shape);
  const pick = (keep: boolean) => {
    const chosen = x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) !== keep);
    return collapse(
      chosen.map((axis) => x.shape[axis]!),
      [chosen.map((axis) => strides[axis]!)],
    );
  };
  const [outer, inner] = [pick(true), pick(false)];
  return {
    outer: sizeOf(outer.shape),
    inner: sizeOf(inner.shape),
    outerRank: outer.shape.length,
    innerRank: inner.shape.length,
    outerShape: eight(outer.shape),
    outerStrides: eight(outer.strides[0]!),
    innerShape: eight(inner.shape),
    innerStrides: eight(inner.strides[0]!),
  };
}

/** Where the outputs are many and the sums short, one GPU thread makes one output; else a workgroup does. */
const SERIAL_LIMIT = 32;

function reduceKernels(kernel: string, scale: (inner: number) => number) {
  type Call = KernelCall<'x', ReduceAttrs>;
  const launch = (call: Call, name: string, unitsOf: (outer: number) => number) => {
    const params = reduceParams(call.types.x, call.attrs.axes);
    return [
      {
        kernel: name,
        operands: ['x', 'output'],
        params: { ...params, scale: scale(params.inner) },
        units: unitsOf(params.outer),
      },
    ];
  };
  return {
    wasm: [{ name: kernel, launches: (call: Call) => launch(call, kernel, (outer) => outer) }],
    webgpu: [
      {
        name: `${kernel}__serial`,
        when: ({ types, attrs }: Call) => reduceParams(types.x, attrs.axes).inner <= SERIAL_LIMIT,
        launches: (call: Call) => launch(call, `${kernel}__serial`, (outer) => elementUnits(outer, 'webgpu')),
      },
      {
        name: `${kernel}__workgroup`,
        launches: (call: Call) => launch(call, `${kernel}__workgroup`, (outer) => outer * 64),
      },
    ],
  };
}

/** Groups the elements of x by output element, in row-major order of the reduced axes. */
function gather(x: { data: Float64Array; shape: Shape }, axes: readonly number[]): Float64Array[] {
  const strides = stridesOf(x.shape);
  const inner = axes.map((axis) => x.shape[axis]!);
  const outerAxes = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const groups: Float64Array[] = [];
  forEachOffset(kept(x.shape, axes), [outerAxes.map((axis) => strides[axis]!)], (_, [base]) => {
    const group = new Float64Array(sizeOf(inner));
    forEachOffset(inner, [axes.map((axis) => strides[axis]!)], (i, [offset]) => {
      group[i] = x.data[base! + offset!]!;
    });
    groups.push(group);
  });
  return groups;
}

interface ReduceSpec {
  readonly summary: string;
  readonly kernel: string;
  readonly evaluate: (group: Float64Array) => number;
  readonly scale?: (inner: number) => number;
  readonly backward: (
    context: BackwardContext<ReduceAttrs> & { readonly x: Value; readonly spread: (y: Value) => Value },
  ) => Value;
  readonly linear?: boolean;
  readonly distinct?: boolean;
  /** What an empty group gives; without one it is refused. */
  readonly allowsEmpty?: boolean;
  readonly ulps?: (inner: number) => number;
}

function reduce(name: string, spec: ReduceSpec) {
  const tolerance = {
    ulps: ({ types, attrs }: KernelCall<'x', ReduceAttrs>) =>
      spec.ulps?.(reduceParams(types.x, attrs.axes).inner) ?? 0,
    magnitude: 'absolute',
  } as const;
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['x'],
    attributes: (options: ReduceOptions | undefined, { x }): ReduceAttrs => ({
      axes: normalizeAxes(name, options?.axes, x.shape.length),
      keepDims: options?.keepDims ?? false,
    }),
    infer({ x }, { axes, keepDims }) {
      expectDType(name, { x }, 'f32');
      if (!spec.allowsEmpty && axes.some((axis) => x.shape[axis] === 0)) {
        fail(name, `can't reduce an empty axis, x is [${x.shape.join(',')}]`);
      }
      return f32(keepDims ? withOnes(x.shape, axes) : kept(x.shape, axes));
    },
    reference: ({ x }, { axes }) => Float64Array.from(gather(x, axes), spec.evaluate),
    backward: {
      x(context): Value {
        const { x, attrs } = context;
        const spread = (y: Value) =>
          broadcastTo(reshape(y, { shape: withOnes(x.shape, attrs.axes) }), { shape: x.shape });
        return spec.backward({ ...context, spread });
      },
    },
    cost: ({ types }) => ({ flops: sizeOf(types.x.shape) }),
    kernels: reduceKernels(spec.kernel, spec.scale ?? (() => 1)),
    linear: spec.linear ? ['x'] : [],
    samples: [
      { inputs: { x: { shape: [4099], distinct: spec.distinct } } },
      { inputs: { x: { shape: [3, 7], distinct: spec.distinct } }, options: { axes: 1 } },
      { inputs: { x: { shape: [67, 5], distinct: spec.distinct } }, options: { axes: [0], keepDims: true } },
      { inputs: { x: { shape: [2, 3, 4, 5], distinct: spec.distinct } }, options: { axes: [0, 2] } },
      { inputs: { x: { shape: [4, 3, 2, 17], distinct: spec.distinct } }, options: { axes: [0, -1, 2] } },
      { inputs: { x: { shape: [], distinct: spec.distinct } } },
    ],
    errors: [
      {
        types: { x: f32([2, 3]) },
        options: { axes: 2 },
        message: `${name}: axis 2 is outside a tensor of rank 2`,
      },
      {
        types: { x: f32([2, 3]) },
        options: { axes: [1, -1] },
        message: `${name}: axes [1,-1] name an axis twice`,
      },
      {
        types: { x: { shape: [2], dtype: 'i32' } },
        message: `${name}: x must be f32, it is i32[2]`,
      },
    ],
    tolerance: { wasm: tolerance, webgpu: tolerance },
  });
}

const total = (group: Float64Array): number => group.reduce((a, b) => a + b, 0);

export const sum = reduce('sum', {
  summary: 'y = Σ x over the axes',
  kernel: 'sum_f32',
  evaluate: total,
  backward: ({ grad, spread }) => spread(grad),
  linear: true,
  allowsEmpty: true,
  ulps: (inner) => inner + 1,
});

export const mean = reduce('mean', {
  summary: 'y = Σ x / n over the axes',
  kernel: 'sum_f32',
  evaluate: (group) => total(group) / group.length,
  scale: (inner) => 1 / inner,
  backward({ grad, spread, x, output }) {
    const share = sizeOf(output.shape) / sizeOf(x.shape);
    return mul(spread(grad), full({ shape: [], value: share }));
  },
  linear: true,
  ulps: (inner) => inner + 3,
});

/** The gradient goes to the elements that reach the extremum; ties share it equally, as PyTorch's amax does. */
function toExtremum(
  { grad, spread, x, output }: { grad: Value; spread: (y: Value) => Value; x: Value; output: Value },
  axes: readonly number[],
): Value {
  const reached = cast(equal(x, spread(output)), { dtype: 'f32' });
  const count = sum(reached, { axes, keepDims: true });
  return div(mul(spread(grad), reached), count);
}

export const max = reduce('max', {
  summary: 'y = the largest x over the axes',
  kernel: 'max_f32',
  evaluate: (group) => group.reduce((a, b) => Math.max(a, b), -Infinity),
  backward: (context) => toExtremum(context, context.attrs.axes),
  distinct: true,
});

export const min = reduce('min', {
  summary: 'y = the smallest x over the axes',
  kernel: 'min_f32',
  evaluate: (group) => group.reduce((a, b) => Math.min(a, b), Infinity),
  backward: (context) => toExtremum(context, context.attrs.axes),
  distinct: true,
});

export interface ArgmaxOptions {
  /** The axis along which to look; default: the flattened tensor. */
  readonly axis?: number;
  readonly keepDims?: boolean;
}

/** The index of the first largest element along an axis, i32. */
export const argmax = defineOp({
  name: 'argmax',
  summary: 'y = the index of the first largest x along an axis',
  inputs: ['x'],
  attributes: (options: ArgmaxOptions | undefined, { x }): ReduceAttrs => ({
    axes:
      options?.axis === undefined
        ? normalizeAxes('argmax', undefined, x.shape.length)
        : [normalizeAxis('argmax', options.axis, x.shape.length)],
    keepDims: options?.keepDims ?? false,
  }),
  infer({ x }, { axes, keepDims }) {
    expectDType('argmax', { x }, 'f32');
    if (axes.some((axis) => x.shape[axis] === 0))
      fail('argmax', `can't reduce an empty axis, x is [${x.shape.join(',')}]`);
    return { shape: keepDims ? withOnes(x.shape, axes) : kept(x.shape, axes), dtype: 'i32' as const };
  },
  reference: ({ x }, { axes }) =>
    Float64Array.from(gather(x, axes), (group) =>
      group.reduce((best, v, i) => (v > group[best]! ? i : best), 0),
    ),
  backward: { x: null },
  cost: ({ types }) => ({ flops: sizeOf(types.x.shape) }),
  kernels: reduceKernels('argmax_f32', () => 1),
  samples: [
    { inputs: { x: { shape: [4099] } } },
    { inputs: { x: { shape: [3, 7] } }, options: { axis: 1 } },
    { inputs: { x: { shape: [67, 5] } }, options: { axis: 0, keepDims: true } },
    { inputs: { x: { shape: [6], values: [1, 3, 3, 2, 3, 0] } } },
  ],
  errors: [
    {
      types: { x: f32([2, 3]) },
      options: { axis: -3 },
      message: 'argmax: axis -3 is outside a tensor of rank 2',
    },
  ],
});
