import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { checkRange, type GroupOptions, type Rule } from './group.js';
import { Optimizer } from './optimizer.js';

export interface SGDSettings {
  /** Default 0.001. */
  readonly lr: number;
  /** Default 0. */
  readonly momentum: number;
  /** Default 0. */
  readonly dampening: number;
  /** Default 0: added to the gradient as weightDecay · parameter. */
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

export type SGDOptions = Partial<SGDSettings>;

const sgd: Rule<SGDSettings> = {
  name: 'SGD',
  defaults: { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false },
  update: F.sgdUpdate,
  idle: [0, 0, 1, 0, 0],
  kept: ({ momentum }) => (momentum === 0 ? [] : ['momentumBuffer']),
  check({ lr, momentum, dampening, weightDecay, nesterov }) {
    checkRange('SGD', { lr, momentum, dampening, weightDecay });
    if (nesterov && (momentum === 0 || dampening !== 0))
      fail('SGD', 'nesterov needs a momentum and no dampening');
  },
  hyper: ({ lr, momentum, dampening, weightDecay, nesterov }, { steps }) => [
    lr,
    weightDecay,
    momentum,
    steps === 1 ? 1 : 1 - dampening,
    Number(nesterov),
  ],
};

/** Stochastic gradient descent, as torch.optim.SGD. */
export class SGD extends Optimizer<SGDSettings> {
  constructor(
    parameters: readonly Tensor[] | readonly GroupOptions<SGDSettings>[],
    options: SGDOptions = {},
  ) {
    super(sgd, parameters, options);
  }
}
