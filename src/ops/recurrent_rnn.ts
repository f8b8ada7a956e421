import { defineOpWithOutputs } from '../define.js';
import type { Kinds } from '../kinds.js';
import { f32, type KernelCall, type RefTensor, type Value } from '../op.js';
import { sizeOf } from '../shape.js';
import { zerosLike } from './fill.js';
import { type RnnCellOptions, rnnCellKinds } from './recurrent_cells.js';
import { errorTolerance } from './recurrent_math.js';
import { rnnRun, rnnStepBackward, Tracked, walkBack } from './recurrent_reference.js';
import { sequenceCases, sequenceErrors, sequenceSample } from './recurrent_samples.js';
import {
  backwardTolerance,
  checkSequence,
  expectLengths,
  lengthFault,
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

export interface RnnSequenceOptions extends SequenceOptions, RnnCellOptions {}

export const rnnSequenceKinds: Kinds<RnnSequenceOptions> = { ...sequenceKinds, ...rnnCellKinds };

interface Attrs extends SequenceAttrs {
  readonly nonlinearity: 'tanh' | 'relu';
}

const attributes = (options: RnnSequenceOptions | undefined): Attrs => ({
  reverse: options?.reverse ?? false,
  nonlinearity: options?.nonlinearity ?? 'tanh',
});

const FORWARD = ['projected', 'weightHidden', 'h0'] as const;
type Forward = (typeof FORWARD)[number] | 'lengths?';

const forwardFields = ({ types, attrs }: KernelCall<Forward, Attrs>) => ({
  ...sizesOf(types.projected),
  reverse: attrs.reverse,
  relu: attrs.nonlinearity === 'relu',
});

const forwardWasm = wasmVariants<Forward, Attrs>({
  ...{ kernel: 'rnn_sequence_f32', gates: 1, backward: false, fields: forwardFields },
  operands: ({ before, after }) => [
    ...['projected', 'panels', null, 'lengths', before],
    ...[null, 'output0', after, null, null, null],
  ],
});

const forwardWebgpu = webgpuVariants<Forward, Attrs>({
  ...{ kernel: 'rnn_sequence', gates: 1, backward: false, fields: forwardFields },
  ...{ starts: ['h0', null], ends: ['output1', null] },
  operands: ['output0', 'projected'],
});

interface Context extends RuleContext {
  readonly weightHidden: Value;
  readonly h0: Value;
  readonly lengths: Value | null;
  readonly outputs: readonly Value[];
  readonly attrs: Attrs;
}

const gradients = ({ grads: [dy, dhn], weightHidden, h0, lengths, outputs, attrs }: Context) => {
  const [y] = outputs as [Value];
  return rnnSequenceBackward(dy ?? zerosLike(y), dhn ?? zerosLike(h0), weightHidden, h0, y, lengths, attrs);
};

interface Inputs {
  readonly projected: RefTensor;
  readonly weightHidden: RefTensor;
  readonly h0: RefTensor;
  readonly lengths: RefTensor | null;
}

function run({ projected, weightHidden, h0, lengths }: Inputs, attrs: Attrs): Tracked[] {
  expectLengths('rnnSequence', 'projected', { projected, lengths });
  const walk = walkOf(sizesOf(projected), lengths, attrs);
  const relu = attrs.nonlinearity === 'relu';
  return rnnRun(walk, new Tracked(projected.data), weightHidden, new Tracked(h0.data), relu);
}

/** Options of the samples: each case with tanh, and two with relu. */
const cases = [
  ...sequenceCases.map((one) => ({ ...one, nonlinearity: 'tanh' as const })),
  ...sequenceCases.slice(1, 3).map((one) => ({ ...one, nonlinearity: 'relu' as const })),
];

/** With relu, sums of 4 products of at most 0.05 · 1.7 don't reach a kink from these. */
const kinkless = {
  projected: { domain: [0.5, 1.5], signed: true },
  weightHidden: { domain: [-0.05, 0.05] },
} as const;

/**
 * One direction of one plain recurrent layer over whole sequences: projected [steps, batch, hidden] is weightIh x + both
 * biases; weightHidden [hidden, hidden]; h0 [batch, hidden]; lengths i32 [batch] or null. Gives y [steps, batch, hidden]
 * and the last h. Beyond a sequence's length y is 0 and the state stays.
 */
export const rnnSequence = defineOpWithOutputs({
  name: 'rnnSequence',
  summary: 'y, hn of a plain recurrent layer over whole sequences, in one direction',
  inputs: [...FORWARD, 'lengths?'] as const,
  kinds: rnnSequenceKinds,
  attributes,
  infer(types) {
    const sizes = checkSequence('rnnSequence', 1, 'projected', types);
    const { y, h0 } = sequenceShapes(sizes, 1);
    return [y, h0].map((shape) => f32(shape!));
  },
  reference: (inputs, attrs) => run(inputs, attrs).map(({ value }) => value),
  backward: {
    projected: (context) => gradients(context)[0]!,
    weightHidden: (context) => weightGradient(gradients(context)[0]!, gradients(context)[2]!),
    h0: (context) => gradients(context)[1]!,
    lengths: null,
  },
  onceDifferentiable: true,
  inPlace: ['projected'],
  cost: ({ types }) => ({ flops: 2 * sizeOf(types.projected.shape) * types.weightHidden.shape[1]! }),
  kernels: { wasm: forwardWasm, webgpu: forwardWebgpu },
  fault: lengthFault('projected'),
  samples: cases.map((one) => ({
    inputs: sequenceSample(
      FORWARD,
      1,
      one,
      one.nonlinearity === 'relu' ? kinkless : { weightHidden: { domain: [-0.5, 0.5] } },
    ),
    options: { reverse: one.reverse, nonlinearity: one.nonlinearity } as RnnSequenceOptions,
  })),
  errors: [
    ...sequenceErrors('rnnSequence', 1, FORWARD),
    {
      types: { projected: f32([3, 2, 4]), weightHidden: f32([4, 4]), h0: f32([2, 4]) },
      options: { nonlinearity: 'elu' as 'relu' },
      message: "rnnSequence: nonlinearity must be one of tanh, relu, got 'elu'",
    },
  ],
  tolerance: errorTolerance,
  magnitude: (inputs, attrs) => run(inputs, attrs).map(({ error }) => error),
});

const BACKWARD = ['dy', 'dhn', 'weightHidden', 'h0', 'y'] as const;
type Backward = (typeof BACKWARD)[number] | 'lengths?';

const backwardFields = ({ types, attrs }: KernelCall<Backward, Attrs>) => ({
  ...sizesOf(types.dy),
  reverse: attrs.reverse,
  relu: attrs.nonlinearity === 'relu',
});

const backwardWasm = wasmVariants<Backward, Attrs>({
  ...{ kernel: 'rnn_sequence_backward_f32', gates: 1, backward: true, fields: backwardFields },
  operands: ({ first }) => [
    ...['dy', 'panels', 'h0', 'y', null, null, 'lengths'],
    ...[first ? 'dhn' : 'output1', null, 'output1', null, 'output0', null, 'output2'],
  ],
});

const backwardWebgpu = webgpuVariants<Backward, Attrs>({
  ...{ kernel: 'rnn_sequence_backward', gates: 1, backward: true, fields: backwardFields },
  ...{ starts: ['dhn', null], ends: ['output1', null] },
  operands: ['output0', 'dy', 'y'],
  after: { kernel: 'sequence_previous_f32', operands: ['lengths', 'h0', 'y', 'output2'], each: 1 },
});

type BackwardInputs = Readonly<Record<(typeof BACKWARD)[number], RefTensor>> & {
  readonly lengths: RefTensor | null;
};

/** The gradients, or, of absolute gradients and weights, their terms added up. */
function runBack(inputs: BackwardInputs, attrs: Attrs, positive: boolean) {
  expectLengths('rnnSequenceBackward', 'dy', inputs);
  const of = (key: (typeof BACKWARD)[number]) =>
    positive && key !== 'y' ? inputs[key].data.map(Math.abs) : inputs[key].data;
  const sizes = sizesOf(inputs.dy);
  const { hidden } = sizes;
  const y = of('y');
  const walk = walkOf(sizes, inputs.lengths, attrs);
  return walkBack(
    walk,
    1,
    of('dy'),
    [of('dhn')],
    { weight: of('weightHidden'), h0: of('h0'), y },
    (index, [dh]) =>
      rnnStepBackward(
        Array.from(y.subarray(index * hidden, (index + 1) * hidden)),
        dh!,
        attrs.nonlinearity === 'relu',
      ),
  );
}

/**
 * The gradients of `rnnSequence` with respect to projected and h0 from those of y and hn, and the h before each step, 0
 * where a sequence has ended: with the gradient of projected, that of weightHidden is one product.
 */
export const rnnSequenceBackward = defineOpWithOutputs({
  name: 'rnnSequenceBackward',
  summary: 'dprojected, dh0 of rnnSequence, and h before each step',
  inputs: [...BACKWARD, 'lengths?'] as const,
  kinds: rnnSequenceKinds,
  attributes,
  infer(types) {
    const sizes = checkSequence('rnnSequenceBackward', 1, 'dy', types);
    const { projected, h0, y } = sequenceShapes(sizes, 1);
    return [projected, h0, y].map((shape) => f32(shape!));
  },
  reference(inputs, attrs) {
    const { projected, initial, previous } = runBack(inputs, attrs, false);
    return [projected, ...initial, previous];
  },
  backward: { dy: null, dhn: null, weightHidden: null, h0: null, y: null, lengths: null },
  onceDifferentiable: true,
  inPlace: ['y'],
  cost: ({ types }) => ({ flops: 2 * sizeOf(types.dy.shape) * types.weightHidden.shape[1]! }),
  kernels: { wasm: backwardWasm, webgpu: backwardWebgpu },
  fault: lengthFault('dy'),
  samples: cases.map((one) => ({
    inputs: sequenceSample(BACKWARD, 1, one, { weightHidden: { domain: [-0.5, 0.5] } }),
    options: { reverse: one.reverse, nonlinearity: one.nonlinearity } as RnnSequenceOptions,
  })),
  errors: sequenceErrors('rnnSequenceBackward', 1, BACKWARD),
  tolerance: backwardTolerance(1),
  magnitude(inputs, attrs) {
    const { projected, initial, previous } = runBack(inputs, attrs, true);
    return [projected, ...initial, previous.map(() => 0)];
  },
});
