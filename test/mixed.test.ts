import { afterAll, describe, expect, it } from 'vitest';
import {
  type Device,
  type DeviceOptions,
  functional as F,
  Generator,
  nn,
  open,
  optim,
  type Tensor,
} from '../src/index.js';
import { batch, network } from './support/cnn.js';

const uniform = (device: Device, seed: number, shape: readonly number[], bound = 1): Tensor => {
  const generator = new Generator(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return device.tensor(
    Float32Array.from({ length: size }, () => generator.uniform(-bound, bound)),
    shape,
  );
};

type Step = () => Tensor;

/** A step on one batch, with loss scaling. */
function stepOf(device: Device, parameters: readonly Tensor[], loss: Step, scaler: optim.GradScaler) {
  const optimizer = new optim.Adam(parameters, { lr: 0.01 });
  return device.compile(() => {
    const value = loss();
    optimizer.zeroGrad();
    scaler.scale(value).backward();
    scaler.step(optimizer);
    scaler.update();
    return value;
  });
}

/** Losses of steps on one batch. */
async function losses(device: Device, parameters: readonly Tensor[], loss: Step, steps: number) {
  const scaler = new optim.GradScaler(device, { initScale: 1024 });
  const step = stepOf(device, parameters, loss, scaler);
  const found: number[] = [];
  for (let i = 0; i < steps; i++) found.push(await (await step()).item());
  return found;
}

async function cnnOf(device: Device) {
  const net = await network(device);
  const [x, y] = batch(0).map((one) => device.tensor(one)) as [Tensor, Tensor];
  return { parameters: net.parameters(), loss: () => F.crossEntropy(net.forward(x), y) };
}

async function cnn(device: Device): Promise<number[]> {
  const { parameters, loss } = await cnnOf(device);
  return losses(device, parameters, loss, 10);
}

async function lstm(device: Device): Promise<number[]> {
  const net = new nn.LSTM(24, 20, { layers: 2 }).to(device);
  const head = new nn.Linear(20, 10).to(device);
  const x = uniform(device, 5, [6, 8, 24]);
  const y = device.tensor({ data: Int32Array.from({ length: 8 }, (_, i) => i), shape: [8], dtype: 'i32' });
  const loss = () => F.crossEntropy(head.forward(F.mean(net.forward(x)[0], { axes: [0] })), y);
  return losses(device, [...net.parameters(), ...head.parameters()], loss, 10);
}

/** Devices of a suite, which end with it; no mixed one where halves are absent. */
async function openBoth(): Promise<{ plain: Device; mixed: Device | null }> {
  const plain = await open('webgpu');
  const mixed = plain.backend.features.has('shader-f16')
    ? await open('webgpu', { precision: 'mixed' })
    : null;
  afterAll(() => {
    plain.dispose();
    mixed?.dispose();
  });
  return { plain, mixed };
}

describe('mixed precision', async () => {
  const { plain, mixed } = await openBoth();

  it('is refused with a reason where it can not be', async () => {
    await expect(open('wasm', { precision: 'mixed' })).rejects.toThrow(
      "open: precision 'mixed' is for webgpu, wasm computes in its own",
    );
    await expect(open('webgpu', { precision: 'f16' as 'mixed' })).rejects.toThrow(
      "open: precision must be 'f32' or 'mixed', got 'f16'",
    );
    if (mixed) expect(mixed.backend.features.has('mixed-precision')).toBe(true);
    else
      await expect(open('webgpu', { precision: 'mixed' })).rejects.toThrow(
        /^open: precision 'mixed' needs shader-f16, which is off on .+; leave precision out to compute in f32$/,
      );
  });

  // Rounding an operand to 11 bits is off by 2^-11 of it, so a product by twice that and 2^-22; k roundings of f32 behind.
  const bound = (k: number) => 2 * 2 ** -11 + 2 ** -22 + (k + 2) * 2 ** -24;
  // Operands that are computed are kept in 16 bits.
  it.each([
    [[17, 19], [19, 23], {}],
    [[3, 64], [64, 30], {}],
    [[70, 65], [70, 66], { transposeA: true }],
    [[130, 40], [129, 40], { transposeB: true }],
    [[33, 34], [36, 33], { transposeA: true, transposeB: true }],
    [[2, 1, 17, 18], [3, 18, 19], {}],
  ] as const)('products of %j and %j stay within the rounding of operands', async (a, b, options) => {
    const device = mixed ?? plain;
    const terms = a['transposeA' in options && options.transposeA ? a.length - 2 : a.length - 1]!;
    const [x, y] = [uniform(device, 1, a), uniform(device, 2, b)];
    const reference = await open('reference');
    const [u, v] = [uniform(reference, 1, a), uniform(reference, 2, b)];
    const [got, wanted, size] = await Promise.all([
      F.matmul(F.mul(x, 2), F.mul(y, 2), options).data(),
      F.matmul(F.mul(u, 2), F.mul(v, 2), options).data(),
      F.mul(F.matmul(F.abs(u), F.abs(v), options), 4).data(),
    ]);
    const worst = Math.max(...Array.from(got, (value, i) => Math.abs(value - wanted[i]!) / size[i]!));
    expect(worst).toBeLessThan(mixed ? bound(terms) : (terms + 2) * 2 ** -24);
    if (mixed) expect(worst).toBeGreaterThan(1e-6);
  });

  it('a linear layer adds its bias and its activation in f32', async () => {
    const device = mixed ?? plain;
    const [x, w] = [uniform(device, 1, [20, 30]), uniform(device, 2, [18, 30])];
    const bias = uniform(device, 3, [18], 1000);
    const [y, product, b] = await Promise.all([
      F.relu(F.linear(x, w, bias)).data(),
      F.matmul(x, w, { transposeB: true }).data(),
      bias.data(),
    ]);
    y.forEach((value, i) => {
      expect(value).toBeCloseTo(Math.max(0, product[i]! + b[i % 18]!), 3);
    });
  });

  // A state of 5 steps has that of the weights' roundings, 2^-11 for each term of a product, five times over.
  it.each(['RNN', 'GRU', 'LSTM'] as const)(
    '%s keeps its weight in half precision for all steps',
    async (kind) => {
      const run = async (options: DeviceOptions) => {
        using device = await open('webgpu', options);
        const net = new nn[kind](7, 10, { bidirectional: true }).to(device);
        const x = uniform(device, 9, [5, 9, 7]);
        F.mean(F.square(net.forward(x)[0])).backward();
        return await Promise.all(
          [net.forward(x)[0], ...net.parameters().map(({ grad }) => grad!)].map((one) => one.data()),
        );
      };
      const wanted = await run({});
      expect(wanted.every((values) => values.every(Number.isFinite))).toBe(true);
      if (!mixed) return;
      const got = await run({ precision: 'mixed' });
      got.forEach((values, k) => {
        const largest = Math.max(...Array.from(wanted[k]!, Math.abs));
        const worst = Math.max(...Array.from(values, (value, i) => Math.abs(value - wanted[k]![i]!)));
        expect(worst).toBeLessThan(0.02 * largest);
      });
      const differs = got.some((values, k) => values.some((value, i) => value !== wanted[k]![i]));
      expect(differs).toBe(true);
    },
  );

  /** Multiples of 1/32 of at most 6 bits: exact in 16 bits. */
  const exact = (device: Device, seed: number, shape: readonly number[]): Tensor => {
    const generator = new Generator(seed);
    const size = shape.reduce((a, b) => a * b, 1);
    return device.tensor(
      Float32Array.from({ length: size }, () => Math.floor(generator.uniform(-31, 32)) / 32),
      shape,
    );
  };

  type Kernels = readonly [
    name: string,
    of: (x: Tensor, w: Tensor) => Tensor,
    x: readonly number[],
    w: readonly number[],
    /** How many times as large as a gradient the terms are of which it is the difference; default 1. */
    cancels?: number,
  ];
  const conv = (
    x: readonly number[],
    w: readonly number[],
    options: Parameters<typeof F.conv2d>[3],
  ): Kernels => [
    `conv2d ${JSON.stringify(options)} of ${JSON.stringify(x)} and ${JSON.stringify(w)}`,
    (a, b) => F.relu(F.conv2d(a, b, null, options)),
    x,
    w,
  ];
  const pool = (name: string, of: (x: Tensor) => Tensor, shape: readonly number[]): Kernels => [
    name,
    (x, w) => F.conv2d(of(x), w, null),
    shape,
    [3, shape[1]!, 1, 1],
  ];
  /** Between two convolutions of 1 x 1 by the same weight. */
  const between = (name: string, of: (x: Tensor) => Tensor, shape: readonly number[]): Kernels => [
    name,
    (x, w) => F.conv2d(of(F.conv2d(x, w)), w),
    shape,
    [shape[1]!, shape[1]!, 1, 1],
    // A norm takes away what its input's mean and length have in the gradient.
    4,
  ];
  /** The rows of y by the rows of w, as an image. */
  const rows = (y: Tensor, w: Tensor): Tensor =>
    F.reshape(F.matmul(y, w, { transposeB: true }), { shape: [1, y.shape[0]!, w.shape[0]!, 1] });
  const kernels: readonly Kernels[] = [
    conv([2, 3, 9, 7], [5, 3, 3, 3], { padding: 1 }),
    conv([1, 4, 11, 8], [6, 2, 3, 2], { stride: [2, 1], groups: 2, dilation: [1, 2] }),
    conv([2, 8, 6, 6], [8, 1, 3, 3], { padding: 1, groups: 8 }),
    conv([2, 40, 6, 6], [36, 40, 1, 1], {}),
    conv([2, 36, 10, 9], [70, 36, 3, 3], { padding: 1 }),
    conv([3, 33, 8, 8], [34, 33, 3, 3], { stride: 2, padding: 1 }),
    pool('maxPool2d of 2', (x) => F.maxPool2d(x, { kernel: 2 }), [2, 3, 8, 8]),
    pool('maxPool2d of 3', (x) => F.maxPool2d(x, { kernel: 3, stride: 2, padding: 1 }), [2, 3, 9, 7]),
    pool('avgPool2d of 2', (x) => F.avgPool2d(x, { kernel: 2 }), [2, 3, 8, 8]),
    pool('avgPool2d of 3', (x) => F.avgPool2d(x, { kernel: 3, stride: 2 }), [2, 3, 9, 7]),
    between('batchNorm', (x) => F.batchNorm(x)[0]!, [4, 3, 9, 7]),
    between('batchNorm of many', (x) => F.batchNorm(x)[0]!, [2, 4, 64, 64]),
    between('layerNorm', (x) => F.layerNorm(x, null, null, { normalizedShape: [8] }), [2, 3, 5, 8]),
    ['softmax', (x, w) => rows(F.softmax(F.matmul(x, w)), w), [20, 20], [20, 36]],
    [
      'attention',
      (x, w) => rows(F.scaledDotProductAttention(F.matmul(x, w), x, x, null, { causal: true }), w),
      [16, 16],
      [16, 16],
    ],
  ];

  // Operands are exact in 16 bits, so that only what is made of them is rounded on its way to the next product: by 2^-11 of
  // it each time, at most eight times on the way to a gradient: 2^-8 of the largest.
  for (const [name, of, xShape, wShape, cancels = 1] of kernels)
    it(`${name} and its gradients are those of f32`, async () => {
      const run = async (device: Device) => {
        const [x, w] = [exact(device, 1, xShape), exact(device, 2, wShape)];
        for (const one of [x, w]) one.requiresGrad = true;
        const factors = exact(device, 3, [2, wShape[0]!, 1, 1]);
        const step = device.compile(() => {
          for (const one of [x, w]) one.grad = null;
          const z = F.conv2d(of(F.mul(x, 1), F.mul(w, 1)), factors, null);
          F.sum(F.square(z)).backward();
          return [z, x.grad!, w.grad!];
        });
        const made = await step();
        const values = await Promise.all(made.map((one) => one.data()));
        return { values, half: step.describe()[0]!.halfBytes };
      };
      const wanted = await run(plain);
      const got = mixed ? await run(mixed) : wanted;
      expect(wanted.half).toBe(0);
      if (mixed) expect(got.half).toBeGreaterThan(0);
      got.values.forEach((values, k) => {
        const largest = Math.max(...Array.from(wanted.values[k]!, Math.abs));
        const worst = Math.max(...Array.from(values, (value, i) => Math.abs(value - wanted.values[k]![i]!)));
        expect(worst).toBeLessThanOrEqual(mixed ? cancels * 2 ** -8 * largest : 0);
      });
    });

  // Ten steps move the losses by the roundings of operands, 2^-11, some ten times over.
  it.each([
    ['the CNN', cnn],
    ['the LSTM', lstm],
  ] as const)('%s reaches the losses of f32 within two percent', async (_, train) => {
    const wanted = await train(plain);
    expect(wanted.at(-1)).toBeLessThan(wanted[0]!);
    if (!mixed) return;
    const got = await train(mixed);
    got.forEach((loss, i) => {
      expect(Math.abs(loss / wanted[i]! - 1)).toBeLessThan(0.02);
    });
  });
});

describe('a training step in mixed precision', async () => {
  const { plain, mixed } = await openBoth();

  it('keeps activations and their gradients in 16 bits, and says how many bytes', async () => {
    const describeOn = async (device: Device) => {
      const { parameters, loss } = await cnnOf(device);
      const step = stepOf(device, parameters, loss, new optim.GradScaler(device));
      await (await step()).item();
      return step.describe()[0]!;
    };
    const wanted = await describeOn(plain);
    expect(wanted.halfBytes).toBe(0);
    expect(String(wanted)).not.toContain('half precision');
    if (!mixed) return;
    const got = await describeOn(mixed);
    // Of 8 images: 4 x 16 x 16 and 4 x 8 x 8 behind the first convolution, 8 x 6 x 6 and 8 x 3 x 3 behind the second, 16 of
    // the linear layer; and the gradients of all of them.
    const activations = 4 * 16 * 16 + 4 * 8 * 8 + 8 * 6 * 6 + 8 * 3 * 3 + 16;
    expect(got.halfBytes).toBeGreaterThanOrEqual(2 * 8 * 2 * activations);
    expect(String(got)).toContain(`, ${got.halfBytes} bytes of values in half precision`);
    expect(got.arenaBytes).toBeLessThanOrEqual(wanted.arenaBytes);
    expect(got.launches.length).toBe(wanted.launches.length);
    const bytes = (of: typeof got) => of.launches.reduce((sum, launch) => sum + launch.bytes, 0);
    expect(bytes(got)).toBeLessThan(bytes(wanted));
  });

  // A loss of about 2 scaled by 2^26 has gradients of activations beyond 65504, the largest number of 16 bits, which f32
  // holds without trouble.
  it('backs off while gradients of convolutions overflow in 16 bits, and grows again', async () => {
    const run = async (device: Device) => {
      const { parameters, loss } = await cnnOf(device);
      const scaler = new optim.GradScaler(device, { initScale: 2 ** 26, growthInterval: 3 });
      const step = stepOf(device, parameters, loss, scaler);
      const steps: { loss: number; scale: number; weight: number }[] = [];
      for (let i = 0; i < 20; i++) {
        const value = await (await step()).item();
        const [weight] = await parameters[0]!.data();
        steps.push({ loss: value, scale: await scaler.getScale(), weight: weight! });
      }
      return steps;
    };
    const wanted = await run(plain);
    expect(wanted[19]!.scale).toBe(2 ** 32);
    if (!mixed) return;
    const got = await run(mixed);
    const before = [{ scale: 2 ** 26, loss: got[0]!.loss, weight: wanted[0]!.weight }, ...got];
    let skipped = 0;
    for (let i = 1; i < before.length; i++) {
      const [last, now] = [before[i - 1]!, before[i]!];
      expect(now.loss).toBeGreaterThan(0);
      const backs = now.scale < last.scale;
      if (backs) expect(now.scale).toBe(last.scale / 2);
      if (backs) skipped++;
      if (i > 1) expect(now.weight === last.weight).toBe(backs);
    }
    // First where it starts; later where it has grown by one.
    expect(got[0]!.scale).toBe(2 ** 25);
    expect(skipped).toBeGreaterThan(2);
    expect(got.some(({ scale }, i) => i > 0 && scale === 2 * got[i - 1]!.scale)).toBe(true);
    expect(got[19]!.loss).toBeLessThan(got[0]!.loss);
  });

  it('copies to 16 bits what products read often and others hold', async () => {
    const run = async (device: Device) => {
      const [x, w] = [uniform(device, 1, [320, 320]), uniform(device, 2, [320, 320])];
      const product = device.compile(() => F.matmul(x, w));
      const y = await (await product()).data();
      return { y, half: product.describe()[0]!.halfBytes };
    };
    const wanted = await run(plain);
    expect(wanted.half).toBe(0);
    if (!mixed) return;
    const got = await run(mixed);
    expect(got.half).toBe(2 * 2 * 320 * 320);
    // Of 320 terms of up to 1, each off by 2^-11 twice, and by the roundings of f32.
    const worst = Math.max(...Array.from(got.y, (value, i) => Math.abs(value - wanted.y[i]!)));
    expect(worst).toBeLessThan(320 * (2 * 2 ** -11 + 2 ** -22 + 2 * 322 * 2 ** -24));
    expect(worst).toBeGreaterThan(1e-5);
  });
});

describe.each(['reference', 'wasm', 'webgpu'] as const)('GradScaler on %s', (kind) => {
  it('skips a step with an infinite gradient, on the device, and grows after good ones', async () => {
    const device = await open(kind);
    const w = device.tensor([1, 2], [2]);
    w.requiresGrad = true;
    const optimizer = new optim.SGD([w], { lr: 0.5, momentum: 0.9 });
    const scaler = new optim.GradScaler(device, { initScale: 8, growthInterval: 2 });
    const step = device.compile((x: Tensor) => {
      optimizer.zeroGrad();
      scaler.scale(F.sum(w.mul(x))).backward();
      scaler.step(optimizer);
      scaler.update();
      return x.add(0);
    });
    const run = async (...x: number[]) => {
      await (await step(device.tensor(x, [2]))).data();
      return [...(await w.data()), await scaler.getScale()];
    };
    expect(await run(1, 1)).toEqual([0.5, 1.5, 8]);
    // Scaled, it is infinite in f32.
    const huge = kind === 'reference' ? Number.POSITIVE_INFINITY : 3e38;
    expect(await run(huge, 1)).toEqual([0.5, 1.5, 4]);
    expect(await run(Number.NaN, 1)).toEqual([0.5, 1.5, 2]);
    // The momentum is that of the first step: 0.9 · 1 + 1.
    const third = await run(1, 1);
    expect(third[0]).toBeCloseTo(-0.45, 6);
    expect(third[2]).toBe(2);
    expect((await run(0, 0))[2]).toBe(4);
    const state = await scaler.stateDict();
    expect(state).toEqual({
      scale: 4,
      growth_factor: 2,
      backoff_factor: 0.5,
      growth_interval: 2,
      _growth_tracker: 0,
    });
    const other = new optim.GradScaler(device);
    await other.loadStateDict({ ...state, scale: 16 });
    expect(await other.getScale()).toBe(16);
    device.dispose();
  });

  it('works step by step, with clipping between', async () => {
    const device = await open(kind);
    const w = device.tensor([1, 2], [2]);
    w.requiresGrad = true;
    const optimizer = new optim.SGD([w], { lr: 1 });
    const scaler = new optim.GradScaler(device, { initScale: 4 });
    scaler.scale(F.sum(w.mul(device.tensor([3, 4], [2])))).backward();
    scaler.unscale(optimizer);
    expect(() => scaler.unscale(optimizer)).toThrow('unscale: gradients of this SGD are divided already');
    optim.clipGradNorm([w], { maxNorm: 1 });
    await scaler.step(optimizer);
    await scaler.update();
    const [a, b] = await w.data();
    expect(a).toBeCloseTo(1 - 0.6, 5);
    expect(b).toBeCloseTo(2 - 0.8, 5);
    device.dispose();
  });
});

it('GradScaler refuses options that can not be', async () => {
  const device = await open('reference');
  const make = (options: optim.GradScalerOptions) => () => new optim.GradScaler(device, options);
  expect(make({ initScale: 0 })).toThrow('GradScaler: initScale must be a positive f32, got 0');
  expect(make({ growthFactor: 1 })).toThrow('GradScaler: growthFactor must be above 1, got 1');
  expect(make({ backoffFactor: 1 })).toThrow('GradScaler: backoffFactor must be between 0 and 1, got 1');
  expect(make({ growthInterval: 1.5 })).toThrow(
    'GradScaler: growthInterval must be a whole number above 0, got 1.5',
  );
});
