import { defineOpWithOutputs } from '../define.js';
import { f32, type KernelCall, type RefTensor, type Value } from '../op.js';
import { sizeOf } from '../shape.js';
import { zerosLike } from './fill.js';
import { errorTolerance } from './recurrent_math.js';
import { gruRun, gruStepBackward, Tracked, walkBack } from './recurrent_reference.js';
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
import { sum } from './reduce.js';

const GATES = 3;
/** Keeps the states of random samples from being all at the ends of tanh. */
const WEIGHT = { domain: [-0.5, 0.5] } as const;
/** Gates after their functions. */
const OPEN = { domain: [0.05, 0.95] } as const;

const FORWARD = ['projected', 'weightHidden', 'biasHidden', 'h0'] as const;
type Forward = 'projected' | 'weightHidden' | 'biasHidden?' | 'h0' | 'lengths?';

const forwardFields = ({ types, attrs }: KernelCall<Forward, SequenceAttrs>) => ({
  ...sizesOf(types.projected, GATES),
  ...attrs,
});

const forwardWasm = wasmVariants<Forward, SequenceAttrs>({
  ...{ kernel: 'gru_sequence_f32', gates: GATES, backward: false, fields: forwardFields },
  operands: ({ before, after }) => [
    ...['projected', 'panels', 'biasHidden', 'lengths', before],
    ...[null, 'output0', after, null, 'output2', null],
  ],
});

const forwardWebgpu = webgpuVariants<Forward, SequenceAttrs>({
  ...{ kernel: 'gru_sequence', gates: GATES, backward: false, fields: forwardFields },
  ...{ starts: ['h0', null], ends: ['output1', null] },
  operands: ['output0', 'projected', 'output2', 'biasHidden'],
});

interface Context extends RuleContext {
  readonly weightHidden: Value;
  readonly h0: Value;
  readonly lengths: Value | null;
  readonly outputs: readonly Value[];
  readonly attrs: SequenceAttrs;
}

const gradients = ({ grads: [dy, dhn], weightHidden, h0, lengths, outputs, attrs }: Context) => {
  const [y, , gates] = outputs as [Value, Value, Value];
  const seeds = [dy ?? zerosLike(y), dhn ?? zerosLike(h0)] as const;
  return gruSequenceBackward(...seeds, weightHidden, h0, y, gates, lengths, attrs);
};

interface Inputs {
  readonly projected: RefTensor;
  readonly weightHidden: RefTensor;
  readonly biasHidden: RefTensor | null;
  readonly h0: RefTensor;
  readonly lengths: RefTensor | null;
}

function run({ projected, weightHidden, biasHidden, h0, lengths }: Inputs, attrs: SequenceAttrs): Tracked[] {
  expectLengths('gruSequence', 'projected', { projected, lengths });
  const walk = walkOf(sizesOf(projected, GATES), lengths, attrs);
  return gruRun(walk, new Tracked(projected.data), weightHidden, biasHidden, new Tracked(h0.data));
}

/**
 * One direction of one GRU layer over whole sequences: projected [steps, batch, 3 hidden] is weightIh x + biasIh, gates r,
 * z, n; weightHidden [3 hidden, hidden], biasHidden [3 hidden] or null; h0 [batch, hidden]; lengths i32 [batch] or null.
 * Gives y [steps, batch, hidden], the last h, and, for the gradient, the gates and the hidden part of n [steps, batch,
 * 4 hidden]. Beyond a sequence's length y is 0 and the state stays.
 */
export const gruSequence = defineOpWithOutputs({
  name: 'gruSequence',
  summary: 'y, hn of a GRU layer over whole sequences, in one direction',
  inputs: ['projected', 'weightHidden', 'biasHidden?', 'h0', 'lengths?'],
  kinds: sequenceKinds,
  attributes: reverseOf,
  infer(types) {
    const sizes = checkSequence('gruSequence', GATES, 'projected', types);
    const { y, h0, gates } = sequenceShapes(sizes, GATES);
    return [y, h0, gates].map((shape) => f32(shape!));
  },
  reference: (inputs, attrs) => run(inputs, attrs).map(({ value }) => value),
  backward: {
    projected: (context) => gradients(context)[0]!,
    weightHidden: (context) => weightGradient(gradients(context)[1]!, gradients(context)[3]!),
    biasHidden: (context) => sum(gradients(context)[1]!, { axes: [0, 1] }),
    h0: (context) => gradients(context)[2]!,
    lengths: null,
  },
  onceDifferentiable: true,
  saves: 1,
  cost: ({ types }) => ({ flops: 2 * sizeOf(types.projected.shape) * types.weightHidden.shape[1]! }),
  kernels: { wasm: forwardWasm, webgpu: forwardWebgpu },
  fault: lengthFault('projected'),
  samples: [
    ...sequenceCases.map((one) => ({
      inputs: sequenceSample(FORWARD, GATES, one, { weightHidden: WEIGHT }),
      options: { reverse: one.reverse } as SequenceOptions,
    })),
    {
      inputs: sequenceSample(['projected', 'weightHidden', 'h0'], GATES, sequenceCases[1]!),
      options: {} as SequenceOptions,
    },
  ],
  errors: sequenceErrors('gruSequence', GATES, FORWARD),
  tolerance: errorTolerance,
  magnitude: (inputs, attrs) => run(inputs, attrs).map(({ error }) => error),
});

