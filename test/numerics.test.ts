import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackendKind, type Device, functional as F, nn, open, optim } from '../src/index.js';

describe.each(['wasm', 'webgpu', 'reference'] as const)('numerics checked on %s', (kind: BackendKind) => {
  let strict: Device;
  let lenient: Device;
  beforeAll(async () => {
    strict = await open(kind, { checkNumerics: 'nonfinite' });
    lenient = await open(kind, { checkNumerics: 'nan' });
  });
  afterAll(() => {
    strict.dispose();
    lenient.dispose();
  });

  it('names the first op of a chain that made NaN, and where', async () => {
    for (const device of [strict, lenient]) {
      const x = device.tensor([4, 1, 9, -1, 16, -4], [2, 3]);
      await expect(x.mul(1).sqrt().add(1).relu().sum().data()).rejects.toThrow(
        'checkNumerics: sqrt made NaN at [1,0] of f32[2,3]',
      );
      expect([...(await device.tensor([4, 9]).sqrt().add(1).data())]).toEqual([3, 4]);
    }
  });

  it('tells infinities apart', async () => {
    const infinite = (device: Device) => device.tensor([1, 0, -2]).mul(2).log().abs().sum();
    expect((await lenient.tensor([1, 0, 2]).mul(2).log().neg().data())[1]).toBe(Number.POSITIVE_INFINITY);
    await expect(infinite(strict).data()).rejects.toThrow(
      'checkNumerics: log made -Infinity at [1] of f32[3]',
    );
    await expect(infinite(lenient).data()).rejects.toThrow('checkNumerics: log made NaN at [2] of f32[3]');
  });

  it('says when what it was given held it already', async () => {
    const x = strict.tensor([1, 2, Number.NaN]);
    x.label = 'features';
    await expect(x.add(1).data()).rejects.toThrow(
      "checkNumerics: input 'features' holds NaN at [2] of f32[3]",
    );
  });

  it('looks inside a compiled training step, gradients included', async () => {
    const model = new nn.Linear(2, 1).to(strict);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const step = strict.compile((x) => {
      // d sqrt at 0 is infinite, and 0 times that is NaN.
      const loss = F.sum(F.sqrt(model.forward(x!).mul(0)));
      loss.backward();
      optimizer.step();
      return loss;
    });
    const run = async () => (await step(strict.ones([3, 2]))).item();
    await expect(run()).rejects.toThrow(/^checkNumerics: \w+ made (NaN|Infinity) at \[\d,0\] of f32\[3,1\]$/);
  });

  it('leaves integers, empty values and sound programs alone', async () => {
    expect([...(await strict.tensor([1, -2], [2], 'i32').abs().data())]).toEqual([1, 2]);
    expect((await strict.tensor([], [0]).add(1).data()).length).toBe(0);
    const x = strict.normal([70, 33]);
    const found = await x.matmul(x.transpose(0, 1)).softmax({ axis: 1 }).sum().item();
    expect(found).toBeCloseTo(70, 3);
  });
});

it('is an option with two values', async () => {
  await expect(open('wasm', { checkNumerics: 'all' as never, threads: 1 })).rejects.toThrow(
    "open: checkNumerics must be 'nan' or 'nonfinite', got 'all'",
  );
});
