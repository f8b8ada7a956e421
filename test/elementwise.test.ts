import { afterAll, describe, expect, it } from 'vitest';
import { functional as F, open, type Tensor } from '../src/index.js';

const devices = await Promise.all((['reference', 'wasm', 'webgpu'] as const).map((kind) => open(kind)));
afterAll(() => {
  for (const device of devices) device.dispose();
});

const numbers = async (tensor: Tensor) => [...(await tensor.data())];
const whole = (...data: number[]) => Int32Array.from(data);

describe.each(devices.map((device) => ({ name: device.info.backend, device })))('on $name', ({ device }) => {
  /** f and its gradient where each output's seed is 1. */
  const slopes = async (f: (x: Tensor) => Tensor, values: number[]) => {
    const x = device.tensor(values);
    x.requiresGrad = true;
    const y = f(x);
    y.sum().backward();
    return { y: await numbers(y), dx: await numbers(x.grad!) };
  };

  it.each([
    { name: 'tanh', f: F.tanh, y: [1, -1], dx: [0, 0] },
    { name: 'sigmoid', f: F.sigmoid, y: [1, 0], dx: [0, 0] },
    { name: 'logSigmoid', f: F.logSigmoid, y: [0, -1000], dx: [0, 1] },
    { name: 'softplus', f: F.softplus, y: [1000, 0], dx: [1, 0] },
    { name: 'silu', f: F.silu, y: [1000, 0], dx: [1, 0] },
    { name: 'mish', f: F.mish, y: [1000, 0], dx: [1, 0] },
    { name: 'gelu', f: F.gelu, y: [1000, 0], dx: [1, 0] },
    { name: 'elu', f: F.elu, y: [1000, -1], dx: [1, 0] },
    { name: 'celu', f: F.celu, y: [1000, -1], dx: [1, 0] },
    { name: 'erf', f: F.erf, y: [1, -1], dx: [0, 0] },
  ])('$name has its limits at ±1000', async ({ f, y, dx }) => {
    const found = await slopes((x) => f(x), [1000, -1000]);
    expect(found.y.map((value) => value + 0)).toEqual(y);
    expect(found.dx.map((value) => value + 0)).toEqual(dx);
  });

  it.each([
    { name: 'expm1', f: F.expm1, slope: 1 },
    { name: 'log1p', f: F.log1p, slope: 1 },
    { name: 'tanh', f: F.tanh, slope: 1 },
    { name: 'erf', f: F.erf, slope: 2 / Math.sqrt(Math.PI) },
    { name: 'mish', f: F.mish, slope: 0.6 },
    { name: 'silu', f: F.silu, slope: 0.5 },
  ])('$name keeps small numbers', async ({ f, slope }) => {
    const values = [1e-8, -1e-8, 3e-20, -2e-30].map(Math.fround);
    const y = await numbers(f(device.tensor(values)));
    values.forEach((x, i) => {
      expect(y[i]! / (slope * x)).toBeCloseTo(1, 6);
    });
  });

  it('rounds halves to the even number', async () => {
    const y = await numbers(F.round(device.tensor([0.5, 1.5, 2.5, -0.5, -1.5])));
    expect(y.map((value) => value + 0)).toEqual([0, 2, 2, 0, -2]);
  });

  it('wraps i32 at its ends', async () => {
    const [low, high] = [-2147483648, 2147483647];
    const ends = device.tensor(whole(low, high));
    expect(await numbers(ends.add(1))).toEqual([low + 1, low]);
    expect(await numbers(ends.mul(ends))).toEqual([0, 1]);
    expect(await numbers(ends.neg())).toEqual([low, -high]);
    expect(await numbers(ends.floorDivide(-1))).toEqual([low, -high]);
    expect(await numbers(ends.remainder(-1))).toEqual([0, 0]);
  });

  it.each(['floorDivide', 'remainder'] as const)('%s refuses an i32 divisor of 0', async (name) => {
    const a = device.tensor({ data: whole(1, 2, 3, 4, 5, 6), shape: [2, 3], dtype: 'i32' });
    const quotient = a[name](device.tensor(whole(1, 0, 2)));
    await expect(quotient.data()).rejects.toThrow(`${name}: element 1 of b is 0, a is i32[2,3], b is i32[3]`);
    const b = device.tensor(whole(2, 4, -3));
    const [first, , , , , last] = await numbers(a[name](b));
    expect([first, last]).toEqual(name === 'remainder' ? [1, 0] : [0, -2]);
  });

  it('says what to do about the division of i32', () => {
    const a = device.tensor(whole(1, 2));
    expect(() => a.div(a)).toThrow(
      'div: takes f32 alone, a is i32[2], b is i32[2]; cast() to f32, or use floorDivide',
    );
  });

  it('takes empty tensors', async () => {
    const empty = device.zeros([2, 0, 3]);
    const wholes = device.tensor({ data: whole(), shape: [0], dtype: 'i32' });
    expect(await numbers(F.mish(empty))).toEqual([]);
    expect(await numbers(F.atan2(empty, 2))).toEqual([]);
    expect(F.lerp(empty, device.zeros([3]), 0.5).shape).toEqual([2, 0, 3]);
    expect(await numbers(F.lerp(empty, device.zeros([3]), 0.5))).toEqual([]);
    expect(await numbers(wholes.remainder(0))).toEqual([]);
    expect(await numbers(empty.isNaN().logicalNot())).toEqual([]);
  });

  it('chooses among bools', async () => {
    const x = device.tensor([Number.NaN, 1, Infinity]);
    const strange = x.isNaN().logicalOr(x.isInfinite());
    expect(await numbers(F.where(strange, 0, x))).toEqual([0, 1, 0]);
    expect(await numbers(strange.logicalNot().equal(x.isFinite()))).toEqual([1, 1, 1]);
  });
});
