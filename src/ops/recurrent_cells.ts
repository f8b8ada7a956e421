import { defineComposition, defineCompositionWithOutputs } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, oneOf } from '../kinds.js';
import { expectDType, f32, type RefTensor, type SampleInput, type TensorType, type Value } from '../op.js';
import { sameShape, showShape } from '../shape.js';
import { tanh } from './activation.js';
import { add } from './binary.js';
import { expectRank } from './common.js';
import { reshape } from './layout.js';
import { linear } from './matmul.js';
import { relu } from './rectifier.js';
import { gruGates } from './recurrent_gates_gru.js';
import { lstmGates } from './recurrent_gates_lstm.js';
import { errorTolerance } from './recurrent_math.js';
import { affine, gruStep, lstmStep, rnnStep, sumRows, Tracked } from './recurrent_reference.js';

export interface RnnCellOptions {
  /** Default 'tanh'. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

export const rnnCellKinds: Kinds<RnnCellOptions> = { nonlinearity: oneOf('tanh', 'relu') };

/** 'tanh' unless it is given. */
/** One cell's weights, as PyTorch has them: [gates hidden, input], [gates hidden, hidden] and two biases [gates hidden]. */
export interface CellTypes<T> {
  readonly weightIh: T;
  readonly weightHh: T;
  readonly biasIh: T | null;
  readonly biasHh: T | null;
}

/** Checks a cell's weights for `input` and `hidden` features; `suffix` follows their names. */
export function checkWeights(
  name: string,
  gates: number,
  input: number,
  hidden: number,
  weights: CellTypes<TensorType>,
  suffix = '',
): void {
  const rows = gates * hidden;
  const wanted: Record<keyof CellTypes<TensorType>, readonly number[]> = {
    weightIh: [rows, input],
    weightHh: [rows, hidden],
    biasIh: [rows],
    biasHh: [rows],
  };
  for (const [key, shape] of Object.entries(wanted)) {
    const type = weights[key as keyof typeof wanted];
    if (!type) continue;
    expectDType(name, { [`${key}${suffix}`]: type }, 'f32');
    if (!sameShape(type.shape, shape)) {
      const sizes = `${input} inputs and ${hidden} hidden`;
      fail(name, `${key}${suffix} must be ${showShape(shape)} for ${sizes}, it is ${showShape(type.shape)}`);
    }
  }
}

/** Checks a call of a cell: x [batch, input] or [input], states [batch, hidden] or [hidden]. */
function checkCell(
  name: string,
  gates: number,
  types: CellTypes<TensorType> & { readonly x: TensorType },
  states: Readonly<Record<string, TensorType>>,
): void {
  const { x } = types;
  expectDType(name, { x, ...states }, 'f32');
  const rank = x.shape.length === 1 ? 1 : 2;
  expectRank(name, 'x', x, rank, '[batch, input]');
  const hidden = Object.values(states)[0]!.shape.at(-1) ?? 0;
  const wanted = [...x.shape.slice(0, -1), hidden];
  for (const [key, type] of Object.entries(states)) {
    if (!sameShape(type.shape, wanted))
      fail(
        name,
        `${key} must be ${showShape(wanted)} for x ${showShape(x.shape)}, it is ${showShape(type.shape)}`,
      );
  }
  checkWeights(name, gates, x.shape.at(-1)!, hidden, types);
}

/** A cell without batch as one of a batch of one: [features] becomes [1, features]. */
const batched = (x: Value): Value => (x.shape.length === 1 ? reshape(x, { shape: [1, x.shape[0]!] }) : x);
const like = (y: Value, x: Value): Value => (x.shape.length === 1 ? reshape(y, { shape: [y.shape[1]!] }) : y);

type Cell<T> = CellTypes<T> & { readonly x: T; readonly h: T };

/** A cell's reference, row by row: `step` makes the new states of the sums of the input, of the hidden state, and rows. */
function rows(
  { x, h, weightIh, weightHh, biasIh, biasHh }: Cell<RefTensor>,
  others: readonly RefTensor[],
  step: (x: Row, m: Row, h: Row, others: readonly Row[]) => readonly Row[],
): Tracked[] {
  const [input, hidden] = [weightIh.shape[1]!, weightHh.shape[1]!];
  const states = [h, ...others].map(({ data }) => new Tracked(data));
  const results = states.map(({ value }) => Tracked.zeros(value.length));
  for (let b = 0; b < h.data.length / hidden; b++) {
    const [state, ...rest] = states.map((tracked) => tracked.row(b, hidden));
    const sums = affine(weightIh, new Tracked(x.data).row(b, input), biasIh);
    step(sums, affine(weightHh, state!, biasHh), state!, rest).forEach((row, k) => {
      results[k]!.put(b, row);
    });
  }
  return results;
}
type Row = ReturnType<Tracked['row']>;

const INPUTS = ['weightIh', 'weightHh', 'biasIh?', 'biasHh?'] as const;
const weightInputs = (rows: number, input: number, hidden: number, scale: Partial<SampleInput> = {}) => ({
  weightIh: { shape: [rows, input], ...scale },
  weightHh: { shape: [rows, hidden], ...scale },
});
const biasInputs = (rows: number, bias: Partial<SampleInput> = {}) => ({
  biasIh: { shape: [rows], ...bias },
  biasHh: { shape: [rows], ...bias },
});
const weightTypes = (rows: number, input: number, hidden: number) => ({
  weightIh: f32([rows, input]),
  weightHh: f32([rows, hidden]),
});

/** Keeps the sums of a relu cell clear of zero, whatever the weights of at most 8 features below 0.05 add. */
export const clearOfZero = {
  weights: { domain: [-0.05, 0.05] },
  bias: { domain: [1, 2], signed: true },
} as const;

const rnnRows = (inputs: Cell<RefTensor>, { nonlinearity }: { nonlinearity: 'tanh' | 'relu' }) =>
  rows(inputs, [], (x, m) => [rnnStep(sumRows(x, m), nonlinearity === 'relu')])[0]!;

/**
 * One step of a plain recurrent network: x [batch, input] (or [input]), h [batch, hidden] give h' [batch, hidden].
 * Weights as in PyTorch: weightIh [hidden, input], weightHh [hidden, hidden], biases [hidden].
 */
export const rnnCell = defineComposition({
  name: 'rnnCell',
  summary: "h' = tanh or relu of weightIh x + biasIh + weightHh h + biasHh",
  inputs: ['x', 'h', ...INPUTS],
  kinds: rnnCellKinds,
  attributes(options: RnnCellOptions | undefined, { x, h, ...weights }) {
    checkCell('rnnCell', 1, { x, ...weights }, { h });
    return { nonlinearity: options?.nonlinearity ?? 'tanh' };
  },
  compose({ x, h, weightIh, weightHh, biasIh, biasHh }, { nonlinearity }) {
    const sum = add(linear(batched(x), weightIh, biasIh), linear(batched(h), weightHh, biasHh));
    return like(nonlinearity === 'relu' ? relu(sum) : tanh(sum), x);
  },
  reference: (inputs, attrs) => rnnRows(inputs, attrs).value,
  samples: [
    { inputs: { x: { shape: [3, 5] }, h: { shape: [3, 4] }, ...weightInputs(4, 5, 4), ...biasInputs(4) } },
    { inputs: { x: { shape: [2] }, h: { shape: [3] }, ...weightInputs(3, 2, 3) } },
    {
      inputs: {
        x: { shape: [2, 3] },
        h: { shape: [2, 5] },
        ...weightInputs(5, 3, 5, clearOfZero.weights),
        biasIh: { shape: [5], ...clearOfZero.bias },
      },
      options: { nonlinearity: 'relu' },
    },
  ],
  errors: [
    {
      types: { x: f32([3, 5]), h: f32([2, 4]), ...weightTypes(4, 5, 4) },
      message: 'rnnCell: h must be [3,4] for x [3,5], it is [2,4]',
    },
    {
      types: { x: f32([3, 5]), h: f32([3, 4]), ...weightTypes(4, 4, 4) },
      message: 'rnnCell: weightIh must be [4,5] for 5 inputs and 4 hidden, it is [4,4]',
    },
    {
      types: { x: f32([1, 3, 5]), h: f32([3, 4]), ...weightTypes(4, 5, 4) },
      message: 'rnnCell: x must have 2 axes [batch, input], it is [1,3,5]',
    },
    {
      types: { x: { shape: [3, 5], dtype: 'i32' }, h: f32([3, 4]), ...weightTypes(4, 5, 4) },
      message: 'rnnCell: x must be f32, it is i32[3,5]',
    },
    {
      types: { x: f32([3, 5]), h: f32([3, 4]), ...weightTypes(4, 5, 4) },
      options: { nonlinearity: 'elu' as 'relu' },
      message: "rnnCell: nonlinearity must be one of tanh, relu, got 'elu'",
    },
  ],
  tolerance: errorTolerance,
  magnitude: (inputs, attrs) => rnnRows(inputs, attrs).error,
});

const lstmRows = ({ c, ...inputs }: Cell<RefTensor> & { readonly c: RefTensor }) =>
  rows(inputs, [c], (x, m, _, [previous]) => {
    const next = lstmStep(sumRows(x, m), previous!);
    return [next.h, next.c];
  });

/**
 * One step of an LSTM: x [batch, input] (or [input]) and the states h, c [batch, hidden] give h' and c'. Weights as in
 * PyTorch, gates in the order i, f, g, o: weightIh [4 hidden, input], weightHh [4 hidden, hidden], biases [4 hidden].
 */
export const lstmCell = defineCompositionWithOutputs({
  name: 'lstmCell',
  summary: "h', c' of an LSTM, gates i, f, g, o",
  inputs: ['x', 'h', 'c', ...INPUTS],
  attributes(_: undefined, { x, h, c, ...weights }) {
    checkCell('lstmCell', 4, { x, ...weights }, { h, c });
    return {};
  },
  compose({ x, h, c, weightIh, weightHh, biasIh, biasHh }) {
    const gates = add(linear(batched(x), weightIh, biasIh), linear(batched(h), weightHh, biasHh));
    return lstmGates(gates, batched(c)).map((state) => like(state, x));
  },
  reference: (inputs) => lstmRows(inputs).map(({ value }) => value),
  samples: [
    {
      inputs: {
        x: { shape: [3, 5] },
        h: { shape: [3, 4] },
        c: { shape: [3, 4] },
        ...weightInputs(16, 5, 4),
        ...biasInputs(16),
      },
    },
    { inputs: { x: { shape: [2] }, h: { shape: [3] }, c: { shape: [3] }, ...weightInputs(12, 2, 3) } },
  ],
  errors: [
    {
      types: { x: f32([3, 5]), h: f32([3, 4]), c: f32([3, 5]), ...weightTypes(16, 5, 4) },
      message: 'lstmCell: c must be [3,4] for x [3,5], it is [3,5]',
    },
    {
      types: { x: f32([3, 5]), h: f32([3, 4]), c: f32([3, 4]), ...weightTypes(16, 5, 4), biasHh: f32([4]) },
      message: 'lstmCell: biasHh must be [16] for 5 inputs and 4 hidden, it is [4]',
    },
  ],
  tolerance: errorTolerance,
  magnitude: (inputs) => lstmRows(inputs).map(({ error }) => error),
});

const gruRows = (inputs: Cell<RefTensor>) => rows(inputs, [], (x, m, h) => [gruStep(x, m, h).h])[0]!;

/**
 * One step of a GRU: x [batch, input] (or [input]), h [batch, hidden] give h' [batch, hidden]. Weights as in PyTorch,
 * gates in the order r, z, n: weightIh [3 hidden, input], weightHh [3 hidden, hidden], biases [3 hidden]; the reset gate
 * multiplies the new gate's hidden part with its bias.
 */
export const gruCell = defineComposition({
  name: 'gruCell',
  summary: "h' of a GRU, gates r, z, n",
  inputs: ['x', 'h', ...INPUTS],
  attributes(_: undefined, { x, h, ...weights }) {
    checkCell('gruCell', 3, { x, ...weights }, { h });
    return {};
  },
  compose({ x, h, weightIh, weightHh, biasIh, biasHh }) {
    const state = batched(h);
    return like(gruGates(linear(batched(x), weightIh, biasIh), linear(state, weightHh, biasHh), state), x);
  },
  reference: (inputs) => gruRows(inputs).value,
  samples: [
    { inputs: { x: { shape: [3, 5] }, h: { shape: [3, 4] }, ...weightInputs(12, 5, 4), ...biasInputs(12) } },
    { inputs: { x: { shape: [2] }, h: { shape: [3] }, ...weightInputs(9, 2, 3) } },
  ],
  errors: [
    {
      types: { x: f32([3, 5]), h: f32([3, 4]), ...weightTypes(16, 5, 4) },
      message: 'gruCell: weightIh must be [12,5] for 5 inputs and 4 hidden, it is [16,5]',
    },
    {
      types: { x: f32([3, 5]), h: f32([2, 4]), ...weightTypes(12, 5, 4) },
      message: 'gruCell: h must be [3,4] for x [3,5], it is [2,4]',
    },
  ],
  tolerance: errorTolerance,
  magnitude: (inputs) => gruRows(inputs).error,
});
