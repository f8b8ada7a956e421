import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { Device, nn, optim, type Tensor } from '../src/index.js';
import { openDevices } from './support/devices.js';

interface Trace {
  readonly optimizer: 'SGD' | 'RMSprop' | 'Adam' | 'AdamW' | 'Adagrad' | 'Adamax' | 'NAdam';
  readonly options: { readonly lr: number };
  /** The parameters after each step. */
  readonly after: readonly (readonly number[][])[];
}

const golden: {
  readonly torch: string;
  readonly shapes: readonly (readonly number[])[];
  readonly start: readonly number[][];
  readonly gradients: readonly (readonly number[][])[];
  readonly traces: readonly Trace[];
  readonly clips: readonly {
    readonly name: 'norm' | 'value';
    readonly options: unknown;
    readonly norm: number | null;
    readonly after: readonly number[][];
  }[];
} = JSON.parse(readFileSync(new URL('golden/optimizers.json', import.meta.url), 'utf8'));

/** The largest rounding error of one step, in units of 2^-24 of what a parameter and its change can be: see update_rules.ts. */
const ULPS = 28;

const devices = [
  { name: 'reference', device: new Device(openReference()), tolerance: 1e-13 },
  ...(await openDevices()).map(({ name, backend }) => ({
    name,
    device: new Device(backend),
    tolerance: golden.gradients.length * ULPS * 2 ** -24,
  })),
];
afterAll(() => {
  for (const { device } of devices) device.dispose();
});

function setUp(device: Device, { optimizer, options }: Trace): [optim.Optimizer, Tensor[]] {
  const parameters = golden.start.map((data, i) => {
    const parameter = device.tensor(data, golden.shapes[i]!);
    parameter.requiresGrad = true;
    return parameter;
  });
  return [new optim[optimizer](parameters, options), parameters];
}

describe.each(devices)(`PyTorch ${golden.torch}'s traces on $name`, ({ device, tolerance }) => {
  it.each(golden.traces.map((trace) => ({ ...trace, title: JSON.stringify(trace.options), trace })))(
    '$optimizer $title',
    async ({ trace }) => {
      const [optimizer, parameters] = setUp(device, trace);
      for (const [step, gradients] of golden.gradients.entries()) {
        gradients.forEach((data, i) => {
          parameters[i]!.grad = device.tensor(data, golden.shapes[i]!);
        });
        await optimizer.step();
        for (const [i, parameter] of parameters.entries()) {
          const found = await parameter.data();
          trace.after[step]![i]!.forEach((wanted, k) => {
            const error = Math.abs(found[k]! - wanted) / Math.max(1, Math.abs(wanted));
            expect(error, `step ${step}, parameter ${i}, element ${k}`).toBeLessThanOrEqual(tolerance);
          });
        }
      }
    },
  );
});

describe.each(devices)(`PyTorch ${golden.torch}'s clipping on $name`, ({ device, tolerance }) => {
  it.each(golden.clips.map((clip) => ({ ...clip, title: JSON.stringify(clip.options) })))(
    '$name $title',
    async ({ name, options, norm, after }) => {
      const [, parameters] = setUp(device, golden.traces[0]!);
      golden.gradients[0]!.forEach((data, i) => {
        parameters[i]!.grad = device.tensor(data, golden.shapes[i]!);
      });
      if (name === 'value') optim.clipGradValue(parameters, options as number);
      else {
        const { maxNorm, normType } = options as { maxNorm: number; normType?: number | 'inf' };
        const p = normType === 'inf' ? Number.POSITIVE_INFINITY : normType;
        const total = optim.clipGradNorm(
          parameters,
          p === undefined ? { maxNorm } : { maxNorm, normType: p },
        );
        expect(Math.abs((await total.item()) / norm! - 1)).toBeLessThan(tolerance);
      }
      for (const [i, parameter] of parameters.entries()) {
        const found = await parameter.grad!.data();
        after[i]!.forEach((wanted, k) => {
          expect(Math.abs(found[k]! - wanted)).toBeLessThanOrEqual(tolerance);
        });
      }
    },
  );
});

