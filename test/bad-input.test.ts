import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Device, functional as F, nn, open, optim, type Tensor, WeftError } from '../src/index.js';

const numbers = async (tensor: Tensor) => [...(await tensor.data())];
const host = (rows: number) =>
  ({ data: new Float32Array(3 * rows).fill(0.5), shape: [rows, 3], dtype: 'f32' }) as const;
const labels = (...data: number[]) =>
  ({ data: Int32Array.from(data), shape: [data.length], dtype: 'i32' }) as const;

const FAULT = 'crossEntropy: label 4 at row 1 is outside 0..3, logits is [3,4], target is [3]';

describe.each(['reference', 'wasm', 'webgpu'] as const)('a label outside the classes on %s', (kind) => {
  let device: Device;
  beforeEach(async () => {
    device = await open(kind, { seed: 1 });
  });
  afterEach(() => device.dispose());

  it('is an error at every read of what came of it', async () => {
    const wrong = F.crossEntropy(device.zeros([3, 4]), device.tensor(labels(0, 4, 1)));
    const doubled = wrong.mul(2);
    await expect(wrong.item()).rejects.toThrow(FAULT);
    await expect(wrong.item()).rejects.toThrow(FAULT);
    await expect(doubled.item()).rejects.toThrow(FAULT);
    const right = F.crossEntropy(device.zeros([3, 4]), device.tensor(labels(0, 3, 1)));
    expect(await right.item()).toBeCloseTo(Math.log(4), 5);
  });

  it.each(['compiled', 'recorded'])('leaves a model that goes on training, %s', async (way) => {
    const model = new nn.Linear(3, 4).to(device);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 });
    const record = (x: Tensor, y: Tensor) => {
      optimizer.zeroGrad();
      const loss = F.crossEntropy(model.forward(x), y);
      loss.backward();
      return { loss, step: optimizer.step() };
    };
    const compiled = device.compile((x: Tensor, y: Tensor) => record(x, y).loss);
    const train = async (y: ReturnType<typeof labels>): Promise<number> => {
      if (way === 'compiled') return (await compiled(host(3), y)).item();
      const { loss, step } = record(device.tensor(host(3)), device.tensor(y));
      await step;
      return loss.item();
    };
    const first = await train(labels(0, 1, 2));
    await expect(train(labels(0, 4, 2))).rejects.toThrow(FAULT);
    const weights = await numbers(model.weight.tensor);
    expect(weights.every(Number.isFinite)).toBe(true);
    expect(await train(labels(0, 1, 2))).toBeLessThan(first);
  });

  it('is an error at the second read of a compiled output, too', async () => {
    const evaluate = device.compile((y: Tensor) => F.crossEntropy(device.zeros([3, 4]), y));
    const read = async () => {
      const loss = await evaluate(labels(0, 4, 1));
      await expect(loss.item()).rejects.toThrow(FAULT);
      return loss.item();
    };
    await expect(read()).rejects.toThrow(FAULT);
    expect(await (await evaluate(labels(0, 3, 1))).item()).toBeCloseTo(Math.log(4), 5);
  });
});

describe('too little memory', () => {
  it('is an error that names what is needed, and leaves what was there', async () => {
    const device = await open('wasm', { wasm: { memoryLimit: 2 ** 22 } });
    const x = device.tensor(new Float32Array(2 ** 17).fill(1));
    expect(() => device.tensor(new Float32Array(2 ** 20))).toThrow(
      /wasm: out of memory: a tensor needs 4\.0 MiB, .* of 4\.0 MiB are in use; dispose tensors or use smaller/,
    );
    const grow = device.compile((a: Tensor) => [
      a.mul(2),
      a.mul(3),
      a.mul(4),
      a.mul(5),
      a.mul(6),
      a.mul(7),
      a.mul(8),
    ]);
    const before = device.memory();
    await expect(grow(x)).rejects.toThrow('out of memory: an output of a compiled function needs 0.5 MiB');
    await expect(device.realize([2, 3, 4, 5, 6, 7, 8, 9].map((by) => x.mul(by)))).rejects.toThrow(
      'out of memory',
    );
    // The second one's program is kept: parameters, no arena.
    expect(device.memory().bytes - before.bytes).toBeLessThan(4096);
    expect(await x.mul(2).sum().item()).toBe(2 ** 18);
    x.dispose();
    const y = device.tensor(new Float32Array(2 ** 18).fill(1));
    expect(await y.sum().item()).toBe(2 ** 18);
    device.dispose();
  });

  it('refuses what 32-bit offsets and 4 GiB do not reach', async () => {
    const device = await open('wasm');
    for (const shape of [[2 ** 31], [65536, 65536], [2 ** 53]]) {
      const size = shape.reduce((a, b) => a * b, 1);
      expect(() => device.zeros(shape)).toThrow(
        `full: shape [${shape}] has ${size} elements; kernels count up to 2147483647`,
      );
    }
    const [a, b] = [device.ones([40_000, 8]), device.ones([8, 40_000])];
    await expect(F.matmul(a, b).sum().item()).rejects.toThrow(
      'matmul: its result f32[40000,40000] takes 6400000000 bytes, a buffer of this wasm device holds 4294967296',
    );
    const c = F.matmul(device.ones([26_000, 8]), device.ones([8, 26_000]));
    await expect(F.matmul(c, c).sum().item()).rejects.toThrow(
      /^wasm: out of memory: the arena of a program needs \d+\.\d MiB, .* of 4096.0 MiB are in use; dispose tensors/,
    );
    expect(await device.ones([3]).sum().item()).toBe(3);
    device.dispose();
  });

  it('makes room by dropping the programs that are kept for speed', async () => {
    const device = await open('wasm', { wasm: { memoryLimit: 2 ** 23 } });
    const x = device.tensor(new Float32Array(2 ** 17).fill(1));
    for (let i = 0; i < 20; i++) {
      // Every structure is another program with an arena of a mebibyte and more.
      const y = x.mul(i).add(x.exp()).add(x).sum();
      expect((await y.item()) / (2 ** 17 * (i + 1 + Math.E))).toBeCloseTo(1, 3);
    }
    device.dispose();
  });
});

describe('no device', () => {
  it('is an error that says what to do', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    const opening = open('webgpu', { webgpu: { gpu } });
    await expect(opening).rejects.toThrow(
      /webgpu: no adapter was found.*install a driver for Vulkan.*or use the wasm backend/,
    );
    await expect(opening).rejects.toBeInstanceOf(WeftError);
    await expect(open('cuda' as 'wasm')).rejects.toThrow(
      "open: no backend 'cuda'; there are wasm, webgpu and reference",
    );
    await expect(open('wasm', { seed: -1 })).rejects.toThrow('seed must be a whole number');
  });
});
