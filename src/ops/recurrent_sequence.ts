import { fail } from '../errors.js';
import { flag, type Kinds } from '../kinds.js';
import { expectDType, type KernelCall, type Launch, type TensorType, type Variant } from '../op.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import { expectRank } from './common.js';
import { packPanels } from './matmul_plan.js';
import { functionUnits } from './recurrent_math.js';
import type { Walk } from './recurrent_reference.js';

export interface SequenceOptions {
  /** From each sequence's last step to its first, default false. */
  readonly reverse?: boolean;
}

export const sequenceKinds: Kinds<SequenceOptions> = { reverse: flag };

export interface SequenceAttrs {
  readonly reverse: boolean;
}

export const reverseOf = (options: SequenceOptions | undefined): SequenceAttrs => ({
  reverse: options?.reverse ?? false,
});

/** Sizes of a layer: of y [steps, batch, hidden]. */
export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
}

/** The sizes in the shape of an array [steps, batch, gates hidden]. */
export const sizesOf = ({ shape }: TensorType, gates = 1): Sizes => {
  const [steps, batch, wide] = shape as [number, number, number];
  return { steps, batch, hidden: wide / gates };
};

/** What the reference walks by. */
export const walkOf = (
  sizes: Sizes,
  lengths: { readonly data: Float64Array } | null,
  attrs: SequenceAttrs,
): Walk => ({
  ...sizes,
  lengths: lengths ? lengths.data : null,
  reverse: attrs.reverse,
});

/** The shapes of a layer's operands by name; one that the layer has not is not asked for. */
export function sequenceShapes(
  { steps, batch, hidden }: Sizes,
  gates: number,
): Readonly<Record<string, Shape>> {
  const state = [batch, hidden];
  const all = [steps, batch, hidden];
  return {
    projected: [steps, batch, gates * hidden],
    weightHidden: [gates * hidden, hidden],
    biasHidden: [gates * hidden],
    ...{ h0: state, c0: state, dhn: state, dcn: state },
    ...{ y: all, dy: all, cells: all },
    gates: [steps, batch, 4 * hidden],
    lengths: [batch],
  };
}

/** Checks a layer's operands against the sizes that `lead` has: projected inputs, or dy with one "gate". */
export function checkSequence(
  name: string,
  gates: number,
  lead: string,
  types: Readonly<Record<string, TensorType | null>>,
): Sizes {
  const { lengths = null, ...floats } = types;
  expectDType(name, floats, 'f32');
  expectDType(name, { lengths }, 'i32');
  const first = types[lead]!;
  const parts = lead === 'projected' ? gates : 1;
  expectRank(
    name,
    lead,
    first,
    3,
    parts === 1 ? '[steps, batch, hidden]' : `[steps, batch, ${parts} hidden]`,
  );
  const sizes = sizesOf(first, parts);
  if (!Number.isInteger(sizes.hidden) || sizes.hidden === 0)
    fail(
      name,
      `the last axis of ${lead} must be ${parts} times the hidden size, ${lead} is ${showShape(first.shape)}`,
    );
  const shapes = sequenceShapes(sizes, gates);
  for (const [key, type] of Object.entries(types)) {
    const wanted = shapes[key]!;
    if (type && !sameShape(type.shape, wanted))
      fail(
        name,
        `${key} must be ${showShape(wanted)} for ${lead} ${showShape(first.shape)}, it is ${showShape(type.shape)}`,
      );
  }
  return sizes;
}

export type Fields = Sizes & { readonly reverse: boolean; readonly relu?: boolean };
type Operands = Launch['operands'];
interface AnyCall {
  readonly types: Readonly<Record<string, TensorType | null>>;
}
const hasInput = ({ types }: AnyCall, name: string) => Number(Boolean(types[name]));

/** The check that lengths are in 1..steps, where they are given. */
export function checkLengths(call: AnyCall, backend: 'wasm' | 'webgpu', { steps, batch }: Sizes): Launch[] {
  if (!hasInput(call, 'lengths')) return [];
  const units = backend === 'wasm' ? 1 : batch;
  return [
    { kernel: 'sequence_lengths_i32', operands: ['lengths', 'fault'], params: { batch, steps }, units },
  ];
}

/** The message for a length that was found outside; `lead` has the steps. */
export const lengthFault =
  <K extends string>(lead: K) =>
  (types: Readonly<Record<K, TensorType>>, _: unknown, [b, length]: readonly [number, number]): string => {
    const { shape } = types[lead];
    return `length ${length | 0} of sequence ${b} is outside 1..${shape[0]}, ${lead} is ${showShape(shape)}`;
  };

