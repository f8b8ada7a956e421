import { defineComposition } from '../composition.js';
import { defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { flag, type Kinds, whole } from '../kinds.js';
import {
  f32,
  type KernelCall,
  type Launch,
  type RefTensor,
  type Sample,
  type TensorType,
  type Value,
  type Variant,
} from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { axisOf, rowsOf } from './rows.js';
import { resized, sortBackward } from './sort_select.js';

export interface SortOptions {
  /** The axis to sort along, default the last. */
  readonly axis?: number;
  /** Largest first, default false. */
  readonly descending?: boolean;
  /** Equal elements stay in order; they always do, on every backend. */
  readonly stable?: boolean;
}

export const sortKinds: Kinds<SortOptions> = { axis: whole, descending: flag, stable: flag };

interface SortAttrs {
  readonly axis: number;
  readonly descending: boolean;
}

/** What is done to rows: in which order, and how many of each are kept; default all. */
interface Order {
  readonly axis: number;
  readonly descending: boolean;
  readonly keep?: number;
}

/** NaN is greater than every number, zeros of either sign are equal. */
const compare = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return Number(a > b) - Number(a < b);
};

/** Values and indices of each row's first `keep` elements in order. */
function sorted(x: RefTensor, { axis, descending, keep: wanted }: Order): Float64Array[] {
  const { outer, length, inner } = rowsOf(x.shape, axis);
  const keep = wanted ?? length;
  const values = new Float64Array(outer * keep * inner);
  const indices = new Float64Array(values.length);
  const sign = descending ? -1 : 1;
  for (let row = 0; row < outer * inner; row++) {
    const [block, lane] = [Math.floor(row / inner), row % inner];
    const at = (k: number) => x.data[(block * length + k) * inner + lane]!;
    const order = Array.from({ length }, (_, k) => k).sort((a, b) => sign * compare(at(a), at(b)) || a - b);
    order.slice(0, keep).forEach((k, place) => {
      const to = (block * keep + place) * inner + lane;
      values[to] = at(k);
      indices[to] = k;
    });
  }
  return [values, indices];
}

/** Elements that one GPU workgroup sorts by itself. */
const SORT_BLOCK = 256;

/** wasm: one unit sorts a row. GPU: blocks are sorted, then merged two and two, then the values are fetched. */
function sortKernels<A>(orderOf: (attrs: A) => Order) {
  type Call = KernelCall<'x', A>;
  const paramsOf = ({ types: { x }, attrs }: Call) => {
    const { axis, descending, keep } = orderOf(attrs);
    const rows = rowsOf(x.shape, axis);
    return {
      ...rows,
      keep: keep ?? rows.length,
      descending: Number(descending),
      float: Number(x.dtype === 'f32'),
      width: 0,
    };
  };
  const wasm: Variant<'x', A> = {
    name: 'sort_rows',
    launches(call) {
      const params = paramsOf(call);
      const units = params.length === 0 ? 0 : params.outer * params.inner;
      // Two lists of pairs of a key and an index.
      const scratch = 16 * params.length;
      return [{ kernel: 'sort_rows', operands: ['x', 'output0', 'output1'], params, units, scratch }];
    },
  };
  const pairsBytes = ({ types: { x } }: Call) => Math.max(8, 8 * sizeOf(x.shape));
  const webgpu: Variant<'x', A> = {
    name: 'sort_merge',
    temporaries: (call) => ({ even: pairsBytes(call), odd: pairsBytes(call) }),
    launches(call) {
      const params = paramsOf(call);
      const { outer, inner, length, keep } = params;
      const blocks = Math.ceil(length / SORT_BLOCK);
      let [from, to] = ['even', 'odd'];
      const launches: Launch[] = [
        {
          kernel: 'sort_blocks',
          operands: ['x', from],
          params,
          units: outer * inner * blocks * SORT_BLOCK,
        },
      ];
      for (let width = SORT_BLOCK; width < length; width *= 2) {
        launches.push({
          kernel: 'sort_merge',
          operands: [from, to],
          params: { ...params, width },
          units: outer * inner * length,
        });
        [from, to] = [to, from];
      }
      launches.push({
        kernel: 'sort_fetch',
        operands: ['x', from, 'output0', 'output1'],
        params,
        units: outer * inner * keep,
      });
      return launches;
    },
  };
  return { wasm: [wasm], webgpu: [webgpu] };
}

const backward = {
  x: ({
    x,
    grads,
    outputs,
    attrs: { axis },
  }: {
    x: Value;
    grads: readonly (Value | null)[];
    outputs: readonly Value[];
    attrs: { readonly axis: number };
  }): Value | null =>
    grads[0] ? sortBackward(grads[0], outputs[1]!, { axis, length: rowsOf(x.shape, axis).length }) : null,
};

function inferSorted(name: string, x: TensorType, { axis, keep }: Order): TensorType[] {
  if (x.dtype === 'bool') fail(name, `x must be f32 or i32, it is bool${showShape(x.shape)}`);
  const shape = resized(x.shape, axis, keep ?? rowsOf(x.shape, axis).length);
  return [
    { shape, dtype: x.dtype },
    { shape, dtype: 'i32' },
  ];
}

const attributesOf =
  (name: string) =>
  (options: SortOptions | undefined, { x }: { x: TensorType }): SortAttrs => {
    const axis = axisOf(name, options?.axis ?? -1, x.shape);
    return { axis, descending: options?.descending ?? false };
  };

