import { fail } from '../errors.js';
import { anyNumber, callable, either, expectOptions, type Kinds, listOf, numbers, object } from '../kinds.js';
import { checkRange } from './group.js';
import {
  CurveLR,
  checkWhole,
  LRScheduler,
  perGroup,
  type ScheduledOptimizer,
  type ScheduleState,
} from './schedule.js';

export interface LambdaLROptions {
  /** The factor of the first rate in an epoch, from 0; or one such function for each group. */
  readonly lrLambda: ((epoch: number) => number) | readonly ((epoch: number) => number)[];
}

const lambdaKinds: Kinds<LambdaLROptions> = {
  lrLambda: either(callable(), listOf(callable(), 'a list of functions')),
};

/** Rate · lrLambda(epoch), as torch.optim.lr_scheduler.LambdaLR. */
export class LambdaLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: LambdaLROptions) {
    expectOptions('LambdaLR', options, lambdaKinds);
    const { lrLambda } = options;
    const lambdas = perGroup('LambdaLR', 'lrLambda', optimizer, lrLambda);
    super('LambdaLR', optimizer, {
      rate: (epoch, initial, i) => {
        const factor = lambdas[i]!(epoch);
        if (!(factor >= 0))
          fail('LambdaLR', `lrLambda(${epoch}) must be a number of at least 0, got ${factor}`);
        return initial * factor;
      },
    });
  }
}

export interface StepLROptions {
  /** Epochs between two changes. */
  readonly stepSize: number;
  /** Default 0.1. */
  readonly gamma?: number;
}

const stepKinds: Kinds<StepLROptions> = { stepSize: anyNumber, gamma: anyNumber };

/** Multiplies the rate by gamma every stepSize epochs. */
export class StepLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: StepLROptions) {
    expectOptions('StepLR', options, stepKinds);
    const { stepSize, gamma = 0.1 } = options;
    checkWhole('StepLR', { stepSize }, 1);
    checkRange('StepLR', { gamma });
    super('StepLR', optimizer, { factor: (epoch) => gamma ** Math.floor(epoch / stepSize) });
  }
}

export interface MultiStepLROptions {
  /** Epochs at which the rate changes, in increasing order. */
  readonly milestones: readonly number[];
  /** Default 0.1. */
  readonly gamma?: number;
}

const multiStepKinds: Kinds<MultiStepLROptions> = { milestones: numbers, gamma: anyNumber };

function checkMilestones(where: string, milestones: readonly number[]): void {
  const good = (at: number, i: number) =>
    Number.isSafeInteger(at) && at >= 0 && (i === 0 || milestones[i - 1]! <= at);
  if (!milestones.every(good))
    fail(where, `milestones must be whole numbers in increasing order, got ${milestones.join(', ')}`);
}

/** Multiplies the rate by gamma at each milestone. */
export class MultiStepLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: MultiStepLROptions) {
    expectOptions('MultiStepLR', options, multiStepKinds);
    const { milestones, gamma = 0.1 } = options;
    checkMilestones('MultiStepLR', milestones);
    checkRange('MultiStepLR', { gamma });
    super('MultiStepLR', optimizer, {
      factor: (epoch) => gamma ** milestones.filter((at) => at <= epoch).length,
    });
  }
}

export interface ConstantLROptions {
  /** Default 1/3. */
  readonly factor?: number;
  /** Epochs until the rate is the optimiser's own, default 5. */
  readonly totalIters?: number;
}

const constantKinds: Kinds<ConstantLROptions> = { factor: anyNumber, totalIters: anyNumber };

/** Multiplies the rate by a factor for the first epochs. */
export class ConstantLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: ConstantLROptions = {}) {
    expectOptions('ConstantLR', options, constantKinds);
    const { factor = 1 / 3, totalIters = 5 } = options;
    checkWhole('ConstantLR', { totalIters }, 0);
    if (!(factor >= 0 && factor <= 1)) fail('ConstantLR', `factor must be between 0 and 1, got ${factor}`);
    super('ConstantLR', optimizer, { factor: (epoch) => (epoch < totalIters ? factor : 1) });
  }
}

