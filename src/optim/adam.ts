import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { checkRange, type GroupOptions, type Rule } from './group.js';
import { Optimizer } from './optimizer.js';

export interface AdamSettings {
  /** Default 0.001; 0.002 for Adamax and NAdam. */
  readonly lr: number;
  /** Decay of the means of gradient and square, default [0.9, 0.999]. */
  readonly betas: readonly [number, number];
  /** Default 1e-8. */
  readonly eps: number;
  /** Default 0, added to the gradient as weightDecay · parameter. AdamW: default 0.01, taken off the parameter. */
  readonly weightDecay: number;
}

export type AdamOptions = Partial<AdamSettings>;

const defaults: AdamSettings = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 };

function check(name: string, { lr, betas, eps, weightDecay }: AdamSettings): void {
  checkRange(name, { 'betas[0]': betas[0], 'betas[1]': betas[1] }, 1);
  checkRange(name, { lr, eps, weightDecay });
}

/** stepSize, beta1, 1 - beta1, beta2, 1 - beta2, root, eps of step t. */
function moments({ lr, betas, eps }: AdamSettings, t: number): number[] {
  const [beta1, beta2] = betas;
  return [lr / (1 - beta1 ** t), beta1, 1 - beta1, beta2, 1 - beta2, 1 / Math.sqrt(1 - beta2 ** t), eps];
}

const adam: Rule<AdamSettings> = {
  name: 'Adam',
  defaults,
  update: F.adamUpdate,
  idle: [0, 1, 0, 1, 0, 1, 1, 0, 1],
  kept: () => ['expAvg', 'expAvgSq'],
  check: (options) => check('Adam', options),
  hyper: (options, { steps }) => [...moments(options, steps), options.weightDecay, 1],
};

/** Adam (Kingma and Ba, 2015), as torch.optim.Adam. */
export class Adam extends Optimizer<AdamSettings> {
  constructor(
    parameters: readonly Tensor[] | readonly GroupOptions<AdamSettings>[],
    options: AdamOptions = {},
  ) {
    super(adam, parameters, options);
  }
}

const adamw: Rule<AdamSettings> = {
  ...adam,
  name: 'AdamW',
  defaults: { ...defaults, weightDecay: 0.01 },
  check: (options) => check('AdamW', options),
  hyper: (options, { steps }) => [...moments(options, steps), 0, 1 - options.lr * options.weightDecay],
};

/** Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019), as torch.optim.AdamW. */
export class AdamW extends Optimizer<AdamSettings> {
  constructor(
    parameters: readonly Tensor[] | readonly GroupOptions<AdamSettings>[],
    options: AdamOptions = {},
  ) {
    super(adamw, parameters, options);
  }
}

export interface NAdamSettings extends AdamSettings {
  /** ψ of the momentum's schedule, default 0.004. */
  readonly momentumDecay: number;
  /** Takes weight decay off the parameter, as AdamW does; default false. */
  readonly decoupledWeightDecay: boolean;
}

export type NAdamOptions = Partial<NAdamSettings>;

/** μ_t = β1 (1 - 0.96^(t ψ) / 2). */
const mu = ({ betas, momentumDecay }: NAdamSettings, t: number): number =>
  betas[0] * (1 - 0.5 * 0.96 ** (t * momentumDecay));

const nadam: Rule<NAdamSettings> = {
  name: 'NAdam',
  defaults: { ...defaults, lr: 2e-3, momentumDecay: 4e-3, decoupledWeightDecay: false },
  update: F.nadamUpdate,
  idle: [0, 0, 1, 0, 1, 0, 1, 1, 0, 1],
  kept: adam.kept,
  check(options) {
    check('NAdam', options);
    checkRange('NAdam', { momentumDecay: options.momentumDecay });
  },
  hyper(options, { steps, carried }) {
    const { lr, weightDecay, decoupledWeightDecay } = options;
    const [now, next] = [mu(options, steps), mu(options, steps + 1)];
    const product = (carried.muProduct ?? 1) * now;
    carried.muProduct = product;
    const decay = decoupledWeightDecay ? [0, 1 - lr * weightDecay] : [weightDecay, 1];
    return [
      (lr * (1 - now)) / (1 - product),
      (lr * next) / (1 - product * next),
      ...moments(options, steps).slice(1),
      ...decay,
    ];
  },
};

/** Adam with Nesterov momentum (Dozat, 2016), as torch.optim.NAdam. */
export class NAdam extends Optimizer<NAdamSettings> {
  constructor(
    parameters: readonly Tensor[] | readonly GroupOptions<NAdamSettings>[],
    options: NAdamOptions = {},
  ) {
    super(nadam, parameters, options);
  }
}

const adamax: Rule<AdamSettings> = {
  name: 'Adamax',
  defaults: { ...defaults, lr: 2e-3 },
  update: F.adamaxUpdate,
  // A maximum that is still 0 must not be divided by.
  idle: [0, 1, 0, 1, 2 ** -126, 0],
  kept: () => ['expAvg', 'expInf'],
  check: (options) => check('Adamax', options),
  hyper({ lr, betas: [beta1, beta2], eps, weightDecay }, { steps }) {
    return [lr / (1 - beta1 ** steps), beta1, 1 - beta1, beta2, eps, weightDecay];
  },
};

/** Adamax (Kingma and Ba, 2015, section 7.1), as torch.optim.Adamax. */
export class Adamax extends Optimizer<AdamSettings> {
  constructor(
    parameters: readonly Tensor[] | readonly GroupOptions<AdamSettings>[],
    options: AdamOptions = {},
  ) {
    super(adamax, parameters, options);
  }
}
