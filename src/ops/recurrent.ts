import { defineVariadicCompositionWithOutputs } from '../composition.js';
import type { Kinds } from '../kinds.js';
import { f32, type SampleInput, type TensorType } from '../op.js';
import { clearOfZero } from './recurrent_cells.js';
import {
  attributesOf,
  compose,
  GRU,
  type Kind,
  LSTM,
  type RecurrentAttrs,
  type RecurrentOptions,
  RNN,
  type RnnOptions,
  recurrentKinds,
  rnnKinds,
} from './recurrent_layers.js';
import { runLayers } from './recurrent_layers_reference.js';
import { errorTolerance } from './recurrent_math.js';

export type { RecurrentOptions, RnnOptions } from './recurrent_layers.js';

interface Case {
  readonly steps: number;
  readonly batch: number;
  readonly input: number;
  readonly hidden: number;
  readonly options: RnnOptions;
  readonly lengths?: readonly number[];
  /** Without a batch. */
  readonly single?: boolean;
}

/** The inputs' types, in the order in which a call takes them, with names. */
function typesOf(
  kind: Kind,
  { steps, batch, input, hidden, options, lengths, single }: Case,
): [string, TensorType][] {
  const directions = options.bidirectional ? 2 : 1;
  const { layers = 1, bias = true, dropout = 0 } = options;
  const rows = kind.gates * hidden;
  const state = f32(single ? [layers * directions, hidden] : [layers * directions, batch, hidden]);
  const weights = Array.from({ length: layers * directions }, (_, k): [string, TensorType][] => [
    ['weightIh', f32([rows, k < directions ? input : directions * hidden])],
    ['weightHh', f32([rows, hidden])],
    ...(bias ? (['biasIh', 'biasHh'] as const).map((key): [string, TensorType] => [key, f32([rows])]) : []),
  ]).flat();
  const x = options.batchFirst ? [batch, steps, input] : [steps, batch, input];
  return [
    ['x', f32(single ? [steps, input] : x)],
    ...kind.states.map((name): [string, TensorType] => [name, state]),
    ...weights,
    ...Array.from({ length: dropout > 0 ? layers - 1 : 0 }, (): [string, TensorType] => [
      'seed',
      { shape: [2], dtype: 'i32' },
    ]),
    ...(lengths ? [['lengths', { shape: [batch], dtype: 'i32' }] as [string, TensorType]] : []),
  ];
}

function sampleOf(kind: Kind, one: Case) {
  const relu = one.options.nonlinearity === 'relu';
  const fill: Readonly<Record<string, Partial<SampleInput>>> = {
    weightIh: relu ? clearOfZero.weights : { domain: [-0.7, 0.7] },
    weightHh: relu ? clearOfZero.weights : { domain: [-0.7, 0.7] },
    ...(relu ? { biasIh: clearOfZero.bias, biasHh: { values: [0] } } : {}),
    seed: { values: [3, -5] },
    lengths: { values: one.lengths ?? [] },
  };
  return {
    inputs: typesOf(kind, one).map(([name, type]): SampleInput => ({ ...type, ...fill[name] })),
    options: one.options,
  };
}

const cases: readonly Case[] = [
  { steps: 1, batch: 1, input: 1, hidden: 1, options: {} },
  { steps: 4, batch: 3, input: 5, hidden: 3, options: { bias: false, batchFirst: true }, lengths: [2, 4, 1] },
  { steps: 3, batch: 2, input: 2, hidden: 4, options: { layers: 2, bidirectional: true }, lengths: [3, 2] },
  { steps: 2, batch: 3, input: 3, hidden: 5, options: { layers: 2, dropout: 0.4 } },
  { steps: 3, batch: 1, input: 2, hidden: 3, options: { bidirectional: true }, single: true },
];

