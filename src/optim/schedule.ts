import { fail } from '../errors.js';

/** What a schedule changes in a group of parameters. */
export interface ScheduledGroup {
  lr: number;
  initialLr: number | null;
  /** SGD's and RMSprop's. */
  momentum?: number;
  /** Adam's and its kin's, whose first one takes the momentum's place. */
  betas?: readonly [number, number];
}

/** An optimiser, as far as a schedule knows it. */
export interface ScheduledOptimizer {
  readonly name: string;
  readonly groups: readonly ScheduledGroup[];
  /** Lets a schedule go back to a snapshot with the parameters when their device is lost. */
  keep?(part: ReturningState): void;
}

interface ReturningState {
  capture(): unknown;
  restore(state: unknown): void;
}

/** What `stateDict()` of a schedule gives, plain data for JSON. Its options are not in it: make it with the same ones. */
export interface ScheduleState {
  readonly schedule: string;
  readonly lastEpoch: number;
  readonly lastLr: readonly number[];
  readonly [more: string]: unknown;
}

/** Refuses what is no whole number of at least `least`. */
export function checkWhole(where: string, values: Readonly<Record<string, number>>, least: number): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(value) || value < least)
      fail(where, `${name} must be a whole number from ${least}, got ${value}`);
  }
}

/** One number per group: the list that was given, or the same number for all. */
export function perGroup<T>(
  where: string,
  name: string,
  optimizer: ScheduledOptimizer,
  given: T | readonly T[],
): readonly T[] {
  const count = optimizer.groups.length;
  if (!Array.isArray(given)) return Array.from({ length: count }, () => given as T);
  if (given.length !== count)
    fail(where, `${name} must be one for all groups or a list of ${count}, got ${given.length}`);
  return given as readonly T[];
}

/** Changes the learning rates of an optimiser's groups as training goes on. */
export abstract class Schedule {
  readonly name: string;
  readonly optimizer: ScheduledOptimizer;
  /** Steps taken. */
  lastEpoch = 0;
  readonly #host: ReturningState = {
    capture: () => this.stateDict(),
    restore: (state) => {
      if (state) this.loadStateDict(state as ScheduleState);
    },
  };

  protected constructor(name: string, optimizer: ScheduledOptimizer) {
    this.name = name;
    this.optimizer = optimizer;
    for (const group of optimizer.groups) group.initialLr ??= group.lr;
    optimizer.keep?.(this.#host);
  }

  /** The rate of each group as the schedule last set it. */
  abstract get lastLr(): readonly number[];

  /** Where the schedule stands; see `loadStateDict`. */
  stateDict(): ScheduleState {
    return { schedule: this.name, lastEpoch: this.lastEpoch, lastLr: [...this.lastLr], ...this.position() };
  }

  /**
   * Takes up what `stateDict()` gave, and sets the groups' rates as they were.
   *
   * @throws WeftError as `checkStateDict`; then nothing was changed.
   */
  loadStateDict(state: ScheduleState): void {
    this.checkStateDict(state);
    this.lastEpoch = state.lastEpoch;
    this.takeUp(state);
    for (const [i, group] of this.optimizer.groups.entries()) group.lr = state.lastLr[i]!;
  }

  /** @throws WeftError where it is the state of another schedule or of other groups. */
  checkStateDict(state: ScheduleState): void {
    const where = `${this.name}.loadStateDict`;
    if (state?.schedule !== this.name)
      fail(where, `the state is that of ${state?.schedule ?? 'no schedule'}`);
    checkWhole(where, { lastEpoch: state.lastEpoch }, 0);
    this.checkRates(state, 'lastLr');
  }

  /** Refuses what is no list of one number for each group. */
  protected checkRates(state: ScheduleState, key: string): void {
    const rates = state[key];
    const { length } = this.optimizer.groups;
    if (!Array.isArray(rates) || rates.length !== length || !rates.every((rate) => Number.isFinite(rate)))
      fail(
        `${this.name}.loadStateDict`,
        `${key} must hold ${length} numbers, one per group, got ${JSON.stringify(rates)}`,
      );
  }

  /** What the state holds beside epoch and rates. */
  protected abstract position(): Readonly<Record<string, unknown>>;
  /** Takes up a state that was checked. */
  protected abstract takeUp(state: ScheduleState): void;
}

