import { flag, type Kinds, whole } from '../kinds.js';
import type { KernelCall, Launch, Variant } from '../op.js';
import type { Shape } from '../shape.js';
import { mapRows, rowsOf } from './rows.js';

export interface AlongOptions {
  /** The axis to go along. */
  readonly axis: number;
  /** From the last element to the first, default false. */
  readonly reverse?: boolean;
}

export const alongKinds: Kinds<AlongOptions> = { axis: whole, reverse: flag };

/** Up to this length one GPU thread goes along a row, else 64 of them take 64 elements at a time. */
const SERIAL_LIMIT = 32;

/** Rows that keep a GPU busy by one lane each. */
const MANY = 512;

/** Whether lanes are neighbours in memory, each with a row of its own, or are joined at such a cost that it is as good. */
const across = ({ inner }: { inner: number }, features: ReadonlySet<string>): boolean =>
  inner >= 8 || features.has('narrow');

type Along = { readonly axis: number; readonly reverse: boolean };

/** One wasm unit is a row, or `together` neighbouring ones; on a GPU a row is one thread's or a workgroup's. */
export function scanKernels<N extends string, A extends Along>(
  kernelOf: (call: KernelCall<N, A>) => string,
  kernels: readonly string[],
  operands: readonly string[],
  mode: (attrs: A) => number,
  together = 1,
) {
  const isSerial = ({ output, attrs, features }: KernelCall<N, A>) => {
    const rows = rowsOf(output.shape, attrs.axis);
    return rows.length <= SERIAL_LIMIT || (across(rows, features) && rows.outer * rows.inner >= MANY);
  };
  const variant = (kernel: string, backend: 'wasm' | 'webgpu', serial: boolean) => ({
    name: backend === 'wasm' ? kernel : `${kernel}__${serial ? 'serial' : 'workgroup'}`,
    when: (call: KernelCall<N, A>) =>
      kernelOf(call) === kernel && (backend === 'wasm' || !serial || isSerial(call)),
    launches(call: KernelCall<N, A>) {
      const { attrs } = call;
      const rows = rowsOf(call.output.shape, attrs.axis);
      const inner = backend === 'wasm' ? Math.ceil(rows.inner / together) : rows.inner;
      const count = rows.length === 0 ? 0 : rows.outer * inner;
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

/** Blocks of all rows that keep a GPU busy, the least elements of one, the most of a row, and the most lanes of one. */
interface Split {
  readonly busy: number;
  readonly least: number;
  readonly most: number;
  readonly lanes: number;
}
const ALONG: Split = { busy: 1024, least: 1024, most: 1024, lanes: 64 };
const ACROSS: Split = { busy: 16384, least: 64, most: 256, lanes: 1 };
const NARROW: Split = { busy: 1024, least: 256, most: 256, lanes: 1 };

/** How shaders/scan_blocks.wgsl goes along rows. */
function blocksOf(rows: ReturnType<typeof rowsOf>, { busy, least, most, lanes }: Split) {
  const all = rows.outer * rows.inner;
  const wanted = Math.min(Math.floor(rows.length / least), Math.floor(busy / Math.max(1, all)), most);
  const block = Math.max(1, Math.ceil(rows.length / Math.max(1, wanted)));
  const blocks = Math.max(1, Math.ceil(rows.length / block));
  // Short stretches cost more to join than to go along.
  const useful = 2 ** Math.ceil(Math.log2(Math.max(1, block / 8)));
  return { count: all * blocks, block, blocks, lanes: Math.min(lanes, useful) };
}

/** The launches of a scan whose parts may be joined in any order. */
function blockLaunches(
  kernel: string,
  { outer, length, inner }: ReturnType<typeof rowsOf>,
  { reverse, mode }: { readonly reverse: number; readonly mode: number },
  split: Split,
): Launch[] {
  const own = blocksOf({ outer, length, inner }, split);
  // What blocks make is a row by itself, gone through as a whole.
  const joined = {
    ...blocksOf({ outer, length: own.blocks, inner }, { ...split, most: 1 }),
    length: own.blocks,
  };
  const launch = (
    operands: Launch['operands'],
    stage: number,
    params: typeof joined & typeof modes,
  ): Launch => ({
    kernel,
    operands,
    params: { ...params, inner },
    constants: { STAGE: stage },
    units: length === 0 ? 0 : params.count * params.lanes,
  });
  const modes = { reverse, mode };
  const given = { ...own, length, ...modes };
  if (own.blocks === 1) return [launch(['x', null, 'output'], 0, given)];
  return [
    launch(['x', null, 'made'], 1, given),
    launch(['made', null, 'before'], 0, { ...joined, reverse: 0, mode: 1 }),
    launch(['x', 'before', 'output'], 2, given),
  ];
}

/** Scans on a GPU whose parts may be joined in any order: by one invocation a block, or by several. */
export const blockScans = <A extends Along>(
  kernels: readonly string[],
  kernelOf: (call: KernelCall<'x', A>) => string,
  mode: (attrs: A) => number,
): Variant<'x', A>[] =>
  kernels.flatMap((name) => {
    const rows = ({ output, attrs }: KernelCall<'x', A>) => rowsOf(output.shape, attrs.axis);
    const variant = (how: string, lines: boolean): Variant<'x', A> => {
      const split = ({ features }: KernelCall<'x', A>) =>
        lines ? (features.has('narrow') ? NARROW : ACROSS) : ALONG;
      return {
        name: `${name}__${how}`,
        when: (call) => kernelOf(call) === name && (!lines || across(rows(call), call.features)),
        temporaries(call): Record<string, number> {
          const { count, blocks } = blocksOf(rows(call), split(call));
          return blocks > 1 ? { made: 4 * count, before: 4 * count } : {};
        },
        launches(call) {
          const { reverse } = call.attrs;
          const modes = { reverse: Number(reverse), mode: mode(call.attrs) };
          return blockLaunches(`${name}__blocks`, rows(call), modes, split(call));
        },
      };
    };
    return [variant('lines', true), variant('lanes', false)];
  });

/** Replaces every row by what `f` makes of it, in the order of the scan. */
export const mapScans = (
  shape: Shape,
  { axis, reverse }: { readonly axis: number; readonly reverse: boolean },
  inputs: readonly Float64Array[],
  f: (...rows: Float64Array[]) => Float64Array,
): Float64Array => mapRows(shape, axis, inputs, f, reverse);
