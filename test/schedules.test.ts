import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { Device, optim } from '../src/index.js';

interface Trace {
  /** Of each group, before the first step and after each. */
  readonly rates: readonly (readonly number[])[];
  readonly momenta: readonly (readonly number[])[];
}

const golden: {
  readonly torch: string;
  readonly rates: readonly number[];
  readonly metrics: readonly (number | null)[];
  readonly schedules: readonly (Trace & {
    readonly optimizer: 'SGD' | 'Adam';
    readonly schedule: Name;
    readonly options: object;
  })[];
  readonly composed: Readonly<
    Record<'lambda' | 'sequential' | 'chained' | 'byHand' | 'afterTheEnd' | 'atTheFloor', Trace>
  >;
} = JSON.parse(readFileSync(new URL('golden/schedules.json', import.meta.url), 'utf8'));

type Name = 'StepLR' | 'ReduceLROnPlateau' | 'OneCycleLR';
/**
 * PyTorch computes rates by recursion: 30 steps of four roundings each in double precision, and near the cosine's end
 * 1 + cos(0.9 π) = 0.05 loses as much as 20 more.
 */
const TOLERANCE = 140 * 2 ** -53;

const device = new Device(openReference());
function optimizerOf(kind: 'SGD' | 'Adam') {
  const groups = golden.rates.map((lr) => ({ parameters: [device.zeros([2])], lr }));
  return kind === 'SGD' ? new optim.SGD(groups, { momentum: 0.9 }) : new optim.Adam(groups);
}
type Optimizer = ReturnType<typeof optimizerOf>;

const momentum = (group: optim.ScheduledGroup) => group.betas?.[0] ?? group.momentum!;

function expectTrace(optimizer: Optimizer, trace: Trace, step: (i: number) => void): void {
  const groups: readonly optim.ScheduledGroup[] = optimizer.groups;
  for (let i = 0; i < trace.rates.length; i++) {
    if (i > 0) step(i - 1);
    for (const [g, group] of groups.entries()) {
      const where = `step ${i}, group ${g}`;
      const [rate, moment] = [trace.rates[i]![g]!, trace.momenta[i]![g]!];
      expect(Math.abs(group.lr - rate), where).toBeLessThanOrEqual(TOLERANCE * rate);
      expect(Math.abs(momentum(group) - moment), where).toBeLessThanOrEqual(TOLERANCE * moment);
    }
  }
}

type Stepped = optim.LRScheduler | optim.ReduceLROnPlateau;
const make = (name: Name, optimizer: Optimizer, options: object): Stepped => {
  const Schedule = optim[name] as unknown as new (optimizer: Optimizer, options: object) => Stepped;
  return new Schedule(optimizer, options);
};
const stepOf = (schedule: Stepped) => (i: number) =>
  schedule instanceof optim.ReduceLROnPlateau
    ? schedule.step(golden.metrics[i] ?? Number.NaN)
    : schedule.step();

