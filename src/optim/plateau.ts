import { fail } from '../errors.js';
import { anyNumber, either, expectOptions, type Kinds, listOf, oneOf } from '../kinds.js';
import { checkRange } from './group.js';
import { checkWhole, perGroup, Schedule, type ScheduledOptimizer, type ScheduleState } from './schedule.js';

export interface ReduceLROnPlateauOptions {
  /** Whether less (a loss, default) or more (an accuracy) is better. */
  readonly mode?: 'min' | 'max';
  /** What rates are multiplied by, default 0.1. */
  readonly factor?: number;
  /** Epochs without an improvement that are let pass, default 10. */
  readonly patience?: number;
  /** The least improvement that counts, default 1e-4. */
  readonly threshold?: number;
  /** Whether the threshold is a share of the best value (default) or a difference. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Epochs after a reduction in which nothing is counted, default 0. */
  readonly cooldown?: number;
  /** The lowest rate, or one for each group; default 0. */
  readonly minLr?: number | readonly number[];
  /** Smaller changes of a rate are left out, default 1e-8. */
  readonly eps?: number;
}

const kinds: Kinds<ReduceLROnPlateauOptions> = {
  mode: oneOf('min', 'max'),
  factor: anyNumber,
  patience: anyNumber,
  threshold: anyNumber,
  thresholdMode: oneOf('rel', 'abs'),
  cooldown: anyNumber,
  minLr: either(anyNumber, listOf(anyNumber, ''), 'a number or a list of them'),
  eps: anyNumber,
};

/** Lowers the rates when a metric no longer improves: `step(metric)` after each epoch. */
export class ReduceLROnPlateau extends Schedule {
  readonly #options: Required<ReduceLROnPlateauOptions>;
  readonly #lowest: readonly number[];
  #best: number;
  #badEpochs = 0;
  #cooling = 0;
  #lastLr: readonly number[];

  constructor(optimizer: ScheduledOptimizer, options: ReduceLROnPlateauOptions = {}) {
    const where = 'ReduceLROnPlateau';
    super(where, optimizer);
    expectOptions(where, options, kinds);
    const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options;
    const { cooldown = 0, minLr = 0, eps = 1e-8 } = options;
    checkRange(where, { factor }, 1);
    checkRange(where, { threshold, eps });
    checkWhole(where, { patience, cooldown }, 0);
    this.#lowest = perGroup(where, 'minLr', optimizer, minLr);
    for (const rate of this.#lowest) checkRange(where, { minLr: rate });
    this.#options = { mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps };
    this.#best = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    this.#lastLr = optimizer.groups.map(({ lr }) => lr);
  }

  override get lastLr(): readonly number[] {
    return this.#lastLr;
  }

  /** @param metric of this epoch; one that is not a number counts as no improvement. */
  step(metric: number): void {
    if (typeof metric !== 'number') fail(this.name, `step needs the metric, a number, got ${metric}`);
    const { groups } = this.optimizer;
    if (groups.length !== this.#lowest.length)
      fail(this.name, `was made for ${this.#lowest.length} groups, the optimiser has ${groups.length} now`);
    this.lastEpoch++;
    const better = this.#isBetter(metric);
    if (better) this.#best = metric;
    this.#badEpochs = better ? 0 : this.#badEpochs + 1;
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#badEpochs = 0;
    }
    if (this.#badEpochs > this.#options.patience) {
      this.#reduce();
      this.#cooling = this.#options.cooldown;
      this.#badEpochs = 0;
    }
    this.#lastLr = groups.map(({ lr }) => lr);
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    const bar = thresholdMode === 'rel' ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return sign * metric > sign * bar;
  }

  #reduce(): void {
    const { factor, eps } = this.#options;
    for (const [i, group] of this.optimizer.groups.entries()) {
      const lower = Math.max(group.lr * factor, this.#lowest[i]!);
      if (group.lr - lower > eps) group.lr = lower;
    }
  }

  protected override position(): Readonly<Record<string, unknown>> {
    // JSON has no Infinity: nothing was seen yet.
    const best = Number.isFinite(this.#best) ? this.#best : null;
    return { best, badEpochs: this.#badEpochs, cooling: this.#cooling };
  }

  override checkStateDict(state: ScheduleState): void {
    super.checkStateDict(state);
    const where = `${this.name}.loadStateDict`;
    const { best, badEpochs, cooling } = state;
    if (best !== null && !Number.isFinite(best)) fail(where, `best must be a number or null, got ${best}`);
    checkWhole(where, { badEpochs: badEpochs as number, cooling: cooling as number }, 0);
  }

  protected override takeUp({ best, badEpochs, cooling, lastLr }: ScheduleState): void {
    const worst = this.#options.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    this.#best = (best as number | null) ?? worst;
    this.#badEpochs = badEpochs as number;
    this.#cooling = cooling as number;
    this.#lastLr = [...lastLr];
  }
}
