import { fail } from '../errors.js';
import {
  anyNumber,
  callable,
  either,
  expectOptions,
  flag,
  type Kind,
  type Kinds,
  listOf,
  number,
  oneOf,
} from '../kinds.js';
import { checkRange } from './group.js';
import { CurveLR, checkWhole, perGroup, type ScheduledOptimizer } from './schedule.js';

interface MomentumOptions {
  /** Moves the momentum, or Adam's first beta, the other way; default true. */
  readonly cycleMomentum?: boolean;
  readonly baseMomentum?: number | readonly number[];
  readonly maxMomentum?: number | readonly number[];
}

const perGroupKind: Kind<number | readonly number[]> = either(
  anyNumber,
  listOf(anyNumber, ''),
  'a number or a list of them',
);
const momentumKinds: Kinds<MomentumOptions> = {
  cycleMomentum: flag,
  baseMomentum: perGroupKind,
  maxMomentum: perGroupKind,
};

/** Lower and upper bound of each group's momentum. */
function momenta(
  where: string,
  optimizer: ScheduledOptimizer,
  base: number | readonly number[],
  max: number | readonly number[],
): { readonly base: readonly number[]; readonly max: readonly number[] } {
  const both = {
    base: perGroup(where, 'baseMomentum', optimizer, base),
    max: perGroup(where, 'maxMomentum', optimizer, max),
  };
  for (const baseMomentum of both.base) checkRange(where, { baseMomentum }, 1);
  for (const maxMomentum of both.max) checkRange(where, { maxMomentum }, 1);
  return both;
}

export interface OneCycleLROptions extends MomentumOptions {
  /** The highest rate, or one for each group. */
  readonly maxLr: number | readonly number[];
  /** Steps of the whole cycle; or give epochs and stepsPerEpoch. */
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly stepsPerEpoch?: number;
  /** Share of the cycle in which the rate rises, default 0.3. */
  readonly pctStart?: number;
  /** Default cos. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Default 0.85. */
  readonly baseMomentum?: number | readonly number[];
  /** Default 0.95. */
  readonly maxMomentum?: number | readonly number[];
  /** The first rate is maxLr / divFactor, default 25. */
  readonly divFactor?: number;
  /** The last rate is the first one / finalDivFactor, default 10,000. */
  readonly finalDivFactor?: number;
  /** Goes down to the first rate as fast as it rose, then to the last; default false: down to the last at once. */
  readonly threePhase?: boolean;
}

const oneCycleKinds: Kinds<OneCycleLROptions> = {
  ...momentumKinds,
  maxLr: perGroupKind,
  totalSteps: anyNumber,
  epochs: anyNumber,
  stepsPerEpoch: anyNumber,
  pctStart: anyNumber,
  annealStrategy: oneOf('cos', 'linear'),
  divFactor: anyNumber,
  finalDivFactor: anyNumber,
  threePhase: flag,
};

type Anneal = (start: number, end: number, share: number) => number;
const anneals: Readonly<Record<'cos' | 'linear', Anneal>> = {
  cos: (start, end, share) => end + ((start - end) / 2) * (Math.cos(Math.PI * share) + 1),
  // A loop that steps after its last batch too stands behind the end, where a line would go on below 0.
  linear: (start, end, share) => (end - start) * Math.min(share, 1) + start,
};

function stepsOf({ totalSteps, epochs, stepsPerEpoch }: OneCycleLROptions): number {
  if (totalSteps === undefined && (epochs === undefined || stepsPerEpoch === undefined))
    fail('OneCycleLR', 'needs totalSteps, or epochs and stepsPerEpoch');
  if (totalSteps !== undefined) checkWhole('OneCycleLR', { totalSteps }, 1);
  else checkWhole('OneCycleLR', { epochs: epochs!, stepsPerEpoch: stepsPerEpoch! }, 1);
  return totalSteps ?? epochs! * stepsPerEpoch!;
}

/**
 * One rise of the rate and one fall, and the momentum against it (Smith and Topin, 2019). Call `step()` after each batch;
 * more often than totalSteps is an error.
 */
