import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, open, type Tensor, WeftError } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await open('wasm');
});
afterAll(() => device.dispose());

describe('a compiled function', () => {
  it('keeps gradients inside', async () => {
    const x = device.tensor([2]);
    x.requiresGrad = true;
    const run = device.compile(() => {
      F.sum(F.square(x)).backward();
      return x.grad!;
    });
    expect(await (await run()).item()).toBe(4);
    expect(await (await run()).item()).toBe(4);
    expect(x.grad).toBeNull();
  });

  it('knows its memory and schedule before the first run', async () => {
    const run = device.compile((x: Tensor) => F.exp(x).add(1));
    const { program } = await run.prepare({ shape: [1000], dtype: 'f32' });
    expect(program.memory.peakBytes).toBeGreaterThan(0);
    expect(program.schedule.map(({ op }) => op)).toEqual(['full', 'exp+add']);
  });
});

describe('outputs of one op', () => {
  it.each(['reference', 'wasm', 'webgpu', ['webgpu', 'wasm']] as const)(
    'are read one after the other, in any order, on %s',
    async (kind) => {
      const on = await open(kind as 'wasm');
      const read = async (tensors: readonly Tensor[]) => {
        const found: number[][] = [];
        for (const tensor of tensors) found.push([...(await tensor.data())]);
        return found;
      };
      const x = on.tensor([3, 1, 2]);
      const sorted = () => F.sort(x.mul(2), { axis: 0 });
      expect(await read(sorted())).toEqual([
        [2, 4, 6],
        [1, 2, 0],
      ]);
      expect(await read([...sorted()].reverse())).toEqual([
        [1, 2, 0],
        [2, 4, 6],
      ]);
      const [first, second] = F.split(x, { sizes: [1, 2] }) as [Tensor, Tensor];
      expect(await read([first, second.add(first)])).toEqual([[3], [4, 5]]);
      on.dispose();
    },
  );
});

describe('bad input', () => {
  it('is refused where the op is called', () => {
    const a = device.zeros([3, 5]);
    expect(() => F.matmul(a, device.zeros([4, 2]))).toThrow(
      new WeftError('matmul: inner sizes differ, a is [3,5], b is [4,2]'),
    );
    expect(() => a.sum({ axes: 2 })).toThrow('sum: axis 2 is outside a tensor of rank 2');
    expect(() => F.leakyRelu(a, { negativeSlope: Number.NaN })).toThrow(
      'leakyRelu: negativeSlope must be a number, got NaN',
    );
    expect(() => F.add(a, device.tensor(Int32Array.of(1)))).toThrow(
      'add: dtypes differ, a is f32[3,5], b is i32[1]',
    );
  });

  it('names an unknown backend', async () => {
    await expect(open('webgl' as 'wasm')).rejects.toThrow("open: no backend 'webgl'");
  });
});
