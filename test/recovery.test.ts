import { afterEach, describe, expect, it } from 'vitest';
import {
  type Device,
  DeviceLostError,
  type DeviceOptions,
  data,
  functional as F,
  type HostTensor,
  nn,
  open,
  optim,
  type Recovered,
  type Tensor,
  train as training,
} from '../src/index.js';
import { breakableGPU } from './support/breakable.js';
import { counter, lossOf, STEPS, train } from './support/recovering.js';

const opened: Device[] = [];
afterEach(() => {
  for (const device of opened.splice(0)) device.dispose();
});

async function openBreakable(recover: DeviceOptions['recover'], rest: DeviceOptions = {}) {
  const broken = await breakableGPU();
  const device = await open('webgpu', { seed: 5, recover, webgpu: { gpu: broken.gpu }, ...rest });
  opened.push(device);
  return { device, broken };
}

describe('a webgpu device that recovers', () => {
  const calm = new Map<boolean, ReturnType<typeof train>>();
  const undisturbedRun = async (compiled: boolean) => {
    const found = calm.get(compiled) ?? train((await openBreakable(false)).device, { compiled });
    calm.set(compiled, found);
    return found;
  };

  it.each([
    ['compiled', true, 4, 6],
    ['compiled, before any later snapshot', true, 100, 6],
    ['compiled, in the first step', true, 4, 0],
    ['recorded', false, 8, 6],
  ])('ends with the losses of an undisturbed run: %s', async (_, compiled, every, breakAt) => {
    const undisturbed = await undisturbedRun(compiled);
    const { device, broken } = await openBreakable({ every });
    const disturbed = await train(device, { compiled, breakAt, broken });
    expect(broken.devices).toHaveLength(2);
    expect(disturbed.recoveries).toHaveLength(1);
    const [{ updates, undone }] = disturbed.recoveries as [Recovered];
    const each = compiled ? 1 : 2;
    expect(updates).toBe(Math.floor((breakAt * each) / every) * every);
    expect(updates + undone).toBe((breakAt + 1) * each);
    // Undone steps were made again.
    expect(disturbed.made).toHaveLength(STEPS + undone / each);
    const { losses, average, weights, lr } = undisturbed;
    expect(disturbed).toMatchObject({ losses, updates: undisturbed.updates, average, weights, lr });
  });
});

