import type { Device } from '../device.js';
import { fail } from '../errors.js';
import { functional as F } from '../functional.js';
import { anyNumber, expectOptions, type Kinds } from '../kinds.js';
import type { Tensor } from '../tensor.js';
import type { Optimizer } from './optimizer.js';

export interface GradScalerOptions {
  /** The first scale, default 65536. */
  readonly initScale?: number;
  /** What the scale is multiplied by after `growthInterval` steps with finite gradients, default 2. */
  readonly growthFactor?: number;
  /** What it is multiplied by after a step with an infinite or NaN gradient, default 0.5. */
  readonly backoffFactor?: number;
  /** Default 2000. */
  readonly growthInterval?: number;
}

const kinds: Kinds<GradScalerOptions> = {
  initScale: anyNumber,
  growthFactor: anyNumber,
  backoffFactor: anyNumber,
  growthInterval: anyNumber,
};

/** What `stateDict()` gives and `loadStateDict()` takes, under torch's names. */
export interface GradScalerState {
  readonly scale: number;
  readonly growth_factor: number;
  readonly backoff_factor: number;
  readonly growth_interval: number;
  readonly _growth_tracker: number;
}

/**
 * Dynamic loss scaling, as torch.amp.GradScaler: `scaler.scale(loss).backward()`, `scaler.step(optimizer)`,
 * `scaler.update()`. Gradients are of the scaled loss until `step`, or `unscale` before it, divides them. Where one of them
 * is infinite or NaN the step changes no parameter and nothing that the optimiser keeps on the device, and the scale
 * shrinks. All of it happens on the device: in a compiled function nothing is read back.
 *
 * The optimiser's count of steps, by which Adam corrects its bias, also counts a step that was skipped.
 */
export class GradScaler {
  readonly #device: Device;
  readonly #scale: Tensor;
  /** Finite steps since the scale changed. */
  readonly #tracker: Tensor;
  /** 1 where a gradient since the last `update` was not finite. */
  readonly #found: Tensor;
  #options: Required<GradScalerOptions>;
  /** Of optimisers whose gradients are divided already: whether all were finite. */
  readonly #unscaled = new Map<Optimizer, Tensor>();

  constructor(device: Device, options: GradScalerOptions = {}) {
    expectOptions('GradScaler', options, kinds);
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = options;
    this.#options = checked({ initScale, growthFactor, backoffFactor, growthInterval });
    this.#device = device;
    const scalar = (value: number, label: string) => {
      const tensor = device.outsideScopes(() => device.tensor([value], []));
      tensor.label = `GradScaler.${label}`;
      return tensor;
    };
    this.#scale = scalar(initScale, 'scale');
    this.#tracker = scalar(0, 'tracker');
    this.#found = scalar(0, 'found');
  }

  /** The loss times the scale: call backward() on it. */
  scale(loss: Tensor): Tensor {
    return loss.mul(this.#scale);
  }

  /**
   * Divides the gradients of the optimiser's parameters by the scale, as clipping them before `step` asks for. Where one of
   * them is infinite or NaN, all become 0.
   */
  unscale(optimizer: Optimizer): void {
    if (this.#unscaled.has(optimizer))
      fail('unscale', `gradients of this ${optimizer.name} are divided already`);
    const due = gradientsOf('unscale', optimizer);
    const gradients = due.map(({ grad }) => grad!);
    const finite = F.allFinite(gradients);
    this.#unscaled.set(optimizer, finite);
    const divided = F.scaleAll([F.div(1, this.#scale), finite, ...gradients]);
    due.forEach((parameter, i) => {
      parameter.grad = divided[i]!;
    });
  }

  /** The optimiser's step where all gradients are finite; otherwise nothing but a note for `update`. */
  step(optimizer: Optimizer): Promise<void> {
    const divided = this.#unscaled.get(optimizer);
    this.#unscaled.delete(optimizer);
    const finite = divided ?? F.allFinite(gradientsOf('step', optimizer).map(({ grad }) => grad!));
    const found = F.where(finite, this.#found, this.#found.mul(0).add(1));
    const factor = divided ? undefined : F.div(1, this.#scale);
    return optimizer.step({ where: finite, factor, also: [[this.#found, found]] });
  }

  /** Changes the scale by what the steps since the last call found. */
  update(): Promise<void> {
    const { growthFactor, backoffFactor, growthInterval } = this.#options;
    const found = F.greater(this.#found, 0);
    const next = this.#tracker.add(1);
    const grows = F.greaterEqual(next, growthInterval);
    const scale = this.#scale.mul(growthFactor);
    // A scale that would overflow stays, as in torch.
    const grown = F.where(F.logicalAnd(grows, F.isFinite(scale)), scale, this.#scale);
    const zero = this.#found.mul(0);
    return this.#device.update([
      [this.#scale, F.where(found, this.#scale.mul(backoffFactor), grown)],
      [this.#tracker, F.where(F.logicalOr(found, grows), zero, next)],
      [this.#found, zero],
    ]);
  }

  /** The scale now: reads it back. */
  async getScale(): Promise<number> {
    return (await this.#scale.data())[0]!;
  }

  async stateDict(): Promise<GradScalerState> {
    const { growthFactor, backoffFactor, growthInterval } = this.#options;
    const [scale, tracker] = await Promise.all([this.#scale.data(), this.#tracker.data()]);
    return {
      scale: scale[0]!,
      growth_factor: growthFactor,
      backoff_factor: backoffFactor,
      growth_interval: growthInterval,
      _growth_tracker: tracker[0]!,
    };
  }

  /** Takes up what `stateDict()` gave; a compiled function that holds the scaler must be compiled anew for other factors. */
  async loadStateDict(state: GradScalerState): Promise<void> {
    const options = checked({
      initScale: state.scale,
      growthFactor: state.growth_factor,
      backoffFactor: state.backoff_factor,
      growthInterval: state.growth_interval,
    });
    if (!(state._growth_tracker >= 0))
      fail('GradScaler', `_growth_tracker must be at least 0, got ${state._growth_tracker}`);
    this.#options = options;
    const scalar = (value: number) => this.#device.tensor([value], []);
    await this.#device.update([
      [this.#scale, scalar(state.scale)],
      [this.#tracker, scalar(state._growth_tracker)],
    ]);
  }
}

function gradientsOf(name: string, optimizer: Optimizer): Tensor[] {
  const due = optimizer.parameters.filter(({ grad }) => grad !== null);
  if (due.length === 0) fail(name, 'no parameter has a gradient; call backward() on a loss first');
  return due;
}

function checked(options: Required<GradScalerOptions>): Required<GradScalerOptions> {
  const { initScale, growthFactor, backoffFactor, growthInterval } = options;
  if (!(initScale > 0 && initScale < 3.4e38))
    fail('GradScaler', `initScale must be a positive f32, got ${initScale}`);
  if (!(growthFactor > 1)) fail('GradScaler', `growthFactor must be above 1, got ${growthFactor}`);
  if (!(backoffFactor > 0 && backoffFactor < 1))
    fail('GradScaler', `backoffFactor must be between 0 and 1, got ${backoffFactor}`);
  if (!(Number.isInteger(growthInterval) && growthInterval > 0))
    fail('GradScaler', `growthInterval must be a whole number above 0, got ${growthInterval}`);
  return options;
}
