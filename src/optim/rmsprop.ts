import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { checkRange, type GroupOptions, type Rule } from './group.js';
import { Optimizer } from './optimizer.js';

export interface RMSpropSettings {
  /** Default 0.01. */
  readonly lr: number;
  /** Decay of the mean of squares, default 0.99. */
  readonly alpha: number;
  /** Default 1e-8. */
  readonly eps: number;
  /** Default 0: added to the gradient as weightDecay · parameter. */
  readonly weightDecay: number;
  /** Default 0. */
  readonly momentum: number;
  /** Divides by the gradient's estimated deviation instead of its root mean square; default false. */
  readonly centered: boolean;
}

export type RMSpropOptions = Partial<RMSpropSettings>;

const rmsprop: Rule<RMSpropSettings> = {
  name: 'RMSprop',
  defaults: { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false },
  update: F.rmspropUpdate,
  idle: [0, 1, 0, 1, 0, 1, 0],
  kept: ({ centered, momentum }) => [
    'squareAvg',
    ...(centered ? ['gradAvg'] : []),
    ...(momentum > 0 ? ['momentumBuffer'] : []),
  ],
  check: ({ lr, alpha, eps, weightDecay, momentum }) =>
    checkRange('RMSprop', { lr, alpha, eps, weightDecay, momentum }),
  hyper: ({ lr, alpha, eps, weightDecay, momentum, centered }) => [
    lr,
    alpha,
    1 - alpha,
    eps,
    weightDecay,
    momentum,
    Number(centered),
  ],
};

/** RMSprop (Hinton, 2012; centred: Graves, 2013), as torch.optim.RMSprop. */
export class RMSprop extends Optimizer<RMSpropSettings> {
  constructor(
    parameters: readonly Tensor[] | readonly GroupOptions<RMSpropSettings>[],
    options: RMSpropOptions = {},
  ) {
    super(rmsprop, parameters, options);
  }
}

export interface AdagradSettings {
  /** Default 0.01. */
  readonly lr: number;
  /** Default 0: step t takes lr / (1 + (t - 1) lrDecay). */
  readonly lrDecay: number;
  /** Default 0: added to the gradient as weightDecay · parameter. */
  readonly weightDecay: number;
  /** What the sums of squares start from, default 0. */
  readonly initialAccumulatorValue: number;
  /** Default 1e-10. */
  readonly eps: number;
}

export type AdagradOptions = Partial<AdagradSettings>;

const adagrad: Rule<AdagradSettings> = {
  name: 'Adagrad',
  defaults: { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
  update: F.adagradUpdate,
  idle: [0, 1, 0],
  kept: () => ['sum'],
  initial: ({ initialAccumulatorValue }) => initialAccumulatorValue,
  check: (options) => checkRange('Adagrad', { ...options }),
  hyper: ({ lr, lrDecay, weightDecay, eps }, { steps }) => [
    lr / (1 + (steps - 1) * lrDecay),
    eps,
    weightDecay,
  ],
};

/** Adagrad (Duchi, Hazan and Singer, 2011), as torch.optim.Adagrad. */
export class Adagrad extends Optimizer<AdagradSettings> {
  constructor(
    parameters: readonly Tensor[] | readonly GroupOptions<AdagradSettings>[],
    options: AdagradOptions = {},
  ) {
    super(adagrad, parameters, options);
  }
}