const samples: readonly Sample<'x', SortOptions>[] = [
  { inputs: { x: { shape: [1031], distinct: true } }, options: { descending: true } },
  { inputs: { x: { shape: [513], dtype: 'i32', domain: [-40, 40] } } },
  { inputs: { x: { shape: [3, 257], dtype: 'i32', domain: [-40, 40] } }, options: { descending: true } },
  { inputs: { x: { shape: [3, 4, 2], distinct: true } }, options: { axis: 1 } },
  { inputs: { x: { shape: [17, 5], distinct: true } }, options: { axis: -2, descending: true } },
  { inputs: { x: { shape: [] } } },
];

/** Samples with ties, which have no derivatives: all elements of an integer tensor. */
const ties: Sample<'x', SortOptions> = {
  inputs: { x: { shape: [2, 7], dtype: 'i32', values: [3, 1, 3, 2, 1, 1, 3, 0, 0, 0, 0, 5, 0, 0] } },
  options: { descending: true },
};

const sortErrors = (name: string) => [
  {
    types: { x: f32([2, 3]) },
    options: { axis: 2 },
    message: `${name}: axis 2 is outside a tensor of rank 2`,
  },
  {
    types: { x: { shape: [2], dtype: 'bool' as const } },
    message: `${name}: x must be f32 or i32, it is bool[2]`,
  },
];

/**
 * x in order along an axis, and the index, i32, that each element had. Equal elements stay in order, NaN counts as
 * greater than every number.
 */
export const sort = defineOpWithOutputs({
  name: 'sort',
  summary: 'x in order along an axis, and the indices that do it',
  inputs: ['x'],
  kinds: sortKinds,
  attributes: attributesOf('sort'),
  infer: ({ x }, attrs) => inferSorted('sort', x, attrs),
  reference: ({ x }, attrs) => sorted(x, attrs),
  backward,
  kernels: sortKernels((attrs: SortAttrs) => attrs),
  samples: [ties, ...samples],
  errors: sortErrors('sort'),
});

/** The indices, i32, that put x in order along an axis; see `sort`. */
export const argsort = defineComposition({
  name: 'argsort',
  summary: 'y = the indices that put x in order along an axis',
  inputs: ['x'],
  kinds: sortKinds,
  attributes(options: SortOptions | undefined, { x }) {
    const attrs = attributesOf('argsort')(options, { x });
    inferSorted('argsort', x, attrs);
    return attrs;
  },
  compose: ({ x }, attrs) => sort(x, attrs)[1]!,
  reference: ({ x }, attrs) => sorted(x, attrs)[1]!,
  constants: ['x'],
  samples: [ties, samples[4]!],
  errors: sortErrors('argsort'),
});

export interface TopKOptions {
  /** How many elements of each row. */
  readonly k: number;
  /** Default the last. */
  readonly axis?: number;
  /** The largest (default) or the smallest. */
  readonly largest?: boolean;
  /** In order; they always are. */
  readonly sorted?: boolean;
}

export const topKKinds: Kinds<TopKOptions> = { k: whole, axis: whole, largest: flag, sorted: flag };

interface TopKAttrs {
  readonly k: number;
  readonly axis: number;
  readonly largest: boolean;
}

const orderOfK = ({ k, axis, largest }: TopKAttrs): Order => ({ axis, descending: largest, keep: k });

const topKOf = (x: Shape, axis: number, k: number | undefined): number => {
  const { length } = rowsOf(x, axis);
  if (k === undefined || !Number.isInteger(k) || k < 0 || k > length) {
    fail('topK', `k must be a whole number from 0 to ${length}, the size of axis ${axis}, got ${k}`);
  }
  return k;
};

/**
 * The k largest elements along an axis, largest first, or the k smallest, smallest first, and their indices, i32. Of
 * equal elements the first; NaN counts as largest.
 */
export const topK = defineOpWithOutputs({
  name: 'topK',
  summary: 'the k largest x along an axis, and their indices',
  inputs: ['x'],
  kinds: topKKinds,
  attributes(options: TopKOptions | undefined, { x }): TopKAttrs {
    const { axis: given = -1, k, largest = true, sorted: _always } = options ?? {};
    const axis = axisOf('topK', given, x.shape);
    return { k: topKOf(x.shape, axis, k), axis, largest };
  },
  infer: ({ x }, attrs) => inferSorted('topK', x, orderOfK(attrs)),
  reference: ({ x }, attrs) => sorted(x, orderOfK(attrs)),
  backward,
  kernels: sortKernels(orderOfK),
  samples: [
    {
      inputs: { x: { shape: [2, 7], dtype: 'i32', values: [3, 1, 3, 2, 1, 1, 3, 0, 0, 0, 0, 5, 0, 0] } },
      options: { k: 4 },
    },
    { inputs: { x: { shape: [3, 300], distinct: true } }, options: { k: 5 } },
    { inputs: { x: { shape: [9, 4], distinct: true } }, options: { k: 3, axis: 0, largest: false } },
    { inputs: { x: { shape: [2, 5, 3], distinct: true } }, options: { k: 1, axis: -2, sorted: false } },
  ],
  errors: [
    {
      types: { x: f32([2, 3]) },
      options: { k: 1, axis: 2 },
      message: 'topK: axis 2 is outside a tensor of rank 2',
    },
    {
      types: { x: { shape: [2], dtype: 'bool' } },
      options: { k: 1 },
      message: 'topK: x must be f32 or i32, it is bool[2]',
    },
    {
      types: { x: f32([2, 3]) },
      options: { k: 4 },
      message: 'topK: k must be a whole number from 0 to 3, the size of axis 1, got 4',
    },
  ],
});
