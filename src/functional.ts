import type { DropoutOptions } from './ops/dropout.js';
import * as ops from './ops/index.js';
import type { RecurrentOptions, RnnOptions } from './ops/recurrent.js';
import { Tensor, type TensorFunctions, tensorFunctions } from './tensor.js';

/** Lengths of the sequences of a batch, i32 [batch]; without them all steps count. */
interface Lengths {
  readonly lengths?: Tensor | null;
}

type RecurrentResult = readonly [y: Tensor, hn: Tensor];
type LstmResult = readonly [y: Tensor, hn: Tensor, cn: Tensor];

/** Ops as functions of tensors, under PyTorch's names in camelCase. */
export interface Functional extends Omit<TensorFunctions, 'dropout' | 'rnn' | 'lstm' | 'gru'> {
  /**
   * Sets elements to zero with probability p and scales the others by 1 / (1 - p). Each recording draws a new seed from
   * the device's generator; in a compiled function each run does.
   */
  dropout(x: Tensor, options?: DropoutOptions): Tensor;
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

/** Two words for a seeded op, drawn anew at every recording, and in a compiled function at every run. */
function drawSeed({ device }: Tensor): Tensor {
  return device.feed([2], 'i32', () => Int32Array.of(device.generator.word(), device.generator.word()));
}

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
  const seeds = Array.from({ length: dropout > 0 ? layers - 1 : 0 }, () => drawSeed(x));
  return [x, ...(states ?? zeros()), ...weights, ...seeds, ...(lengths ? [lengths] : [])];
}

export const functional: Functional = {
  ...tensorFunctions,
  dropout(x, options) {
    return new Tensor(x.device, ops.dropout(x.value, drawSeed(x).value, options));
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