describe('train.fit on a device that recovers', () => {
  const SAMPLES = 20;
  const inputs: HostTensor = {
    data: Float32Array.from({ length: SAMPLES * 6 }, (_, i) => Math.sin(3 * i)),
    shape: [SAMPLES, 6],
    dtype: 'f32',
  };
  const labels: HostTensor = {
    data: Int32Array.from({ length: SAMPLES }, (_, i) => i % 3),
    shape: [SAMPLES],
    dtype: 'i32',
  };
  const samples = new data.TensorDataset(inputs, labels);

  /** Three epochs of five batches; `at` is called behind each batch, or within the validation of epoch 0.5, 1.5, ... */
  async function threeEpochs(
    device: Device,
    at: (epoch: number) => Promise<unknown>,
    loader?: training.Loader,
  ) {
    const model = new nn.Sequential(new nn.Linear(6, 8), new nn.Dropout(0.2), new nn.Linear(8, 3)).to(device);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.2, momentum: 0.9 });
    let epochs = 0;
    const validation = {
      async *[Symbol.asyncIterator]() {
        yield [inputs, labels];
        await at(epochs + 0.5);
      },
    };
    const { epochs: records } = await training.fit(model, {
      optimizer,
      loss: F.crossEntropy,
      loader: loader ?? new data.DataLoader(samples, { batchSize: 4, shuffle: true }),
      epochs: 3,
      validation,
      metrics: { accuracy: new training.Accuracy() },
      trainMetrics: { accuracy: new training.Accuracy() },
      schedule: new optim.StepLR(optimizer, { stepSize: 1, gamma: 0.5 }),
      average: new optim.ExponentialMovingAverage(model, { decay: 0.5 }),
      callbacks: [
        {
          onBatchEnd: (run) => {
            epochs = run.epoch;
            return at(run.epoch + run.batch / 10);
          },
        },
      ],
    });
    return records.map(({ seconds: _, ...record }) => record);
  }

  let calm: ReturnType<typeof threeEpochs> | null = null;
  it.each([
    ['within an epoch', 4, [1.4, 2.3]],
    ['in the validation', 7, [1.5, 3.5]],
    ['between the swaps of averages', 1, [2.5]],
    ['before any snapshot but the first', 100, [2.2]],
  ])('goes on from its last snapshot: lost %s', async (_, every, times) => {
    calm ??= threeEpochs((await openBreakable(false)).device, async () => {});
    const expected = await calm;
    const { device, broken } = await openBreakable({ every });
    const left = new Set<number>(times);
    const records = await threeEpochs(device, async (at) => {
      if (left.delete(at)) await broken.destroy();
    });
    expect(left.size).toBe(0);
    expect(broken.devices).toHaveLength(times.length + 1);
    expect(records).toEqual(expected);
  });

  it('says that a loader must know where it stands', async () => {
    const { device, broken } = await openBreakable(true);
    let left = 1;
    const plain = { [Symbol.asyncIterator]: () => new data.DataLoader(samples)[Symbol.asyncIterator]() };
    const lost = threeEpochs(device, async () => (left-- === 1 ? broken.destroy() : null), plain);
    await expect(lost).rejects.toThrow('the loader has no stateDict() to go back by');
  });
});