/** An error case of each kind's own: what is wrong, by the name of the first input that it concerns. */
function errorsOf(kind: Kind) {
  const { name, gates } = kind;
  const one: Case = { steps: 3, batch: 2, input: 5, hidden: 4, options: {}, lengths: [3, 1] };
  const with_ = (changes: Readonly<Record<string, TensorType>>) =>
    typesOf(kind, one).map(([key, type]) => changes[key] ?? type);
  const rows = 4 * gates;
  const inputs = typesOf(kind, one).length;
  const states = kind.states.join(', ');
  return [
    {
      types: with_({}).slice(0, -2),
      message: `${name}: takes x, ${states}, 4 weights, and lengths or not: ${inputs - 1} or ${inputs} inputs, ${inputs - 2} are given`,
    },
    {
      types: with_({}),
      options: { layers: 2, dropout: 0.5 },
      message: `${name}: takes x, ${states}, 8 weights, 1 seeds, and lengths or not: ${inputs + 4} or ${inputs + 5} inputs, ${inputs} are given`,
    },
    {
      types: with_({}),
      options: { layers: 0 },
      message: `${name}: layers must be a whole number of at least 1, got 0`,
    },
    { types: with_({}), options: { dropout: 2 }, message: `${name}: dropout must be between 0 and 1, got 2` },
    {
      types: with_({ x: f32([3]) }),
      message: `${name}: x must have 3 axes [steps, batch, input], it is [3]`,
    },
    {
      types: with_({ x: f32([0, 2, 5]) }),
      message: `${name}: x must have at least one step, it is [0,2,5]`,
    },
    {
      types: with_({ x: { shape: [3, 2, 5], dtype: 'i32' } }),
      message: `${name}: x must be f32, it is i32[3,2,5]`,
    },
    {
      types: with_({ h0: f32([2, 4]) }),
      message: `${name}: h0 must have 3 axes [layers directions, batch, hidden], it is [2,4]`,
    },
    {
      types: with_({ h0: f32([2, 2, 4]) }),
      message: `${name}: h0 must be [1,2,4] for x [3,2,5], it is [2,2,4]`,
    },
    {
      types: with_({ weightIh: f32([rows, 4]) }),
      message: `${name}: weightIh of layer 0 must be [${rows},5] for 5 inputs and 4 hidden, it is [${rows},4]`,
    },
    {
      types: with_({ lengths: { shape: [3], dtype: 'i32' } }),
      message: `${name}: lengths must be [2] for x [3,2,5], it is [3]`,
    },
    { types: with_({ lengths: f32([2]) }), message: `${name}: lengths must be i32, it is f32[2]` },
  ];
}

/** Everything of a declaration that follows from the kind. */
const declared = (kind: Kind, samples: readonly Case[]) => ({
  name: kind.name,
  inputs: ['inputs'] as const,
  kinds: (kind === RNN ? rnnKinds : recurrentKinds) as Kinds<RnnOptions | undefined>,
  attributes: (options: RnnOptions | undefined, types: readonly TensorType[]) =>
    attributesOf(kind, options, types),
  compose: (inputs: Parameters<typeof compose>[1], attrs: RecurrentAttrs) => compose(kind, inputs, attrs),
  reference: (inputs: Parameters<typeof runLayers>[1], attrs: RecurrentAttrs) =>
    runLayers(kind, inputs, attrs).map(({ value }) => value),
  magnitude: (inputs: Parameters<typeof runLayers>[1], attrs: RecurrentAttrs) =>
    runLayers(kind, inputs, attrs).map(({ error }) => error),
  onceDifferentiable: true,
  samples: samples.map((one) => sampleOf(kind, one)),
  errors: errorsOf(kind),
  tolerance: errorTolerance,
});

/**
 * Plain recurrent layers over whole sequences, as torch.nn.RNN. In one list: x [steps, batch, input]; h0 [layers
 * directions, batch, hidden]; for each layer, for each direction, weightIh [hidden, input], weightHh [hidden, hidden] and,
 * with `bias`, biasIh, biasHh [hidden]; with `dropout`, a seed (i32 [2]) for each layer but the first; lengths i32 [batch]
 * or none. Gives y [steps, batch, directions hidden] and the last h [layers directions, batch, hidden]. From a sequence's
 * length on, y is 0 and the state stays; the reverse direction starts at its last step, as with pack_padded_sequence.
 */
export const rnn = defineVariadicCompositionWithOutputs<RecurrentAttrs, RnnOptions | undefined>({
  ...declared(RNN, [
    ...cases,
    {
      steps: 3,
      batch: 2,
      input: 4,
      hidden: 3,
      options: { nonlinearity: 'relu', bidirectional: true },
      lengths: [3, 2],
    },
  ]),
  summary: 'y, hn of plain recurrent layers over x, h0, weights, lengths',
});

/**
 * LSTM layers over whole sequences, as torch.nn.LSTM: inputs and results as of {@link rnn}, with c0 after h0 and the last c
 * after the last h; gates i, f, g, o, so that weights have 4 hidden rows.
 */
export const lstm = defineVariadicCompositionWithOutputs<RecurrentAttrs, RecurrentOptions | undefined>({
  ...declared(LSTM, cases),
  summary: 'y, hn, cn of LSTM layers over x, h0, c0, weights, lengths',
});

/**
 * GRU layers over whole sequences, as torch.nn.GRU: inputs and results as of {@link rnn}; gates r, z, n, so that weights have
 * 3 hidden rows, and the reset gate multiplies the new gate's hidden part with its bias.
 */
export const gru = defineVariadicCompositionWithOutputs<RecurrentAttrs, RecurrentOptions | undefined>({
  ...declared(GRU, cases),
  summary: 'y, hn of GRU layers over x, h0, weights, lengths',
});
