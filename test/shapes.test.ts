import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

const names = ['reference', 'wasm', 'webgpu'] as const;
const devices = new Map<string, Device>();
beforeAll(async () => {
  for (const name of names) devices.set(name, await open(name));
});
afterAll(() => {
  for (const device of devices.values()) device.dispose();
});

const count = (size: number) => Float32Array.from({ length: size }, (_, i) => i);
const show = async (tensor: Tensor) => [tensor.shape, [...(await tensor.data())]];

interface Along {
  readonly size: number;
  readonly stride: number;
}

describe.each(names)('on %s', (name) => {
  const device = () => devices.get(name)!;

  it("methods take PyTorch's positions", async () => {
    const x = device().tensor(count(6), [2, 3]);
    expect(await show(x.transpose(0, 1))).toEqual([
      [3, 2],
      [0, 3, 1, 4, 2, 5],
    ]);
    expect(x.unsqueeze(1).shape).toEqual([2, 1, 3]);
    expect(x.unsqueeze(1).squeeze(1).shape).toEqual([2, 3]);
    expect(x.unsqueeze(0).squeeze().shape).toEqual([2, 3]);
    expect(x.unsqueeze(0).flatten(1).shape).toEqual([1, 6]);
    expect(await show(x.select(1, -1))).toEqual([[2], [2, 5]]);
    expect(await show(x.narrow(1, 1, 2))).toEqual([
      [2, 2],
      [1, 2, 4, 5],
    ]);
    expect(await show(x.flip([1]))).toEqual([
      [2, 3],
      [2, 1, 0, 5, 4, 3],
    ]);
    expect(await show(x.select(0, 0).repeat([2, 1]))).toEqual([
      [2, 3],
      [0, 1, 2, 0, 1, 2],
    ]);
    expect(await show(x.narrow(1, 0, 1).expand([-1, 2]))).toEqual([
      [2, 2],
      [0, 0, 3, 3],
    ]);
    const parts = [...x.split(2, 1), ...x.split([1, 1]), ...x.chunk(2, 1)];
    expect(parts.map(({ shape }) => shape)).toEqual([
      [2, 2],
      [2, 1],
      [1, 3],
      [1, 3],
      [2, 2],
      [2, 1],
    ]);
    expect(await show(parts[1]!)).toEqual([
      [2, 1],
      [2, 5],
    ]);
  });

  it.each([
    [
      [1501, 1403],
      [1, 0],
    ],
    [
      [3, 1001, 703],
      [0, 2, 1],
    ],
    [
      [13, 2503, 67],
      [2, 0, 1],
    ],
    [
      [11, 2503, 43],
      [0, 2, 1],
    ],
    [
      [3, 700_001],
      [1, 0],
    ],
  ])('turns over %j by %j, larger than caches', async (shape, axes) => {
    const x = device().tensor(count(shape.reduce((a, b) => a * b)), shape);
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    const [outer, middle, inner] = [...(axes.length < 3 ? [-1] : []), ...axes].map((axis) => ({
      size: shape[axis] ?? 1,
      stride: strides[axis] ?? 0,
    })) as [Along, Along, Along];
    const y = (await x.permute(axes).data()) as Float32Array;
    let [at, wrong] = [0, 0];
    for (let i = 0; i < outer.size; i++)
      for (let j = 0; j < middle.size; j++)
        for (let k = 0; k < inner.size; k++)
          if (y[at++] !== i * outer.stride + j * middle.stride + k * inner.stride) wrong++;
    expect([y.length, wrong]).toEqual([at, 0]);
  });

  it('counts', async () => {
    const indices = device().arange({ end: 4 });
    expect([indices.dtype, await show(indices)]).toEqual(['i32', [[4], [0, 1, 2, 3]]]);
    expect(device().arange({ end: 1, step: 0.5 }).dtype).toBe('f32');
    expect(await show(device().linspace({ start: 1, end: 2, steps: 3 }))).toEqual([[3], [1, 1.5, 2]]);
    expect(await show(device().eye({ n: 2 }))).toEqual([
      [2, 2],
      [1, 0, 0, 1],
    ]);
  });

  it('gives the part of a split that nothing uses a gradient of zero', async () => {
    const x = device().tensor(count(4));
    x.requiresGrad = true;
    const [, second] = x.chunk(2) as [Tensor, Tensor];
    second.mul(3).sum().backward();
    expect(await show(x.grad!)).toEqual([[4], [0, 0, 3, 3]]);
  });

  it('parts and joins thousands of tensors', async () => {
    const size = name === 'webgpu' ? 1000 : 2000;
    const x = device().tensor(count(size));
    x.requiresGrad = true;
    const y = F.stack(x.unbind().map((part, i) => (i % 2 ? part.mul(3) : part)));
    y.sum().backward();
    const odd = (i: number) => i % 2 === 1;
    expect([...(await y.data())]).toEqual(Array.from(count(size), (value, i) => value * (odd(i) ? 3 : 1)));
    expect([...(await x.grad!.data())]).toEqual(Array.from(count(size), (_, i) => (odd(i) ? 3 : 1)));
  });

  it('takes empty tensors, gradients included', async () => {
    const results: readonly [(x: Tensor) => Tensor, number[]][] = [
      [(x) => x.flip([0, 1]), [2, 0, 3]],
      [(x) => x.roll({ shifts: 1 }), [2, 0, 3]],
      [(x) => x.roll({ shifts: 1, axes: 1 }), [2, 0, 3]],
      [(x) => x.tril(), [2, 0, 3]],
      [(x) => x.diagonal(), [3, 0]],
      [(x) => x.repeat([1, 2, 1]), [2, 0, 3]],
      [(x) => x.split(2, 1)[0]!, [2, 0, 3]],
      [(x) => x.chunk(2, 1)[1]!, [2, 0, 3]],
      [(x) => x.narrow(2, 1, 2), [2, 0, 2]],
      [(x) => F.slice(x, { step: [-1, -2, 2] }), [2, 0, 2]],
      [(x) => F.stack([x, x], { axis: 1 }), [2, 2, 0, 3]],
      [(x) => F.concat([x, x], { axis: 1 }), [2, 0, 3]],
      [(x) => F.repeatInterleave(x, { repeats: 2, axis: 0 }), [4, 0, 3]],
      [(x) => F.pad(x, { before: [0, 0, 1], after: [0, 0, 2], mode: 'reflect' }), [2, 0, 6]],
      [(x) => F.pad(x, { before: [1, 1, 0], after: [0, 0, -1] }), [3, 1, 2]],
    ];
    for (const [f, shape] of results) {
      const x = device().zeros([2, 0, 3]);
      x.requiresGrad = true;
      const y = f(x);
      expect(y.shape).toEqual(shape);
      expect([...(await y.data())]).toEqual(Array(shape.reduce((a, b) => a * b)).fill(0));
      y.backward(device().zeros(shape));
      expect(await show(x.grad!)).toEqual([[2, 0, 3], []]);
    }
  });
});
