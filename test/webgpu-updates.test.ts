import { afterAll, describe, expect, it } from 'vitest';
import { type Device, open, optim, type ProgramDescription, type Tensor } from '../src/index.js';

const { create } = (await import('webgpu')) as unknown as { create(options: string[]): GPU };
/** Held while its device is in use: Node's implementation crashes when it is collected earlier. */
const implementation = create([]);
const openGPU = async () => (await implementation.requestAdapter())!.requestDevice();
const gpuDevice = await openGPU();
const device = await open('webgpu', { webgpu: { device: gpuDevice } });
const wasm = await open('wasm', { threads: 1 });
afterAll(async () => {
  wasm.dispose();
  device.dispose();
  // Destroyed before it has answered everything, Node's implementation may crash.
  await gpuDevice.queue.onSubmittedWorkDone();
  gpuDevice.destroy();
});

/** More tensors than a launch has buffers, of sizes that are no multiples of a vector or a workgroup. */
const SIZES = [1, 5, 300, 64, 7, 2, 1031, 3, 16, 9, 12];

const tensorOf = (on: Device, size: number, seed: number): Tensor =>
  on.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(1 + i * seed)),
    [size],
  );

/** Parameters, and what takes a step over them along gradients that stay the same, as those of a loss times `scale`. */
function setUp(
  on: Device,
  make: (parameters: readonly Tensor[]) => optim.Optimizer,
  sizes: readonly number[] = SIZES,
  scale?: number,
) {
  const parameters = sizes.map((size, k) => tensorOf(on, size, k + 1));
  for (const tensor of parameters) tensor.requiresGrad = true;
  const gradients = sizes.map((size, k) => tensorOf(on, size, k + 0.5));
  const optimizer = make(parameters);
  const scaler = scale === undefined ? undefined : new optim.GradScaler(on, { initScale: scale });
  const step = stepOf(on, parameters, gradients, optimizer, scaler);
  return { parameters, gradients, optimizer, step };
}

const stepOf = (
  on: Device,
  parameters: readonly Tensor[],
  gradients: readonly Tensor[],
  optimizer: optim.Optimizer,
  scaler?: optim.GradScaler,
) =>
  on.compile(() => {
    parameters.forEach((tensor, k) => {
      tensor.grad = scaler ? gradients[k]!.neg() : gradients[k]!;
    });
    if (scaler) {
      scaler.step(optimizer);
      scaler.update();
    } else {
      optimizer.step();
    }
  });

const read = (tensors: readonly Tensor[]) => Promise.all(tensors.map(async (one) => [...(await one.data())]));

const near = (found: readonly (readonly number[])[], wanted: readonly (readonly number[])[]) => {
  wanted.forEach((list, k) => {
    list.forEach((value, i) => {
      expect(Math.abs(found[k]![i]! - value), `tensor ${k}, element ${i}`).toBeLessThan(1e-5);
    });
  });
};

const adam = (parameters: readonly Tensor[]) => new optim.Adam(parameters, { lr: 0.1 });
const OPTIMIZERS: readonly [string, (parameters: readonly Tensor[]) => optim.Optimizer][] = [
  ['SGD', (p) => new optim.SGD(p, { lr: 0.1 })],
  ['SGD with momentum', (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true })],
  ['Adam', adam],
  ['AdamW', (p) => new optim.AdamW(p, { lr: 0.1 })],
  ['Adagrad', (p) => new optim.Adagrad(p, { lr: 0.1 })],
  ['Adamax', (p) => new optim.Adamax(p, { lr: 0.1 })],
  ['NAdam', (p) => new optim.NAdam(p, { lr: 0.1 })],
  ['RMSprop', (p) => new optim.RMSprop(p, { lr: 0.01, momentum: 0.5, centered: true })],
];

