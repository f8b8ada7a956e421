import type { Device } from './device.js';
import { fail } from './errors.js';
import type { Value } from './op.js';
import type { DropoutOptions } from './ops/dropout.js';
import * as ops from './ops/index.js';
import type { CategoricalOptions, MultinomialOptions } from './ops/multinomial.js';
import type { RecurrentOptions, RnnOptions } from './ops/recurrent.js';
import { Tensor, tensorFunctions } from './tensor.js';
import type { TensorFunctions } from './tensor-types.js';

/** Lengths of the sequences of a batch, i32 [batch]; without them all steps count. */
interface Lengths {
  readonly lengths?: Tensor | null;
}

type RecurrentResult = readonly [y: Tensor, hn: Tensor];
type LstmResult = readonly [y: Tensor, hn: Tensor, cn: Tensor];

/**
 * Ops as functions of tensors, under PyTorch's names in camelCase. Those that draw random numbers take a new seed from the
 * device's generator at each recording; in a compiled function each run does.
 */
export interface Functional extends Omit<TensorFunctions, Seeded | 'rnn' | 'lstm' | 'gru'> {
  /**
   * What `run` gives for these inputs, whose inner values are not kept for the gradient but computed anew there: less
   * memory for one more forward pass of this part, as torch.utils.checkpoint. Values that `run` takes from outside,
   * parameters for example, are kept. A program's `schedule` lists what is computed twice.
   */
  checkpoint<I extends readonly Tensor[], R extends Tensor | readonly Tensor[]>(
    run: (...inputs: I) => R,
    ...inputs: I
  ): R;
  /** Sets elements to zero with probability p and scales the others by 1 / (1 - p). */
  dropout(x: Tensor, options?: DropoutOptions): Tensor;
  /** Dropout of whole channels of x [n, channels, ...]. */
  featureDropout(x: Tensor, options?: DropoutOptions): Tensor;
  /** Dropout for SELU, which keeps mean and deviation. */
  alphaDropout(x: Tensor, options?: DropoutOptions): Tensor;
  /** 1 with probability p, element by element, else 0; no gradient passes. */
  bernoulli(p: Tensor): Tensor;
  /** Draws classes with replacement by weights [classes] or [rows, classes]: i32 [samples] or [rows, samples]. */
  categorical(weights: Tensor, options?: CategoricalOptions): Tensor;
  /** Draws classes by weights, without replacement unless asked for, as torch.multinomial. */
  multinomial(weights: Tensor, options?: MultinomialOptions): Tensor;
  /** The elements of x where the mask holds, [n]: {@link Tensor.maskedSelect}. */
  maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor>;
  /** The positions of the elements that are not zero, i32 [n, rank]: {@link Tensor.nonzero}. */
  nonzero(x: Tensor): Promise<Tensor>;
  /**
   * Plain recurrent layers over x [steps, batch, input] (or [batch, steps, input], `batchFirst`), as torch.nn.RNN: y and
   * the last h. h0 is [layers directions, batch, hidden], null for zeros. `weights` are, for each layer, for each
   * direction, weightIh, weightHh and, with `bias`, biasIh, biasHh. `dropout` draws seeds as {@link Functional.dropout}
   * does.
   */
  rnn(
    x: Tensor,
    h0: Tensor | null,
    weights: readonly Tensor[],
    options?: RnnOptions & Lengths,
  ): RecurrentResult;
  /** LSTM layers, as torch.nn.LSTM: y and the last h and c. `states` are h0 and c0, null for zeros. */
  lstm(
    x: Tensor,
    states: readonly [h0: Tensor, c0: Tensor] | null,
    weights: readonly Tensor[],
    options?: RecurrentOptions & Lengths,
  ): LstmResult;
  /** GRU layers, as torch.nn.GRU: y and the last h. */
  gru(
    x: Tensor,
    h0: Tensor | null,
    weights: readonly Tensor[],
    options?: RecurrentOptions & Lengths,
  ): RecurrentResult;
}

const seededNames = [
  'dropout',
  'featureDropout',
  'alphaDropout',
  'bernoulli',
  'categorical',
  'multinomial',
] as const;
type Seeded = (typeof seededNames)[number];

/** The two words that key a random op's stream, drawn from the device's generator. */
export function drawSeed(device: Device): Tensor {
  return device.feed([2], 'i32', () => Int32Array.of(device.generator.word(), device.generator.word()));
}

const seeded =
  <U>(record: (x: Value, seed: Value, options?: U) => Value) =>
  (x: Tensor, options?: U): Tensor =>
    new Tensor(x.device, record(x.value, drawSeed(x.device).value, options));

/** The list of inputs that rnn, lstm and gru take, with `count` zero states where none are given. */
function recurrentInputs(
  x: Tensor,
  states: readonly Tensor[] | null,
  count: number,
  weights: readonly Tensor[],
  options: RecurrentOptions & Lengths,
): Tensor[] {
  const { layers = 1, bidirectional = false, batchFirst = false, dropout = 0, lengths } = options;
  const batch = x.shape.length === 2 ? [] : [x.shape[batchFirst ? 0 : 1] ?? 0];
  const shape = [layers * (bidirectional ? 2 : 1), ...batch, weights[1]?.shape[1] ?? 0];
  const zeros = () =>
    Array.from({ length: count }, () => new Tensor(x.device, ops.full({ shape, value: 0 })));
  const seeds = Array.from({ length: dropout > 0 ? layers - 1 : 0 }, () => drawSeed(x.device));
  return [x, ...(states ?? zeros()), ...weights, ...seeds, ...(lengths ? [lengths] : [])];
}

/** Every op as a function of tensors; those that draw take their seed from the device of their tensors. */
export const functional: Functional = {
  ...tensorFunctions,
  dropout: seeded(ops.dropout),
  featureDropout: seeded(ops.featureDropout),
  alphaDropout: seeded(ops.alphaDropout),
  bernoulli: seeded<undefined>(ops.bernoulli),
  categorical: seeded(ops.categorical),
  multinomial: seeded(ops.multinomial),
  maskedSelect: (x, mask) => x.maskedSelect(mask),
  nonzero: (x) => x.nonzero(),
  checkpoint(run, ...inputs) {
    if (typeof run !== 'function' || inputs.length === 0)
      fail('checkpoint', 'needs a function and the tensors that it is called with');
    const begun: readonly Tensor[] = inputs.map((x) => tensorFunctions.checkpointBegin(x));
    const result = run(...(begun as typeof inputs));
    const end = (y: Tensor) => tensorFunctions.checkpointEnd(y);
    return (result instanceof Tensor ? end(result) : result.map(end)) as typeof result;
  },
  rnn(x, h0, weights, options = {}) {
    const { lengths: _, ...rest } = options;
    const results = tensorFunctions.rnn(recurrentInputs(x, h0 && [h0], 1, weights, options), rest);
    return results as unknown as RecurrentResult;
  },
  lstm(x, states, weights, options = {}) {
    const { lengths: _, ...rest } = options;
    const results = tensorFunctions.lstm(recurrentInputs(x, states, 2, weights, options), rest);
    return results as unknown as LstmResult;
  },
  gru(x, h0, weights, options = {}) {
    const { lengths: _, ...rest } = options;
    const results = tensorFunctions.gru(recurrentInputs(x, h0 && [h0], 1, weights, options), rest);
    return results as unknown as RecurrentResult;
  },
};

for (const name of seededNames) {
  const call = functional[name] as (x: Tensor, options?: object) => Tensor;
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, options?: object) {
      return call(this, options);
    },
  });
}
