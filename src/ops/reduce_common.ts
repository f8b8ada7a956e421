import { defineOp } from '../define.js';
import type { DType } from '../dtype.js';
import { fail } from '../errors.js';
import { flag, type Kinds, wholeOrWholes } from '../kinds.js';
import {
  type BackwardContext,
  type ErrorCase,
  f32,
  type KernelCall,
  type RefTensor,
  type Sample,
  type SampleInput,
  type TensorType,
  type Value,
} from '../op.js';
import { forEachOffset, normalizeAxes, type Shape, showShape, sizeOf, stridesOf } from '../shape.js';
import { broadcastTo, reshape } from './layout.js';
import { type ReduceKernel, reduceKernels } from './reduce_kernels.js';

export interface ReduceOptions {
  /** The axes that disappear; default all. */
  readonly axes?: number | readonly number[];
  /** Keeps each reduced axis with size 1, default false. */
  readonly keepDims?: boolean;
}

export const reduceKinds: Kinds<ReduceOptions> = { axes: wholeOrWholes, keepDims: flag };

export interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

const kept = (shape: Shape, axes: readonly number[]): number[] =>
  shape.filter((_, axis) => !axes.includes(axis));

/** `shape` with size 1 along `axes`. */
const withOnes = (shape: Shape, axes: readonly number[]): number[] =>
  shape.map((size, axis) => (axes.includes(axis) ? 1 : size));

/** The shape of what is reduced over `axes`. */
export const reducedShape = (shape: Shape, { axes, keepDims }: ReduceAttrs): number[] =>
  keepDims ? withOnes(shape, axes) : kept(shape, axes);

/** How many elements each output is made of. */
export const countOf = (shape: Shape, axes: readonly number[]): number =>
  axes.reduce((product, axis) => product * shape[axis]!, 1);

/** The axes and `keepDims` of the caller's options. */
const reduceAttrs = (name: string, options: ReduceOptions | undefined, x: TensorType): ReduceAttrs => ({
  axes: normalizeAxes(name, options?.axes, x.shape.length),
  keepDims: options?.keepDims ?? false,
});

/** Refuses what has no answer for no elements. */
export function refuseEmpty(name: string, shape: Shape, axes: readonly number[]): void {
  if (axes.some((axis) => shape[axis] === 0))
    fail(name, `can't reduce an empty axis, x is ${showShape(shape)}`);
}

/** Refuses dtypes that an op does not take. */
export function expectOneOf(name: string, x: TensorType, dtypes: readonly DType[]): void {
  if (!dtypes.includes(x.dtype))
    fail(name, `x must be ${dtypes.join(' or ')}, it is ${x.dtype}${showShape(x.shape)}`);
}