export interface LinearLROptions {
  /** Factor in the first epoch, default 1/3. */
  readonly startFactor?: number;
  /** Factor from epoch `totalIters` on, default 1. */
  readonly endFactor?: number;
  /** Default 5. */
  readonly totalIters?: number;
}

const linearKinds: Kinds<LinearLROptions> = {
  startFactor: anyNumber,
  endFactor: anyNumber,
  totalIters: anyNumber,
};

/** Moves the rate's factor along a line: a warm-up. */
export class LinearLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: LinearLROptions = {}) {
    expectOptions('LinearLR', options, linearKinds);
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options;
    checkWhole('LinearLR', { totalIters }, 1);
    if (!(startFactor > 0 && startFactor <= 1))
      fail('LinearLR', `startFactor must be above 0 and at most 1, got ${startFactor}`);
    if (!(endFactor >= 0 && endFactor <= 1))
      fail('LinearLR', `endFactor must be between 0 and 1, got ${endFactor}`);
    super('LinearLR', optimizer, {
      factor: (epoch) => startFactor + ((endFactor - startFactor) * Math.min(totalIters, epoch)) / totalIters,
    });
  }
}

/** Multiplies the rate by gamma after each epoch. */
export class ExponentialLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: { readonly gamma: number }) {
    expectOptions('ExponentialLR', options, { gamma: anyNumber });
    const { gamma } = options;
    checkRange('ExponentialLR', { gamma });
    super('ExponentialLR', optimizer, { factor: (epoch) => gamma ** epoch });
  }
}

export interface PolynomialLROptions {
  /** Epochs until the rate is 0, default 5. */
  readonly totalIters?: number;
  /** Default 1. */
  readonly power?: number;
}

const polynomialKinds: Kinds<PolynomialLROptions> = { totalIters: anyNumber, power: anyNumber };

/** Lowers the rate to 0 along (1 - epoch / totalIters)^power. */
export class PolynomialLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: PolynomialLROptions = {}) {
    expectOptions('PolynomialLR', options, polynomialKinds);
    const { totalIters = 5, power = 1 } = options;
    checkWhole('PolynomialLR', { totalIters }, 1);
    checkRange('PolynomialLR', { power });
    super('PolynomialLR', optimizer, {
      factor: (epoch) => (1 - Math.min(totalIters, epoch) / totalIters) ** power,
    });
  }
}

export interface CosineAnnealingLROptions {
  /** Epochs until the rate is at its lowest. */
  readonly tMax: number;
  /** The lowest rate, default 0. */
  readonly etaMin?: number;
}

const cosineKinds: Kinds<CosineAnnealingLROptions> = { tMax: anyNumber, etaMin: anyNumber };

/** Half a cosine down to etaMin, and back up after it (Loshchilov and Hutter, 2017, without restarts). */
export class CosineAnnealingLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: CosineAnnealingLROptions) {
    expectOptions('CosineAnnealingLR', options, cosineKinds);
    const { tMax, etaMin = 0 } = options;
    checkWhole('CosineAnnealingLR', { tMax }, 1);
    checkRange('CosineAnnealingLR', { etaMin });
    super('CosineAnnealingLR', optimizer, {
      floor: etaMin,
      factor: (epoch) => (1 + Math.cos((Math.PI * epoch) / tMax)) / 2,
    });
  }
}

export interface CosineAnnealingWarmRestartsOptions {
  /** Epochs until the first restart. */
  readonly t0: number;
  /** Each period is so many times as long as the one before, default 1. */
  readonly tMult?: number;
  /** The lowest rate, default 0. */
  readonly etaMin?: number;
}