describe('an optimiser step on webgpu', () => {
  it.each(OPTIMIZERS)('%s is one dispatch for all parameters of a group', async (_, make) => {
    const [gpu, cpu] = [setUp(device, make), setUp(wasm, make)];
    for (let i = 0; i < 3; i++) await Promise.all([gpu.step(), cpu.step()]);
    const [description] = gpu.step.describe();
    expect(description!.launches).toHaveLength(1);
    expect(description!.copies).toEqual([]);
    near(await read(gpu.parameters), await read(cpu.parameters));
  });

  it('is one dispatch for each of two groups', async () => {
    const make = (p: readonly Tensor[]) =>
      new optim.Adam([{ parameters: p.slice(0, 6) }, { parameters: p.slice(6), lr: 0.2 }], { lr: 0.1 });
    const [gpu, cpu] = [setUp(device, make), setUp(wasm, make)];
    for (let i = 0; i < 2; i++) await Promise.all([gpu.step(), cpu.step()]);
    expect(gpu.step.describe()[0]!.launches).toHaveLength(2);
    near(await read(gpu.parameters), await read(cpu.parameters));
  });

  it.each(OPTIMIZERS)(
    'of a scaled loss, %s takes as many dispatches for any number of parameters',
    async (_, make) => {
      const described = async (sizes: readonly number[]) => {
        const { step } = setUp(device, make, sizes, 4);
        await step();
        const [{ launches, copies }] = step.describe() as [ProgramDescription];
        return { launches: launches.length, copies: copies.length };
      };
      const [few, many] = [await described([5]), await described(SIZES)];
      // A launch for each gradient itself. What the scaler keeps is copied to its place.
      expect(many).toEqual({ launches: few.launches + SIZES.length - 1, copies: 3 });
      expect(few).toEqual({ launches: 8, copies: 3 });
    },
  );

  it.each(OPTIMIZERS)('%s keeps every bit where a gradient is not finite', async (_, make) => {
    for (const on of [device, wasm]) {
      const { parameters, gradients, optimizer, step } = setUp(on, make, SIZES, 4);
      await step();
      const bits = async () => {
        const { tensors } = await optimizer.stateDict();
        return [await read(parameters), Object.values(tensors).map(({ data }) => [...data])].map((part) =>
          JSON.stringify(part),
        );
      };
      const before = await bits();
      const wild = gradients[6]!;
      const [good] = await read([wild]);
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        await on.update([[wild, on.tensor(good!.with(1030, value), [1031])]]);
        await step();
        expect((await bits()).map((part, k) => part === before[k])).toEqual([true, true]);
      }
      await on.update([[wild, on.tensor(good!, [1031])]]);
      await step();
      expect((await bits())[0] === before[0]).toBe(false);
    }
  });

  it('takes parameters that lie in GPU buffers of the caller', async () => {
    const [gpu, cpu] = [setUp(device, adam), setUp(wasm, adam)];
    const first = await gpu.parameters[2]!.gpuBuffer();
    for (let i = 0; i < 2; i++) await Promise.all([gpu.step(), cpu.step()]);
    // Handed out when it lies beside others: it gets memory of its own, and the step goes on with that.
    const later = await gpu.parameters[6]!.gpuBuffer();
    expect(later).not.toBe(first);
    expect(later.size).toBe(16 * Math.ceil((4 * SIZES[6]!) / 16));
    for (let i = 0; i < 2; i++) await Promise.all([gpu.step(), cpu.step()]);
    expect(await gpu.parameters[2]!.gpuBuffer()).toBe(first);
    expect(await gpu.parameters[6]!.gpuBuffer()).toBe(later);
    near(await read(gpu.parameters), await read(cpu.parameters));
  });

  it('takes a parameter alone that lies in a GPU buffer of the caller', async () => {
    const [gpu, cpu] = [setUp(device, adam, [7]), setUp(wasm, adam, [7])];
    await gpu.parameters[0]!.gpuBuffer();
    for (let i = 0; i < 2; i++) await Promise.all([gpu.step(), cpu.step()]);
    near(await read(gpu.parameters), await read(cpu.parameters));
  });

  it('is encoded for the caller, who may drop it', async () => {
    const [gpu, cpu] = [setUp(device, adam), setUp(wasm, adam)];
    await gpu.step.encode(gpuDevice.createCommandEncoder());
    near(await read(gpu.parameters), await read(cpu.parameters));
    const encoder = gpuDevice.createCommandEncoder();
    await gpu.step.encode(encoder);
    gpuDevice.queue.submit([encoder.finish()]);
    // The dropped step counted, too: Adam's means are those of one step, its bias correction that of the second.
    await cpu.step();
    const [found, after] = [await read(gpu.parameters), await read(cpu.parameters)];
    found.forEach((list, k) => {
      list.forEach((value, i) => {
        expect(Math.sign(value - Math.sin(1 + i * (k + 1)))).toBe(
          Math.sign(after[k]![i]! - Math.sin(1 + i * (k + 1))),
        );
      });
    });
  });

  it('goes on where another optimiser takes some of its parameters', async () => {
    const run = async (on: Device) => {
      const { parameters, gradients, step } = setUp(on, adam);
      await step();
      const some = [...parameters.slice(4, 9), tensorOf(on, 11, 3)];
      some.at(-1)!.requiresGrad = true;
      const others = [...gradients.slice(4, 9), tensorOf(on, 11, 4)];
      const second = stepOf(on, some, others, new optim.SGD(some, { lr: 0.1 }));
      for (let i = 0; i < 2; i++) {
        await second();
        await step();
      }
      return read([...parameters, ...some]);
    };
    near(await run(device), await run(wasm));
  });

  it('takes a parameter for a gradient, and one parameter after another', async () => {
    const run = async (on: Device) => {
      const { parameters, step } = setUp(on, adam, [40, 40, 40]);
      await step();
      const [a, b, c] = parameters as [Tensor, Tensor, Tensor];
      const crossed = stepOf(on, [a, b], [b, c], new optim.SGD([a, b], { lr: 0.1 }));
      await crossed();
      await on.update([[a, c]]);
      await step();
      return read(parameters);
    };
    near(await run(device), await run(wasm));
  });

  it('gives its memory back with the parameters', async () => {
    const before = device.memory();
    const { parameters, gradients, step, optimizer } = setUp(device, adam);
    const held = device.memory();
    await step();
    const contents = await read(parameters.slice(1));
    parameters[0]!.dispose();
    expect(await read(parameters.slice(1))).toEqual(contents);
    step.dispose();
    for (const tensor of [...parameters.slice(1), ...gradients]) tensor.dispose();
    expect(held.buffers - before.buffers).toBe(2 * SIZES.length + 1);
    expect(device.memory().buffers - before.buffers).toBe(1);
    expect(optimizer.steps).toBe(1);
  });
});
