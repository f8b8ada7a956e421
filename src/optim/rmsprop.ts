import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { checkRange, Optimizer } from './optimizer.js';

export interface RMSpropOptions {
  /** Default 0.01. */
  readonly lr?: number;
  /** Decay of the mean of squares, default 0.99. */
  readonly alpha?: number;
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0: added to the gradient as weightDecay · parameter. */
  readonly weightDecay?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Divides by the gradient's estimated deviation instead of its root mean square; default false. */
  readonly centered?: boolean;
}

/** RMSprop (Hinton, 2012; centred: Graves, 2013), as torch.optim.RMSprop. */
export class RMSprop extends Optimizer {
  readonly #options: Required<Omit<RMSpropOptions, 'lr'>>;
  protected readonly hyperSize = 7;
  protected readonly update = F.rmspropUpdate;

  constructor(parameters: readonly Tensor[], options: RMSpropOptions = {}) {
    const { alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false } = options;
    const rows = 1 + Number(centered) + Number(momentum > 0);
    super('RMSprop', parameters, options.lr ?? 1e-2, { rows });
    checkRange('RMSprop', { alpha, eps, weightDecay, momentum });
    this.#options = { alpha, eps, weightDecay, momentum, centered };
  }

  protected hyper(): number[] {
    const { alpha, eps, weightDecay, momentum, centered } = this.#options;
    return [this.lr, alpha, 1 - alpha, eps, weightDecay, momentum, Number(centered)];
  }
}

export interface AdagradOptions {
  /** Default 0.01. */
  readonly lr?: number;
  /** Default 0: step t takes lr / (1 + (t - 1) lrDecay). */
  readonly lrDecay?: number;
  /** Default 0: added to the gradient as weightDecay · parameter. */
  readonly weightDecay?: number;
  /** What the sums of squares start from, default 0. */
  readonly initialAccumulatorValue?: number;
  /** Default 1e-10. */
  readonly eps?: number;
}

/** Adagrad (Duchi, Hazan and Singer, 2011), as torch.optim.Adagrad. */
export class Adagrad extends Optimizer {
  readonly #options: Required<Omit<AdagradOptions, 'lr' | 'initialAccumulatorValue'>>;
  protected readonly hyperSize = 3;
  protected readonly update = F.adagradUpdate;

  constructor(parameters: readonly Tensor[], options: AdagradOptions = {}) {
    const { lrDecay = 0, weightDecay = 0, initialAccumulatorValue = 0, eps = 1e-10 } = options;
    checkRange('Adagrad', { lrDecay, weightDecay, initialAccumulatorValue, eps });
    super('Adagrad', parameters, options.lr ?? 1e-2, { rows: 1, initial: initialAccumulatorValue });
    this.#options = { lrDecay, weightDecay, eps };
  }

  protected hyper(): number[] {
    const { lrDecay, weightDecay, eps } = this.#options;
    return [this.lr / (1 + (this.steps - 1) * lrDecay), eps, weightDecay];
  }
}
