import { describe, expect, it } from 'vitest';
import { kernels, swiGlu } from '../examples/own-op/swi_glu.js';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import { lift, open } from '../src/index.js';
import { arena, external, scale, set } from './support/webgpu-kernels.js';

describe('a webgpu device in trouble', () => {
  // Held to the end: Node's implementation must outlive what its devices have yet to answer.
  const held: GPU[] = [];
  const makeDevice = async (): Promise<GPUDevice> => {
    const { create } = await import('webgpu');
    const gpu = create([]);
    held.push(gpu);
    const adapter = await gpu.requestAdapter();
    return adapter!.requestDevice();
  };
  /** Makes the device report that the next buffer found no memory. */
  const exhaust = (device: GPUDevice) => {
    const createBuffer = device.createBuffer.bind(device);
    const popErrorScope = device.popErrorScope.bind(device);
    device.createBuffer = (descriptor) => {
      device.createBuffer = createBuffer;
      const buffer = createBuffer(descriptor);
      let popped = 0;
      device.popErrorScope = async () => {
        const error = await popErrorScope();
        // The scopes are closed innermost first; out-of-memory is the second of three.
        if (++popped !== 2) return error;
        device.popErrorScope = popErrorScope;
        return { message: 'no memory left' };
      };
      return buffer;
    };
  };

  it('says which buffer found no memory, and goes on', async () => {
    const device = await makeDevice();
    const backend = await openWebGPU({ device }, [set]);
    const commands = [
      scale(external(0, 4), external(1, 4), 1, 2),
      scale(external(1, 4), arena(0, 0, 4), 1, 2),
    ];
    const [x, y] = [backend.allocate(4, 'x'), backend.allocate(4, 'y')];
    backend.write(x, Float32Array.of(4), 'f32');
    exhaust(device);
    const big = backend.allocate(64, 'big');
    await expect(backend.read(x, 'f32', 1)).rejects.toThrow("64 bytes for 'big': out of memory");
    big.free();
    const before = backend.memory();
    exhaust(device);
    const failing = backend.prepare({ commands, regions: [4], externals: 2 });
    await expect(failing).rejects.toThrow(
      /16 bytes for 'arena region 0': out of memory: no memory left; free buffers/,
    );
    expect(backend.memory()).toEqual(before);
    const program = await backend.prepare({ commands, regions: [4], externals: 2 });
    program.run([x, y]);
    expect(await backend.read(y, 'f32', 1)).toEqual(Float32Array.of(8));
    backend.dispose();
    device.destroy();
  });

  it('refuses a buffer that is too large at once', async () => {
    const backend = await openWebGPU({}, [set]);
    expect(() => backend.allocate(backend.maxBufferBytes + 1, 'huge')).toThrow("buffer 'huge' of");
    expect(await backend.read(backend.allocate(4, 'x'), 'f32', 1)).toEqual(Float32Array.of(0));
    backend.dispose();
  });

  it('is left alone by dispose if it is the caller’s', async () => {
    const device = await makeDevice();
    const first = await openWebGPU({ device }, [set]);
    await first.read(first.allocate(4, 'x'), 'f32', 1);
    first.dispose();
    const second = await openWebGPU({ device }, [set]);
    expect(await second.read(second.allocate(4, 'x'), 'f32', 1)).toEqual(Float32Array.of(0));
    second.dispose();
    device.destroy();
  });

  it('fails every call, those under way too, when it is lost', async () => {
    const device = await makeDevice();
    const backend = await openWebGPU({ device }, [set]);
    const [x, y] = [backend.allocate(4, 'x'), backend.allocate(4, 'y')];
    const program = await backend.prepare({
      commands: [scale(external(0, 4), external(1, 4), 1, 2)],
      regions: [],
      externals: 2,
    });
    program.run([x, y]);
    const under = backend.read(y, 'f32', 1);
    device.destroy();
    await expect(under).rejects.toThrow(/lost/);
    expect(() => program.run([x, y])).toThrow('webgpu: the device was lost (destroyed');
    expect(() => backend.allocate(4, 'z')).toThrow('open a new one');
    expect(() => backend.write(x, Float32Array.of(1), 'f32')).toThrow('lost');
    await expect(backend.read(x, 'f32', 1)).rejects.toThrow('lost');
    await expect(backend.prepare({ commands: [], regions: [4], externals: 0 })).rejects.toThrow('lost');
    backend.dispose();
  });

  it('fails every call after dispose', async () => {
    const backend = await openWebGPU({}, [set]);
    const x = backend.allocate(4, 'x');
    const under = backend.read(x, 'f32', 1);
    backend.dispose();
    backend.dispose();
    await expect(under).rejects.toThrow('disposed');
    expect(() => backend.allocate(4, 'y')).toThrow('disposed');
    await expect(backend.read(x, 'f32', 1)).rejects.toThrow('disposed');
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
  });

  it("names the user's op whose shader does not compile, and goes on", async () => {
    const modules = Object.fromEntries(
      Object.entries(kernels.modules!).map(([name, code]) => [
        name,
        `${code}\nfn half() -> f32 { return missing; }`,
      ]),
    );
    const device = await open('webgpu', { kernels: [{ ...kernels, modules }] });
    const [a, b] = [device.tensor([1, 2]), device.tensor([3, 4])];
    await expect(lift(swiGlu)(a, b).data()).rejects.toThrow(
      /missing.*for swiGlu\/swi_glu_f32/s,
    );
    expect(await a.mul(b).data()).toEqual(Float32Array.of(3, 8));
    device.dispose();
  });

  it('names the op whose result the device can not hold, and a tensor that was disposed', async () => {
    // Made with the limits that every device has.
    const own = await makeDevice();
    const device = await open('webgpu', { webgpu: { device: own } });
    const x = device.tensor([1, 2]);
    const rows = own.limits.maxStorageBufferBindingSize / 8 + 1;
    await expect(x.broadcastTo([rows, 2]).add(1).data()).rejects.toThrow(
      /^(broadcastTo|add): its result f32\[\d+,2\] takes \d+ bytes, a buffer of this webgpu device holds \d+/,
    );
    const gone = x.clone();
    await gone.data();
    gone.dispose();
    await expect(gone.add(x).data()).rejects.toThrow('f32[2] was disposed');
    expect(await x.add(1).data()).toEqual(Float32Array.of(2, 3));
    device.dispose();
    await own.queue.onSubmittedWorkDone();
    own.destroy();
  });

  it('says what to do where there is no adapter', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    await expect(openWebGPU({ gpu }, [set])).rejects.toThrow(/no adapter was found.*or use the wasm backend/);
  });
});
