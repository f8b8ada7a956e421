import { fail } from '../errors.js';
import { flag, type Kinds, number, whole } from '../kinds.js';
import { expectDType, type TensorType, type Value } from '../op.js';
import { sameShape, showShape } from '../shape.js';
import { add } from './binary.js';
import { expectRank, expectWhole } from './common.js';
import { concat } from './concat.js';
import { dropout } from './dropout.js';
import { permute, reshape } from './layout.js';
import { linear } from './matmul.js';
import { type CellTypes, checkWeights, type RnnCellOptions, rnnCellKinds } from './recurrent_cells.js';
import { gruSequence } from './recurrent_gru.js';
import { lstmSequence } from './recurrent_lstm.js';
import { rnnSequence } from './recurrent_rnn.js';
import { slice } from './slice.js';

export interface RecurrentOptions {
  /** Layers, each on the results of the one before it, default 1. */
  readonly layers?: number;
  /** A second direction, from the last step to the first, whose results follow the first's, default false. */
  readonly bidirectional?: boolean;
  /** Whether x and the result are [batch, steps, ..], default false: [steps, batch, ..]. */
  readonly batchFirst?: boolean;
  /** Whether the weights have biases, default true. */
  readonly bias?: boolean;
  /** Probability that an element between two layers becomes zero, default 0. */
  readonly dropout?: number;
}

export const recurrentKinds: Kinds<RecurrentOptions> = {
  layers: whole,
  bidirectional: flag,
  batchFirst: flag,
  bias: flag,
  dropout: number,
};

export interface RnnOptions extends RecurrentOptions, RnnCellOptions {}

export const rnnKinds: Kinds<RnnOptions> = { ...recurrentKinds, ...rnnCellKinds };

export interface RecurrentAttrs {
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly batchFirst: boolean;
  readonly bias: boolean;
  readonly dropout: number;
  readonly nonlinearity: 'tanh' | 'relu';
}

/** What tells rnn, lstm and gru apart. */
export interface Kind {
  readonly name: 'rnn' | 'lstm' | 'gru';
  readonly gates: number;
  readonly states: readonly string[];
}

export const RNN: Kind = { name: 'rnn', gates: 1, states: ['h0'] };
export const LSTM: Kind = { name: 'lstm', gates: 4, states: ['h0', 'c0'] };
export const GRU: Kind = { name: 'gru', gates: 3, states: ['h0'] };

/** A call's inputs by what they are. */
export interface Parsed<T> {
  readonly x: T;
  readonly states: readonly T[];
  /** By layer, then by direction. */
  readonly cells: readonly CellTypes<T>[];
  /** For the dropout before every layer but the first. */
  readonly seeds: readonly T[];
  readonly lengths: T | null;
}

const directionsOf = ({ bidirectional }: RecurrentAttrs) => (bidirectional ? 2 : 1);
const seedsOf = ({ dropout, layers }: RecurrentAttrs) => (dropout > 0 ? layers - 1 : 0);

/** Sorts the list: x, initial states, weights of each layer and direction, seeds, lengths. */
export function parse<T>(kind: Kind, inputs: readonly T[], attrs: RecurrentAttrs): Parsed<T> {
  const each = attrs.bias ? 4 : 2;
  const count = attrs.layers * directionsOf(attrs);
  const seeds = seedsOf(attrs);
  const weights = 1 + kind.states.length;
  const total = weights + each * count + seeds;
  if (inputs.length !== total && inputs.length !== total + 1) {
    const parts = [
      `x, ${kind.states.join(', ')}`,
      `${each * count} weights`,
      ...(seeds ? [`${seeds} seeds`] : []),
    ];
    const wanted = `${parts.join(', ')}, and lengths or not: ${total} or ${total + 1}`;
    fail(kind.name, `takes ${wanted} inputs, ${inputs.length} are given`);
  }
  const cells = Array.from({ length: count }, (_, k): CellTypes<T> => {
    const [weightIh, weightHh, biasIh, biasHh] = inputs.slice(
      weights + each * k,
      weights + each * (k + 1),
    ) as [T, T, T?, T?];
    return { weightIh, weightHh, biasIh: biasIh ?? null, biasHh: biasHh ?? null };
  });
  return {
    x: inputs[0]!,
    states: inputs.slice(1, weights),
    cells,
    seeds: inputs.slice(total - seeds, total),
    lengths: inputs[total] ?? null,
  };
}

/** Whether there is no batch: x is [steps, input] and the states are [layers directions, hidden]. */
const isSingle = (x: TensorType): boolean => x.shape.length === 2;

/** The inputs with a batch of one where there is none. */
export function withBatch<T extends TensorType>(
  kind: Kind,
  inputs: readonly T[],
  reshaped: (one: T, shape: readonly number[]) => T,
): readonly T[] {
  if (!inputs[0] || !isSingle(inputs[0])) return inputs;
  const widen = (one: T) => (isSingle(one) ? reshaped(one, [one.shape[0]!, 1, one.shape[1]!]) : one);
  return inputs.map((one, k) => (k <= kind.states.length ? widen(one) : one));
}

/** Complete attributes, with everything checked. */
export function attributesOf(
  kind: Kind,
  options: RnnOptions | undefined,
  types: readonly TensorType[],
): RecurrentAttrs {
  const { name } = kind;
  const p = options?.dropout ?? 0;
  if (!(p >= 0 && p <= 1)) fail(name, `dropout must be between 0 and 1, got ${p}`);
  const attrs: RecurrentAttrs = {
    layers: expectWhole(name, 'layers', options?.layers ?? 1, 1),
    bidirectional: options?.bidirectional ?? false,
    batchFirst: (options?.batchFirst ?? false) && types.length > 0 && !isSingle(types[0]!),
    bias: options?.bias ?? true,
    dropout: p,
    nonlinearity: options?.nonlinearity ?? 'tanh',
  };
  const batched = withBatch(kind, types, (one, shape) => ({ dtype: one.dtype, shape }));
  checkTypes(kind, parse(kind, batched, attrs), attrs);
  return attrs;
}

