import type { KernelCall, Launch, Variant } from '../op.js';
import { collapse, type Shape, sizeOf, stridesOf } from '../shape.js';
import { eight } from './common.js';
import { reduceRowVariants } from './reduce_rows.js';

/** The walk over what is kept and, inside, the walk over what is reduced. */
function walks(shape: Shape, axes: readonly number[]) {
  const strides = stridesOf(shape);
  const pick = (keep: boolean) => {
    const chosen = shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) !== keep);
    return collapse(
      chosen.map((axis) => shape[axis]!),
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

/**
 * On a GPU: outputs that keep it busy by one lane each, the most lanes of one, parts of all that do, elements of a part, and
 * parts below which an output stays whole: the bound of a variance counts on so many.
 */
const MANY = 512;
const LANES = 64;
const PARTS = { busy: 2048, least: 256, few: 8 };

/** Outputs of one wasm unit where they are neighbours: assembly/reduce_join.ts has the same number. */
const COLUMNS = 4096;

/** Bytes of assembly/reduce_join.ts for a block: its description and short rows turned over; and for numbers of each column. */
const BLOCK_SCRATCH = 16 + 32 * (4 * 64 + 16);
const SIDE_SCRATCH = 4 * COLUMNS;

/** Units that are enough for threads to share. */
const UNITS = 16;

/** Elements from which on outputs are made of partial results, so that there are units for every thread. */
const SPLIT = 16384;

/** A kernel, the calls that it takes, and the numbers that its terms and its end need. */
export interface ReduceKernel<A> {
  readonly kernel: string;
  /** wasm: how many neighbouring outputs a unit takes together, default {@link COLUMNS}. */
  readonly columns?: number;
  /** wasm: whether it keeps numbers of each of them. */
  readonly side?: boolean;
  /** wasm: whether it can reduce its own results, but for its scale. */
  readonly joins?: boolean;
  /** webgpu: words that it leaves of a part of a row; the parts of few long rows are joined by another launch. */
  readonly leaves?: number;
  /** webgpu: the kernel of that launch, default the same. */
  readonly joinedBy?: string;
  /** webgpu: the kernel of reduce_rows that does the same. */
  readonly rows?: string;
  readonly when?: (call: KernelCall<'x', A>) => boolean;
  readonly params?: (call: KernelCall<'x', A>) => { readonly scale?: number; readonly power?: number };
}

/** The number nearest to `wanted` that divides n, within a factor of 4; else 1. */
function divisorNear(n: number, wanted: number): number {
  const numbers = Array.from({ length: 4 * wanted }, (_, i) => i + 1);
  const fits = numbers.filter((k) => n % k === 0 && 4 * k >= wanted);
  const distance = (k: number) => Math.abs(Math.log(k / wanted));
  return fits.reduce((best, k) => (distance(k) < distance(best) ? k : best), fits[0] ?? 1);
}

/**
 * x seen so that it is reduced along `axis` into parts, and the matrix of these, reduced along its own: a single output by
 * rows; leading axes by blocks of lines, short lines several at a time. Null where x is neither, or little.
 */
function partsOf(shape: Shape, axes: readonly number[]) {
  const size = sizeOf(shape);
  const lines = sizeOf(shape.slice(0, axes.length));
  const line = size / lines;
  if (size < SPLIT || axes.some((axis) => axis >= axes.length)) return null;
  if (line === 1) {
    const k = divisorNear(size, 32);
    return { first: [k, size / k], second: [1, k], axis: 1, last: 1 };
  }
  const joined = line < 256 ? divisorNear(lines, Math.ceil(256 / line)) : 1;
  // Long lines make units enough by themselves.
  const blocks = divisorNear(lines / joined, Math.ceil(UNITS / Math.ceil((joined * line) / COLUMNS)));
  if (blocks * joined === 1) return null;
  const first = [blocks, lines / joined / blocks, joined * line];
  return { first, second: [blocks * joined, line], axis: 1, last: 0 };
}

/** A wasm launch but for its operands: x reduced over its axes, then scaled. */
function launchOf(
  {
    kernel,
    columns: width = COLUMNS,
    side = false,
  }: Pick<ReduceKernel<never>, 'kernel' | 'columns' | 'side'>,
  x: Shape,
  axes: readonly number[],
  { scale, power }: { scale: number; power: number },
) {
  const walk = walks(x, axes);
  const last = walk.outerRank - 1;
  const columns = walk.outerStrides[last] === 1 ? walk.outerShape[last]! : 0;
  return {
    kernel,
    params: { ...walk, lanes: 0, columns, scale, power },
    units: columns ? (walk.outer / columns) * Math.ceil(columns / width) : walk.outer,
    scratch: BLOCK_SCRATCH + (side ? SIDE_SCRATCH : 0),
  };
}

/** A wasm launch but for its operands: the sum of `lines` lines of `columns` numbers. */
export const sumOfLines = (lines: number, columns: number) =>
  launchOf({ kernel: 'sum_f32' }, [lines, columns], [0], { scale: 1, power: 0 });

/** Lanes of one of `rows` outputs of `count` elements: one where rows are many and short, or neighbours in memory. */
function lanesOf(rows: number, count: number, acrossRows: boolean, features: ReadonlySet<string>): number {
  if (rows >= MANY && (acrossRows || count <= 2 * LANES || features.has('narrow'))) return 1;
  return Math.min(LANES, 2 ** Math.ceil(Math.log2(Math.max(1, count / 2))));
}

/** A webgpu launch but for its operands: x reduced over its axes in parts of `columns` elements. */
function gpuLaunch(
  kernel: string,
  { x, axes, columns }: { x: Shape; axes: readonly number[]; columns?: number },
  { scale = 1, power = 0 }: { readonly scale?: number; readonly power?: number },
  features: ReadonlySet<string>,
  stage = 0,
) {
  const walk = walks(x, axes);
  const part = Math.max(1, columns ?? walk.inner);
  const rows = walk.outer * Math.max(1, Math.ceil(walk.inner / part));
  const lanes = lanesOf(rows, part, walk.innerStrides[Math.max(0, walk.innerRank - 1)]! >= 8, features);
  const constants = { STAGE: stage, EVEN: Number(walk.innerRank < 2) };
  return { kernel, params: { ...walk, lanes, columns: part, scale, power }, constants, units: rows * lanes };
}

/** A webgpu launch but for its operands: whether all of `count` truths hold, by one workgroup. */
export const allLaunch = (count: number, features: ReadonlySet<string>) =>
  gpuLaunch('all_bool', { x: [count], axes: [0] }, {}, features);

/** Parts of each output, and their elements, where outputs are few and long; null where they are not. */
function gpuParts(x: Shape, axes: readonly number[]) {
  const count = sizeOf(axes.map((axis) => x[axis]!));
  const rows = count === 0 ? 0 : sizeOf(x) / count;
  const wanted = Math.min(Math.floor(count / PARTS.least), Math.floor(PARTS.busy / rows));
  if (!(wanted >= PARTS.few)) return null;
  const columns = Math.ceil(count / wanted);
  return { rows, count, columns, parts: Math.ceil(count / columns) };
}

/** The webgpu variant for any axes. */
function anyAxes<A extends { readonly axes: readonly number[] }>(own: ReduceKernel<A>): Variant<'x', A> {
  const { kernel, leaves = 0, joinedBy = kernel } = own;
  const partsOf = ({ types, attrs }: KernelCall<'x', A>) =>
    leaves > 0 ? gpuParts(types.x.shape, attrs.axes) : null;
  return {
    name: kernel,
    when: (call) => own.when?.(call) ?? true,
    temporaries: (call): Record<string, number> => {
      const split = partsOf(call);
      return split ? { parts: 4 * leaves * split.rows * split.parts } : {};
    },
    launches(call): Launch[] {
      const { features, types, attrs } = call;
      const given = own.params?.(call) ?? {};
      const split = partsOf(call);
      const whole = { x: types.x.shape, axes: attrs.axes };
      if (!split) return [{ ...gpuLaunch(kernel, whole, given, features), operands: ['x', 'output'] }];
      const { rows, count, parts, columns } = split;
      const joined = { x: [rows, parts], axes: [1] };
      return [
        { ...gpuLaunch(kernel, { ...whole, columns }, given, features, 1), operands: ['x', 'parts'] },
        {
          ...gpuLaunch(joinedBy, joined, { power: count, ...given }, features, 2),
          operands: ['parts', 'output'],
        },
      ];
    },
  };
}

export function reduceKernels<A extends { readonly axes: readonly number[] }>(
  kernels: readonly ReduceKernel<A>[],
) {
  type Call = KernelCall<'x', A>;
  const takes = (own: ReduceKernel<A>, call: Call) => own.when?.(call) ?? true;
  const wasm = kernels.map(
    (own): Variant<'x', A> => ({
      name: own.kernel,
      when: (call) => takes(own, call),
      temporaries: (call): Record<string, number> => {
        const parts = own.joins ? partsOf(call.types.x.shape, call.attrs.axes) : null;
        return parts ? { parts: 4 * sizeOf(parts.second) } : {};
      },
      launches(call): Launch[] {
        const { scale = 1, power = 0 } = own.params?.(call) ?? {};
        const { shape } = call.types.x;
        const parts = own.joins ? partsOf(shape, call.attrs.axes) : null;
        if (!parts)
          return [{ ...launchOf(own, shape, call.attrs.axes, { scale, power }), operands: ['x', 'output'] }];
        const { first, second, axis, last } = parts;
        return [
          { ...launchOf(own, first, [axis], { scale: 1, power }), operands: ['x', 'parts'] },
          { ...launchOf(own, second, [last], { scale, power }), operands: ['parts', 'output'] },
        ];
      },
    }),
  );
  const webgpu = kernels.flatMap((own): Variant<'x', A>[] => [
    ...(own.rows === undefined
      ? []
      : reduceRowVariants<A>(
          own.rows,
          (call) => takes(own, call),
          (call) => own.params?.(call).scale ?? 1,
        )),
    anyAxes(own),
  ]);
  return { wasm, webgpu };
}

const f32Only = ({ types }: KernelCall<'x', unknown>) => types.x.dtype === 'f32';

/** A kernel for f32, which may join, and one for words of i32 and bool; on a GPU both leave a word of each part. */
export const byDType = (
  kernel: string,
  { joins = false, joinedBy }: { readonly joins?: boolean; readonly joinedBy?: string } = {},
): ReduceKernel<{ readonly axes: readonly number[] }>[] => [
  {
    kernel: `${kernel}_f32`,
    when: f32Only,
    joins,
    leaves: 1,
    joinedBy,
    rows: joins ? `${kernel}_rows_f32` : undefined,
  },
  { kernel: `${kernel}_i32`, when: (call) => !f32Only(call), leaves: 1 },
];
