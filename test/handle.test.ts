import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

let device: Device;
beforeEach(async () => {
  device = await open('wasm');
});
afterEach(() => device.dispose());

const numbers = async (tensor: Tensor) => [...(await tensor.data())];
const parameter = (values: readonly number[]): Tensor => {
  const tensor = device.tensor(values);
  tensor.requiresGrad = true;
  tensor.label = 'w';
  return tensor;
};

describe('a tensor from data', () => {
  it('has the dtype of its array, f32 where it is a list', async () => {
    const cases = [
      [device.tensor([1, 2.5]), 'f32', Float32Array.of(1, 2.5)],
      [device.tensor(Float64Array.of(0.1)), 'f32', Float32Array.of(0.1)],
      [device.tensor(Int32Array.of(-3)), 'i32', Int32Array.of(-3)],
      [device.tensor([1, 2], [2], 'i32'), 'i32', Int32Array.of(1, 2)],
      [device.tensor([0, 1], [2], 'bool'), 'bool', Uint8Array.of(0, 1)],
    ] as const;
    for (const [tensor, dtype, data] of cases) {
      expect(tensor.dtype).toBe(dtype);
      expect(await tensor.data()).toEqual(data);
    }
  });

  it('is a copy', async () => {
    const data = Float32Array.of(1, 2);
    const tensor = device.tensor(data);
    data[0] = 9;
    expect(await numbers(tensor)).toEqual([1, 2]);
    (await tensor.data())[0] = 9;
    expect(await numbers(tensor)).toEqual([1, 2]);
  });

  it('may be empty', async () => {
    const empty = device.tensor([], [0, 3]);
    expect(empty.shape).toEqual([0, 3]);
    expect(await numbers(empty.add(1))).toEqual([]);
  });

  it('refuses data that does not fit', () => {
    expect(() => device.tensor([1, 2, 3], [2, 2])).toThrow('tensor: shape [2,2] needs 4 elements, got 3');
    expect(() => device.tensor([1], [-1])).toThrow('must hold whole numbers that are not negative');
    expect(() => device.tensor([1], new Array(9).fill(1))).toThrow('has more than 8 axes');
    expect(() => device.tensor([1.5], [1], 'i32')).toThrow("element 0 is 1.5, which i32 can't hold");
    expect(() => device.tensor([0, Number.NaN], [2], 'i32')).toThrow(
      "element 1 is NaN, which i32 can't hold",
    );
    expect(() => device.tensor(Float32Array.of(1), [1], 'i32')).toThrow("a Float32Array can't hold i32[1]");
    expect(() => device.tensor(Uint8Array.of(0, 200))).toThrow('bool holds 0 and 1, element 1 is 200');
    expect(() => device.tensor(new Int16Array(2) as unknown as Int32Array)).toThrow('it is a Int16Array');
    expect(() => device.tensor('12' as unknown as number[])).toThrow(
      'data must be numbers or a Float32Array',
    );
  });
});

