import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BufferUsage } from '../src/backend/webgpu/constants.js';
import { type Device, functional as F, nn, open, optim } from '../src/index.js';

const { storage, copySrc, copyDst } = BufferUsage;
const ALL = storage | copySrc | copyDst;

describe("the caller's WebGPU", () => {
  // Held to the end: Node's implementation must outlive its devices.
  let gpu: GPU;
  let own: GPUDevice;
  let device: Device;
  beforeAll(async () => {
    const { create } = await import('webgpu');
    gpu = create([]);
    own = await (await gpu.requestAdapter())!.requestDevice();
    device = await open('webgpu', { webgpu: { device: own }, seed: 3 });
  });
  afterAll(async () => {
    device.dispose();
    await own.queue.onSubmittedWorkDone();
    own.destroy();
  });

  const buffer = (values: readonly number[], usage = ALL, size = 4 * Math.ceil(values.length / 4) * 4) => {
    const made = own.createBuffer({ label: 'mine', size, usage });
    if (usage & copyDst) own.queue.writeBuffer(made, 0, Float32Array.from(values));
    return made;
  };

  it('lends a buffer to a tensor, and what it writes there later is what the tensor holds', async () => {
    const before = device.memory();
    const mine = buffer([1, 2, 3, 4, 5, 6]);
    const x = await device.fromGPUBuffer(mine, [2, 3]);
    expect(device.memory()).toEqual(before);
    expect(await x.mul(2).data()).toEqual(Float32Array.of(2, 4, 6, 8, 10, 12));
    own.queue.writeBuffer(mine, 0, Float32Array.of(-1));
    expect(await x.mul(3).data()).toEqual(Float32Array.of(-3, 6, 9, 12, 15, 18));
    x.dispose();
    // Still the caller's.
    expect(await (await device.fromGPUBuffer(mine, [1])).data()).toEqual(Float32Array.of(-1));
    mine.destroy();
  });

  it('takes results from the buffer of a tensor, without a copy through the host', async () => {
    const x = device.tensor([1, 2, 3, 4]);
    const result = x.mul(x);
    const theirs = await result.gpuBuffer();
    expect(await result.gpuBuffer()).toBe(theirs);
    const mine = buffer([0, 0, 0, 0]);
    const encoder = own.createCommandEncoder();
    encoder.copyBufferToBuffer(theirs, 0, mine, 0, 16);
    own.queue.submit([encoder.finish()]);
    expect(await (await device.fromGPUBuffer(mine, [4])).data()).toEqual(Float32Array.of(1, 4, 9, 16));
    expect(theirs).not.toBe(await x.gpuBuffer());
    mine.destroy();
  });

  it('trains a parameter that lies in the buffer of the caller', async () => {
    const mine = buffer([1, 2, 3, 4]);
    const weight = await device.fromGPUBuffer(mine, [4]);
    weight.requiresGrad = true;
    const descent = new optim.SGD([weight], { lr: 0.5 });
    weight.square().sum().backward();
    await descent.step();
    const seen = await device.fromGPUBuffer(mine, [4]);
    expect(await seen.data()).toEqual(Float32Array.of(0, 0, 0, 0));
    mine.destroy();
  });

  it("writes a compiled step into the caller's encoder, behind what the caller wrote there", async () => {
    const step = (one: Device) => {
      const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2)).to(one);
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
      return one.compile((x) => {
        const loss = F.mean(model.forward(x!).square());
        loss.backward();
        optimizer.step();
        return loss;
      });
    };
    const batches = [
      [1, 2, 3, 4, 5, 6],
      [-1, 0, 2, 0.5, 1, 1],
      [3, -2, 1, 0, 0, 4],
    ];
    const plain = await open('webgpu', { seed: 7 });
    const run = step(plain);
    const expected: number[] = [];
    for (const batch of batches)
      expected.push(
        await (await run({ data: Float32Array.from(batch), shape: [2, 3], dtype: 'f32' })).item(),
      );
    plain.dispose();

    const embedded = await open('webgpu', { webgpu: { device: own }, seed: 7 });
    const encoded = step(embedded);
    const input = buffer([0, 0, 0, 0, 0, 0]);
    const x = await embedded.fromGPUBuffer(input, [2, 3]);
    const found: number[] = [];
    for (const batch of batches) {
      const staged = buffer(batch);
      const encoder = own.createCommandEncoder();
      encoder.copyBufferToBuffer(staged, 0, input, 0, 24);
      const loss = await encoded.encode(encoder, x);
      own.queue.submit([encoder.finish()]);
      found.push(await loss.item());
      staged.destroy();
    }
    expect(found).toEqual(expected);
    embedded.dispose();
    input.destroy();
  });

  it('keeps devices side by side apart', async () => {
    const other = await open('webgpu');
    const [a, b] = [device.tensor([1, 2]), other.tensor([3, 4])];
    expect(() => a.add(b)).toThrow();
    const results = await Promise.all([a.mul(2).data(), b.mul(2).data()]);
    expect(results).toEqual([Float32Array.of(2, 4), Float32Array.of(6, 8)]);
    other.dispose();
    expect(await a.add(1).data()).toEqual(Float32Array.of(2, 3));
  });

  it('refuses buffers that do not fit, and stays usable', async () => {
    const small = buffer([1, 2]);
    await expect(device.fromGPUBuffer(small, [5])).rejects.toThrow(
      "fromGPUBuffer: buffer 'mine' has 16 bytes, a tensor of 20 bytes takes 32, a multiple of 16",
    );
    const readOnly = buffer([1, 2], storage | copyDst);
    await expect(device.fromGPUBuffer(readOnly, [2])).rejects.toThrow(
      "'mine' was made without the usage COPY_SRC",
    );
    const mapped = own.createBuffer({ label: 'mapped', size: 16, usage: ALL, mappedAtCreation: true });
    await expect(device.fromGPUBuffer(mapped, [2])).rejects.toThrow(
      "buffer 'mapped' is mapped; unmap it first",
    );
    const other = await open('webgpu');
    await expect(other.fromGPUBuffer(small, [2])).rejects.toThrow(
      "fromGPUBuffer: binding buffer 'mine': refused by WebGPU",
    );
    expect(await other.ones([2]).add(1).data()).toEqual(Float32Array.of(2, 2));
    other.dispose();
    await expect(device.fromGPUBuffer(small, [-1])).rejects.toThrow('fromGPUBuffer');
    const cpu = await open('wasm', { threads: 1 });
    await expect(cpu.fromGPUBuffer(small, [2])).rejects.toThrow(
      'fromGPUBuffer: a wasm device has no GPU buffers',
    );
    expect(() => cpu.ones([2]).gpuBuffer()).toThrow('gpuBuffer: a wasm device has no GPU buffers');
    const double = cpu.compile((x) => x!.mul(2));
    const encoder = own.createCommandEncoder();
    await expect(double.encode(encoder, cpu.ones([2]))).rejects.toThrow(
      'a wasm device has no command encoders',
    );
    cpu.dispose();
    const twice = device.compile((x) => x!.mul(2));
    const host = { data: Float32Array.of(1), shape: [1], dtype: 'f32' } as const;
    expect(() => twice.encode(encoder, host as never)).toThrow('encode: argument 0 must be a tensor');
    expect(await (await twice(device.ones([2]))).data()).toEqual(Float32Array.of(2, 2));
    const earlier = await twice(device.ones([2]));
    await expect(twice.encode(own.createCommandEncoder(), earlier)).rejects.toThrow(
      'encode: an argument is an earlier output of the function; pass a realized clone()',
    );
    for (const one of [small, readOnly, mapped]) one.destroy();
  });
});