/** Refuses lengths outside 1..steps, for the reference. */
export function expectLengths<K extends string>(
  name: string,
  lead: K,
  types: Readonly<Record<K, TensorType>> & { readonly lengths: { readonly data: Float64Array } | null },
): void {
  types.lengths?.data.forEach((length, b) => {
    if (!(length >= 1 && length <= types[lead].shape[0]!))
      fail(name, lengthFault(lead)(types, null, [b, length]));
  });
}

/** Rows of a wasm unit, and its panels of 8 columns: the wider, the better the states stream; narrow ones take a third longer. */
const LEAST_ROWS = 16;
const ROWS = 64;
const LEAST_PANELS = 8;
const PANELS = 16;
/** Units that are enough for threads to share, and what makes one worth it: some 6 µs. */
const UNITS = 16;
const UNIT_FLOPS = 4e5;
const TILES = { '6x8': 6, '4x8': 4 } as const;

/** Where a step finds what goes on from step to step: inputs at first. Forward, h is read in one place and written in another. */
interface Stage {
  readonly first: boolean;
  readonly before: string;
  readonly after: string;
}

/** What tells the passes of the layers apart on wasm. */
interface Pass<N extends string, A> {
  readonly kernel: string;
  readonly gates: number;
  readonly backward: boolean;
  readonly fields: (call: KernelCall<N, A>) => Fields;
  readonly operands: (state: Stage) => Operands;
}

/** The launches of a pass: one per step, and one more on the way back, for the states before the first. */
function passLaunches<N extends string, A>(pass: Pass<N, A>, call: KernelCall<N, A>, tile: number): Launch[] {
  const { kernel, gates, backward } = pass;
  const fields = pass.fields(call);
  const { steps, batch, hidden, reverse, relu = false } = fields;
  const wide = Math.ceil(hidden / 8);
  const units = Math.min(UNITS, Math.max(1, (2 * batch * gates * hidden * hidden) / UNIT_FLOPS));
  const wanted = Math.min(Math.floor(batch / LEAST_ROWS), Math.ceil(units / Math.ceil(wide / PANELS)));
  const down = Math.max(1, Math.ceil(batch / ROWS), wanted);
  const rows = Math.ceil(batch / down);
  const panels = Math.min(PANELS, Math.max(LEAST_PANELS, Math.floor((wide * down) / units)));
  const count = backward ? steps + 1 : Math.max(1, steps);
  const place = (k: number) => ((count - k) % 2 === 0 ? 'output1' : 'state');
  const step = (k: number): Launch => ({
    kernel,
    operands: pass.operands({ first: k === 0, before: k === 0 ? 'h0' : place(k), after: place(k + 1) }),
    params: {
      ...{ steps, batch, hidden, step: k, reverse: Number(reverse && steps > 0), relu: Number(relu) },
      ...{ tile, rows, panels },
    },
    units: (rows && Math.ceil(batch / rows)) * Math.ceil(wide / panels),
    scratch: 32 * panels * (rows * (backward ? 1 : gates) + 1),
  });
  return [
    ...checkLengths(call as AnyCall, 'wasm', fields),
    // For the product with a state, each gate's rows of the weight are a matrix of their own.
    backward
      ? packPanels('weightHidden', gates * hidden, hidden, false)
      : packPanels('weightHidden', hidden, hidden, true, gates),
    ...Array.from({ length: count }, (_, k) => step(k)),
  ];
}

/** The wasm variants of a pass, by register tile. */
export const wasmVariants = <N extends string, A>(pass: Pass<N, A>): Variant<N, A>[] =>
  (['6x8', '4x8'] as const).map((tile) => ({
    name: `${pass.kernel}__${tile}`,
    when: ({ features }) => tile === '4x8' || features.has('tile-6x8'),
    temporaries(call): Record<string, number> {
      const { batch, hidden } = pass.fields(call);
      const panels = 32 * pass.gates * hidden * Math.ceil(hidden / 8);
      return pass.backward ? { panels } : { panels, state: 4 * batch * hidden };
    },
    launches: (call) => passLaunches(pass, call, TILES[tile]),
  }));

/**
 * Tolerance of a backward pass, which is linear in the gradients and whose magnitude is that of its terms added up: a
 * term passes `steps` products of `gates` hidden terms and in each step a dozen roundings of factors and sums; what of
 * them is not exact, tanh c', is off by twice a function's units.
 */
export const backwardTolerance = (gates: number) => {
  const on = (backend: 'wasm' | 'webgpu') => ({
    ulps({ types }: { readonly types: Readonly<Record<string, TensorType | null>> }) {
      const { steps, hidden } = sizesOf(types.dy!);
      return steps * (gates * hidden + 2 * functionUnits[backend] + 16);
    },
    magnitude: 'declared' as const,
  });
  return { wasm: on('wasm'), webgpu: on('webgpu') };
};