describe(`PyTorch ${golden.torch}'s schedules`, () => {
  it.each(golden.schedules.map((one) => ({ ...one, title: JSON.stringify(one.options), one })))(
    '$schedule of $optimizer $title',
    ({ one }) => {
      const optimizer = optimizerOf(one.optimizer);
      const schedule = make(one.schedule, optimizer, one.options);
      expectTrace(optimizer, one, stepOf(schedule));
      expect(schedule.lastLr).toEqual(optimizer.groups.map(({ lr }) => lr));
      expect(schedule.lastEpoch).toBe(one.rates.length - 1);
    },
  );

  it('LambdaLR, a function for each group', () => {
    const optimizer = optimizerOf('SGD');
    const schedule = new optim.LambdaLR(optimizer, {
      lrLambda: [(epoch) => 1 / (1 + epoch) ** 2, (epoch) => 0.95 ** epoch],
    });
    expectTrace(optimizer, golden.composed.lambda, () => schedule.step());
  });

  const sequence = (optimizer: Optimizer) =>
    new optim.SequentialLR(optimizer, {
      schedulers: [
        new optim.LinearLR(optimizer, { startFactor: 0.1, totalIters: 5 }),
        new optim.CosineAnnealingLR(optimizer, { tMax: 12, etaMin: 0.001 }),
        new optim.ExponentialLR(optimizer, { gamma: 0.8 }),
      ],
      milestones: [5, 17],
    });

  it('SequentialLR', () => {
    const optimizer = optimizerOf('SGD');
    const schedule = sequence(optimizer);
    expectTrace(optimizer, golden.composed.sequential, () => schedule.step());
  });

  it('two schedules at once multiply', () => {
    const optimizer = optimizerOf('SGD');
    const schedules = [
      new optim.LinearLR(optimizer, { startFactor: 0.25, totalIters: 6 }),
      new optim.StepLR(optimizer, { stepSize: 4, gamma: 0.5 }),
    ];
    expectTrace(optimizer, golden.composed.chained, () => {
      for (const one of schedules) one.step();
    });
  });

  it('goes on from a rate that was set by hand', () => {
    const optimizer = optimizerOf('SGD');
    const schedule = new optim.ExponentialLR(optimizer, { gamma: 0.9 });
    expectTrace(optimizer, golden.composed.byHand, (i) => {
      schedule.step();
      if (i === 9) optimizer.groups[0]!.lr = 0.7;
    });
  });

  it('leaves a rate alone that was set by hand after the end', () => {
    const optimizer = optimizerOf('SGD');
    const schedule = new optim.PolynomialLR(optimizer, { totalIters: 8, power: 2 });
    expectTrace(optimizer, golden.composed.afterTheEnd, (i) => {
      schedule.step();
      if (i === 11) optimizer.groups[1]!.lr = 0.3;
    });
    expect(schedule.lastLr).toEqual(optimizer.groups.map(({ lr }) => lr));
  });

  it('rises from a rate that was set by hand at the floor', () => {
    const optimizer = optimizerOf('SGD');
    const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 6, etaMin: 0.001 });
    expectTrace(optimizer, golden.composed.atTheFloor, (i) => {
      schedule.step();
      if (i === 5) optimizer.groups[0]!.lr = 0.05;
    });
  });

  it('rises from the floor where others led the rate below it', () => {
    const optimizer = optimizerOf('SGD');
    const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 2, etaMin: 0.01 });
    schedule.step();
    schedule.step();
    optimizer.groups[0]!.lr = 0.005;
    schedule.step();
    expect(optimizer.groups[0]!.lr).toBeCloseTo(0.055, 12);
  });

  it('OneCycleLR along lines keeps its last rate and momentum for a step after the last batch', () => {
    const optimizer = optimizerOf('Adam');
    const options = { maxLr: 0.3, totalSteps: 4, annealStrategy: 'linear', maxMomentum: 0.99 } as const;
    const schedule = new optim.OneCycleLR(optimizer, options);
    for (let i = 0; i < 3; i++) schedule.step();
    const [group] = optimizer.groups as readonly optim.ScheduledGroup[];
    const last = { lr: group!.lr, betas: group!.betas };
    expect(last.lr).toBeCloseTo(0.3 / 25e4, 12);
    schedule.step();
    expect(group).toMatchObject(last);
    expect(() => schedule.step()).toThrow('OneCycleLR: step 5 of a schedule of 4 steps');
  });

  it('continues from a state, through JSON, in every schedule', () => {
    for (const one of golden.schedules) {
      const run = (interrupted: boolean) => {
        let optimizer = optimizerOf(one.optimizer);
        let schedule = make(one.schedule, optimizer, one.options);
        for (let i = 0; i < 25; i++) {
          if (interrupted && i === 11) {
            const state = JSON.parse(JSON.stringify(schedule.stateDict()));
            optimizer = optimizerOf(one.optimizer);
            schedule = make(one.schedule, optimizer, one.options);
            schedule.loadStateDict(state);
          }
          stepOf(schedule)(i);
        }
        return [optimizer.groups.map((group) => [group.lr, momentum(group)]), schedule.stateDict()];
      };
      expect(run(true), one.schedule).toEqual(run(false));
    }
    const [a, b] = [optimizerOf('SGD'), optimizerOf('SGD')];
    const [first, second] = [sequence(a), sequence(b)];
    for (let i = 0; i < 9; i++) first.step();
    second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
    expect(b.groups.map(({ lr }) => lr)).toEqual(first.lastLr);
    for (let i = 0; i < 15; i++) for (const one of [first, second]) one.step();
    expect(second.stateDict()).toEqual(first.stateDict());
  });
});

/** Options with which each schedule could be made. */
const withOther: Readonly<Record<string, object>> = {
  StepLR: { stepSize: 1 },
  MultiStepLR: { milestones: [1] },
  ConstantLR: {},
  LinearLR: {},
  PolynomialLR: {},
  CosineAnnealingLR: { tMax: 1 },
  CosineAnnealingWarmRestarts: { t0: 1 },
  OneCycleLR: { maxLr: 1, totalSteps: 3 },
  CyclicLR: { baseLr: 0.1, maxLr: 1 },
  ReduceLROnPlateau: {},
};

