import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernels, swiGlu } from '../examples/own-op/swi_glu.js';
import { BufferUsage } from '../src/backend/webgpu/constants.js';
import { type Device, lift, nn, open, optim, type Tensor } from '../src/index.js';
import { breakableGPU } from './support/breakable.js';

const { storage, copySrc, copyDst } = BufferUsage;

describe("a caller's buffer", () => {
  let own: GPUDevice;
  let device: Device;
  beforeAll(async () => {
    const { gpu } = await breakableGPU();
    own = await (await gpu.requestAdapter())!.requestDevice();
    device = await open('webgpu', { webgpu: { device: own } });
  });
  afterAll(async () => {
    device.dispose();
    await own.queue.onSubmittedWorkDone();
    own.destroy();
  });

  const buffer = (label: string) => {
    const made = own.createBuffer({ label, size: 16, usage: storage | copySrc | copyDst });
    own.queue.writeBuffer(made, 0, Float32Array.of(1, 2, 3, 4));
    return made;
  };
  const usable = async () => expect(await device.tensor([1, 2]).add(1).data()).toEqual(Float32Array.of(2, 3));

  it('that was destroyed before is refused', async () => {
    const gone = buffer('gone');
    gone.destroy();
    await expect(device.fromGPUBuffer(gone, [4])).rejects.toThrow(
      /^fromGPUBuffer: binding buffer 'gone': refused by WebGPU: .*gone.*destroyed/s,
    );
    await usable();
  });

  it('that is destroyed between two runs of a step is an error of the second', async () => {
    const lent = buffer('lent');
    const x = await device.fromGPUBuffer(lent, [4]);
    const kept = await device.fromGPUBuffer(buffer('kept'), [4]);
    const double = device.compile((a: Tensor) => a.mul(2));
    for (let run = 0; run < 3; run++) await (await double(x)).data();
    lent.destroy();
    await expect(double(x).then((result) => result.data())).rejects.toThrow(/refused by WebGPU: .*lent/s);
    await expect(x.data()).rejects.toThrow("read of buffer 'lent': refused by WebGPU");
    await expect(x.add(1).data()).rejects.toThrow('refused by WebGPU');
    expect(await (await double(kept)).data()).toEqual(Float32Array.of(2, 4, 6, 8));
    await usable();
  });

  it('that is none, or of a dtype that there is not, is refused', async () => {
    for (const [wrong, what] of [
      [null, 'null'],
      [undefined, 'undefined'],
      [new ArrayBuffer(16), 'object'],
      [7, 'number'],
    ] as const)
      await expect(device.fromGPUBuffer(wrong as never, [4])).rejects.toThrow(
        `fromGPUBuffer: takes a GPUBuffer, got ${what}`,
      );
    await expect(device.fromGPUBuffer(buffer('x'), [4], 'f16' as never)).rejects.toThrow(
      "fromGPUBuffer: dtype must be f32, i32 or bool, got 'f16'",
    );
    await usable();
  });
});

it("a caller's device of WebGPU's compatibility mode, which has less than kernels need, is refused", async () => {
  const { gpu } = await breakableGPU();
  const own = await (await gpu.requestAdapter())!.requestDevice();
  const limits = new Proxy(own.limits, {
    get: (all, name) =>
      name === 'maxComputeInvocationsPerWorkgroup' ? 128 : all[name as keyof GPUSupportedLimits],
  });
  const real = Object.getOwnPropertyDescriptor(own, 'limits');
  Object.defineProperty(own, 'limits', { value: limits, configurable: true });
  await expect(open('webgpu', { webgpu: { device: own } })).rejects.toThrow(
    /^webgpu: the device of .+ has maxComputeInvocationsPerWorkgroup 128, kernels need 256, as WebGPU's core gives/,
  );
  if (real) Object.defineProperty(own, 'limits', real);
  else delete (own as { limits?: unknown }).limits;
  const device = await open('webgpu', { webgpu: { device: own } });
  expect(await device.ones([4]).sum().item()).toBe(4);
  device.dispose();
  await own.queue.onSubmittedWorkDone();
  own.destroy();
});

