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

describe('an option that an op does not have is an error that names those that it has', () => {
  it.each([
    [() => loose.sum!(x, { axis: 0 }), "sum: has no option 'axis'; it takes axes, keepDims"],
    [() => loose.softmax!(x, { axes: 0 }), "softmax: has no option 'axes'; it takes axis"],
    [
      () => loose.conv2d!(image, weight, null, { pading: 1 }),
      "conv2d: has no option 'pading'; it takes stride, padding, dilation, groups, algorithm, activation",
    ],
    [() => loose.maxPool2d!(image, { kernel: 2, ceil_mode: true }), "maxPool2d: has no option 'ceil_mode'"],
    [
      () => loose.interpolate!(image, { scaleFactor: 2, align_corners: true }),
      "interpolate: has no option 'align_corners'",
    ],
    [() => loose.relu!(x, { inplace: true }), "relu: has no option 'inplace'; it takes none"],
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