const BACKWARD = ['dy', 'dhn', 'weightHidden', 'h0', 'y', 'gates'] as const;
type Backward = (typeof BACKWARD)[number] | 'lengths?';

const backwardFields = ({ types, attrs }: KernelCall<Backward, SequenceAttrs>) => ({
  ...sizesOf(types.dy),
  ...attrs,
});

const backwardWasm = wasmVariants<Backward, SequenceAttrs>({
  ...{ kernel: 'gru_sequence_backward_f32', gates: GATES, backward: true, fields: backwardFields },
  operands: ({ first }) => [
    ...['dy', 'panels', 'h0', 'y', 'gates', null, 'lengths'],
    ...[first ? 'dhn' : 'output2', null, 'output2', null, 'output0', 'output1', 'output3'],
  ],
});

const backwardWebgpu = webgpuVariants<Backward, SequenceAttrs>({
  ...{ kernel: 'gru_sequence_backward', gates: GATES, backward: true, fields: backwardFields },
  ...{ starts: ['dhn', null], ends: ['output2', null] },
  operands: ['output0', 'dy', 'gates', 'output3'],
  before: { kernel: 'sequence_previous_f32', operands: ['lengths', 'h0', 'y', 'output3'], each: 1 },
  after: {
    kernel: 'gru_sequence_hidden_gradient_f32',
    operands: ['output0', 'gates', 'output1'],
    each: GATES,
  },
});

type BackwardInputs = Readonly<Record<(typeof BACKWARD)[number], RefTensor>> & {
  readonly lengths: RefTensor | null;
};

/** The gradients, or, of absolute inputs, their terms added up. */
function runBack(inputs: BackwardInputs, attrs: SequenceAttrs, positive: boolean) {
  expectLengths('gruSequenceBackward', 'dy', inputs);
  const of = (key: (typeof BACKWARD)[number]) =>
    positive ? inputs[key].data.map(Math.abs) : inputs[key].data;
  const sizes = sizesOf(inputs.dy);
  const wide = 4 * sizes.hidden;
  const kept = of('gates');
  const fixed = { weight: of('weightHidden'), h0: of('h0'), y: of('y') };
  const walk = walkOf(sizes, inputs.lengths, attrs);
  return walkBack(walk, GATES, of('dy'), [of('dhn')], fixed, (index, [dh], previous) =>
    gruStepBackward(Array.from(kept.subarray(index * wide, (index + 1) * wide)), previous, dh!, positive),
  );
}

/**
 * The gradients of `gruSequence` with respect to projected, to the hidden parts of the gates (which differ in n, by r) and
 * to h0 from those of y and hn, and the h before each step, 0 where a sequence has ended: with the second, the gradient
 * of weightHidden is one product and that of biasHidden a sum.
 */
export const gruSequenceBackward = defineOpWithOutputs({
  name: 'gruSequenceBackward',
  summary: 'dprojected, that of the hidden parts, dh0 of gruSequence, and h before each step',
  inputs: [...BACKWARD, 'lengths?'] as const,
  kinds: sequenceKinds,
  attributes: reverseOf,
  infer(types) {
    const sizes = checkSequence('gruSequenceBackward', GATES, 'dy', types);
    const { projected, h0, y } = sequenceShapes(sizes, GATES);
    return [projected, projected, h0, y].map((shape) => f32(shape!));
  },
  reference(inputs, attrs) {
    const { projected, hidden, initial, previous } = runBack(inputs, attrs, false);
    return [projected, hidden, ...initial, previous];
  },
  backward: { dy: null, dhn: null, weightHidden: null, h0: null, y: null, gates: null, lengths: null },
  onceDifferentiable: true,
  cost: ({ types }) => ({ flops: 6 * sizeOf(types.dy.shape) * types.weightHidden.shape[1]! }),
  kernels: { wasm: backwardWasm, webgpu: backwardWebgpu },
  fault: lengthFault('dy'),
  samples: sequenceCases.map((one) => ({
    inputs: sequenceSample(BACKWARD, GATES, one, { gates: OPEN, weightHidden: WEIGHT }),
    options: { reverse: one.reverse } as SequenceOptions,
  })),
  errors: sequenceErrors('gruSequenceBackward', GATES, BACKWARD),
  tolerance: backwardTolerance(GATES),
  magnitude(inputs, attrs) {
    const { projected, hidden, initial, previous } = runBack(inputs, attrs, true);
    return [projected, hidden, ...initial, previous.map(() => 0)];
  },
});