describe("a caller's encoder", () => {
  it('that is none, or finished already, is refused; the step can be encoded again', async () => {
    const { gpu } = await breakableGPU();
    const own = await (await gpu.requestAdapter())!.requestDevice();
    const device = await open('webgpu', { webgpu: { device: own } });
    const x = device.tensor([1, 2]);
    const count = device.tensor([0]);
    const step = device.compile((a: Tensor) => {
      const next = count.add(1);
      void count.assign(next);
      return a.mul(next);
    });
    for (const [wrong, what] of [
      [null, 'null'],
      [undefined, 'undefined'],
      [{}, 'object'],
    ] as const)
      expect(() => step.encode(wrong as never, x)).toThrow(
        `encode: takes a GPUCommandEncoder first, got ${what}`,
      );
    const finished = own.createCommandEncoder();
    finished.finish();
    const encoded = step.encode(finished, x).then((result) => result.data());
    await expect(encoded).rejects.toThrow(/webgpu: encoding a program: refused by WebGPU: .*finished/s);
    const encoder = own.createCommandEncoder();
    const result = await step.encode(encoder, x);
    own.queue.submit([encoder.finish()]);
    expect(await result.data()).toEqual(Float32Array.of(1, 2));
    device.dispose();
    await own.queue.onSubmittedWorkDone();
    own.destroy();
  });
});

describe('a tensor', () => {
  it('that was disposed is refused wherever it is given, by name', async () => {
    const device = await open('webgpu');
    const x = device.tensor([1, 2]);
    const gone = device.tensor([3, 4]);
    gone.label = 'gone';
    const reads = device.compile(() => gone.mul(2));
    await reads();
    const takes = device.compile((a: Tensor) => a.mul(2));
    await takes(x);
    const recorded = gone.add(x);
    gone.dispose();
    const said = "'gone' f32[2] was disposed";
    await expect(gone.data()).rejects.toThrow(said);
    await expect(recorded.data()).rejects.toThrow(said);
    await expect(takes(gone)).rejects.toThrow(said);
    await expect(reads()).rejects.toThrow("'gone', which the function reads, was disposed");
    await expect(gone.gpuBuffer()).rejects.toThrow(said);
    await expect(
      device.write(gone, { data: Float32Array.of(1, 2), shape: [2], dtype: 'f32' }),
    ).rejects.toThrow('write');
    expect(() => gone.assign(x)).toThrow();
    expect(await takes(x).then((one) => one.data())).toEqual(Float32Array.of(2, 4));
    device.dispose();
  });

  it('of another device is refused by ops, functions and writes', async () => {
    const [device, other] = [await open('webgpu'), await open('webgpu')];
    const [x, theirs] = [device.tensor([1, 2]), other.tensor([3, 4])];
    const takes = device.compile((a: Tensor) => a.mul(2));
    await takes(x);
    expect(() => x.add(theirs)).toThrow(/device/);
    await expect(takes(theirs)).rejects.toThrow(/another device/);
    await expect(device.read(theirs)).rejects.toThrow(/another device/);
    expect(await x.add(1).data()).toEqual(Float32Array.of(2, 3));
    expect(await theirs.add(1).data()).toEqual(Float32Array.of(4, 5));
    for (const one of [device, other]) one.dispose();
  });

  it('that the device can not hold is refused, from the host and as an argument', async () => {
    const { gpu } = await breakableGPU();
    const own = await (await gpu.requestAdapter())!.requestDevice({
      requiredLimits: { maxStorageBufferBindingSize: 1 << 16 },
    });
    // What a device with small limits says of itself: WebGPU raises them to its own least.
    Object.defineProperty(own, 'limits', {
      value: new Proxy(own.limits, {
        get: (limits, name) =>
          name === 'maxStorageBufferBindingSize' ? 1 << 16 : limits[name as keyof GPUSupportedLimits],
      }),
    });
    const device = await open('webgpu', { webgpu: { device: own } });
    const many = { data: new Float32Array(1 << 15), shape: [1 << 15], dtype: 'f32' } as const;
    expect(() => device.tensor(many)).toThrow(
      "webgpu: buffer 'a tensor' of 131072 bytes is larger than the device allows, 65536 bytes",
    );
    const total = device.compile((x: Tensor) => x.sum());
    await expect(total(many)).rejects.toThrow('is larger than the device allows, 65536 bytes');
    const outer = device.ones([256, 1]).mul(device.ones([1, 256]));
    await expect(outer.data()).rejects.toThrow(
      'mul: its result f32[256,256] takes 262144 bytes, a buffer of this webgpu device holds 65536',
    );
    const big = own.createBuffer({ size: 1 << 17, usage: storage | copySrc | copyDst });
    await expect(device.fromGPUBuffer(big, [1 << 15])).rejects.toThrow(
      'fromGPUBuffer: a tensor of 131072 bytes is larger than the device binds, 65536 bytes',
    );
    expect(await device.ones([4]).sum().item()).toBe(4);
    device.dispose();
    await own.queue.onSubmittedWorkDone();
    own.destroy();
  });
});

