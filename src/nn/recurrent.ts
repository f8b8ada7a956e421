import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import type { RecurrentOptions } from '../index.js';
import { anyNumber, expectOptions, flag, type Kinds, oneOf } from '../kinds.js';
import { showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { fanIn } from './init.js';
import { Module } from './module.js';
import { Parameter } from './parameter.js';
import { biasKinds, checkProbability, checkSizes } from './sizes.js';

/** Lengths of the sequences of a batch, i32 [batch]; without them all steps count. */
export interface Sequences {
  readonly lengths?: Tensor | null;
}

type Settings = Required<RecurrentOptions>;

const recurrentKinds: Kinds<RecurrentOptions> = {
  layers: anyNumber,
  bidirectional: flag,
  batchFirst: flag,
  bias: flag,
  dropout: anyNumber,
};
const nonlinearity = oneOf('tanh', 'relu');

/**
 * Weights of recurrent layers under PyTorch's names: for each layer, for each direction, weight_ih_l0 [gates hidden,
 * input], weight_hh_l0 [gates hidden, hidden], bias_ih_l0 and bias_hh_l0; uniform in ±1 / √hidden at first.
 */
abstract class Recurrent extends Module {
  readonly weights: Readonly<Record<string, Parameter>>;
  readonly hiddenSize: number;
  readonly settings: Settings;

  constructor(
    readonly name: string,
    gates: number,
    inputSize: number,
    hiddenSize: number,
    options: RecurrentOptions,
    kinds: Kinds<RecurrentOptions> = recurrentKinds,
  ) {
    super();
    expectOptions(name, options, kinds);
    const { layers = 1, bias = true, batchFirst = false, dropout = 0, bidirectional = false } = options;
    checkSizes(name, { inputSize, hiddenSize, layers });
    checkProbability(name, dropout);
    this.hiddenSize = hiddenSize;
    this.settings = { layers, bias, batchFirst, dropout, bidirectional };
    const init = fanIn(hiddenSize);
    const weights: Record<string, Parameter> = {};
    for (let layer = 0; layer < layers; layer++) {
      for (const direction of bidirectional ? ['', '_reverse'] : ['']) {
        const input = layer === 0 ? inputSize : hiddenSize * (bidirectional ? 2 : 1);
        const end = `l${layer}${direction}`;
        weights[`weight_ih_${end}`] = new Parameter([gates * hiddenSize, input], init);
        weights[`weight_hh_${end}`] = new Parameter([gates * hiddenSize, hiddenSize], init);
        if (!bias) continue;
        weights[`bias_ih_${end}`] = new Parameter([gates * hiddenSize], init);
        weights[`bias_hh_${end}`] = new Parameter([gates * hiddenSize], init);
      }
    }
    this.weights = weights;
  }

  /** In the order in which the ops take them. */
  protected tensors(): Tensor[] {
    return Object.values(this.weights).map(({ tensor }) => tensor);
  }

  /** The ops' options now: dropout between layers is for training. */
  protected optionsFor(x: Tensor, { lengths = null }: Sequences): RecurrentOptions & Sequences {
    const training = x.device.observe(() => this.training);
    return { ...this.settings, dropout: training ? this.settings.dropout : 0, lengths };
  }

  protected override *parts(): Generator<[string, unknown]> {
    yield* Object.entries(this.weights);
  }
}

export interface RNNOptions extends RecurrentOptions {
  /** Default 'tanh'. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

const rnnKinds: Kinds<RNNOptions> = { ...recurrentKinds, nonlinearity };

/** Elman's recurrent layers over x [steps, batch, input], as torch.nn.RNN: [y, hn]. */
export class RNN extends Recurrent {
  readonly #nonlinearity: 'tanh' | 'relu';

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    super('RNN', 1, inputSize, hiddenSize, options, rnnKinds);
    this.#nonlinearity = options.nonlinearity ?? 'tanh';
  }

  override forward(x: Tensor, h0: Tensor | null = null, sequences: Sequences = {}): [y: Tensor, hn: Tensor] {
    const options = { ...this.optionsFor(x, sequences), nonlinearity: this.#nonlinearity };
    const [y, hn] = F.rnn(x, h0, this.tensors(), options);
    return [y, hn];
  }
}

/** Long short-term memory over x [steps, batch, input], as torch.nn.LSTM: [y, hn, cn]. */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super('LSTM', 4, inputSize, hiddenSize, options);
  }

  override forward(
    x: Tensor,
    states: readonly [h0: Tensor, c0: Tensor] | null = null,
    sequences: Sequences = {},
  ): [y: Tensor, hn: Tensor, cn: Tensor] {
    const [y, hn, cn] = F.lstm(x, states, this.tensors(), this.optionsFor(x, sequences));
    return [y, hn, cn];
  }
}