/** A schedule that knows the rates of each epoch beforehand: `step()` after each one, or after each batch. */
export abstract class LRScheduler extends Schedule {
  /** Goes on by one epoch (or batch) and sets the rates. */
  abstract step(): void;
  /** Goes back to epoch 0, as if the schedule had begun now at the optimiser's first rates. */
  abstract restart(): void;
}

/**
 * How rates follow from the epoch. Either `factor`: rate = floor + (base - floor) · factor(epoch), which honours what
 * others did to the rate in between; or `rate`, from the optimiser's first rate.
 */
export type Curve = (
  | { readonly floor?: number; factor(epoch: number): number }
  | { rate(epoch: number, initial: number, group: number): number }
) & {
  /** The momentum, or Adam's first beta. */
  momentum?(epoch: number, group: number): number;
};

/** A schedule whose rates follow a curve. */
export abstract class CurveLR extends LRScheduler {
  readonly #curve: Curve;
  /** The optimiser's first rates. */
  readonly #initial: readonly number[];
  /** What a factor multiplies. */
  #base: readonly number[];
  #lastLr: readonly number[] = [];

  protected constructor(name: string, optimizer: ScheduledOptimizer, curve: Curve) {
    super(name, optimizer);
    this.#curve = curve;
    this.#initial = optimizer.groups.map(({ initialLr }) => initialLr!);
    this.#base = optimizer.groups.map(({ lr }) => lr);
    if (curve.momentum && !optimizer.groups.every((group) => 'momentum' in group || 'betas' in group)) {
      fail(name, `${optimizer.name} has neither momentum nor betas to move; set cycleMomentum to false`);
    }
    this.#set();
  }

  override get lastLr(): readonly number[] {
    return this.#lastLr;
  }

  override step(): void {
    this.#refuseOtherGroups();
    const curve = this.#curve;
    if ('factor' in curve) {
      const { floor = 0 } = curve;
      const [before, after] = [curve.factor(this.lastEpoch), curve.factor(this.lastEpoch + 1)];
      const { groups } = this.optimizer;
      // A curve that has come to its end leaves the rates to others.
      if (before === 0 && after === 0) {
        this.lastEpoch++;
        this.#lastLr = groups.map(({ lr }) => lr);
        return;
      }
      this.#base = this.#base.map((base, i) => {
        const { lr } = groups[i]!;
        // The floor tells no base: as in PyTorch the rate then rises by (initial - floor) · after from where it is, but
        // from no lower than the floor, which would lead it below 0.
        if (before === 0) return this.#initial[i]! + Math.max(0, lr - floor) / after;
        return lr === this.#lastLr[i] ? base : floor + (lr - floor) / before;
      });
    }
    this.lastEpoch++;
    this.#set();
  }

  override restart(): void {
    this.#refuseOtherGroups();
    this.lastEpoch = 0;
    this.#base = this.#initial;
    this.#set();
  }

  #refuseOtherGroups(): void {
    const { groups } = this.optimizer;
    if (groups.length !== this.#base.length)
      fail(this.name, `was made for ${this.#base.length} groups, the optimiser has ${groups.length} now`);
  }

  #set(): void {
    const { lastEpoch } = this;
    const curve = this.#curve;
    this.#lastLr = this.#base.map((base, i) => {
      const floor = 'factor' in curve ? (curve.floor ?? 0) : 0;
      const rate =
        'factor' in curve
          ? floor + (base - floor) * curve.factor(lastEpoch)
          : curve.rate(lastEpoch, this.#initial[i]!, i);
      this.optimizer.groups[i]!.lr = rate;
      return rate;
    });
    this.#setMomentum();
  }

  #setMomentum(): void {
    for (const [i, group] of this.optimizer.groups.entries()) {
      const momentum = this.#curve.momentum?.(this.lastEpoch, i);
      if (momentum === undefined) continue;
      if (group.betas) group.betas = [momentum, group.betas[1]];
      else group.momentum = momentum;
    }
  }

  protected override position(): { readonly base: readonly number[] } {
    return { base: [...this.#base] };
  }

  override checkStateDict(state: ScheduleState): void {
    super.checkStateDict(state);
    this.checkRates(state, 'base');
  }

  protected override takeUp({ base, lastLr }: ScheduleState): void {
    this.#base = [...(base as readonly number[])];
    this.#lastLr = [...lastLr];
    this.#setMomentum();
  }
}