describe('recording', () => {
  it('computes nothing until it is asked', async () => {
    const x = device.tensor([1, 2]);
    const before = device.memory();
    const y = x.mul(3).add(1).sum();
    expect(device.memory()).toEqual(before);
    expect(await y.item()).toBe(11);
    expect(device.memory().buffers).toBeGreaterThan(before.buffers);
  });

  it('takes numbers in a tensor’s place, in the dtype of the tensors', async () => {
    const x = device.tensor([1, -2]);
    expect(await numbers(x.mul(2))).toEqual([2, -4]);
    expect(await numbers(F.sub(1, x))).toEqual([0, 3]);
    expect(await numbers(F.where(x.greater(0), x, 0))).toEqual([1, 0]);
    const labels = device.tensor(Int32Array.of(3, 4));
    expect(await numbers(labels.equal(4))).toEqual([0, 1]);
    expect(() => labels.equal(0.5)).toThrow('equal: 0.5 is not an i32');
    expect(() => F.add(1, 2)).toThrow('add: needs at least one tensor among its arguments');
  });

  it('serves reads that overlap', async () => {
    const x = device.tensor([1, 2]);
    const sums = Array.from({ length: 8 }, (_, i) => x.add(i).sum().item());
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 8 }, (_, i) => 3 + 2 * i));
  });

  it('keeps one program per structure', async () => {
    const x = device.tensor([1, 2]);
    await x.mul(x).data();
    const { bytes } = device.memory();
    const again = [await numbers(x.mul(x)), await numbers(device.tensor([3, 4]).mul(device.tensor([5, 6])))];
    expect(again).toEqual([
      [1, 4],
      [15, 24],
    ]);
    expect(device.memory().bytes - bytes).toBeLessThanOrEqual(7 * 64);
  });

  it('does not hold on to what computed tensors came from', async () => {
    let x = device.tensor([1]);
    for (let i = 0; i < 10; i++) {
      x = x.mul(2);
      await x.data();
    }
    expect(x.value.node).toBeNull();
    expect(await x.item()).toBe(1024);
  });

  it('has typed functions and methods', () => {
    const x = device.tensor([1]);
    expectTypeOf(F.matmul).returns.toEqualTypeOf<Tensor>();
    expectTypeOf(x.mul).parameter(0).toEqualTypeOf<Tensor | number>();
    expectTypeOf(x.item()).toEqualTypeOf<Promise<number>>();
    expectTypeOf(F.conv2d).parameter(2).toEqualTypeOf<Tensor | number | null | undefined>();
    expectTypeOf(x.sum({ axes: 0, keepDims: true })).toEqualTypeOf<Tensor>();
    const f = device.compile((a: Tensor, b: Tensor) => ({ sum: a.add(b), all: a }));
    expectTypeOf<Awaited<ReturnType<typeof f>>>().toEqualTypeOf<{ sum: Tensor; all: Tensor }>();
    expectTypeOf<Parameters<typeof f>['length']>().toEqualTypeOf<2>();
    // @ts-expect-error an op takes no string
    expect(() => x.add('1')).toThrow();
    // @ts-expect-error one argument is missing
    void (() => f(x));
    // @ts-expect-error a compiled function returns tensors
    void (() => device.compile((a: Tensor) => a.shape));
    // @ts-expect-error a compiled function is not async
    void (() => device.compile(async (a: Tensor) => a));
  });
});

describe('gradients', () => {
  it('add up over calls of backward(), until zeroed', async () => {
    const w = parameter([1, 2]);
    const loss = w.mul(w).sum();
    loss.backward();
    expect(await numbers(w.grad!)).toEqual([2, 4]);
    w.mul(3).sum().backward();
    expect(await numbers(w.grad!)).toEqual([5, 7]);
    loss.backward();
    expect(await numbers(w.grad!)).toEqual([7, 11]);
    w.grad = null;
    loss.backward();
    expect(await numbers(w.grad!)).toEqual([2, 4]);
  });

  it('stop at detach(), and at tensors that want none', async () => {
    const w = parameter([3]);
    const x = device.tensor([5]);
    w.mul(w.detach()).mul(x).sum().backward();
    expect(await numbers(w.grad!)).toEqual([15]);
    expect(x.grad).toBeNull();
    expect(() => w.detach().sum().backward()).toThrow('backward: no tensor with requiresGrad leads to f32[]');
    w.requiresGrad = false;
    expect(() => w.sum().backward()).toThrow('no tensor with requiresGrad');
  });

  it('need a scalar or a seed', async () => {
    const w = parameter([1, 2]);
    expect(() => w.mul(2).backward()).toThrow('the loss must be a scalar, it is [2]');
    expect(() => w.mul(2).backward(device.tensor([1]))).toThrow('the seed must be [2], it is [1]');
    w.mul(2).backward(device.tensor([10, 100]));
    expect(await numbers(w.grad!)).toEqual([20, 200]);
  });

  it('are wanted by f32 tensors that were not computed from others', async () => {
    const zeros = device.zeros([2]);
    zeros.requiresGrad = true;
    const cut = parameter([1, 2]).mul(2).detach();
    cut.requiresGrad = true;
    zeros.add(cut.mul(3)).sum().backward();
    expect([await numbers(zeros.grad!), await numbers(cut.grad!)]).toEqual([
      [1, 1],
      [3, 3],
    ]);
    const computed = parameter([1]).mul(2);
    expect(() => {
      computed.requiresGrad = true;
    }).toThrow('requiresGrad: f32[1] was computed from others; set it on a detach()ed one');
    const labels = device.tensor(Int32Array.of(1));
    expect(() => {
      labels.requiresGrad = true;
    }).toThrow('requiresGrad: only f32 tensors have gradients, this is i32[1]');
  });

  it('of a loss that was read already are there too', async () => {
    const w = parameter([2]);
    const loss = w.mul(w).sum();
    expect(await loss.item()).toBe(4);
    loss.backward();
    expect(await numbers(w.grad!)).toEqual([4]);
  });
});

