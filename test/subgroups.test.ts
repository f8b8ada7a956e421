import { afterEach, describe, expect, it } from 'vitest';
import { kernels } from '../build/kernels.js';
import { modules } from '../build/shaders.js';
import { openWebGPU, type WebGPUBackend } from '../src/backend/webgpu/index.js';
import { apply, createInput, DeviceLostError, open, registry } from '../src/index.js';
import { checkKernel, type KernelCase, sampleInputs, variantsTaking } from '../src/verify/index.js';
import { breakableGPU } from './support/breakable.js';
import { ALL_FEATURES } from './support/features.js';
import { shaderConvolutionTails, shaderMatmulTails } from './support/tails.js';

/** Names that are granted where subgroups were found to be as kernels rely on. */
const proved = ({ features }: WebGPUBackend) =>
  [...features].filter((name) => /^lanes-|^quads$/.test(name)).sort();

/** Changes the text of every shader that passes values within subgroups. */
function rewrite(device: GPUDevice, change: (code: string) => string): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const { code } = descriptor;
    return create({ ...descriptor, code: code.includes('enable subgroups') ? change(code) : code });
  };
}

/** As a driver would have it that fills subgroups in another order: invocations are numbered anew, by `number`, for all to see. */
const renumber = (number: string) => (code: string) =>
  code.replace(
    /@builtin\(local_invocation_index\) local: u32([^{]*)\{/g,
    `@builtin(local_invocation_index) filled: u32$1{\nlet local = ${number};`,
  );
const swapBits = (a: number, b: number) =>
  `(filled & ~${(1 << a) | (1 << b)}u) | (((filled >> ${a}u) & 1u) << ${b}u) | (((filled >> ${b}u) & 1u) << ${a}u)`;

/** Whether a variant passes values within subgroups on a device that has all features. */
const withinSubgroups = ({ op, inputs, options }: KernelCase, variant: string): boolean => {
  const values = inputs.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const { attrs } = apply(op, values, options)[0]!.node!;
  const { launches } = op.lower('webgpu', values, attrs, ALL_FEATURES, variant)!;
  return launches.some(({ kernel }) => modules[kernels[kernel]?.module ?? '']?.includes('enable subgroups'));
};

/** For each such variant of some ops the smallest call that reaches it. */
const calls = ['sum', 'softmax', 'standardize', 'matmul', 'conv2d', 'conv2dWeightGradient'].flatMap(
  (name) => {
    const op = registry.get(name)!;
    const samples = op.samples.map(({ options }, sample) => ({
      op,
      inputs: sampleInputs(op, sample),
      options,
    }));
    const tails = [...shaderMatmulTails, ...shaderConvolutionTails].map(({ call }) => call);
    const size = ({ inputs }: KernelCase) =>
      inputs.reduce((sum, tensor) => sum + (tensor?.data.length ?? 0), 0);
    const own = [...samples, ...tails.filter((call) => call.op === op)].sort((a, b) => size(a) - size(b));
    const reached = new Map<string, KernelCase>();
    for (const call of own)
      for (const variant of variantsTaking(call, { kind: 'webgpu', features: ALL_FEATURES }))
        if (!reached.has(variant!) && withinSubgroups(call, variant!)) reached.set(variant!, call);
    expect(reached.size, name).toBeGreaterThan(0);
    return [...reached.values()];
  },
);

/** A variant by which some call has a wrong result, of those that the call can be computed by here; null where all are right. */
async function wrongOn(backend: WebGPUBackend): Promise<string | null> {
  for (const call of calls) {
    const within = variantsTaking(call, backend).filter((variant) => withinSubgroups(call, variant!));
    for (const variant of new Set([...within, ...variantsTaking(call, backend, 'chosen')]))
      if ((await checkKernel(call, backend, variant)).problem !== null) return variant;
  }
  return null;
}

describe('subgroups', () => {
  const opened: WebGPUBackend[] = [];
  afterEach(() => {
    for (const backend of opened.splice(0)) backend.dispose();
  });
  const start = async (onDevice: (device: GPUDevice) => void): Promise<WebGPUBackend> => {
    const broken = await breakableGPU();
    broken.onDevice = onDevice;
    const backend = await openWebGPU({ gpu: broken.gpu });
    opened.push(backend);
    return backend;
  };
  /** What the machine's adapter grants, and what it says of its subgroups. */
  const granted = async () => {
    let info: GPUAdapterInfo | null = null;
    const backend = await start((device) => {
      info = device.adapterInfo;
    });
    const { subgroupMinSize: least, subgroupMaxSize: most } = info! as GPUAdapterInfo;
    return { names: proved(backend), least, most };
  };

  it('are looked at in the smallest and the largest workgroups of kernels with them, all along one axis', () => {
    const sizes = (own: boolean) => {
      const named = Object.entries(kernels).filter(([name]) => name.startsWith('subgroups_') === own);
      const within = named.filter(([, { module }]) => modules[module]?.includes('enable subgroups'));
      const sides = within.map(([, { workgroupSize }]) => workgroupSize);
      expect(sides.filter(([, y, z]) => y * z !== 1)).toEqual([]);
      return sides.map(([x]) => x).sort((one, other) => one - other);
    };
    const all = sizes(false);
    expect(sizes(true)).toEqual([all[0], all.at(-1)]);
  });

  it('are neighbours in number on this adapter, as far as its smallest reaches', async () => {
    const { names, least } = await granted();
    const lanes = [4, 8, 16, 32].filter((one) => one <= least).map((one) => `lanes-${one}`);
    expect(names).toEqual([...lanes, 'quads'].sort());
  });

  it.each([
    ['quads in another order', 'filled ^ 3u', 32, false],
    ['fours that lie apart', swapBits(0, 2), 0, false],
    ['pairs that lie apart', swapBits(1, 3), 0, false],
    ['eights that lie apart', swapBits(2, 3), 4, true],
  ])('%s: kernels go without what does not hold, and are right', async (_, number, most, quads) => {
    const { names } = await granted();
    const expected = names.filter((name) => (name === 'quads' ? quads : Number(name.slice(6)) <= most));
    const backend = await start((device) => rewrite(device, renumber(number)));
    expect(proved(backend)).toEqual(expected);
    const off = names.filter((name) => !expected.includes(name));
    const said = backend.info.notes.filter((note) => note.includes('another order'));
    expect(said).toEqual(
      off.length > 0 ? [`${off.join(', ')} off: the driver fills subgroups in another order`] : [],
    );
    expect(await wrongOn(backend)).toBeNull();
    // Were they granted all the same, results would be wrong.
    for (const name of off) (backend.features as Set<string>).add(name);
    if (off.length > 0) expect(await wrongOn(backend)).not.toBeNull();
  });

  it.each([
    ['nothing', undefined],
    ['0', 0],
    ['more than there are', 128],
  ])('of an adapter that says %s of its smallest are taken for what they show', async (_, says) => {
    const { names, most } = await granted();
    const broken = await breakableGPU();
    const adapter = await broken.gpu.requestAdapter();
    const info = { subgroupMinSize: says, subgroupMaxSize: says } as GPUAdapterInfo;
    const backend = await openWebGPU({ adapter: { ...adapter, info } as GPUAdapter, gpu: broken.gpu });
    opened.push(backend);
    const found = proved(backend);
    if (says === 128) {
      expect(found).toEqual(expect.arrayContaining(names));
      const lanes = found.flatMap((name) => Number(name.split('-')[1] ?? []));
      expect(Math.max(...lanes)).toBeLessThanOrEqual(most);
    } else expect(found).toEqual(['lanes-4', 'quads']);
    expect(backend.features.has('narrow')).toBe(false);
  });

  it('are off, and it is said why, where the look at them does not compile', async () => {
    const broken = await breakableGPU();
    const device = await (await broken.gpu.requestAdapter())!.requestDevice({
      requiredFeatures: ['subgroups'],
    });
    const heard: string[] = [];
    device.addEventListener('uncapturederror', ({ error }) => heard.push(error.message));
    rewrite(device, (code) => `${code}@@`);
    device.pushErrorScope('validation');
    const backend = await openWebGPU({ device });
    expect(await device.popErrorScope()).toBeNull();
    expect(backend.features.has('subgroups')).toBe(false);
    expect(proved(backend)).toEqual([]);
    expect(backend.info.notes).toContainEqual(
      expect.stringMatching(/^subgroups is off: webgpu: shader module subgroups, line \d+: /),
    );
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
    expect(await wrongOn(backend)).toBeNull();
    backend.dispose();
    expect(heard).toEqual([]);
    await device.queue.onSubmittedWorkDone();
    device.destroy();
  });

  it('leave a device of the caller as it was', async () => {
    const broken = await breakableGPU();
    const device = await (await broken.gpu.requestAdapter())!.requestDevice({
      requiredFeatures: ['subgroups'],
    });
    const own = device.createBuffer({ size: 16, usage: 0x8c });
    device.queue.writeBuffer(own, 0, Float32Array.of(1, 2, 3, 4));
    device.pushErrorScope('validation');
    const opening = open('webgpu', { webgpu: { device } });
    device.createBuffer({ size: 16, usage: 0 });
    expect((await device.popErrorScope())?.message).toBeTruthy();
    const one = await opening;
    expect(await (await one.fromGPUBuffer(own, [4])).data()).toEqual(Float32Array.of(1, 2, 3, 4));
    one.dispose();
    await device.queue.onSubmittedWorkDone();
    device.destroy();
  });

  it('are no reason to go on without them where the device is lost meanwhile', async () => {
    const losing = (device: GPUDevice) =>
      rewrite(device, (code) => {
        device.destroy();
        return code;
      });
    await expect(start(losing)).rejects.toThrow(DeviceLostError);
    const broken = await breakableGPU();
    const device = await open('webgpu', {
      webgpu: { gpu: broken.gpu },
      recover: { every: 1 },
    });
    const before = [...device.backend.features];
    const x = device.tensor([1, 2]);
    let lost = 0;
    broken.onDevice = (next) => {
      if (lost++ < 1) losing(next);
    };
    await broken.destroy();
    const error = await x.data().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeviceLostError);
    await (error as DeviceLostError).recovered;
    expect(lost).toBe(2);
    expect([...device.backend.features]).toEqual(before);
    expect(await x.data()).toEqual(Float32Array.of(1, 2));
    device.dispose();
  });

  it('of a new device that are in another order are told where programs may use what is lost', async () => {
    const broken = await breakableGPU();
    const device = await open('webgpu', { webgpu: { gpu: broken.gpu }, recover: { tries: 1 } });
    const x = device.tensor([1]);
    await x.data();
    broken.onDevice = (next) => rewrite(next, renumber('filled ^ 3u'));
    await broken.destroy();
    const error = (await x.data().catch((reason: unknown) => reason)) as DeviceLostError;
    await expect(error.recovered).rejects.toThrow('the new device lacks quads, which programs may use');
    device.dispose();
  });
});
