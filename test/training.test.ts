import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as weft from '../src/index.js';
import { type Device, type DeviceOptions, functional as F, open, optim, type Tensor } from '../src/index.js';
import { batch, network, STEPS, type TrainOptions, train } from './support/cnn.js';
import { trainSteps } from './support/train-steps.js';

interface Golden {
  readonly losses: Readonly<Record<string, readonly number[]>>;
  readonly gradients: Readonly<Record<string, { readonly norm: number; readonly first: readonly number[] }>>;
}

/** From PyTorch, in double precision: test/golden/make_cnn_losses.py. */
const golden = JSON.parse(readFileSync(new URL('golden/cnn-losses.json', import.meta.url), 'utf8')) as Golden;

const runs: Readonly<Record<string, Omit<TrainOptions, 'compiled'>>> = {
  adam: { optimizer: (p) => new optim.Adam(p, { lr: 0.01 }) },
  sgd: { optimizer: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }) },
  sgdPlain: { optimizer: (p) => new optim.SGD(p, { lr: 0.1, weightDecay: 0.01 }) },
  sgdDampened: { optimizer: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.8, dampening: 0.3 }) },
  adamDecayed: {
    optimizer: (p) => new optim.Adam(p, { lr: 0.01, betas: [0.8, 0.99], eps: 1e-6, weightDecay: 0.1 }),
    rates: { 4: 0.005, 7: 0.02 },
  },
};

/** The largest relative difference of two lists of losses. */
const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((loss, i) => Math.abs(loss / b[i]! - 1)));

/**
 * Relative bounds on ten losses. The reference computes what PyTorch does, in f64. Kernels round every number to f32, which
 * costs about 1e-7, and up to 5e-6 where a rounding turns the choice of a ReLU or of a maximum.
 */
const REFERENCE_BOUND = 1e-12;
const KERNEL_BOUND = 1e-5;

const devices: readonly (readonly [string, 'wasm' | 'webgpu', DeviceOptions['wasm']])[] = [
  ['wasm simd 4x8', 'wasm', { binary: 'simd', tile: '4x8' }],
  ['wasm simd 6x8', 'wasm', { binary: 'simd', tile: '6x8' }],
  ['wasm relaxed 4x8', 'wasm', { binary: 'relaxed-simd', tile: '4x8' }],
  ['wasm relaxed 6x8', 'wasm', { binary: 'relaxed-simd', tile: '6x8' }],
  ['wasm relaxed 6x16', 'wasm', { binary: 'relaxed-simd', tile: '6x16' }],
  ['webgpu', 'webgpu', undefined],
];

describe('ten steps on the reference equal PyTorch', () => {
  it.each(Object.keys(runs))('%s', async (name) => {
    const device = await open('reference');
    const { losses } = await train(device, { ...runs[name]!, compiled: true });
    expect(losses).toHaveLength(STEPS);
    expect(distance(losses, golden.losses[name]!)).toBeLessThan(REFERENCE_BOUND);
  });

  it('gradients of the first step', async () => {
    const device = await open('reference');
    const net = await network(device);
    const [x, y] = batch(0);
    F.crossEntropy(net.forward(device.tensor(x)), device.tensor(y)).backward();
    for (const [name, parameter] of net.namedParameters()) {
      const grad = [...(await parameter.grad!.data())];
      const { norm, first } = golden.gradients[name]!;
      expect(Math.abs(Math.hypot(...grad) / norm - 1)).toBeLessThan(1e-12);
      first.forEach((value, i) => {
        expect(Math.abs(grad[i]! - value)).toBeLessThan(1e-12 * norm);
      });
    }
  });
});

describe.each(devices)('ten steps on %s', (_, kind, wasm) => {
  let device: Device;
  beforeAll(async () => {
    device = await open(kind, { wasm });
  });
  afterAll(() => device.dispose());

  it.each(Object.keys(runs))('%s: the losses of PyTorch, compiled and recorded alike', async (name) => {
    const compiled = await train(device, { ...runs[name]!, compiled: true });
    const recorded = await train(device, { ...runs[name]!, compiled: false });
    expect(distance(compiled.losses, golden.losses[name]!)).toBeLessThan(KERNEL_BOUND);
    expect(recorded.losses).toEqual(compiled.losses);
    // A new learning rate is an input: nothing is compiled anew.
    expect(compiled.programs).toBe(1);
  });
});

describe('a seed gives a run', () => {
  it('bit for bit, dropout included', async () => {
    const run = () => trainSteps(weft, 'wasm', 5);
    expect(await run()).toEqual(await run());
  });

  it('whatever the tile', async () => {
    const losses = async (tile: '4x8' | '6x8' | '6x16') => {
      const device = await open('wasm', { wasm: { tile } });
      return (await train(device, { ...runs.adam!, compiled: true })).losses;
    };
    const expected = await losses('4x8');
    expect(await losses('6x8')).toEqual(expected);
    expect(await losses('6x16')).toEqual(expected);
  });

  it('another seed another one', async () => {
    const first = async (seed: number) => {
      const device: Device = await open('wasm', { seed });
      const y: Tensor = F.dropout(device.ones([64]), { p: 0.5 });
      return [...(await y.data())];
    };
    expect(await first(1)).toEqual(await first(1));
    expect(await first(1)).not.toEqual(await first(2));
  });
});