describe('new contents', () => {
  it('make what was recorded before stale, never silently new', async () => {
    const w = parameter([1, 2]);
    const [read, unread] = [w.mul(2), w.mul(3)];
    await read.data();
    await w.assign(w.add(10));
    expect(await numbers(w)).toEqual([11, 12]);
    expect(await numbers(read)).toEqual([2, 4]);
    await expect(unread.data()).rejects.toThrow(
      "read: this was recorded before tensor 'w' f32[2] changed; read it before the update, or record it again",
    );
    expect(await numbers(w.mul(3))).toEqual([33, 36]);
  });

  it('are computed together with the losses that led to them', async () => {
    const w = parameter([1, 2]);
    const loss = w.mul(w).sum();
    loss.backward();
    await w.assign(w.sub(w.grad!));
    expect(await loss.item()).toBe(5);
    expect(await numbers(w)).toEqual([-1, -2]);
    await expect(w.grad!.data()).rejects.toThrow('call zeroGrad() before backward()');
  });

  it('may be exchanged', async () => {
    const [a, b] = [device.tensor([1]), device.tensor([2])];
    await device.update([
      [a, b],
      [b, a],
    ]);
    expect([await a.item(), await b.item()]).toEqual([2, 1]);
  });

  it('happen in the order they were asked for, reads between', async () => {
    const w = device.tensor([1]);
    const first = w.item();
    const written = device.write(w, { data: Float32Array.of(5), shape: [1], dtype: 'f32' });
    const second = w.item();
    expect([await first, await written, await second]).toEqual([1, undefined, 5]);
  });

  it('come into tensors that hold memory, or will', async () => {
    const zeros = device.zeros([2]);
    await zeros.assign(zeros.add(3));
    expect(await numbers(zeros)).toEqual([3, 3]);
    const w = parameter([1, 2]);
    await expect(async () => w.mul(2).assign(zeros)).rejects.toThrow(
      'has no memory of its own to be changed; update the tensor it was made from',
    );
  });

  it('must fit', async () => {
    const w = device.tensor([1, 2]);
    expect(() => w.assign(device.tensor([1]))).toThrow("update: can't put f32[1] into f32[2]");
    expect(() => w.assign(device.tensor(Int32Array.of(1, 2)))).toThrow(
      "update: can't put i32[2] into f32[2]",
    );
    const short = { data: Float32Array.of(1), shape: [2], dtype: 'f32' } as const;
    await expect(device.write(w, short)).rejects.toThrow('write: shape [2] needs 2 elements, got 1');
    expect(await numbers(w)).toEqual([1, 2]);
  });
});

