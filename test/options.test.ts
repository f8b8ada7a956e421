import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { Device, functional as F } from '../src/index.js';

const device = new Device(openReference());
afterAll(() => device.dispose());

const x = device.ones([2, 3]);
const image = device.ones([1, 2, 8, 8]);
const weight = device.ones([2, 2, 3, 3]);
/** Calls as JavaScript makes them, without TypeScript's eyes. */
const loose = F as unknown as Record<string, (...args: unknown[]) => unknown>;

describe('an option that nothing uses is an error that names those that are used', () => {
  it.each([
    [() => loose.sum!(x, { axis: 0 }), "sum: the option 'axis' has no effect here; it uses axes, keepDims"],
    [() => loose.softmax!(x, { axes: 0 }), "softmax: the option 'axes' has no effect here; it uses axis"],
    [
      () => loose.conv2d!(image, weight, null, { pading: 1 }),
      "conv2d: the option 'pading' has no effect here; it uses activation, stride, dilation, algorithm, padding, groups",
    ],
    [
      () => loose.maxPool2d!(image, { kernel: 2, ceil_mode: true }),
      "maxPool2d: the option 'ceil_mode' has no effect",
    ],
    [
      () => loose.interpolate!(image, { scaleFactor: 2, align_corners: true }),
      "interpolate: the option 'align_corners' has no effect",
    ],
    [() => loose.relu!(x, { inplace: true }), "relu: the option 'inplace' has no effect here; it uses none"],
    [() => loose.sum!(x, 0), 'sum: its options must be an object, got 0'],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});

describe('options in the place of an optional input are an error', () => {
  it.each([
    [
      () => loose.bceWithLogits!(x, x, { reduction: 'sum' }),
      "bceWithLogits: input 'weight' must be a tensor, got { reduction }",
    ],
    [
      () => loose.linear!(x, x, { activation: 'relu' }),
      "linear: input 'bias' must be a tensor, got { activation }",
    ],
    [() => loose.matmul!(x, 'w'), "matmul: input 'b' must be a tensor, got w"],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});

describe('numbers that a dtype has not are an error', () => {
  it.each([
    [() => device.full([2], 1.5, 'i32'), 'full: 1.5 is not an i32'],
    [() => device.full([2], 2, 'bool'), 'full: 2 is not a bool, which is 0 or 1'],
    [() => device.tensor([1], [1], 'i32').add(2 ** 31), 'add: 2147483648 is not an i32'],
    [
      () =>
        F.maskedFill(device.tensor([1], [1], 'i32'), device.tensor([1], [1], 'bool'), null, { value: 1e10 }),
      'maskedFill: 10000000000 is not an i32',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(message);
  });
});
