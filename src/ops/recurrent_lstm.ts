import { defineOpWithOutputs } from '../define.js';
import { f32, type KernelCall, type RefTensor, type Value } from '../op.js';
import { sizeOf } from '../shape.js';
import { zerosLike } from './fill.js';
import { errorTolerance } from './recurrent_math.js';
import { lstmRun, lstmStepBackward, Tracked, walkBack } from './recurrent_reference.js';
import { sequenceCases, sequenceErrors, sequenceSample } from './recurrent_samples.js';
import {
  backwardTolerance,
  checkSequence,
  expectLengths,
  lengthFault,
  reverseOf,
  type SequenceAttrs,
  type SequenceOptions,
  sequenceKinds,
  sequenceShapes,
  sizesOf,
  walkOf,
  wasmVariants,
} from './recurrent_sequence.js';
import { type RuleContext, weightGradient } from './recurrent_shared.js';
import { webgpuVariants } from './recurrent_webgpu.js';

const GATES = 4;
/** Keeps the states of random samples from being all at the ends of tanh. */
const WEIGHT = { domain: [-0.5, 0.5] } as const;
/** Gates after their functions. */
const OPEN = { domain: [0.05, 0.95] } as const;

const FORWARD = ['projected', 'weightHidden', 'h0', 'c0'] as const;
type Forward = (typeof FORWARD)[number] | 'lengths?';

const forwardFields = ({ types, attrs }: KernelCall<Forward, SequenceAttrs>) => ({
  ...sizesOf(types.projected, GATES),
  ...attrs,
});

const forwardWasm = wasmVariants<Forward, SequenceAttrs>({
  ...{ kernel: 'lstm_sequence_f32', gates: GATES, backward: false, fields: forwardFields },
  operands: ({ first, before, after }) => [
    ...['projected', 'panels', null, 'lengths', before],
    ...[first ? 'c0' : 'output2', 'output0', after, 'output2', 'output3', 'output4'],
  ],
});

const forwardWebgpu = webgpuVariants<Forward, SequenceAttrs>({
  ...{ kernel: 'lstm_sequence', gates: GATES, backward: false, fields: forwardFields },
  ...{ starts: ['h0', 'c0'], ends: ['output1', 'output2'] },
  operands: ['output0', 'projected', 'output3', 'output4'],
});

interface Context extends RuleContext {
  readonly weightHidden: Value;
  readonly h0: Value;
  readonly lengths: Value | null;
  readonly outputs: readonly Value[];
  readonly attrs: SequenceAttrs;
}

const gradients = ({ grads: [dy, dhn, dcn], weightHidden, h0, lengths, outputs, attrs }: Context) => {
  const [y, , , gates, cells] = outputs as [Value, Value, Value, Value, Value];
  const seeds = [dy ?? zerosLike(y), dhn ?? zerosLike(h0), dcn ?? zerosLike(h0)] as const;
  return lstmSequenceBackward(...seeds, weightHidden, h0, y, gates, cells, lengths, attrs);
};

interface Inputs {
  readonly projected: RefTensor;
  readonly weightHidden: RefTensor;
  readonly h0: RefTensor;
  readonly c0: RefTensor;
  readonly lengths: RefTensor | null;
}

function run({ projected, weightHidden, h0, c0, lengths }: Inputs, attrs: SequenceAttrs): Tracked[] {
  expectLengths('lstmSequence', 'projected', { projected, lengths });
  const walk = walkOf(sizesOf(projected, GATES), lengths, attrs);
  const [x, h, c] = [projected, h0, c0].map(({ data }) => new Tracked(data)) as [Tracked, Tracked, Tracked];
  return lstmRun(walk, x, weightHidden, h, c);
}

/**
 * One direction of one LSTM layer over whole sequences: projected [steps, batch, 4 hidden] is weightIh x + both biases,
 * gates i, f, g, o; weightHidden [4 hidden, hidden]; h0, c0 [batch, hidden]; lengths i32 [batch] or null. Gives y [steps,
 * batch, hidden], the last h and c, and, for the gradient, the gates and c before each step. Beyond a sequence's length y
 * is 0 and the state stays.
 */
export const lstmSequence = defineOpWithOutputs({
  name: 'lstmSequence',
  summary: 'y, hn, cn of an LSTM layer over whole sequences, in one direction',
  inputs: [...FORWARD, 'lengths?'] as const,
  kinds: sequenceKinds,
  attributes: reverseOf,
  infer(types) {
    const sizes = checkSequence('lstmSequence', GATES, 'projected', types);
    const { y, h0, gates } = sequenceShapes(sizes, GATES);
    return [y, h0, h0, gates, y].map((shape) => f32(shape!));
  },
  reference: (inputs, attrs) => run(inputs, attrs).map(({ value }) => value),
  backward: {
    projected: (context) => gradients(context)[0]!,
    weightHidden: (context) => weightGradient(gradients(context)[0]!, gradients(context)[3]!),
    h0: (context) => gradients(context)[1]!,
    c0: (context) => gradients(context)[2]!,
    lengths: null,
  },
  onceDifferentiable: true,
  saves: 2,
  inPlace: ['projected'],
  inPlaceOutput: 3,
  cost: ({ types }) => ({ flops: 2 * sizeOf(types.projected.shape) * types.weightHidden.shape[1]! }),
  kernels: { wasm: forwardWasm, webgpu: forwardWebgpu },
  fault: lengthFault('projected'),
  samples: sequenceCases.map((one) => ({
    inputs: sequenceSample(FORWARD, GATES, one, { weightHidden: WEIGHT }),
    options: { reverse: one.reverse } as SequenceOptions,
  })),
  errors: sequenceErrors('lstmSequence', GATES, FORWARD),
  tolerance: errorTolerance,
  magnitude: (inputs, attrs) => run(inputs, attrs).map(({ error }) => error),
});