describe('impossible schedules are refused', () => {
  const optimizer = optimizerOf('SGD');
  const adagrad = new optim.Adagrad([device.zeros([2])]);
  it.each(Object.keys(withOther))('%s refuses options that it does not know', (name) => {
    const Schedule = optim[name as 'LinearLR'];
    const options = { ...withOther[name], min_lr: 0.1 };
    expect(() => new Schedule(optimizer, options as never)).toThrow(
      `${name}: has no option 'min_lr'; it takes `,
    );
  });

  it.each<[() => unknown, string]>([
    [
      () => new optim.StepLR(optimizer, { stepSize: 0 }),
      'StepLR: stepSize must be a whole number from 1, got 0',
    ],
    [
      () => new optim.MultiStepLR(optimizer, { milestones: [5, 3] }),
      'MultiStepLR: milestones must be whole numbers in increasing order, got 5, 3',
    ],
    [
      () => new optim.ExponentialLR(optimizer, { gamma: Number.NaN }),
      'ExponentialLR: gamma must be a number of at least 0, got NaN',
    ],
    [
      () => new optim.ConstantLR(optimizer, { factor: 2 }),
      'ConstantLR: factor must be between 0 and 1, got 2',
    ],
    [
      () => new optim.LinearLR(optimizer, { startFactor: 0 }),
      'LinearLR: startFactor must be above 0 and at most 1, got 0',
    ],
    [
      () => new optim.LinearLR(optimizer, { endFactor: -1 }),
      'LinearLR: endFactor must be between 0 and 1, got -1',
    ],
    [
      () => new optim.CosineAnnealingLR(optimizer, { tMax: 1.5 }),
      'CosineAnnealingLR: tMax must be a whole number from 1, got 1.5',
    ],
    [
      () => new optim.CosineAnnealingWarmRestarts(optimizer, { t0: 2, tMult: 0 }),
      'CosineAnnealingWarmRestarts: tMult must be a whole number from 1, got 0',
    ],
    [
      () => new optim.LambdaLR(optimizer, { lrLambda: () => Number.NaN }),
      'LambdaLR: lrLambda(0) must be a number of at least 0, got NaN',
    ],
    [
      () => new optim.LambdaLR(optimizer, { lrLambda: [() => 1] }),
      'LambdaLR: lrLambda must be one for all groups or a list of 2, got 1',
    ],
    [
      () => new optim.OneCycleLR(optimizer, { maxLr: 1 }),
      'OneCycleLR: needs totalSteps, or epochs and stepsPerEpoch',
    ],
    [
      () => new optim.OneCycleLR(optimizer, { maxLr: 1, totalSteps: 10, pctStart: 2 }),
      'OneCycleLR: pctStart must be between 0 and 1, got 2',
    ],
    [
      () => new optim.OneCycleLR(adagrad, { maxLr: 1, totalSteps: 10 }),
      'OneCycleLR: Adagrad has neither momentum nor betas to move; set cycleMomentum to false',
    ],
    [
      () => new optim.CyclicLR(optimizer, { baseLr: 0.1, maxLr: 1, stepSizeUp: 0 }),
      'CyclicLR: stepSizeUp must be positive, got 0',
    ],
    [
      () => new optim.CyclicLR(optimizer, { baseLr: 0.1, maxLr: 1, maxMomentum: 1 }),
      'CyclicLR: maxMomentum must be in [0, 1), got 1',
    ],
    [
      () => new optim.ReduceLROnPlateau(optimizer, { factor: 1 }),
      'ReduceLROnPlateau: factor must be in [0, 1), got 1',
    ],
    [
      () => new optim.ReduceLROnPlateau(optimizer, { minLr: [0, 0, 0] }),
      'ReduceLROnPlateau: minLr must be one for all groups or a list of 2, got 3',
    ],
    [
      () => new optim.ReduceLROnPlateau(optimizer).step(undefined as never),
      'ReduceLROnPlateau: step needs the metric, a number, got undefined',
    ],
    [
      () =>
        new optim.SequentialLR(optimizer, {
          schedulers: [new optim.LinearLR(optimizer)],
          milestones: [3],
        }),
      'SequentialLR: needs one scheduler more than milestones, got 1 and 1',
    ],
    [
      () =>
        new optim.SequentialLR(optimizer, {
          schedulers: [new optim.LinearLR(optimizer), new optim.LinearLR(adagrad)],
          milestones: [3],
        }),
      'SequentialLR: scheduler 1, LinearLR, belongs to another optimiser',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });

  it('more steps than the cycle has', () => {
    const schedule = new optim.OneCycleLR(optimizerOf('SGD'), { maxLr: 1, totalSteps: 3 });
    for (let i = 0; i < 3; i++) schedule.step();
    expect(() => schedule.step()).toThrow('OneCycleLR: step 4 of a schedule of 3 steps');
  });

  it("another schedule's state, or that of other groups", () => {
    const schedule = new optim.StepLR(optimizerOf('SGD'), { stepSize: 3 });
    const state = schedule.stateDict();
    expect(() => new optim.ExponentialLR(optimizer, { gamma: 1 }).loadStateDict(state)).toThrow(
      'ExponentialLR.loadStateDict: the state is that of StepLR',
    );
    expect(() => schedule.loadStateDict({ ...state, lastLr: [1] })).toThrow(
      'StepLR.loadStateDict: lastLr must hold 2 numbers, one per group, got [1]',
    );
    expect(() => schedule.loadStateDict({ ...state, lastEpoch: -1 })).toThrow(
      'StepLR.loadStateDict: lastEpoch must be a whole number from 0, got -1',
    );
    expect(schedule.stateDict()).toEqual(state);
  });

  it('a group that came later', () => {
    const changed = optimizerOf('SGD');
    const schedule = new optim.StepLR(changed, { stepSize: 3 });
    changed.addParameterGroup({ parameters: [device.zeros([1])] });
    expect(() => schedule.step()).toThrow('StepLR: was made for 2 groups, the optimiser has 3 now');
  });
});
