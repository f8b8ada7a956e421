import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import type { Tensor } from '../tensor.js';

function checkRange(
  optimizer: string,
  values: Readonly<Record<string, number>>,
  below = Number.POSITIVE_INFINITY,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0 && value < below)) {
      const range = below === Number.POSITIVE_INFINITY ? 'a number of at least 0' : `in [0, ${below})`;
      fail(optimizer, `${name} must be ${range}, got ${value}`);
    }
  }
}

/**
 * Changes parameters by their gradients. `lr` may be set between steps: it is an input of every step. All parameters
 * share one count of steps, which momentum's dampening and Adam's bias correction follow.
 */
export abstract class Optimizer {
  readonly parameters: readonly Tensor[];
  /** Steps taken so far. */
  steps = 0;
  readonly #name: string;
  #lr: number;

  protected constructor(name: string, parameters: readonly Tensor[], lr: number) {
    if (parameters.length === 0) fail(name, 'needs at least one parameter');
    const { device } = parameters[0]!;
    parameters.forEach((tensor, i) => {
      if (!tensor.requiresGrad) fail(name, `${tensor} does not require a gradient`);
      if (tensor.device !== device) fail(name, `${tensor} lives on another device than ${parameters[0]}`);
      if (parameters.indexOf(tensor) !== i) fail(name, `${tensor} is given twice`);
    });
    checkRange(name, { lr });
    this.#name = name;
    this.parameters = parameters;
    this.#lr = lr;
  }

  get lr(): number {
    return this.#lr;
  }

  set lr(lr: number) {
    checkRange(this.#name, { lr });
    this.#lr = lr;
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const tensor of this.parameters) tensor.grad = null;
  }

  /** One step over every parameter that has a gradient. In a compiled function it becomes part of it. */
  step(): Promise<void> {
    const { device } = this.parameters[0]!;
    const due = this.parameters.filter(({ grad }) => grad !== null);
    if (due.length === 0) fail('step', 'no parameter has a gradient; call backward() on a loss first');
    const width = this.hyperSize;
    const hyper = device.feed([width], 'f32', () => {
      this.steps++;
      // In double precision for the reference device; the others round.
      return Float64Array.from(this.hyper());
    });
    return device.update(due.flatMap((tensor) => this.updates(tensor, tensor.grad!, hyper)));
  }

  protected abstract readonly hyperSize: number;
  /** Hyper-parameters of the step that `steps` counts, as the update op takes them. */
  protected abstract hyper(): number[];
  protected abstract updates(parameter: Tensor, grad: Tensor, hyper: Tensor): [Tensor, Tensor][];
}

/** A zeroed tensor beside each parameter. */
function beside(parameters: readonly Tensor[], name: string): Map<Tensor, Tensor> {
  return new Map(
    parameters.map((tensor) => {
      const size = tensor.shape.reduce((a, b) => a * b, 1);
      const state = tensor.device.tensor(new Float32Array(size), tensor.shape);
      state.label = `${tensor.label ?? 'parameter'}.${name}`;
      return [tensor, state];
    }),
  );
}

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
  readonly #velocity: ReadonlyMap<Tensor, Tensor>;

  constructor(parameters: readonly Tensor[], options: SGDOptions) {
    super('SGD', parameters, options.lr);
    this.#options = { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, ...options };
    const { momentum, dampening, weightDecay, nesterov } = this.#options;
    checkRange('SGD', { momentum, dampening, weightDecay });
    if (nesterov && (momentum === 0 || dampening !== 0))
      fail('SGD', 'nesterov needs a momentum and no dampening');
    this.#velocity = momentum === 0 ? new Map() : beside(parameters, 'velocity');
  }

  protected get hyperSize(): number {
    return this.#options.momentum === 0 ? 2 : 5;
  }

  protected hyper(): number[] {
    const { momentum, dampening, weightDecay, nesterov } = this.#options;
    if (momentum === 0) return [this.lr, weightDecay];
    return [this.lr, weightDecay, momentum, this.steps === 1 ? 1 : 1 - dampening, Number(nesterov)];
  }

  protected updates(parameter: Tensor, grad: Tensor, hyper: Tensor): [Tensor, Tensor][] {
    const velocity = this.#velocity.get(parameter);
    if (!velocity) return [[parameter, F.sgdUpdate(parameter, grad, hyper)[0]!]];
    const [next, moved] = F.sgdMomentumUpdate(parameter, velocity, grad, hyper) as readonly [Tensor, Tensor];
    return [
      [parameter, next],
      [velocity, moved],
    ];
  }
}

export interface AdamOptions {
  /** Default 0.001. */
  readonly lr?: number;
  /** Decay of the means of gradient and square, default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0: added to the gradient as weightDecay · parameter. */
  readonly weightDecay?: number;
}

/** Adam (Kingma and Ba, 2015), as torch.optim.Adam. */
export class Adam extends Optimizer {
  readonly #options: Required<AdamOptions>;
  readonly #first: ReadonlyMap<Tensor, Tensor>;
  readonly #second: ReadonlyMap<Tensor, Tensor>;

  constructor(parameters: readonly Tensor[], options: AdamOptions = {}) {
    super('Adam', parameters, options.lr ?? 1e-3);
    this.#options = { lr: this.lr, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, ...options };
    const { betas, eps, weightDecay } = this.#options;
    checkRange('Adam', { 'betas[0]': betas[0], 'betas[1]': betas[1] }, 1);
    checkRange('Adam', { eps, weightDecay });
    this.#first = beside(parameters, 'm');
    this.#second = beside(parameters, 'v');
  }

  protected readonly hyperSize = 8;

  protected hyper(): number[] {
    const { betas, eps, weightDecay } = this.#options;
    const [beta1, beta2] = betas;
    const stepSize = this.lr / (1 - beta1 ** this.steps);
    const root = 1 / Math.sqrt(1 - beta2 ** this.steps);
    return [stepSize, beta1, 1 - beta1, beta2, 1 - beta2, root, eps, weightDecay];
  }

  protected updates(parameter: Tensor, grad: Tensor, hyper: Tensor): [Tensor, Tensor][] {
    const first = this.#first.get(parameter)!;
    const second = this.#second.get(parameter)!;
    const [next, m, v] = F.adamUpdate(parameter, first, second, grad, hyper) as readonly [
      Tensor,
      Tensor,
      Tensor,
    ];
    return [
      [parameter, next],
      [first, m],
      [second, v],
    ];
  }
}
