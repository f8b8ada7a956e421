import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor } from '../src/index.js';

const numbers = async (tensor: Tensor) => [...(await tensor.data())];

describe.each(['reference', 'wasm', 'webgpu'] as const)('indices on %s', (kind) => {
  let device: Device;
  beforeEach(async () => {
    device = await open(kind);
  });
  afterEach(() => device.dispose());

  const floats = (shape: readonly number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return device.tensor({ data: Float32Array.from({ length: size }, (_, i) => i + 1), shape, dtype: 'f32' });
  };
  const indices = (shape: readonly number[], ...data: number[]) =>
    device.tensor({ data: Int32Array.from(data), shape, dtype: 'i32' });
  const bools = (shape: readonly number[], ...data: number[]) =>
    device.tensor({ data: Uint8Array.from(data), shape, dtype: 'bool' });

  it('outside the axis are errors that say where', async () => {
    const x = floats([3, 2]);
    const calls: [Tensor, string][] = [
      [
        F.gather(x, indices([2, 2], 0, 1, 3, 0), { axis: 0 }),
        'gather: index 3 at [1,0] is outside axis 0 of x, x is [3,2], index is [2,2]',
      ],
      [
        F.gather(x, indices([1, 1], -1), { axis: 1 }),
        'gather: index -1 at [0,0] is outside axis 1 of x, x is [3,2], index is [1,1]',
      ],
      [
        F.scatterAdd(x, indices([1, 2], 0, -2), floats([1, 2]), { axis: 0 }),
        'scatterAdd: index -2 at [0,1] is outside axis 0 of x, x is [3,2], index is [1,2]',
      ],
      [
        F.indexSelect(x, indices([2], 0, 2), { axis: 1 }),
        'indexSelect: index 2 at [1] is outside axis 1 of x, x is [3,2], index is [2]',
      ],
      [
        F.indexAdd(x, indices([2], 0, 5), floats([2, 2]), { axis: 0 }),
        'indexAdd: index 5 at [1] is outside axis 0 of x, x is [3,2], index is [2]',
      ],
      [
        F.embedding(indices([1, 2], 2, 3), x),
        'embedding: indices 3 at [0,1] is outside axis 0 of weight, weight is [3,2], indices is [1,2]',
      ],
      [
        F.sortSelect(x, indices([2, 2], 0, 1, -7, 0), { axis: 0 }),
        'sortSelect: indices -7 at [1,0] is outside axis 0 of x, x is [3,2], indices is [2,2]',
      ],
      [
        F.sortBackward(floats([1]), indices([1], -393), { axis: 0, length: 1 }),
        'sortBackward: indices -393 at [0] is outside axis 0 of dx, dx is [1], indices is [1]',
      ],
      [
        F.sortBackward(floats([2, 1]), indices([2, 1], 2, 3), { axis: 1, length: 3 }),
        'sortBackward: indices 3 at [1,0] is outside axis 1 of dx, dx is [2,3], indices is [2,1]',
      ],
      [F.oneHot(indices([2], 0, 4), { classes: 4 }), 'oneHot: label 4 at [1] is outside 0..3, labels is [2]'],
    ];
    for (const [result, message] of calls) await expect(result.data()).rejects.toThrow(message);
  });

  it('choose by a mask what gradients flow to', async () => {
    const x = floats([2, 3]);
    x.requiresGrad = true;
    const chosen = await x.maskedSelect(bools([2, 3], 0, 1, 0, 1, 1, 0));
    expect(chosen.shape).toEqual([3]);
    expect(await numbers(chosen)).toEqual([2, 4, 5]);
    chosen.mul(chosen).sum().backward();
    expect(await numbers(x.grad!)).toEqual([0, 4, 0, 8, 10, 0]);
  });

  it('choose by a mask that broadcasts, or nothing at all', async () => {
    const rows = await F.maskedSelect(floats([3]), bools([2, 1], 0, 1));
    expect(await numbers(rows)).toEqual([1, 2, 3]);
    const none = await F.maskedSelect(floats([2, 2]), bools([2, 2], 0, 0, 0, 0));
    expect(none.shape).toEqual([0]);
    expect(await numbers(none)).toEqual([]);
    await expect(floats([2]).maskedSelect(floats([2]))).rejects.toThrow(
      'maskedSelect: mask must be bool and broadcast with x, x is [2], mask is f32[2]',
    );
  });

  it('are the positions of what is not zero', async () => {
    const found = await F.nonzero(bools([2, 1, 3], 0, 1, 0, 1, 0, 1));
    expect(found.shape).toEqual([3, 3]);
    expect(await numbers(found)).toEqual([0, 0, 1, 1, 0, 0, 1, 0, 2]);
    const none = await F.nonzero(device.zeros([2, 2]));
    expect(none.shape).toEqual([0, 2]);
  });
});