describe('memory', () => {
  it('comes back by dispose()', async () => {
    const before = device.memory();
    const x = device.tensor([1, 2]);
    const y = x.add(1);
    expect(y.label).toBeUndefined();
    x.dispose();
    expect(device.memory()).toEqual(before);
    await expect(x.data()).rejects.toThrow('read: tensor f32[2] was disposed');
    await expect(y.data()).rejects.toThrow('read: tensor f32[2] was disposed');
    x.dispose();
  });

  it('is not needed for what was never computed', async () => {
    const x = device.tensor([1, 2]);
    const y = x.add(1);
    const z = y.mul(2);
    y.dispose();
    await expect(y.data()).rejects.toThrow('was disposed');
    expect(await numbers(z)).toEqual([4, 6]);
  });

  it('comes back at the end of a scope, but for what it returns', async () => {
    const w = parameter([1, 2]);
    const outside = w.mul(5);
    await device.ones([1]).data();
    const before = device.memory().buffers;
    let inside: Tensor | null = null;
    const { result, list } = await device.scope(async () => {
      inside = w.add(1);
      await outside.data();
      expect(await numbers(inside)).toEqual([2, 3]);
      await w.assign(w.add(device.tensor([1, 1])));
      return { result: w.mul(2), list: [w.mul(3)] };
    });
    expect([await numbers(result), await numbers(list[0]!), await numbers(outside)]).toEqual([
      [4, 6],
      [6, 9],
      [5, 10],
    ]);
    await expect(inside!.data()).rejects.toThrow('was disposed');
    expect(await numbers(w)).toEqual([2, 3]);
    for (const tensor of [result, ...list, outside]) tensor.dispose();
    // What is left are the programs that computed all this: an arena and parameters each, the assignment's, in place, these.
    expect((device.memory().buffers - before) % 2).toBe(1);
  });

  it('comes back when a scope fails, and through scopes in scopes', async () => {
    let lost: Tensor | null = null;
    const failing = device.scope(async () => {
      lost = device.tensor([1]);
      throw new Error('seven');
    });
    await expect(failing).rejects.toThrow('seven');
    await expect(lost!.data()).rejects.toThrow('was disposed');
    let inner: Tensor | null = null;
    await device.scope(async () => {
      inner = await device.scope(() => device.tensor([4]));
      expect(await inner.item()).toBe(4);
    });
    await expect(inner!.data()).rejects.toThrow('was disposed');
  });

  it('can not be told apart by scopes that overlap', async () => {
    let [endFirst, endSecond] = [() => {}, () => {}];
    const first = device.scope(
      () =>
        new Promise<void>((done) => {
          endFirst = done;
        }),
    );
    const second = device.scope(
      () =>
        new Promise<void>((done) => {
          endSecond = done;
        }),
    );
    endFirst();
    await expect(first).rejects.toThrow('scope: a scope ended before one that was opened inside it');
    endSecond();
    await second;
    expect(await device.scope(() => device.ones([2]).sum().item())).toBe(2);
  });

  it('comes back with the device', async () => {
    const x = device.tensor([1, 2]);
    const f = device.compile((a: Tensor) => a.mul(x));
    await f(x);
    await x.add(1).data();
    device.dispose();
    expect(device.memory()).toEqual({ buffers: 0, bytes: 0 });
    await expect(x.data()).rejects.toThrow('the device was disposed; open a new one');
    expect(() => device.tensor([1])).toThrow('the device was disposed');
    device.dispose();
  });
});

describe('two devices', () => {
  it('share nothing', async () => {
    const other = await open('reference');
    const [x, y] = [device.tensor([1, 2]), other.tensor([1, 2])];
    expect(() => x.add(y)).toThrow('add: operands live on different devices, f32[2] and f32[2]');
    await expect(other.realize([x])).rejects.toThrow('belongs to another device');
    expect(await numbers(y.add(1))).toEqual([2, 3]);
    other.dispose();
  });
});
