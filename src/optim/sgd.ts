import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { checkRange, Optimizer } from './optimizer.js';

export interface SGDOptions {
  readonly lr: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default 0. */
  readonly dampening?: number;
  /** Default 0: added to the gradient as weightDecay · parameter. */
  readonly weightDecay?: number;
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent, as torch.optim.SGD. */
export class SGD extends Optimizer {
  readonly #options: Required<SGDOptions>;
  protected readonly hyperSize = 5;
  protected readonly update = F.sgdUpdate;

  constructor(parameters: readonly Tensor[], options: SGDOptions) {
    super('SGD', parameters, options.lr, { rows: (options.momentum ?? 0) === 0 ? 0 : 1 });
    this.#options = { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, ...options };
    const { momentum, dampening, weightDecay, nesterov } = this.#options;
    checkRange('SGD', { momentum, dampening, weightDecay });
    if (nesterov && (momentum === 0 || dampening !== 0))
      fail('SGD', 'nesterov needs a momentum and no dampening');
  }

  protected hyper(): number[] {
    const { momentum, dampening, weightDecay, nesterov } = this.#options;
    return [this.lr, weightDecay, momentum, this.steps === 1 ? 1 : 1 - dampening, Number(nesterov)];
  }
}