const restartKinds: Kinds<CosineAnnealingWarmRestartsOptions> = {
  t0: anyNumber,
  tMult: anyNumber,
  etaMin: anyNumber,
};

/** Half a cosine down to etaMin, again and again (SGDR: Loshchilov and Hutter, 2017). */
export class CosineAnnealingWarmRestarts extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: CosineAnnealingWarmRestartsOptions) {
    expectOptions('CosineAnnealingWarmRestarts', options, restartKinds);
    const where = 'CosineAnnealingWarmRestarts';
    const { t0, tMult = 1, etaMin = 0 } = options;
    checkWhole(where, { t0, tMult }, 1);
    checkRange(where, { etaMin });
    super(where, optimizer, {
      rate(epoch, initial) {
        let [since, period] = [tMult === 1 ? epoch % t0 : epoch, t0];
        while (since >= period) {
          since -= period;
          period *= tMult;
        }
        return etaMin + ((initial - etaMin) * (1 + Math.cos((Math.PI * since) / period))) / 2;
      },
    });
  }
}

export interface SequentialLROptions {
  readonly schedulers: readonly LRScheduler[];
  /** The epoch at which each but the first takes over, in increasing order. */
  readonly milestones: readonly number[];
}

const sequentialKinds: Kinds<SequentialLROptions> = {
  schedulers: listOf(object('a scheduler'), 'a list of schedulers'),
  milestones: numbers,
};

/** One schedule after the other: the first to the first milestone, and so on. */
export class SequentialLR extends LRScheduler {
  readonly #schedulers: readonly LRScheduler[];
  readonly #milestones: readonly number[];

  constructor(optimizer: ScheduledOptimizer, options: SequentialLROptions) {
    expectOptions('SequentialLR', options, sequentialKinds);
    const { schedulers, milestones } = options;
    const where = 'SequentialLR';
    super(where, optimizer);
    checkMilestones(where, milestones);
    if (schedulers.length !== milestones.length + 1)
      fail(
        where,
        `needs one scheduler more than milestones, got ${schedulers.length} and ${milestones.length}`,
      );
    for (const [i, one] of schedulers.entries()) {
      if (!(one instanceof LRScheduler))
        fail(where, `scheduler ${i} must know its rates beforehand, see LRScheduler`);
      if (one.optimizer !== optimizer)
        fail(where, `scheduler ${i}, ${one.name}, belongs to another optimiser`);
    }
    this.#schedulers = schedulers;
    this.#milestones = milestones;
    this.restart();
  }

  get #current(): LRScheduler {
    return this.#schedulers[this.#milestones.filter((at) => at <= this.lastEpoch).length]!;
  }

  override get lastLr(): readonly number[] {
    return this.#current.lastLr;
  }

  override step(): void {
    this.lastEpoch++;
    if (this.#milestones.includes(this.lastEpoch)) this.#current.restart();
    else this.#current.step();
  }

  override restart(): void {
    this.lastEpoch = 0;
    this.#current.restart();
  }

  protected override position(): Readonly<Record<string, unknown>> {
    return { schedulers: this.#schedulers.map((one) => one.stateDict()) };
  }

  override checkStateDict(state: ScheduleState): void {
    super.checkStateDict(state);
    const { schedulers } = state;
    if (!Array.isArray(schedulers) || schedulers.length !== this.#schedulers.length)
      fail('SequentialLR.loadStateDict', `schedulers must hold ${this.#schedulers.length} states`);
    for (const [i, one] of this.#schedulers.entries())
      one.checkStateDict((schedulers as ScheduleState[])[i]!);
  }

  protected override takeUp({ schedulers }: ScheduleState): void {
    for (const [i, one] of this.#schedulers.entries()) one.loadStateDict((schedulers as ScheduleState[])[i]!);
    // Last, for it decides on rates and momentum.
    const current = this.#schedulers.indexOf(this.#current);
    this.#current.loadStateDict((schedulers as ScheduleState[])[current]!);
  }
}
