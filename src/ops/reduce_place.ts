import { defineCompositionWithOutputs } from '../composition.js';
import { defineOp } from '../define.js';
import { flag, type Kinds, whole } from '../kinds.js';
import { f32, type KernelCall, type RefTensor, type Sample, type TensorType, type Value } from '../op.js';
import { normalizeAxes, type Shape, sizeOf } from '../shape.js';
import { reshape } from './layout.js';
import {
  emptyError,
  expectOneOf,
  groupsOf,
  type ReduceAttrs,
  reducedShape,
  refuseEmpty,
} from './reduce_common.js';
import { reduceKernels } from './reduce_kernels.js';
import { axisOf } from './rows.js';
import { sortSelect } from './sort_select.js';

export interface PlaceOptions {
  /** The axis along which to look; default: the flattened tensor. */
  readonly axis?: number;
  /** Keeps what is reduced with size 1, default false. */
  readonly keepDims?: boolean;
}

export const placeKinds: Kinds<PlaceOptions> = { axis: whole, keepDims: flag };

type Beats = (a: number, b: number) => boolean;
/** NaN counts as greater than every number, and as smaller. */
const more: Beats = (a, b) => a > b || (Number.isNaN(a) && !Number.isNaN(b));
const less: Beats = (a, b) => a < b || (Number.isNaN(a) && !Number.isNaN(b));

const firstOf = (beats: Beats) => (group: Float64Array) =>
  group.reduce((best, v, i) => (beats(v, group[best]!) ? i : best), 0);

function axesOf(name: string, axis: number | undefined, shape: Shape): number[] {
  if (axis === undefined) return normalizeAxes(name, undefined, shape.length);
  const own = axisOf(name, axis, shape);
  return shape.length === 0 ? [] : [own];
}

const samples: readonly Sample<'x', PlaceOptions>[] = [
  { inputs: { x: { shape: [67, 5], dtype: 'i32', domain: [-3, 3] } }, options: { axis: 0 } },
  { inputs: { x: { shape: [3, 7], dtype: 'i32', domain: [-3, 3] } }, options: { axis: -1 } },
  { inputs: { x: { shape: [3, 7], distinct: true } }, options: { axis: 1 } },
  { inputs: { x: { shape: [67, 5], distinct: true } }, options: { axis: 0, keepDims: true } },
  { inputs: { x: { shape: [2, 3, 4], distinct: true } }, options: { axis: -2 } },
];
const flat: readonly Sample<'x', PlaceOptions>[] = [
  { inputs: { x: { shape: [4099] } } },
  { inputs: { x: { shape: [2, 3], values: [1, 3, 3, 0, 0, 3] } }, options: { keepDims: true } },
  { inputs: { x: { shape: [] } }, options: { axis: 0 } },
];

const placeErrors = (name: string) => [
  {
    types: { x: f32([2, 3]) },
    options: { axis: -3 },
    message: `${name}: axis -3 is outside a tensor of rank 2`,
  },
  {
    types: { x: { shape: [2], dtype: 'bool' as const } },
    options: { axis: 0 },
    message: `${name}: x must be f32 or i32, it is bool[2]`,
  },
  emptyError(name, { axis: 1 }),
];

function check(name: string, x: TensorType, axes: readonly number[]): void {
  expectOneOf(name, x, ['f32', 'i32']);
  refuseEmpty(name, x.shape, axes);
}

function place(name: string, adjective: string, beats: Beats) {
  return defineOp({
    name,
    summary: `y = the index of the first ${adjective} x along an axis`,
    inputs: ['x'],
    kinds: placeKinds,
    attributes: (options: PlaceOptions | undefined, { x }): ReduceAttrs => ({
      axes: axesOf(name, options?.axis, x.shape),
      keepDims: options?.keepDims ?? false,
    }),
    infer({ x }, attrs) {
      check(name, x, attrs.axes);
      return { shape: reducedShape(x.shape, attrs), dtype: 'i32' as const };
    },
    reference: ({ x }, { axes }) => Float64Array.from(groupsOf(x, axes), firstOf(beats)),
    backward: { x: null },
    cost: ({ types }) => ({ flops: sizeOf(types.x.shape) }),
    kernels: reduceKernels(
      (['f32', 'i32'] as const).map((dtype) => ({
        kernel: `${name}_${dtype}`,
        side: true,
        leaves: 2,
        when: ({ types }: KernelCall<'x', ReduceAttrs>) => types.x.dtype === dtype,
      })),
    ),
    samples: [...samples, ...flat],
    errors: placeErrors(name),
  });
}

/** The index of the first largest element along an axis, i32; NaN counts as largest. */
export const argmax = place('argmax', 'largest', more);
/** The index of the first smallest element along an axis, i32; NaN counts as smallest. */
export const argmin = place('argmin', 'smallest', less);

function withIndices(name: string, adjective: string, find: typeof argmax, beats: Beats) {
  const evaluate = (x: RefTensor, axes: readonly number[]) => {
    const groups = groupsOf(x, axes);
    const indices = Float64Array.from(groups, firstOf(beats));
    return [Float64Array.from(groups, (group, i) => group[indices[i]!]!), indices];
  };
  return defineCompositionWithOutputs({
    name,
    summary: `the first ${adjective} x along an axis, and its index`,
    inputs: ['x'],
    kinds: placeKinds,
    attributes(options: PlaceOptions | undefined, { x }) {
      const axis = axisOf(name, options?.axis ?? -1, x.shape);
      check(name, x, x.shape.length === 0 ? [] : [axis]);
      return { axis, keepDims: options?.keepDims ?? false };
    },
    compose({ x }, { axis, keepDims }): readonly Value[] {
      const indices = find(x, { axis, keepDims: true });
      const values = sortSelect(x, indices, { axis });
      const axes = x.shape.length === 0 ? [] : [axis];
      const shape = reducedShape(x.shape, { axes, keepDims });
      return keepDims || axes.length === 0
        ? [values, indices]
        : [reshape(values, { shape }), reshape(indices, { shape })];
    },
    reference: ({ x }, { axis }) => evaluate(x, x.shape.length === 0 ? [] : [axis]),
    samples,
    errors: placeErrors(name),
  });
}

/**
 * The largest elements along an axis (default the last) and their indices, i32, as PyTorch's max along an axis: the
 * gradient goes to the index alone. Of equal elements the first; NaN counts as largest.
 */
export const maxWithIndices = withIndices('maxWithIndices', 'largest', argmax, more);
/** The smallest elements along an axis (default the last) and their indices, i32; see `maxWithIndices`. */
export const minWithIndices = withIndices('minWithIndices', 'smallest', argmin, less);