/** Gated recurrent units over x [steps, batch, input], as torch.nn.GRU: [y, hn]. */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super('GRU', 3, inputSize, hiddenSize, options);
  }

  override forward(x: Tensor, h0: Tensor | null = null, sequences: Sequences = {}): [y: Tensor, hn: Tensor] {
    const [y, hn] = F.gru(x, h0, this.tensors(), this.optionsFor(x, sequences));
    return [y, hn];
  }
}

/** Weights of one step, under PyTorch's names. */
abstract class Cell extends Module {
  readonly weight_ih: Parameter;
  readonly weight_hh: Parameter;
  readonly bias_ih: Parameter | null;
  readonly bias_hh: Parameter | null;

  constructor(
    readonly name: string,
    gates: number,
    readonly inputSize: number,
    readonly hiddenSize: number,
    bias = true,
  ) {
    super();
    checkSizes(name, { inputSize, hiddenSize });
    const init = fanIn(hiddenSize);
    this.weight_ih = new Parameter([gates * hiddenSize, inputSize], init);
    this.weight_hh = new Parameter([gates * hiddenSize, hiddenSize], init);
    this.bias_ih = bias ? new Parameter([gates * hiddenSize], init) : null;
    this.bias_hh = bias ? new Parameter([gates * hiddenSize], init) : null;
  }

  protected zeros(x: Tensor): Tensor {
    if (x.shape.length !== 2 || x.shape[1] !== this.inputSize)
      fail(this.name, `x must be [batch,${this.inputSize}], it is ${showShape(x.shape)}`);
    return x.device.zeros([x.shape[0]!, this.hiddenSize]);
  }

  protected weights(): [Tensor, Tensor, Tensor | null, Tensor | null] {
    const { weight_ih, weight_hh, bias_ih, bias_hh } = this;
    return [weight_ih.tensor, weight_hh.tensor, bias_ih?.tensor ?? null, bias_hh?.tensor ?? null];
  }
}

export interface CellOptions {
  /** Default true. */
  readonly bias?: boolean;
}

/** One step of Elman's network: x [batch, input], h [batch, hidden] to the next h. */
export class RNNCell extends Cell {
  readonly #nonlinearity: 'tanh' | 'relu';

  constructor(
    inputSize: number,
    hiddenSize: number,
    options: CellOptions & { readonly nonlinearity?: 'tanh' | 'relu' } = {},
  ) {
    expectOptions('RNNCell', options, { ...biasKinds, nonlinearity });
    super('RNNCell', 1, inputSize, hiddenSize, options.bias);
    this.#nonlinearity = options.nonlinearity ?? 'tanh';
  }

  override forward(x: Tensor, h: Tensor | null = null): Tensor {
    return F.rnnCell(x, h ?? this.zeros(x), ...this.weights(), { nonlinearity: this.#nonlinearity });
  }
}

/** One step of an LSTM: x [batch, input], h and c [batch, hidden] to the next h and c. */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    expectOptions('LSTMCell', options, biasKinds);
    super('LSTMCell', 4, inputSize, hiddenSize, options.bias);
  }

  override forward(x: Tensor, states: readonly [h: Tensor, c: Tensor] | null = null): [h: Tensor, c: Tensor] {
    const [h, c] = states ?? [this.zeros(x), this.zeros(x)];
    const [nextH, nextC] = F.lstmCell(x, h, c, ...this.weights());
    return [nextH!, nextC!];
  }
}

/** One step of a GRU: x [batch, input], h [batch, hidden] to the next h. */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    expectOptions('GRUCell', options, biasKinds);
    super('GRUCell', 3, inputSize, hiddenSize, options.bias);
  }

  override forward(x: Tensor, h: Tensor | null = null): Tensor {
    return F.gruCell(x, h ?? this.zeros(x), ...this.weights());
  }
}