function expectShape(
  name: string,
  input: string,
  type: TensorType,
  shape: readonly number[],
  x: TensorType,
): void {
  if (!sameShape(type.shape, shape))
    fail(
      name,
      `${input} must be ${showShape(shape)} for x ${showShape(x.shape)}, it is ${showShape(type.shape)}`,
    );
}

function checkTypes(
  kind: Kind,
  { x, states, cells, seeds, lengths }: Parsed<TensorType>,
  attrs: RecurrentAttrs,
): void {
  const { name, gates } = kind;
  const named = Object.fromEntries(states.map((type, k) => [kind.states[k]!, type]));
  expectDType(name, { x, ...named }, 'f32');
  expectRank(name, 'x', x, 3, attrs.batchFirst ? '[batch, steps, input]' : '[steps, batch, input]');
  const [steps, batch] = attrs.batchFirst ? [x.shape[1]!, x.shape[0]!] : [x.shape[0]!, x.shape[1]!];
  if (steps === 0) fail(name, `x must have at least one step, it is ${showShape(x.shape)}`);
  expectRank(name, 'h0', states[0]!, 3, '[layers directions, batch, hidden]');
  const hidden = states[0]!.shape[2]!;
  const directions = directionsOf(attrs);
  for (const [key, type] of Object.entries(named))
    expectShape(name, key, type, [cells.length, batch, hidden], x);
  cells.forEach((cell, k) => {
    const layer = Math.floor(k / directions);
    const suffix = ` of layer ${layer}${k % directions === 1 ? ', reverse' : ''}`;
    checkWeights(name, gates, layer === 0 ? x.shape[2]! : directions * hidden, hidden, cell, suffix);
  });
  seeds.forEach((seed) => {
    expectDType(name, { seed }, 'i32');
    expectShape(name, 'seed', seed, [2], x);
  });
  expectDType(name, { lengths }, 'i32');
  if (lengths) expectShape(name, 'lengths', lengths, [batch], x);
}

const swap = (x: Value): Value => permute(x, { axes: [1, 0, 2] });

/** x [steps, batch, input] times weightIhᵀ, all steps in one product, with a bias. */
function projectAll(x: Value, weight: Value, bias: Value | null): Value {
  const [steps, batch, input] = x.shape as [number, number, number];
  const flat = linear(reshape(x, { shape: [steps * batch, input] }), weight, bias);
  return reshape(flat, { shape: [steps, batch, weight.shape[0]!] });
}

/** One layer in one direction: y and the last states. */
function direction(
  kind: Kind,
  x: Value,
  { weightIh, weightHh, biasIh, biasHh }: CellTypes<Value>,
  [h0, c0]: readonly Value[],
  lengths: Value | null,
  options: { reverse: boolean; nonlinearity: 'tanh' | 'relu' },
): readonly Value[] {
  const { reverse } = options;
  if (kind === GRU) {
    return gruSequence(projectAll(x, weightIh, biasIh), weightHh, biasHh, h0!, lengths, { reverse }).slice(
      0,
      2,
    );
  }
  const projected = projectAll(x, weightIh, biasIh && biasHh && add(biasIh, biasHh));
  return kind === LSTM
    ? lstmSequence(projected, weightHh, h0!, c0!, lengths, { reverse }).slice(0, 3)
    : rnnSequence(projected, weightHh, h0!, lengths, options);
}

/** State number k of [layers directions, batch, hidden], as [batch, hidden]. */
function stateOf(states: Value, k: number): Value {
  const [, batch, hidden] = states.shape as [number, number, number];
  return reshape(slice(states, { start: [k, 0, 0], end: [k + 1, batch, hidden] }), {
    shape: [batch, hidden],
  });
}

const joined = (list: readonly Value[], axis: number): Value =>
  list.length === 1 ? list[0]! : concat(list, { axis });

/** The graph of all layers and directions, for one sequence or a batch. */
export function compose(kind: Kind, inputs: readonly Value[], attrs: RecurrentAttrs): readonly Value[] {
  const results = composeBatch(
    kind,
    withBatch(kind, inputs, (one, shape) => reshape(one, { shape })),
    attrs,
  );
  if (!isSingle(inputs[0]!)) return results;
  return results.map((y) => reshape(y, { shape: [y.shape[0]!, y.shape[2]!] }));
}

function composeBatch(kind: Kind, inputs: readonly Value[], attrs: RecurrentAttrs): readonly Value[] {
  const { x, states, cells, seeds, lengths } = parse(kind, inputs, attrs);
  const directions = directionsOf(attrs);
  const last = states.map((): Value[] => []);
  let y = attrs.batchFirst ? swap(x) : x;
  for (let layer = 0; layer < attrs.layers; layer++) {
    if (layer > 0 && attrs.dropout > 0) y = dropout(y, seeds[layer - 1]!, { p: attrs.dropout });
    const results = Array.from({ length: directions }, (_, d) => {
      const k = layer * directions + d;
      const initial = states.map((state) => stateOf(state, k));
      const options = { reverse: d === 1, nonlinearity: attrs.nonlinearity };
      const [result, ...final] = direction(kind, y, cells[k]!, initial, lengths, options);
      final.forEach((state, i) => {
        last[i]!.push(reshape(state, { shape: [1, ...state.shape] }));
      });
      return result!;
    });
    y = joined(results, 2);
  }
  return [attrs.batchFirst ? swap(y) : y, ...last.map((list) => joined(list, 0))];
}