const BACKWARD = ['dy', 'dhn', 'dcn', 'weightHidden', 'h0', 'y', 'gates', 'cells'] as const;
type Backward = (typeof BACKWARD)[number] | 'lengths?';

const backwardFields = ({ types, attrs }: KernelCall<Backward, SequenceAttrs>) => ({
  ...sizesOf(types.dy),
  ...attrs,
});

const backwardWasm = wasmVariants<Backward, SequenceAttrs>({
  ...{ kernel: 'lstm_sequence_backward_f32', gates: GATES, backward: true, fields: backwardFields },
  operands: ({ first }) => [
    ...['dy', 'panels', 'h0', 'y', 'gates', 'cells', 'lengths'],
    ...(first ? ['dhn', 'dcn'] : ['output1', 'output2']),
    ...['output1', 'output2', 'output0', null, 'output3'],
  ],
});

const backwardWebgpu = webgpuVariants<Backward, SequenceAttrs>({
  ...{ kernel: 'lstm_sequence_backward', gates: GATES, backward: true, fields: backwardFields },
  ...{ starts: ['dhn', 'dcn'], ends: ['output1', 'output2'] },
  operands: ['output0', 'dy', 'gates', 'cells'],
  after: { kernel: 'sequence_previous_f32', operands: ['lengths', 'h0', 'y', 'output3'], each: 1 },
});

type BackwardInputs = Readonly<Record<(typeof BACKWARD)[number], RefTensor>> & {
  readonly lengths: RefTensor | null;
};

/** The gradients, or, of absolute inputs, their terms added up. */
function runBack(inputs: BackwardInputs, attrs: SequenceAttrs, positive: boolean) {
  expectLengths('lstmSequenceBackward', 'dy', inputs);
  const of = (key: (typeof BACKWARD)[number]) =>
    positive ? inputs[key].data.map(Math.abs) : inputs[key].data;
  const sizes = sizesOf(inputs.dy);
  const { hidden } = sizes;
  const [gates, cells] = [of('gates'), of('cells')];
  const rowOf = (data: Float64Array, index: number, width: number) =>
    Array.from(data.subarray(index * width, (index + 1) * width));
  const fixed = { weight: of('weightHidden'), h0: of('h0'), y: of('y') };
  const walk = walkOf(sizes, inputs.lengths, attrs);
  return walkBack(walk, GATES, of('dy'), [of('dhn'), of('dcn')], fixed, (index, [dh, dc]) =>
    lstmStepBackward(rowOf(gates, index, 4 * hidden), rowOf(cells, index, hidden), dh!, dc!, positive),
  );
}

/**
 * The gradients of `lstmSequence` with respect to projected, h0 and c0 from those of y, hn and cn, and the h before each
 * step, 0 where a sequence has ended: with the gradient of projected, that of weightHidden is one product.
 */
export const lstmSequenceBackward = defineOpWithOutputs({
  name: 'lstmSequenceBackward',
  summary: 'dprojected, dh0, dc0 of lstmSequence, and h before each step',
  inputs: [...BACKWARD, 'lengths?'] as const,
  kinds: sequenceKinds,
  attributes: reverseOf,
  infer(types) {
    const sizes = checkSequence('lstmSequenceBackward', GATES, 'dy', types);
    const { projected, h0, y } = sequenceShapes(sizes, GATES);
    return [projected, h0, h0, y].map((shape) => f32(shape!));
  },
  reference(inputs, attrs) {
    const { projected, initial, previous } = runBack(inputs, attrs, false);
    return [projected, ...initial, previous];
  },
  backward: {
    ...{ dy: null, dhn: null, dcn: null, weightHidden: null },
    ...{ h0: null, y: null, gates: null, cells: null, lengths: null },
  },
  onceDifferentiable: true,
  inPlace: ['gates'],
  cost: ({ types }) => ({ flops: 2 * sizeOf(types.gates.shape) * types.weightHidden.shape[1]! }),
  kernels: { wasm: backwardWasm, webgpu: backwardWebgpu },
  fault: lengthFault('dy'),
  samples: sequenceCases.map((one) => ({
    inputs: sequenceSample(BACKWARD, GATES, one, { gates: OPEN, weightHidden: WEIGHT }),
    options: { reverse: one.reverse } as SequenceOptions,
  })),
  errors: sequenceErrors('lstmSequenceBackward', GATES, BACKWARD),
  tolerance: backwardTolerance(GATES),
  magnitude(inputs, attrs) {
    const { projected, initial, previous } = runBack(inputs, attrs, true);
    return [projected, ...initial, previous.map(() => 0)];
  },
});