describe("an op of the caller's", () => {
  const changed = (change: (code: string) => string) => ({
    ...kernels,
    modules: Object.fromEntries(Object.entries(kernels.modules!).map(([name, code]) => [name, change(code)])),
  });

  it.each([
    ['does not parse', (code: string) => `${code}\n@@`],
    [
      'takes more workgroup memory than there is',
      (code: string) =>
        code
          .replace('@compute', 'var<workgroup> wide: array<vec4f, 1048576>;\n@compute')
          .replace(
            'output[i] = ',
            'wide[i] = vec4f(a_values[i]); workgroupBarrier(); output[i] = wide[0].x + ',
          ),
    ],
    ['has another entry point', (code: string) => code.replaceAll('fn swi_glu_f32', 'fn other_f32')],
    [
      'has too large a workgroup',
      (code: string) => code.replaceAll('@workgroup_size(64)', '@workgroup_size(65536)'),
    ],
  ])('whose shader %s is an error that names it, and others go on', async (_, change) => {
    const device = await open('webgpu', { kernels: [changed(change)] });
    const [a, b] = [device.tensor([1, 2]), device.tensor([3, 4])];
    for (let time = 0; time < 2; time++)
      await expect(lift(swiGlu)(a, b).data()).rejects.toThrow(/swiGlu\/swi_glu_f32/);
    expect(await a.mul(b).data()).toEqual(Float32Array.of(3, 8));
    device.dispose();
  });
});

describe('what Weft makes on a device', () => {
  it('has a label: buffers, pipelines, and all between', async () => {
    const { gpu, onDevice: _, ...broken } = await breakableGPU();
    const bare: string[] = [];
    let made = 0;
    const wrapped = await breakableGPU(gpu);
    wrapped.onDevice = (device) => {
      const methods = device as unknown as Record<string, (descriptor?: { label?: string }) => unknown>;
      for (const name of [
        'createBuffer',
        'createBindGroup',
        'createBindGroupLayout',
        'createPipelineLayout',
        'createShaderModule',
        'createComputePipelineAsync',
        'createCommandEncoder',
        'createQuerySet',
      ]) {
        const create = methods[name]!.bind(device);
        methods[name] = (descriptor) => {
          made++;
          if (!descriptor?.label) bare.push(name);
          return create(descriptor);
        };
      }
    };
    const device = await open('webgpu', { webgpu: { gpu: wrapped.gpu }, recover: { every: 2 } });
    const model = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 2)).to(device);
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
    const step = device.compile((x: Tensor) => {
      const loss = model.forward(x).square().mean();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const x = device.tensor(new Float32Array(8).fill(0.5), [2, 4]);
    for (let i = 0; i < 3; i++) await (await step(x)).item();
    if (device.backend.features.has('timestamp-query'))
      await device.profile(() => step(x), { precision: 1, runs: [2, 2] });
    await device.fromGPUBuffer(await x.gpuBuffer(), [8]);
    expect(made).toBeGreaterThan(20);
    expect(bare).toEqual([]);
    expect(broken.devices).toHaveLength(1);
    device.dispose();
  });
});
