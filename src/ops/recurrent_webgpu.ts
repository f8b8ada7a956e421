import type { KernelCall, Launch, TensorType, Variant } from '../op.js';
import { checkLengths, type Fields, type Sizes } from './recurrent_sequence.js';

type Operands = Launch['operands'];
interface AnyCall {
  readonly types: Readonly<Record<string, TensorType | null>>;
}
const hasInput = ({ types }: AnyCall, name: string) => Number(Boolean(types[name]));

/** What devices opened with mixed precision have among their features. */
const MIXED = 'mixed-precision';

/** How steps run: the type of the packed weight, and the slices of the inner axis. */
interface Form {
  readonly type: 'f16' | 'f32';
  readonly slices: Slices;
}

/** In how many slices a step's inner axis is taken, and the invocations of a workgroup that share a place of it. */
const WORKGROUPS = { 1: 32, 16: 16 } as const;
type Slices = keyof typeof WORKGROUPS;

const quadsOf = (size: number): number => Math.ceil(size / 4);

/** What goes on from step to step, by pass. */
interface Carried {
  readonly gates: number;
  readonly backward: boolean;
  /** The states at the start and at the end: h or its gradient, c or its gradient. */
  readonly starts: readonly [string, string | null];
  readonly ends: readonly [string, string | null];
}

/** What tells the passes of the layers apart on webgpu. */
interface Pass<N extends string, A> extends Carried {
  /** Without type and slices. */
  readonly kernel: string;
  readonly fields: (call: KernelCall<N, A>) => Fields;
  /** Of a step, behind lengths, the weight and what goes on. */
  readonly operands: Operands;
  /** Elementwise launches over all steps that come before the first and after the last. */
  readonly before?: Whole;
  readonly after?: Whole;
}

interface Whole {
  readonly kernel: string;
  readonly operands: Operands;
  /** Elements for each unit of a step. */
  readonly each: number;
}

/** Vec4s of the weight at a place of the inner axis: forward of each gate, backward of units beside each other. */
const setsOf = ({ gates, backward }: Carried, slices: Slices) => (backward ? (slices === 1 ? 2 : 1) : gates);

/** A workgroup's quads of units: side by side, with all sets; the rest are of sequences, as few as hold the batch, at most 4. */
function tileOf(pass: Carried, { batch, hidden }: Sizes, slices: Slices) {
  const down = quadsOf(batch) <= 1 ? 1 : quadsOf(batch) <= 2 ? 2 : 4;
  const quads = WORKGROUPS[slices] / down;
  const unitQuads = pass.backward ? setsOf(pass, slices) * quads : quads;
  return {
    quads,
    unitQuads,
    blocks: Math.ceil(quadsOf(hidden) / unitQuads),
    rows: Math.ceil(quadsOf(batch) / down),
  };
}

/** What goes on from step to step for a sequence: how many numbers, and where h (or its gradient) and c begin. */
function carried({ gates, backward, starts }: Carried, { hidden }: Sizes) {
  const first = backward ? gates * hidden : 0;
  const second = first + hidden;
  return { places: starts[1] ? second + hidden : second, first, second };
}

/** The weight [gates hidden, hidden] in quads of units, forward of each gate's rows, backward of its columns; and the first states. */
function packWeight(pass: Carried, sizes: Sizes, { type, slices }: Form) {
  const { batch, hidden } = sizes;
  const { quads, unitQuads, blocks } = tileOf(pass, sizes, slices);
  const sets = setsOf(pass, slices);
  const inner = pass.backward ? pass.gates * hidden : hidden;
  const vectors = blocks * quads * sets * inner;
  const form = pass.backward
    ? { setQuads: quads, setStride: 0, innerStride: hidden, unitStride: 1 }
    : { setQuads: 0, setStride: hidden * hidden, innerStride: 1, unitStride: hidden };
  const states = { batch, hidden, ...carried(pass, sizes) };
  const launch: Launch = {
    kernel: `recurrent_pack_${type}`,
    operands: ['weightHidden', 'packed', ...pass.starts, 'even'],
    params: { ...form, vectors, sets, inner, units: hidden, quads, unitQuads, ...states },
    units: vectors + 4 * quadsOf(batch) * states.places,
  };
  return { bytes: (type === 'f16' ? 8 : 16) * vectors, launch };
}

/** The launches of a pass: one per step, in the order of the pass, with what comes before and after. */
function passLaunches<N extends string, A>(pass: Pass<N, A>, call: KernelCall<N, A>, form: Form): Launch[] {
  const { type, slices } = form;
  const { kernel, gates, backward, ends } = pass;
  const fields = pass.fields(call);
  const { steps, batch, hidden, reverse, relu = false } = fields;
  const { quads, unitQuads, blocks, rows } = tileOf(pass, fields, slices);
  const units = [blocks, rows, 1] as const;
  const params = (step: number) => ({
    ...{ steps, batch, hidden, step, relu: Number(relu), reverse: Number(reverse) },
    ...{ gates, quads, unitQuads },
    hasLengths: hasInput(call, 'lengths'),
    hasBias: hasInput(call, 'biasHidden'),
  });
  const states = { batch, hidden, ...carried(pass, fields) };
  const whole = ({ kernel: name, operands, each }: Whole): Launch => ({
    ...{ kernel: name, operands, params: params(0) },
    units: steps * batch * hidden * each,
  });
  const place = (k: number) => (k % 2 === 0 ? 'even' : 'odd');
  const step = (k: number): Launch => ({
    kernel: `${kernel}_${type}__${slices}`,
    operands: ['lengths', 'packed', place(k), place(k + 1), ...pass.operands],
    params: params(reverse === backward ? k : steps - 1 - k),
    units,
  });
  return [
    ...checkLengths(call, 'webgpu', fields),
    packWeight(pass, fields, form).launch,
    ...(pass.before ? [whole(pass.before)] : []),
    ...Array.from({ length: steps }, (_, k) => step(k)),
    backward
      ? {
          kernel: `sequence_initial_gradient_${type}__${slices}`,
          operands: ['packed', place(steps), ...ends],
          params: params(0),
          units,
        }
      : {
          ...{ kernel: 'recurrent_end_f32', operands: [place(steps), ...ends], params: states },
          units: batch * hidden,
        },
    ...(pass.after ? [whole(pass.after)] : []),
  ];
}

/** Invocations of unsliced steps that fill any device: slices can't help. */
const FULL = 65536;

const FORMS: readonly Form[] = [
  { type: 'f16', slices: 1 },
  { type: 'f32', slices: 1 },
  { type: 'f32', slices: 16 },
];

/** The webgpu variants of a pass, by the type of the packed weight and the slices in which a step takes its inner axis. */
export const webgpuVariants = <N extends string, A>(pass: Pass<N, A>): Variant<N, A>[] =>
  FORMS.map((form) => ({
    name: `${pass.kernel}_${form.type}__${form.slices}`,
    when(call) {
      const { batch, hidden } = pass.fields(call);
      if (form.type === 'f16') return call.features.has(MIXED);
      return form.slices === 1 || quadsOf(batch) * quadsOf(hidden) < FULL;
    },
    temporaries(call) {
      const fields = pass.fields(call);
      const bytes = 16 * quadsOf(fields.batch) * carried(pass, fields).places;
      const packed = packWeight(pass, fields, form).bytes;
      return { packed, even: bytes, odd: bytes };
    },
    launches: (call) => passLaunches(pass, call, form),
  }));
