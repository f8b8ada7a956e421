import { afterEach, describe, expect, it } from 'vitest';
import {
  type Device,
  DeviceLostError,
  type DeviceOptions,
  type Node,
  open,
  type Tensor,
} from '../src/index.js';
import type { Side } from '../src/op.js';
import { breakableGPU } from './support/breakable.js';
import { counter, lossOf, STEPS, train } from './support/recovering.js';

const opened: Device[] = [];
afterEach(() => {
  for (const device of opened.splice(0)) device.dispose();
});

/** Nothing is measured. */
const RATES = {
  wasm: { gflops: 10, gbps: 10, launch: 1 },
  webgpu: { gflops: 10, gbps: 10, launch: 1 },
  upload: { latency: 5, gbps: 10 },
  download: { latency: 50, gbps: 10 },
  overlap: 0,
};

/** The same op on the same side in every run, and steps of both sides between. */
const mixed = ({ op }: Node): Side => (op.name.length % 2 === 0 ? 'wasm' : 'webgpu');

async function openWoven(
  recover: DeviceOptions['recover'],
  place: (node: Node) => Side | undefined = mixed,
  rest: DeviceOptions = {},
) {
  const broken = await breakableGPU();
  const device = await open(['webgpu', 'wasm'], {
    ...{ seed: 5, threads: 1, recover, webgpu: { gpu: broken.gpu }, weave: { rates: RATES, place } },
    ...rest,
  });
  opened.push(device);
  return { device, broken };
}

