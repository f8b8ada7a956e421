import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import { type Device, functional as F, nn, open, optim, type Tensor, WeftError } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await open('wasm');
});
afterAll(() => device.dispose());

const list = async (tensor: Tensor) => [...(await tensor.data())];
const parameter = (data: number[]) => {
  const tensor = device.tensor(data);
  tensor.requiresGrad = true;
  return tensor;
};

describe('recording', () => {
  it('computes nothing until somebody asks', async () => {
    const before = device.memory();
    const y = F.exp(device.zeros([1000]).add(1));
    expect(device.memory()).toEqual(before);
    expect((await y.data())[0]).toBeCloseTo(Math.E, 5);
  });

  it('mixes numbers and tensors', async () => {
    expect(await list(device.tensor([1, 2]).mul(2).add(0.5))).toEqual([2.5, 4.5]);
    expect(await list(F.sub(1, device.tensor([1, 2])))).toEqual([0, -1]);
  });

  it('types what it returns', () => {
    expectTypeOf(F.matmul).returns.toEqualTypeOf<Tensor>();
    expectTypeOf(F.adamUpdate).returns.toEqualTypeOf<readonly Tensor[]>();
    expectTypeOf(device.zeros([2]).sum({ axes: 0, keepDims: true })).toEqualTypeOf<Tensor>();
  });

  it('reads two tensors at once', async () => {
    const x = device.tensor([1, 2]);
    expect(await Promise.all([list(x.mul(2)), list(x.add(1))])).toEqual([
      [2, 4],
      [2, 3],
    ]);
  });
});

describe('backward', () => {
  it('adds to grad, and zeroGrad forgets', async () => {
    const x = parameter([1, 2]);
    const optimizer = new optim.SGD([x], { lr: 0.1 });
    F.sum(F.square(x)).backward();
    expect(await list(x.grad!)).toEqual([2, 4]);
    F.sum(F.square(x)).backward();
    expect(await list(x.grad!)).toEqual([4, 8]);
    optimizer.zeroGrad();
    expect(x.grad).toBeNull();
  });

  it('stops at detach', async () => {
    const x = parameter([3]);
    F.sum(x.mul(x.detach())).backward();
    expect(await list(x.grad!)).toEqual([3]);
  });

  it('names what it can not do', () => {
    expect(() => F.sum(device.tensor([1])).backward()).toThrow(
      'backward: no tensor with requiresGrad leads to f32[]',
    );
    expect(() => parameter([1, 2]).mul(2).backward()).toThrow('the loss must be a scalar');
    expect(() => {
      device.tensor(Int32Array.of(1)).requiresGrad = true;
    }).toThrow('requiresGrad: only f32 tensors have gradients');
  });
});

describe('updates', () => {
  it('compute the loss along with the step, so that it can still be read', async () => {
    const x = parameter([1, 2]);
    const optimizer = new optim.SGD([x], { lr: 0.25 });
    const loss = F.sum(F.square(x));
    loss.backward();
    await optimizer.step();
    expect(await loss.item()).toBe(5);
    expect(await list(x)).toEqual([0.5, 1]);
  });

  it('make what was recorded before them unreadable, never silently new', async () => {
    const x = parameter([1, 2]);
    const before = x.mul(3);
    await device.write(x, { data: Float32Array.of(5, 6), shape: [2], dtype: 'f32' });
    await expect(before.data()).rejects.toThrow('recorded before tensor f32[2] changed');
    expect(await list(x.mul(3))).toEqual([15, 18]);
  });

  it('refuse contents that do not fit', async () => {
    const x = parameter([1, 2]);
    await expect(async () => x.assign(device.zeros([3]))).rejects.toThrow(
      "update: can't put f32[3] into f32[2]",
    );
  });
});