export class OneCycleLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: OneCycleLROptions) {
    const where = 'OneCycleLR';
    expectOptions(where, options, oneCycleKinds);
    const { maxLr, pctStart = 0.3, annealStrategy = 'cos', cycleMomentum = true } = options;
    const { divFactor = 25, finalDivFactor = 1e4, threePhase = false } = options;
    const total = stepsOf(options);
    const anneal = anneals[annealStrategy];
    if (!(pctStart >= 0 && pctStart <= 1)) fail(where, `pctStart must be between 0 and 1, got ${pctStart}`);
    if (!(divFactor > 0 && finalDivFactor > 0))
      fail(where, `divFactor and finalDivFactor must be positive, got ${divFactor} and ${finalDivFactor}`);
    const highest = perGroup(where, 'maxLr', optimizer, maxLr);
    for (const rate of highest) checkRange(where, { maxLr: rate });
    const bounds = momenta(where, optimizer, options.baseMomentum ?? 0.85, options.maxMomentum ?? 0.95);
    // Where each phase ends, and the heights, 0 (first), 1 (highest) and -1 (last), between which it goes.
    const rise = { end: pctStart * total - 1, from: 0, to: 1 };
    const phases = threePhase
      ? [rise, { end: 2 * pctStart * total - 2, from: 1, to: 0 }, { end: total - 1, from: 0, to: -1 }]
      : [rise, { end: total - 1, from: 1, to: -1 }];
    const between = (step: number, value: (height: number) => number) => {
      if (step > total) fail(where, `step ${step} of a schedule of ${total} steps`);
      const found = phases.findIndex(({ end }) => step <= end);
      const at = found < 0 ? phases.length - 1 : found;
      const { end, from, to } = phases[at]!;
      const start = at === 0 ? 0 : phases[at - 1]!.end;
      return anneal(value(from), value(to), (step - start) / (end - start));
    };
    for (const [i, group] of optimizer.groups.entries()) group.initialLr = highest[i]! / divFactor;
    super(where, optimizer, {
      rate: (step, _, i) => {
        const first = highest[i]! / divFactor;
        return between(step, (height) =>
          height > 0 ? highest[i]! : height < 0 ? first / finalDivFactor : first,
        );
      },
      ...(cycleMomentum && {
        momentum: (step, i) => between(step, (height) => (height > 0 ? bounds.base[i]! : bounds.max[i]!)),
      }),
    });
  }
}

export interface CyclicLROptions extends MomentumOptions {
  /** The lowest rate, or one for each group. */
  readonly baseLr: number | readonly number[];
  /** The highest rate of the first cycle. */
  readonly maxLr: number | readonly number[];
  /** Steps from the lowest to the highest rate, default 2000. */
  readonly stepSizeUp?: number;
  /** Steps back, default as many. */
  readonly stepSizeDown?: number;
  /** How heights shrink: not at all (default), by half in each cycle, or by gamma in each step. */
  readonly mode?: 'triangular' | 'triangular2' | 'exp_range';
  /** Default 1. */
  readonly gamma?: number;
  /** A height of your own, of the cycle (from 1) or of the step (from 0), instead of mode. */
  readonly scaleFn?: (at: number) => number;
  /** What scaleFn is given; default cycle. */
  readonly scaleMode?: 'cycle' | 'iterations';
  /** Default 0.8. */
  readonly baseMomentum?: number | readonly number[];
  /** Default 0.9. */
  readonly maxMomentum?: number | readonly number[];
}

const cyclicKinds: Kinds<CyclicLROptions> = {
  ...momentumKinds,
  baseLr: perGroupKind,
  maxLr: perGroupKind,
  stepSizeUp: anyNumber,
  stepSizeDown: anyNumber,
  mode: oneOf('triangular', 'triangular2', 'exp_range'),
  gamma: number,
  scaleFn: callable(),
  scaleMode: oneOf('cycle', 'iterations'),
};

/** What the height of a step is multiplied by. */
function scaleOf(options: CyclicLROptions): (cycle: number, step: number) => number {
  const { mode = 'triangular', gamma = 1, scaleFn, scaleMode = 'cycle' } = options;
  if (scaleFn) return (cycle, step) => scaleFn(scaleMode === 'cycle' ? cycle : step);
  if (mode === 'triangular') return () => 1;
  if (mode === 'triangular2') return (cycle) => 2 ** (1 - cycle);
  return (_, step) => gamma ** step;
}

/** Rates up and down between two bounds, and the momentum against them (Smith, 2017). Call `step()` after each batch. */
export class CyclicLR extends CurveLR {
  constructor(optimizer: ScheduledOptimizer, options: CyclicLROptions) {
    const where = 'CyclicLR';
    expectOptions(where, options, cyclicKinds);
    const { stepSizeUp = 2000, stepSizeDown = stepSizeUp, cycleMomentum = true } = options;
    for (const [name, value] of Object.entries({ stepSizeUp, stepSizeDown }))
      if (!(value > 0)) fail(where, `${name} must be positive, got ${value}`);
    const lowest = perGroup(where, 'baseLr', optimizer, options.baseLr);
    const highest = perGroup(where, 'maxLr', optimizer, options.maxLr);
    for (const [i, baseLr] of lowest.entries()) checkRange(where, { baseLr, maxLr: highest[i]! });
    const bounds = momenta(where, optimizer, options.baseMomentum ?? 0.8, options.maxMomentum ?? 0.9);
    const scale = scaleOf(options);
    const size = stepSizeUp + stepSizeDown;
    const up = stepSizeUp / size;
    /** Height of a step: 0 at the lowest rate, 1 at the highest of the first cycle. */
    const height = (step: number) => {
      const cycle = Math.floor(1 + step / size);
      const x = 1 + step / size - cycle;
      return (x <= up ? x / up : (x - 1) / (up - 1)) * scale(cycle, step);
    };
    for (const [i, group] of optimizer.groups.entries()) group.lr = lowest[i]!;
    super(where, optimizer, {
      rate: (step, _, i) => lowest[i]! + (highest[i]! - lowest[i]!) * height(step),
      ...(cycleMomentum && {
        momentum: (step, i) => bounds.max[i]! - (bounds.max[i]! - bounds.base[i]!) * height(step),
      }),
    });
  }
}
