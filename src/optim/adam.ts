import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';
import { checkRange, Optimizer } from './optimizer.js';

export interface AdamOptions {
  /** Default 0.001. */
  readonly lr?: number;
  /** Decay of the means of gradient and square, default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Adam: default 0, added to the gradient as weightDecay · parameter. AdamW: default 0.01, taken off the parameter. */
  readonly weightDecay?: number;
}

type Settings = Required<Omit<AdamOptions, 'lr'>>;

function settings(name: string, options: AdamOptions, weightDecay: number): Settings {
  const { betas = [0.9, 0.999], eps = 1e-8 } = options;
  const all = { betas, eps, weightDecay: options.weightDecay ?? weightDecay };
  checkRange(name, { 'betas[0]': betas[0], 'betas[1]': betas[1] }, 1);
  checkRange(name, { eps, weightDecay: all.weightDecay });
  return all;
}

/** stepSize, beta1, 1 - beta1, beta2, 1 - beta2, root, eps of step t. */
function moments({ betas, eps }: Settings, lr: number, t: number): number[] {
  const [beta1, beta2] = betas;
  return [lr / (1 - beta1 ** t), beta1, 1 - beta1, beta2, 1 - beta2, 1 / Math.sqrt(1 - beta2 ** t), eps];
}

/** Adam (Kingma and Ba, 2015), as torch.optim.Adam. */
export class Adam extends Optimizer {
  readonly #settings: Settings;
  protected readonly hyperSize = 9;
  protected readonly update = F.adamUpdate;

  constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
    super('Adam', parameters, options.lr ?? 1e-3, { rows: 2 });
    this.#settings = settings('Adam', options, 0);
  }

  protected hyper(): number[] {
    return [...moments(this.#settings, this.lr, this.steps), this.#settings.weightDecay, 1];
  }
}

/** Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019), as torch.optim.AdamW. */
export class AdamW extends Optimizer {
  readonly #settings: Settings;
  protected readonly hyperSize = 9;
  protected readonly update = F.adamUpdate;

  constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
    super('AdamW', parameters, options.lr ?? 1e-3, { rows: 2 });
    this.#settings = settings('AdamW', options, 0.01);
  }

  protected hyper(): number[] {
    return [...moments(this.#settings, this.lr, this.steps), 0, 1 - this.lr * this.#settings.weightDecay];
  }
}

export interface NAdamOptions extends AdamOptions {
  /** ψ of the momentum's schedule, default 0.004. */
  readonly momentumDecay?: number;
  /** Takes weight decay off the parameter, as AdamW does; default false. */
  readonly decoupledWeightDecay?: boolean;
}

/** Adam with Nesterov momentum (Dozat, 2016), as torch.optim.NAdam: lr is 0.002 by default. */
export class NAdam extends Optimizer {
  readonly #settings: Settings;
  readonly #momentumDecay: number;
  readonly #decoupled: boolean;
  /** The product of μ_1 to μ_t, and t. */
  #product = { steps: 0, value: 1 };
  protected readonly hyperSize = 10;
  protected readonly update = F.nadamUpdate;

  constructor(parameters: readonly Tensor[], options: NAdamOptions = {}) {
    super('NAdam', parameters, options.lr ?? 2e-3, { rows: 2 });
    const { momentumDecay = 4e-3, decoupledWeightDecay = false } = options;
    this.#settings = settings('NAdam', options, 0);
    checkRange('NAdam', { momentumDecay });
    this.#momentumDecay = momentumDecay;
    this.#decoupled = decoupledWeightDecay;
  }

  /** μ_t = β1 (1 - 0.96^(t ψ) / 2). */
  #mu(step: number): number {
    return this.#settings.betas[0] * (1 - 0.5 * 0.96 ** (step * this.#momentumDecay));
  }

  protected hyper(): number[] {
    if (this.#product.steps > this.steps) this.#product = { steps: 0, value: 1 };
    for (let t = this.#product.steps + 1; t <= this.steps; t++)
      this.#product = { steps: t, value: this.#product.value * this.#mu(t) };
    const { weightDecay } = this.#settings;
    const [mu, next, product] = [this.#mu(this.steps), this.#mu(this.steps + 1), this.#product.value];
    const decay = this.#decoupled ? [0, 1 - this.lr * weightDecay] : [weightDecay, 1];
    return [
      (this.lr * (1 - mu)) / (1 - product),
      (this.lr * next) / (1 - product * next),
      ...moments(this.#settings, this.lr, this.steps).slice(1),
      ...decay,
    ];
  }
}

/** Adamax (Kingma and Ba, 2015, section 7.1), as torch.optim.Adamax: lr is 0.002 by default. */
export class Adamax extends Optimizer {
  readonly #settings: Settings;
  protected readonly hyperSize = 6;
  protected readonly update = F.adamaxUpdate;

  constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
    super('Adamax', parameters, options.lr ?? 2e-3, { rows: 2 });
    this.#settings = settings('Adamax', options, 0);
  }

  protected hyper(): number[] {
    const { betas, eps, weightDecay } = this.#settings;
    const [beta1, beta2] = betas;
    return [this.lr / (1 - beta1 ** this.steps), beta1, 1 - beta1, beta2, eps, weightDecay];
  }
}