/** Groups the elements of x by output element, in row-major order of the reduced axes. */
export function groupsOf(x: RefTensor, axes: readonly number[]): Float64Array[] {
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

/** What a backward rule of a reduction works with. */
export interface ReduceContext<A extends ReduceAttrs> extends BackwardContext<A> {
  readonly x: Value;
  /** A value of the output's shape with every reduced axis as size 1, to be broadcast against x. */
  readonly keep: (y: Value) => Value;
}

/** A value with every reduced axis as size 1, repeated to x's shape. */
export const spread = ({ keep, x }: ReduceContext<ReduceAttrs>, y: Value): Value =>
  broadcastTo(keep(y), { shape: x.shape });

interface ReduceSpec<A extends ReduceAttrs, U extends ReduceOptions> {
  readonly summary: string;
  /** The dtype of the output by that of x; what is not named is refused. */
  readonly dtypes: Partial<Readonly<Record<DType, DType>>>;
  readonly kernels: readonly ReduceKernel<A>[];
  /** Of options beyond the axes too. */
  readonly kinds?: Kinds<U>;
  /** Attributes beyond the axes. */
  readonly attributes?: (options: U | undefined) => Omit<A, keyof ReduceAttrs>;
  /** Whether no elements have an answer. */
  readonly empty?: (attrs: A) => boolean;
  readonly evaluate: (group: Float64Array, attrs: A, dtype: DType) => number;
  readonly backward: ((context: ReduceContext<A>) => Value | null) | null;
  readonly linear?: boolean;
  readonly domain?: Omit<SampleInput, 'shape' | 'dtype'>;
  /** How samples of i32 and bool are filled: so that one element more or less is seen in the result. */
  readonly words?: Partial<Readonly<Record<DType, Omit<SampleInput, 'shape' | 'dtype'>>>>;
  /** f32 samples in place of the usual ones. */
  readonly samples?: readonly Sample<'x', U>[];
  readonly more?: readonly Sample<'x', U>[];
  readonly errors?: readonly ErrorCase<'x', U>[];
  /** Units of the magnitude, for `count` elements each; default 0. */
  readonly ulps?: (count: number, attrs: A, backend: 'wasm' | 'webgpu') => number;
  /** What rounding errors are measured by; default: the same of absolute numbers. */
  readonly magnitude?: (group: Float64Array, attrs: A) => number;
  readonly floor?: number;
}

const shapes: readonly (readonly [Shape, ReduceOptions | undefined])[] = [
  [[4099], undefined],
  [[3, 7], { axes: 1 }],
  [[67, 5], { axes: [0], keepDims: true }],
  [[2, 3, 4, 5], { axes: [0, 2] }],
  [[4, 3, 2, 17], { axes: [0, -1, 2] }],
  [[], undefined],
  // Rows longer than 16, where a row's extremum may stand anywhere.
  [[97, 17], { axes: -1 }],
  // Quads, in parts along a row, and of whole stretches.
  [[16, 128], undefined],
  [[12, 2, 64], { axes: [0, 2] }],
];

/** One `value` among `others`, at a place that no size of the samples divides: each lane of some row holds it. */
export const oneIn101 = (value: number, other: number) => ({
  values: Array.from({ length: 101 }, (_, i) => (i === 0 ? value : other)),
});

/** Samples on the usual shapes, each filled as `fill` says. */
export const reduceSamples = <U extends ReduceOptions>(
  fill: Omit<SampleInput, 'shape'> = {},
  options?: U,
): Sample<'x', U>[] =>
  shapes.map(([shape, given]) => ({
    inputs: { x: { shape, ...fill } },
    options: (given || options ? { ...given, ...options } : undefined) as U,
  }));

function errorsOf<A extends ReduceAttrs, U extends ReduceOptions>(
  name: string,
  spec: ReduceSpec<A, U>,
): ErrorCase<'x', U>[] {
  const dtypes = Object.keys(spec.dtypes) as DType[];
  const own = { dtype: dtypes[0]! };
  const wrong = (['bool', 'i32', 'f32'] as const).filter((dtype) => !dtypes.includes(dtype));
  return [
    {
      types: { x: { shape: [2, 3], ...own } },
      options: { axes: 2 } as U,
      message: `${name}: axis 2 is outside a tensor of rank 2`,
    },
    {
      types: { x: { shape: [2, 3], ...own } },
      options: { axes: [1, -1] } as unknown as U,
      message: `${name}: axes [1,-1] name an axis twice`,
    },
    ...wrong.map((dtype) => ({
      types: { x: { shape: [2], dtype } },
      message: `${name}: x must be ${dtypes.join(' or ')}, it is ${dtype}[2]`,
    })),
    ...(spec.errors ?? []),
  ];
}

/** Declares a reduction over axes. */
export function reduce<A extends ReduceAttrs = ReduceAttrs, U extends ReduceOptions = ReduceOptions>(
  name: string,
  spec: ReduceSpec<A, U>,
) {
  const dtypes = Object.keys(spec.dtypes) as DType[];
  const { backward } = spec;
  const refuses = { x: { shape: [2, 0], dtype: dtypes[0]! } };
  const integers = dtypes.filter((dtype) => dtype !== 'f32');
  const tolerance = (backend: 'wasm' | 'webgpu') => ({
    ulps: ({ types, attrs }: KernelCall<'x', A>) =>
      types.x.dtype === 'f32' ? (spec.ulps?.(countOf(types.x.shape, attrs.axes), attrs, backend) ?? 0) : 0,
    magnitude: spec.magnitude ? ('declared' as const) : ('absolute' as const),
    floor: spec.floor,
  });
  const canBeEmpty = (attrs: A) => spec.empty?.(attrs) ?? true;
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['x'],
    kinds: (spec.kinds ?? reduceKinds) as Kinds<U>,
    attributes: (options: U | undefined, { x }): A =>
      ({ ...reduceAttrs(name, options, x), ...spec.attributes?.(options) }) as A,
    infer({ x }, attrs) {
      expectOneOf(name, x, dtypes);
      if (!canBeEmpty(attrs)) refuseEmpty(name, x.shape, attrs.axes);
      return { shape: reducedShape(x.shape, attrs), dtype: spec.dtypes[x.dtype]! };
    },
    reference: ({ x }, attrs) =>
      Float64Array.from(groupsOf(x, attrs.axes), (group) => spec.evaluate(group, attrs, x.dtype)),
    backward: {
      x: backward
        ? (context): Value | null => {
            const { x, attrs } = context;
            const keep = (y: Value) => reshape(y, { shape: withOnes(x.shape, attrs.axes) });
            return backward({ ...context, grad: context.grad, keep });
          }
        : null,
    },
    cost: ({ types }) => ({ flops: sizeOf(types.x.shape) }),
    kernels: reduceKernels(spec.kernels),
    linear: spec.linear ? ['x'] : [],
    samples: [
      ...integers.flatMap((dtype) => {
        const x = { dtype, ...(spec.words?.[dtype] ?? { domain: [-2, 2] as const }) };
        return [
          { inputs: { x: { shape: [67, 5], ...x } }, options: { axes: 0 } as U },
          { inputs: { x: { shape: [3, 7], ...x } }, options: { axes: -1 } as U },
          { inputs: { x: { shape: [97, 17], ...x } }, options: { axes: -1 } as U },
          // In parts.
          { inputs: { x: { shape: [2, 2053], ...x } }, options: { axes: -1 } as U },
        ];
      }),
      ...(spec.more ?? []),
      ...(spec.samples ?? (dtypes.includes('f32') ? reduceSamples<U>(spec.domain) : [])),
    ],
    errors: [
      ...errorsOf(name, spec),
      ...(spec.empty && !spec.attributes
        ? [{ types: refuses, message: `${name}: can't reduce an empty axis, x is [2,0]` }]
        : []),
    ],
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
    magnitude: ({ x }, attrs) =>
      Float64Array.from(groupsOf(x, attrs.axes), (group) => spec.magnitude!(group, attrs)),
  });
}

/** The error case of an op that has no answer for no elements. */
export const emptyError = (name: string, options?: object) => ({
  types: { x: f32([2, 0]) },
  options,
  message: `${name}: can't reduce an empty axis, x is [2,0]`,
});
