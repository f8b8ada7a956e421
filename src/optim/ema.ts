import { checkHost, type HostTensor } from '../dtype.js';
import { DeviceLostError, fail } from '../errors.js';
import { functional as F } from '../functional.js';
import { anyNumber, expectOptions, flag } from '../kinds.js';
import type { Module } from '../nn/index.js';
import { sameShape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { checkRange } from './group.js';
import { checkWhole } from './schedule.js';

export interface ExponentialMovingAverageOptions {
  /** How much of the average stays at each update, in [0, 1); default 0.999. May be set between steps. */
  readonly decay?: number;
  /** Averages float buffers (running statistics) as well; false copies the newest ones, as others always are. Default true. */
  readonly useBuffers?: boolean;
}

/** What `stateDict()` gives: `tensors` for safetensors, all else for JSON. */
export interface ExponentialMovingAverageState {
  readonly updates: number;
  readonly decay: number;
  readonly tensors: Readonly<Record<string, HostTensor>>;
}

interface Shadow {
  readonly name: string;
  /** The model's own. */
  readonly tensor: Tensor;
  readonly average: Tensor;
}

const WHERE = 'ExponentialMovingAverage';

/**
 * Moving averages of a model's parameters and buffers: average = decay · average + (1 - decay) · parameter after each step, the
 * first update copying, as torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn(decay). Call `update()` after
 * `optimizer.step()`, in a compiled function as part of it. The model computes with the averages between `swapIn()` and
 * `swapOut()`.
 */
export class ExponentialMovingAverage {
  readonly #shadows: readonly Shadow[];
  /** Names of those that are averaged; the others are copied. */
  readonly #averaged: ReadonlySet<string>;
  #decay = 0;
  #updates = 0;
  #swapped = false;
  /** What goes back to a snapshot with the averages when their device is lost. */
  readonly #host = {
    capture: () => ({ updates: this.#updates, swapped: this.#swapped }),
    restore: (state: unknown) => {
      const { updates = 0, swapped = false } = (state ?? {}) as { updates?: number; swapped?: boolean };
      this.#updates = updates;
      this.#swapped = swapped;
    },
  };

  /** @param model on its device. */
  constructor(model: Module, options: ExponentialMovingAverageOptions = {}) {
    expectOptions(WHERE, options, { decay: anyNumber, useBuffers: flag });
    this.decay = options.decay ?? 0.999;
    const buffers = model.namedBuffers();
    const held = [...model.namedParameters(), ...buffers];
    const left = new Set((options.useBuffers ?? true) ? [] : buffers.map(([name]) => name));
    this.#averaged = new Set(
      held.flatMap(([name, { dtype }]) => (dtype === 'f32' && !left.has(name) ? [name] : [])),
    );
    if (held.length === 0) fail(WHERE, 'the model has neither parameters nor buffers');
    this.#shadows = held.map(([name, tensor]) => {
      const { shape, dtype, device } = tensor;
      const data = Array.from({ length: sizeOf(shape) }, () => 0);
      const average = device.tensor(data, shape, dtype);
      average.label = `${name} (average)`;
      return { name, tensor, average };
    });
    held[0]![1].device.keep(this.#host);
  }

  get decay(): number {
    return this.#decay;
  }

  set decay(decay: number) {
    checkRange(WHERE, { decay }, 1);
    this.#decay = decay;
  }

  /** Whether the averages are in the model's place. */
  get swapped(): boolean {
    return this.#swapped;
  }

  /** Updates made so far. */
  get updates(): number {
    return this.#updates;
  }

  /** Takes the model as it is now into the averages. In a compiled function it becomes part of it. */
  update(): Promise<void> {
    const { device } = this.#shadows[0]!.tensor;
    const averaged = this.#shadows.filter(({ name }) => this.#averaged.has(name));
    const copied = this.#shadows.filter(({ name }) => !this.#averaged.has(name));
    const share = device.feed([5], 'f32', () => {
      if (this.#swapped) fail(WHERE, "update() while the averages are in the model's place; swapOut() first");
      // The averages start from 0: the first update copies.
      const rest = this.#updates++ === 0 ? 1 : 1 - this.#decay;
      return Float64Array.of(-rest, -1, 0, 0, 0);
    });
    // average + rest · (x - average) is a step of gradient descent with lr = -rest and weightDecay = -1 along x: one op for all.
    const moved = F.sgdUpdate([share, null, ...averaged.flatMap(({ average, tensor }) => [average, tensor])]);
    return device.update([
      ...averaged.map(({ average }, i) => [average, moved[i]!] as const),
      ...copied.map(({ average, tensor }) => [average, tensor.clone()] as const),
    ]);
  }

  /** Puts the averages in the model's place, and keeps the model's own contents until `swapOut()`. */
  async swapIn(): Promise<void> {
    if (this.#swapped) fail(WHERE, "the averages are in the model's place already");
    if (this.#updates === 0) fail(WHERE, 'there are no averages before the first update()');
    await this.#swap();
  }

  /** Gives the model its own contents back. */
  async swapOut(): Promise<void> {
    if (!this.#swapped) fail(WHERE, "the averages are not in the model's place; swapIn() first");
    await this.#swap();
  }

  /** Runs `work`, an evaluation, on the averages; the model has its own contents back afterwards, also after an error. */
  async applied<T>(work: () => T | Promise<T>): Promise<T> {
    await this.swapIn();
    try {
      return await work();
    } catch (error) {
      // The device's tensors may have gone back to when the model had its own contents.
      if (error instanceof DeviceLostError) await error.recovered;
      throw error;
    } finally {
      if (this.#swapped) await this.swapOut();
    }
  }

  async #swap(): Promise<void> {
    const { device } = this.#shadows[0]!.tensor;
    await device.update(
      this.#shadows.flatMap(({ tensor, average }) => [
        [tensor, average.clone()] as const,
        [average, tensor.clone()] as const,
      ]),
    );
    this.#swapped = !this.#swapped;
  }

  /** The averages by the model's names, which `model.loadStateDict` takes too, with decay and count. */
  async stateDict(): Promise<ExponentialMovingAverageState> {
    const held = (one: Shadow) => (this.#swapped ? one.tensor : one.average);
    const read = async (one: Shadow) => [one.name, await held(one).toHost()] as const;
    const tensors = Object.fromEntries(await Promise.all(this.#shadows.map(read)));
    return { updates: this.#updates, decay: this.#decay, tensors };
  }

  /**
   * Takes up what `stateDict()` gave.
   *
   * @throws WeftError as `checkStateDict`; then nothing was changed.
   */
  async loadStateDict(state: ExponentialMovingAverageState): Promise<void> {
    if (this.#swapped)
      fail(WHERE, "loadStateDict() while the averages are in the model's place; swapOut() first");
    this.checkStateDict(state);
    for (const { name, average } of this.#shadows) await average.device.write(average, state.tensors[name]!);
    this.#updates = state.updates;
    this.decay = state.decay;
  }

  /** @throws WeftError naming each tensor that is missing, unknown or misshapen. */
  checkStateDict({ updates, decay, tensors }: ExponentialMovingAverageState): void {
    const where = `${WHERE}.loadStateDict`;
    checkWhole(where, { updates }, 0);
    checkRange(where, { decay }, 1);
    const names = new Set(this.#shadows.map(({ name }) => name));
    const problems = Object.keys(tensors).flatMap((name) =>
      names.has(name) ? [] : `'${name}' is not in the model`,
    );
    for (const { name, average } of this.#shadows) {
      const given = tensors[name];
      if (!given) problems.push(`'${name}' is missing`);
      else if (given.dtype === average.dtype && sameShape(given.shape, average.shape))
        checkHost(`${where}: '${name}'`, given);
      else {
        const wanted = `${average.dtype}${showShape(average.shape)}`;
        problems.push(`'${name}' must be ${wanted}, it is ${given.dtype}${showShape(given.shape)}`);
      }
    }
    if (problems.length > 0) fail(where, problems.join('; '));
  }
}