describe('a woven device that recovers', () => {
  const calm = new Map<boolean, ReturnType<typeof train>>();
  const undisturbedRun = async (compiled: boolean) => {
    const found = calm.get(compiled) ?? train((await openWoven(false)).device, { compiled });
    calm.set(compiled, found);
    return found;
  };

  it.each([
    ['compiled', true, 4, 6],
    ['compiled, before any later snapshot', true, 100, 6],
    ['recorded', false, 8, 6],
  ])('ends with the losses of an undisturbed run: %s', async (_, compiled, every, breakAt) => {
    const undisturbed = await undisturbedRun(compiled);
    const { device, broken } = await openWoven({ every });
    const disturbed = await train(device, { compiled, breakAt, broken });
    expect(broken.devices).toHaveLength(2);
    const each = compiled ? 1 : 2;
    const { updates, undone } = disturbed.recoveries[0]!;
    expect(updates).toBe(Math.floor((breakAt * each) / every) * every);
    expect(disturbed.made).toHaveLength(STEPS + undone / each);
    const { losses, average, weights, lr } = undisturbed;
    expect(disturbed).toMatchObject({ losses, updates: undisturbed.updates, average, weights, lr });
  });

  /** Two counters, one updated on each side by what the other side has, and the steps of both after so many. */
  function pair(device: Device) {
    const [here, there] = [device.tensor([1, 1]), device.tensor([2, 2])];
    const step = device.compile(() => {
      const sent = device.on('wasm', () => here.add(1));
      const brought = device.on('webgpu', () => there.mul(2).sub(sent));
      const back = device.on('wasm', () => brought.add(here).mul(0.5));
      void here.assign(back);
      void there.assign(brought);
      return [device.on('wasm', () => back.sum()), device.on('webgpu', () => brought.sum())] as const;
    });
    return { here, there, step };
  }

  it('never leaves one side a step ahead, whenever the GPU goes', async () => {
    const expected: number[][] = [];
    const plain = await openWoven(false);
    const undisturbed = pair(plain.device);
    for (let i = 0; i < 6; i++) {
      const sums = await undisturbed.step();
      expected.push(await Promise.all(sums.map((sum) => sum.item())));
    }
    for (const turns of [0, 1, 2, 4, 8, 16]) {
      const { device, broken } = await openWoven({ every: 2 });
      const { here, there, step } = pair(device);
      const before = await memoryAfter(step);
      let left = 1;
      for (let i = 1; i < 6; ) {
        try {
          const running = step();
          running.catch(() => {});
          if (i === 3 && left-- === 1) {
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            await broken.destroy();
          }
          const sums = await running;
          expect(await Promise.all(sums.map((sum) => sum.item()))).toEqual(expected[i]);
          i++;
        } catch (error) {
          if (!(error instanceof DeviceLostError)) throw error;
          const { updates } = (await error.recovered)!;
          expect([0, 2]).toContain(updates);
          i = updates;
        }
      }
      const states = [...(await here.data()), ...(await there.data())];
      expect(states[0]! + states[1]!).toBe(expected[5]![0]);
      expect(states[2]! + states[3]!).toBe(expected[5]![1]);
      expect(broken.devices).toHaveLength(2);
      expect(await memoryAfter(step, device)).toEqual(before);

      async function memoryAfter(run: typeof step, one = device) {
        await (await run())[0].item();
        return one.memory();
      }
    }
  });

  it('gives tensors of both sides their contents back, or says that these are lost; never zeros', async () => {
    const { device, broken } = await openWoven({ every: Number.POSITIVE_INFINITY }, () => undefined);
    const given = device.tensor([1, 2]);
    const onWasm = device.on('wasm', () => given.mul(3));
    const onGpu = device.on('webgpu', () => given.mul(5));
    await device.realize([onWasm, onGpu]);
    const changed = device.tensor([5, 6]);
    await device.snapshot({ at: 'here' });
    await device.write(changed, { data: Float32Array.of(9, 9), shape: [2], dtype: 'f32' });
    const young = device.tensor([7, 8]);
    const late = (['wasm', 'webgpu'] as const).map((side) => device.on(side, () => given.mul(4)));
    await device.realize(late);
    const double = device.compile((x: Tensor) => device.on('wasm', () => x.mul(2)));
    const output = await double(given);

    const reading = [lossOf(onGpu.data()), lossOf(device.on('webgpu', () => given.exp()).data())];
    await broken.destroy();
    const [error] = await Promise.all(reading);
    expect(error!.message).toContain('tensors go back to the snapshot of 0 updates: await error.recovered');
    const during = device.tensor([10, 11]);
    expect(await error!.recovered).toEqual({ updates: 0, undone: 0, state: { at: 'here' } });
    expect(await onWasm.data()).toEqual(Float32Array.of(3, 6));
    expect(await onGpu.data()).toEqual(Float32Array.of(5, 10));
    expect(await changed.data()).toEqual(Float32Array.of(5, 6));
    expect(await young.data()).toEqual(Float32Array.of(7, 8));
    expect(await during.data()).toEqual(Float32Array.of(10, 11));
    for (const one of late)
      await expect(one.data()).rejects.toThrow(
        'f32[2] was lost with the device: it was computed after the snapshot of 0 updates; compute it again',
      );
    await expect(output.data()).rejects.toThrow('was lost with the device; run the function again');
    expect(await (await double(young)).data()).toEqual(Float32Array.of(14, 16));
  });

  it('tells the next call where none was under way, and can be lost again', async () => {
    const { device, broken } = await openWoven({ every: 3 });
    const { step, first } = counter(device);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 4; i++) await first(await step());
      await broken.destroy();
      const { updates } = (await (await lossOf(step())).recovered)!;
      expect(updates % 3).toBe(0);
      expect(await first(await step())).toBe(updates + 1);
    }
    expect(broken.devices).toHaveLength(3);
  });

  it('gives up in the end, ends with dispose, and another one can be opened', async () => {
    const { device, broken } = await openWoven({ tries: 1 });
    const x = device.tensor([1]);
    await x.data();
    broken.present = false;
    await broken.destroy();
    const error = await lossOf(x.data());
    await expect(error.recovered).rejects.toThrow(
      /no new one could be had in 1 tries: .*no adapter was found/,
    );
    await expect(x.add(1).data()).rejects.toThrow('no new one could be had');
    device.dispose();
    await expect(x.data()).rejects.toThrow('disposed');

    const waiting = await openWoven({ tries: 5 });
    const y = waiting.device.tensor([1]);
    await y.data();
    waiting.broken.present = false;
    await waiting.broken.destroy();
    const { recovered } = await lossOf(y.data());
    const pending = y.add(1).data();
    waiting.device.dispose();
    await expect(pending).rejects.toThrow('disposed');
    await expect(recovered).rejects.toThrow('disposed');

    const again = await openWoven(true);
    expect(await again.device.tensor([1]).add(1).data()).toEqual(Float32Array.of(2));
  });

  it("takes the caller's next device", async () => {
    const broken = await breakableGPU();
    const make = async () => (await broken.gpu.requestAdapter())!.requestDevice();
    const own = { threads: 1, webgpu: { device: await make() }, weave: { rates: RATES } };
    await expect(open(['wasm', 'webgpu'], { ...own, recover: true })).rejects.toThrow('the device is yours');
    const device = await open(['wasm', 'webgpu'], { ...own, recover: { device: make } });
    opened.push(device);
    const mine = own.webgpu.device.createBuffer({ label: 'mine', size: 16, usage: 0x8c });
    const x = await device.fromGPUBuffer(mine, [4]);
    expect(await device.on('wasm', () => x.add(1)).data()).toEqual(Float32Array.of(1, 1, 1, 1));
    await broken.destroy();
    await (await lossOf(x.data())).recovered;
    await expect(x.data()).rejects.toThrow('lay in a GPUBuffer of a device that was lost');
    const next = broken.devices.at(-1)!;
    const anew = await device.fromGPUBuffer(next.createBuffer({ size: 16, usage: 0x8c }), [4]);
    const sum = device.on('webgpu', () => device.on('wasm', () => anew.add(1)).sum());
    expect(await sum.item()).toBe(4);
  });
});

describe('a woven device that does not recover', () => {
  it('fails what needs the lost GPU, hangs nowhere, and gives what lies on wasm', async () => {
    const { device, broken } = await openWoven(false, () => undefined);
    const x = device.tensor([1, 2]);
    const onWasm = device.on('wasm', () => x.mul(3));
    const onGpu = device.on('webgpu', () => x.mul(5));
    await device.realize([onWasm, onGpu]);
    const under = [
      onGpu.data(),
      device.on('webgpu', () => x.exp()).data(),
      device.on('wasm', () => onGpu.neg()).data(),
    ];
    for (const one of under) one.catch(() => {});
    await broken.destroy();
    for (const one of under) expect((await lossOf(one)).recovered).toBeNull();
    for (let i = 0; i < 2; i++) {
      const error = await lossOf(device.on('webgpu', () => x.neg()).data());
      expect(error.message).toMatch(/webgpu: the device was lost \(destroyed.*; open a new one/);
    }
    await expect(device.snapshot()).rejects.toThrow('snapshot: open the device with { recover: true }');
    expect(await onWasm.data()).toEqual(Float32Array.of(3, 6));
    device.dispose();
    await expect(onWasm.data()).rejects.toThrow('disposed');
    const again = await openWoven(false);
    expect(await again.device.tensor([1]).add(1).data()).toEqual(Float32Array.of(2));
  });
});
