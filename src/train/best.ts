import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { anyNumber, expectOptions, flag, type Kinds, oneOf, text } from '../kinds.js';
import { type Callback, type EpochRecord, numberIn, type Run } from './callback.js';

export interface KeepBestOptions {
  /** The number that is watched, default `validation.loss`. */
  readonly monitor?: string;
  /** Whether less (default) or more of it is better. */
  readonly mode?: 'min' | 'max';
  /** Smaller improvements don't count, default 0. */
  readonly minDelta?: number;
  /** Gives the model its best weights when training ends, default true. */
  readonly restoreBest?: boolean;
}

const keepBestKinds: Kinds<KeepBestOptions> = {
  monitor: text,
  mode: oneOf('min', 'max'),
  minDelta: anyNumber,
  restoreBest: flag,
};

interface BestState {
  readonly best: number | null;
  readonly epoch: number;
  readonly weights: Readonly<Record<string, HostTensor>> | null;
}

/** Keeps the weights of the best epoch, those that validation judged, and gives them to the model in the end. */
export class KeepBest implements Callback {
  readonly monitor: string;
  readonly #sign: 1 | -1;
  readonly #minDelta: number;
  readonly #restores: boolean;
  #best: number | null = null;
  #epoch = 0;
  #weights: Readonly<Record<string, HostTensor>> | null = null;

  constructor(
    options: KeepBestOptions = {},
    protected readonly name = 'KeepBest',
    kinds: Kinds<KeepBestOptions> = keepBestKinds,
  ) {
    expectOptions(name, options, kinds);
    const { monitor = 'validation.loss', mode = 'min', minDelta = 0, restoreBest = true } = options;
    if (!(minDelta >= 0)) fail(name, `minDelta must be a number of at least 0, got ${minDelta}`);
    this.monitor = monitor;
    this.#sign = mode === 'min' ? -1 : 1;
    this.#minDelta = minDelta;
    this.#restores = restoreBest;
  }

  /** The best value so far; null before the first epoch. */
  get best(): number | null {
    return this.#best;
  }

  /** The epoch that had it, from 1. */
  get bestEpoch(): number {
    return this.#epoch;
  }

  /** Its weights; null where they are not kept. */
  get weights(): Readonly<Record<string, HostTensor>> | null {
    return this.#weights;
  }

  /** A new run has no best epoch yet; one that is resumed goes on from its state. */
  onTrainStart({ history }: Run): void {
    if (history.length === 0) this.loadStateDict({ best: null, epoch: 0, weights: null });
  }

  async onEpochEnd(run: Run, record: EpochRecord): Promise<void> {
    const value = numberIn(this.name, record, this.monitor);
    const better =
      this.#best === null ? !Number.isNaN(value) : this.#sign * (value - this.#best) > this.#minDelta;
    if (!better) return;
    this.#best = value;
    this.#epoch = record.epoch;
    if (this.#restores) this.#weights = await run.weights();
  }

  async onTrainEnd({ model }: Run): Promise<void> {
    if (this.#weights) await model.loadStateDict(this.#weights);
  }

  stateDict(): BestState {
    return { best: this.#best, epoch: this.#epoch, weights: this.#weights };
  }

  loadStateDict({ best, epoch, weights }: BestState): void {
    this.#best = best;
    this.#epoch = epoch;
    this.#weights = weights;
  }
}

export interface EarlyStoppingOptions extends KeepBestOptions {
  /** Epochs without an improvement after which training ends. */
  readonly patience: number;
}

const earlyStoppingKinds: Kinds<EarlyStoppingOptions> = { ...keepBestKinds, patience: anyNumber };

/** Ends training when a number no longer improves, and gives the model its best weights. */
export class EarlyStopping extends KeepBest {
  readonly #patience: number;

  constructor(options: EarlyStoppingOptions) {
    super(options, 'EarlyStopping', earlyStoppingKinds);
    const { patience } = options;
    if (!Number.isSafeInteger(patience) || patience < 1)
      fail(this.name, `patience must be a whole number from 1, got ${patience}`);
    this.#patience = patience;
  }

  /** A run that is resumed from where it was to end does not go on. */
  override onTrainStart(run: Run): void {
    super.onTrainStart(run);
    this.#judge(run, run.history.length);
  }

  override async onEpochEnd(run: Run, record: EpochRecord): Promise<void> {
    await super.onEpochEnd(run, record);
    this.#judge(run, record.epoch);
  }

  #judge(run: Run, epoch: number): void {
    const since = epoch - this.bestEpoch;
    if (since >= this.#patience) run.stop(`${this.monitor} has not improved for ${since} epochs`);
  }
}