describe('an optimiser', () => {
  const { device } = devices[0]!;
  const adam = golden.traces.find(({ optimizer }) => optimizer === 'Adam')!;

  it('leaves parameters without a gradient, and what it keeps for them, as they are', async () => {
    const [optimizer, parameters] = setUp(device, adam);
    const step = async (due: readonly number[]) => {
      optimizer.zeroGrad();
      for (const i of due) parameters[i]!.grad = device.tensor(golden.gradients[0]![i]!, golden.shapes[i]!);
      await optimizer.step();
    };
    await step([0, 2]);
    expect([...(await parameters[1]!.data())]).toEqual(golden.start[1]);
    const first = [...(await parameters[0]!.data())];
    first.forEach((value, k) => {
      expect(value).toBeCloseTo(adam.after[0]![0]![k]!, 12);
    });
    await step([1]);
    expect([...(await parameters[0]!.data())]).toEqual(first);
    expect([...(await parameters[1]!.data())]).not.toEqual(golden.start[1]);
  });

  it('stays finite where every gradient is the same and the centred variance of RMSprop rounds to 0', async () => {
    for (const { device: any } of devices) {
      const parameter = any.tensor([1, -1, 0.5]);
      parameter.requiresGrad = true;
      const optimizer = new optim.RMSprop([parameter], { lr: 1e-6, centered: true });
      const step = any.compile((gradient: Tensor) => {
        parameter.grad = gradient;
        optimizer.step();
        return gradient.sum();
      });
      for (let i = 0; i < 1500; i++) await step(any.tensor([0.1, 0.1, 0.1]));
      expect([...(await parameter.data())].every(Number.isFinite), any.info.description).toBe(true);
    }
  });

  it('is one kernel call for all parameters on wasm', async () => {
    const wasm = devices.find(({ name }) => name.startsWith('wasm'))!.device;
    const [optimizer, parameters] = setUp(wasm, adam);
    const step = wasm.compile((...gradients: Tensor[]) => {
      gradients.forEach((grad, i) => {
        parameters[i]!.grad = grad;
      });
      optimizer.step();
      return gradients[0]!.sum();
    });
    await step(...golden.gradients[0]!.map((data, i) => wasm.tensor(data, golden.shapes[i]!)));
    const kernels = step.programs()[0]!.program.schedule.filter(({ kernel }) => kernel === 'adam_update_f32');
    expect(kernels.length).toBe(1);
  });

  it('needs gradients, and a bound that makes sense, to clip', () => {
    const [, parameters] = setUp(device, adam);
    expect(() => optim.clipGradNorm(parameters, { maxNorm: 1 })).toThrow(
      'clipGradNorm: no parameter has a gradient',
    );
    expect(() => optim.clipGradNorm(parameters, { maxNorm: -1 })).toThrow(
      'clipGradNorm: maxNorm must be a number of at least 0, got -1',
    );
    expect(() => optim.clipGradNorm(parameters, { maxNorm: 1, normType: 0 })).toThrow(
      'clipGradNorm: normType must be positive, got 0',
    );
    expect(() => optim.clipGradValue(parameters, Number.NaN)).toThrow(
      'clipGradValue: value must be a number of at least 0, got NaN',
    );
  });

  it.each([
    [() => new optim.RMSprop([], {}), 'RMSprop: needs at least one parameter'],
    [
      () => new optim.RMSprop(new nn.Linear(1, 1) as never),
      'RMSprop: needs a list of parameters, as model.parameters()',
    ],
    [
      (p: Tensor) => new optim.RMSprop([p], { alpha: -1 }),
      'RMSprop: alpha must be a number of at least 0, got -1',
    ],
    [
      (p: Tensor) => new optim.Adagrad([p], { lrDecay: -1 }),
      'Adagrad: lrDecay must be a number of at least 0, got -1',
    ],
    [(p: Tensor) => new optim.AdamW([p], { betas: [1, 0.9] }), 'AdamW: betas[0] must be in [0, 1), got 1'],
    [(p: Tensor) => new optim.Adamax([p], { eps: -1 }), 'Adamax: eps must be a number of at least 0, got -1'],
    [
      (p: Tensor) => new optim.NAdam([p], { momentumDecay: Number.NaN }),
      'NAdam: momentumDecay must be a number of at least 0, got NaN',
    ],
  ])('refuses impossible arguments: %#', (make, message) => {
    const parameter = device.tensor([1, 2]);
    parameter.requiresGrad = true;
    expect(() => make(parameter)).toThrow(message);
  });
});