describe('a lost device', () => {
  it('fails the calls that were made before, one at least, and keeps those after waiting', async () => {
    const { device, broken } = await openBreakable({ every: 3 });
    const { count, step, first } = counter(device);
    for (let i = 0; i < 4; i++) await first(await step());
    const under = [step(), first(count), step(), device.tensor([1]).add(1).data()];
    const lost = broken.destroy();
    const errors = await Promise.all(under.slice(1).map(lossOf));
    await lost;
    expect(errors[0]!.message).toMatch(
      /^webgpu: the device was lost \(destroyed.*tensors go back to the snapshot of 3 updates/,
    );
    const later = step();
    expect(await errors[0]!.recovered).toMatchObject({ updates: 3, state: undefined });
    expect(await first(await later)).toBe(4);

    // Nothing under way: the next call tells, and only that one.
    await broken.destroy();
    const { recovered } = await lossOf(first(count));
    const { updates } = (await recovered)!;
    expect(await first(count)).toBe(updates);
    expect(broken.devices).toHaveLength(3);
  });

  it('gives tensors their contents back, or says that these are lost; never zeros', async () => {
    const { device, broken } = await openBreakable({ every: Number.POSITIVE_INFINITY });
    const given = device.tensor([1, 2]);
    const mask = device.tensor({ data: Uint8Array.of(1, 0), shape: [2], dtype: 'bool' });
    const early = given.mul(3);
    await device.realize([early]);
    const changed = device.tensor([5, 6]);
    await device.snapshot({ at: 'here' });
    const young = device.tensor([7, 8]);
    await device.write(changed, { data: Float32Array.of(9, 9), shape: [2], dtype: 'f32' });
    const overwritten = device.tensor([0, 0]);
    await device.write(overwritten, { data: Float32Array.of(3, 4), shape: [2], dtype: 'f32' });
    const late = given.mul(4);
    late.label = 'late';
    await device.realize([late]);
    const double = device.compile((x: Tensor) => x.mul(2));
    const output = await double(given);
    expect(await output.data()).toEqual(Float32Array.of(2, 4));
    const reading = device.compile(() => late.mul(2));
    await reading();

    await broken.destroy();
    const during = device.tensor([10, 11]);
    const { recovered } = await lossOf(early.data());
    expect(await recovered).toEqual({ updates: 0, undone: 0, state: { at: 'here' } });
    expect(await given.data()).toEqual(Float32Array.of(1, 2));
    expect(await mask.data()).toEqual(Uint8Array.of(1, 0));
    expect(await early.data()).toEqual(Float32Array.of(3, 6));
    expect(await changed.data()).toEqual(Float32Array.of(5, 6));
    expect(await young.data()).toEqual(Float32Array.of(7, 8));
    expect(await overwritten.data()).toEqual(Float32Array.of(3, 4));
    expect(await during.data()).toEqual(Float32Array.of(10, 11));
    const gone = "'late' f32[2] was lost with the device: it was computed after the snapshot of 0 updates";
    await expect(late.data()).rejects.toThrow(`read: tensor ${gone}`);
    await expect(late.add(1).data()).rejects.toThrow(gone);
    await expect(double(late)).rejects.toThrow(gone);
    await expect(late.gpuBuffer()).rejects.toThrow(gone);
    await expect(reading()).rejects.toThrow("compile: 'late', which the function reads, was lost");
    await expect(output.data()).rejects.toThrow('was lost with the device; run the function again');
    expect(await (await double(young)).data()).toEqual(Float32Array.of(14, 16));
    await expect(output.data()).rejects.toThrow('the function ran again');
    late.dispose();
  });

  it('goes back to the snapshot before one that had not arrived', async () => {
    const { device, broken } = await openBreakable({ every: Number.POSITIVE_INFINITY });
    const { step, first } = counter(device);
    await device.snapshot('first');
    for (let i = 0; i < 3; i++) await step();
    const second = lossOf(device.snapshot('second'));
    await Promise.resolve();
    await broken.destroy();
    const recovered = await (await second).recovered;
    expect(recovered).toEqual({ updates: 0, undone: 3, state: 'first' });
    expect(await first(await step())).toBe(1);
  });

  it('keeps what the program wants to know', async () => {
    let i = 0;
    const { device, broken } = await openBreakable({ every: 3, state: () => ({ i }) });
    const { step, first } = counter(device);
    for (; i < 8; i++) await first(await step());
    await broken.destroy();
    const { recovered } = await lossOf(step());
    expect(await recovered).toEqual({ updates: 6, undone: 2, state: { i: 6 } });
  });

  it('is replaced whatever took it: a driver that ran out of memory', async () => {
    const { device, broken } = await openBreakable({ every: 2 });
    const { step, first } = counter(device);
    for (let i = 0; i < 3; i++) await first(await step());
    await broken.lose('out of memory');
    const error = await lossOf(step());
    expect(error.message).toContain(
      'webgpu: the device was lost (unknown: out of memory); a new one is asked for',
    );
    expect((await error.recovered!).updates).toBe(2);
    expect(await first(await step())).toBe(3);
  });

  it('is not needed to recover: each call fails', async () => {
    const { device, broken } = await openBreakable(false);
    const x = device.tensor([1]);
    await x.data();
    await broken.destroy();
    for (let i = 0; i < 2; i++) {
      const error = await lossOf(x.add(1).data());
      expect(error.recovered).toBeNull();
      expect(error.message).toContain('open a new one and load the parameters again, or open it to recover');
    }
    await expect(device.snapshot()).rejects.toThrow('snapshot: open the device with { recover: true }');
  });
});

describe('a recovery in trouble', () => {
  it('tries again when the new device is lost too, or none is there yet', async () => {
    const { device, broken } = await openBreakable({ tries: 3 });
    const { count, step, first } = counter(device);
    await step();
    let made = 0;
    broken.onDevice = (one) => {
      if (made++ === 0) one.destroy();
    };
    const loss = lossOf(first(count));
    await broken.destroy();
    expect(await (await loss).recovered).toMatchObject({ updates: 0, undone: 1 });
    expect(made).toBe(2);
    expect(await first(await step())).toBe(1);

    broken.present = false;
    setTimeout(() => {
      broken.present = true;
    }, 100);
    await broken.destroy();
    const { recovered } = await lossOf(step());
    expect(await recovered).toMatchObject({ updates: 0 });
    expect(await first(await step())).toBe(1);
  });

  it('gives up after some tries, and says so from then on', async () => {
    const { device, broken } = await openBreakable({ tries: 2 });
    const x = device.tensor([1]);
    await x.data();
    broken.present = false;
    const { asked } = broken;
    await broken.destroy();
    const error = await lossOf(x.data());
    const waiting = x.data();
    const why =
      'webgpu: the device was lost, and no new one could be had in 2 tries: webgpu: no adapter was found';
    await expect(error.recovered).rejects.toThrow(why);
    await expect(waiting).rejects.toThrow(why);
    await expect(x.data()).rejects.toThrow(why);
    expect(() => device.tensor([1])).toThrow(why);
    await expect(device.snapshot()).rejects.toThrow(why);
    // A high-performance and a default adapter are asked for each time.
    expect(broken.asked).toBe(asked + 4);
  });

  it('gives up where devices are lost again and again at the same step', async () => {
    const { device, broken } = await openBreakable({ tries: 2 });
    const { step, first } = counter(device);
    const errors: string[] = [];
    for (let i = 0; i < 5; ) {
      try {
        const loss = await step();
        if (i === 3) await broken.destroy();
        expect(await first(loss)).toBe(++i);
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        errors.push(error.message);
        const recovered = await error.recovered?.catch(() => null);
        if (!recovered) break;
        i = recovered.updates;
      }
    }
    expect(errors).toHaveLength(3);
    await expect(step()).rejects.toThrow('so were 2 new ones before they got any further');
  });

  it('ends with dispose', async () => {
    const { device, broken } = await openBreakable({ tries: 5 });
    const x = device.tensor([1]);
    await x.data();
    broken.present = false;
    await broken.destroy();
    const { recovered } = await lossOf(x.data());
    const waiting = x.add(1).data();
    device.dispose();
    await expect(waiting).rejects.toThrow('disposed');
    await expect(recovered).rejects.toThrow('disposed');
    expect(() => device.tensor([1])).toThrow('disposed');
    await expect(x.data()).rejects.toThrow('disposed');
  });

  it('refuses a device with fewer features', async () => {
    const { device, broken } = await openBreakable({ tries: 1 });
    const x = device.tensor([1]);
    await x.data();
    const [feature] = device.backend.features;
    broken.onDevice = (one) => {
      Object.defineProperty(one, 'features', { value: new Set() });
    };
    await broken.destroy();
    const { recovered } = await lossOf(x.data());
    await expect(recovered).rejects.toThrow(`the new device lacks ${feature}`);
  });
});

describe("the caller's device", () => {
  it('is replaced by another one of the caller’s alone', async () => {
    const broken = await breakableGPU();
    const make = async () => (await broken.gpu.requestAdapter())!.requestDevice();
    const own = { webgpu: { device: await make() } };
    await expect(open('webgpu', { ...own, recover: true })).rejects.toThrow(
      'open: the device is yours: to recover, give { recover: { device: () => a new GPUDevice } } too',
    );
    const adapter = (await broken.gpu.requestAdapter())!;
    await expect(open('webgpu', { webgpu: { adapter }, recover: {} })).rejects.toThrow(
      'the adapter is yours',
    );

    const device = await open('webgpu', { ...own, recover: { device: make } });
    const lent = own.webgpu.device.createBuffer({ label: 'lent', size: 16, usage: 0x8c });
    const x = await device.fromGPUBuffer(lent, [4]);
    const { count, step, first } = counter(device);
    const encoder = own.webgpu.device.createCommandEncoder();
    const loss = await step.encode(encoder);
    own.webgpu.device.queue.submit([encoder.finish()]);
    expect(await first(loss)).toBe(1);
    const loss2 = lossOf(first(count));
    await broken.destroy();
    expect(await (await loss2).recovered).toMatchObject({ updates: 0, undone: 1 });
    const next = broken.devices.at(-1)!;
    const again = next.createCommandEncoder();
    const result = await step.encode(again);
    next.queue.submit([again.finish()]);
    expect(await first(result)).toBe(1);
    await expect(x.data()).rejects.toThrow('lay in a GPUBuffer of a device that was lost');
    const anew = await device.fromGPUBuffer(next.createBuffer({ label: 'anew', size: 16, usage: 0x8c }), [4]);
    expect(await anew.add(1).data()).toEqual(Float32Array.of(1, 1, 1, 1));
    device.dispose();
    // Still the caller's.
    next.queue.submit([]);
    await next.queue.onSubmittedWorkDone();
    next.destroy();
  });
});

describe('a device that recovers, in all other respects', () => {
  it('leaves devices beside it alone, on the same adapter and at the same time', async () => {
    const parts = await Promise.all([openBreakable({ every: 2 }), openBreakable(false), openBreakable(true)]);
    const counters = parts.map(({ device }) => counter(device));
    const count = async ({ step, first }: ReturnType<typeof counter>, steps: number) => {
      let last: number | undefined;
      for (let i = 0; i < steps; i++) last = await first(await step());
      return last;
    };
    expect(await Promise.all(counters.map((one) => count(one, 4)))).toEqual([4, 4, 4]);
    const others = counters.slice(1).map((one) => count(one, 6));
    await parts[0]!.broken.destroy();
    const error = await lossOf(counters[0]!.step());
    const { updates } = (await error.recovered)!;
    expect(await count(counters[0]!, 3)).toBe(updates + 3);
    expect(await Promise.all(others)).toEqual([10, 10]);
  });

  it('refuses options that mean nothing', async () => {
    await expect(open('webgpu', { recover: { every: 0 } })).rejects.toThrow(
      'open: recover.every must be a whole number of updates from 1, or Infinity, got 0',
    );
    await expect(open('webgpu', { recover: { tries: 0.5 } })).rejects.toThrow(
      'open: recover.tries must be a whole number from 1, got 0.5',
    );
  });

  it('goes on after an allocation that does not fit, and after a snapshot that found no memory', async () => {
    const { device, broken } = await openBreakable({ every: 2 });
    const { step, first } = counter(device);
    const { maxBufferBytes } = device.backend;
    await expect(device.ones([maxBufferBytes / 4 + 1]).data()).rejects.toThrow('full: its result f32[');
    for (let i = 1; i <= 3; i++) expect(await first(await step())).toBe(i);
    const [gpu] = broken.devices as [GPUDevice];
    const createBuffer = gpu.createBuffer.bind(gpu);
    gpu.createBuffer = (descriptor) => {
      if (descriptor.label === 'snapshot') gpu.createBuffer = createBuffer;
      // Beyond the limit, which WebGPU refuses as it refuses what finds no memory: later.
      return createBuffer(descriptor.label === 'snapshot' ? { ...descriptor, size: 2 ** 50 } : descriptor);
    };
    const told = (async () => {
      for (let i = 4; i <= 7; i++) await first(await step());
    })();
    await expect(told).rejects.toThrow(/a snapshot of \d+ bytes: .*; the snapshot of 2 updates stays/s);
    for (let i = 0; i < 5; i++) await first(await step());
    await broken.destroy();
    const { recovered } = await lossOf(step());
    expect((await recovered!).updates).toBeGreaterThanOrEqual(6);
  });

  it('is no business of devices that are never lost', async () => {
    const device = await open('wasm', { threads: 1, recover: true });
    await device.snapshot();
    expect(await device.ones([1]).data()).toEqual(Float32Array.of(1));
    device.dispose();
  });
});