describe('compiled functions', () => {
  it('give outputs that are gone after the next run, and say so', async () => {
    const twice = device.compile((x: Tensor) => x.mul(2));
    const first = await twice(device.tensor([1]));
    const second = await twice(device.tensor([5]));
    await expect(first.data()).rejects.toThrow('the function ran again');
    expect(await list(second)).toEqual([10]);
  });

  it('are traced once per shape and whenever what they observed changes', async () => {
    const dropout = new nn.Dropout(1);
    const run = device.compile((x: Tensor) => dropout.forward(x));
    expect(await list(await run(device.ones([2])))).toEqual([0, 0]);
    dropout.eval();
    expect(await list(await run(device.ones([2])))).toEqual([1, 1]);
    expect(await list(await run(device.ones([3])))).toEqual([1, 1, 1]);
    dropout.train();
    expect(await list(await run(device.ones([2])))).toEqual([0, 0]);
    expect(run.programs()).toHaveLength(3);
  });

  it('keep gradients inside', async () => {
    const x = parameter([2]);
    const run = device.compile(() => {
      F.sum(F.square(x)).backward();
      return x.grad!;
    });
    expect(await list(await run())).toEqual([4]);
    expect(await list(await run())).toEqual([4]);
    expect(x.grad).toBeNull();
  });

  it('know their memory before the first run', async () => {
    const run = device.compile((x: Tensor) => F.exp(x).add(1));
    const { program } = await run.prepare({ shape: [1000], dtype: 'f32' });
    expect(program.memory.peakBytes).toBeGreaterThan(0);
    expect(program.schedule.map(({ op }) => op)).toEqual(['exp', 'full', 'add']);
  });

  it('can not read, nor be async', async () => {
    await expect(device.compile((x: Tensor) => void x.data())(device.ones([1]))).rejects.toThrow(
      'while it is traced',
    );
    const later = device.compile((async () => {}) as unknown as () => void);
    await expect(later()).rejects.toThrow('must not be async');
  });
});

describe('memory', () => {
  it('comes back by dispose and by a scope that takes async functions', async () => {
    const before = device.memory().bytes;
    const kept = await device.scope(async () => {
      const x = device.tensor(new Float32Array(1 << 16));
      await x.add(1).data();
      return x.sum();
    });
    expect(device.memory().bytes - before).toBeLessThan(1 << 17);
    expect(await kept.item()).toBe(0);
    kept.dispose();
    await expect(kept.data()).rejects.toThrow('was disposed');
  });

  it('running out is an error that leaves the device usable', async () => {
    const small = await open('wasm', { wasm: { memoryLimit: 2 ** 22 } });
    const x = small.tensor(new Float32Array(2 ** 18));
    await expect(F.matmul(x.reshape([2 ** 18, 1]), x.reshape([1, 2 ** 18])).data()).rejects.toThrow(
      'wasm: out of memory',
    );
    expect(await small.tensor([1, 2]).sum().item()).toBe(3);
    small.dispose();
  });
});

describe('bad input', () => {
  it('is refused where the op is called', () => {
    const a = device.zeros([3, 5]);
    expect(() => F.matmul(a, device.zeros([4, 2]))).toThrow(
      new WeftError('matmul: inner sizes differ, a is [3,5], b is [4,2]'),
    );
    expect(() => a.sum({ axes: 2 })).toThrow('sum: axis 2 is outside a tensor of rank 2');
    expect(() => F.leakyRelu(a, { negativeSlope: Number.NaN })).toThrow(
      "leakyRelu: attribute 'negativeSlope' is NaN",
    );
    expect(() => F.add(a, device.tensor(Int32Array.of(1)))).toThrow('add: b must be f32, it is i32[1]');
    expect(() => device.tensor([1, 2, 3], [2, 2])).toThrow('tensor: ');
  });

  it.each(['wasm', 'webgpu', 'reference'] as const)('a label outside the classes, on %s', async (kind) => {
    const own = await open(kind);
    const loss = (labels: number[]) =>
      F.crossEntropy(own.zeros([3, 4]), own.tensor(Int32Array.from(labels))).item();
    await expect(loss([0, 4, 1])).rejects.toThrow(
      'crossEntropy: label 4 at row 1 is outside 0..3, logits is [3,4], labels is [3]',
    );
    expect(await loss([0, 3, 1])).toBeCloseTo(Math.log(4), 5);
    own.dispose();
  });

  it('two devices in one op', async () => {
    const other = await open('reference');
    expect(() => F.add(device.ones([1]), other.ones([1]))).toThrow('add: operands live on different devices');
  });

  it('an unknown backend, and no adapter', async () => {
    await expect(open('webgl' as 'wasm')).rejects.toThrow("open: no backend 'webgl'");
    const gpu = { requestAdapter: async () => null } as unknown as GPU;
    await expect(openWebGPU({ gpu })).rejects.toThrow(WeftError);
  });
});
