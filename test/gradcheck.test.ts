import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { openWasm } from '../src/backend/wasm/index.js';
import { Device, defineOp, functional as F, nn, ops, Tensor, type Value } from '../src/index.js';
import { gradcheck, gradgradcheck, verifyOps } from '../src/verify/index.js';

const reference = new Device(openReference());
const wasm = new Device(await openWasm());
afterAll(() => {
  reference.dispose();
  wasm.dispose();
});

/** y = x², with a gradient that is wrong by a factor at one element. */
const crooked = defineOp({
  name: 'crooked',
  summary: 'y = x²',
  inputs: ['x'],
  infer: ({ x }) => x,
  reference: ({ x }) => x.data.map((v) => v * v),
  backward: {
    x({ grad, x }): Value {
      const factors = ops.add(
        ops.full({ shape: x.shape, value: 2 }),
        ops.pad(ops.full({ shape: [1, 1], value: 0.001 }), { before: [1, 2], after: [0, 0] }),
      );
      return ops.mul(ops.mul(grad, factors), x);
    },
  },
  kernels: { wasm: [], webgpu: [] },
  samples: [{ inputs: { x: { shape: [2, 3] } } }],
  errors: [],
});
const wrong = (x: Tensor) => new Tensor(x.device, crooked(x.value));

describe('gradcheck', () => {
  it.each(['directional', 'full'] as const)("checks the user's own function, %s", async (mode) => {
    const f = (x: Tensor, w: Tensor) => F.matmul(x, w).tanh().mul(x.sum()).exp();
    const { ok, results } = await gradcheck(f, [{ shape: [2, 3] }, { shape: [3, 4] }], { mode });
    expect(ok).toBe(true);
    expect(results.map(({ input, check }) => [input, check])).toEqual([
      [0, 'gradient'],
      [1, 'gradient'],
    ]);
    for (const { error } of results) expect(error).toBeLessThan(1e-8);
  });

  it.each(['directional', 'full'] as const)('says where a gradient is wrong, %s', async (mode) => {
    const { ok, results } = await gradcheck(wrong, [{ shape: [2, 3], domain: [1, 2] }], { mode, seed: 3 });
    expect(ok).toBe(false);
    const { worst, problem, reproduce } = results[0]!;
    expect(worst!.coordinate).toEqual([1, 2]);
    expect(Math.abs(worst!.analytic / worst!.numeric)).toBeCloseTo(1.0005, 6);
    expect(problem).toContain('[1,2]');
    expect(problem).toContain(String(worst!.analytic));
    expect(problem).toContain(String(worst!.numeric));
    expect(reproduce).toBe("gradcheck(f, inputs, { seed: 3, wrt: [0], mode: 'full' })");
    if (mode === 'full') expect(worst!.output).toEqual([1, 2]);
  });

  it('differentiates every f32 result, and no other', async () => {
    const f = (x: Tensor) => [x.square(), x.argmax({ axis: 0 }), x.sum()];
    expect((await gradcheck(f, [{ shape: [5], distinct: true }], { mode: 'full' })).ok).toBe(true);
    await expect(gradcheck((x) => x.argmax({ axis: 0 }), [{ shape: [5] }])).rejects.toThrow(
      'gradcheck: the function gives no f32 tensor, so there is nothing to differentiate',
    );
  });

  it('takes values, integers among them, and the inputs to look at', async () => {
    const labels = { shape: [2], dtype: 'i32' as const, data: Int32Array.of(2, 0) };
    const logits = { shape: [2, 3], dtype: 'f32' as const, data: Float64Array.of(0.5, -1, 2, 0, 0.1, 0.2) };
    const f = (x: Tensor, y: Tensor, scale: Tensor) => F.crossEntropy(x.mul(scale), y);
    const { ok, results } = await gradcheck(f, [logits, labels, { shape: [] }], { wrt: [2] });
    expect(ok).toBe(true);
    expect(results.map(({ input }) => input)).toEqual([2]);
  });

  it('takes a module with its parameters, on a device of the caller', async () => {
    const layer = await new nn.Linear(3, 2).to(reference);
    const f = (x: Tensor) => F.dropout(layer.forward(x).tanh(), { p: 0.3 });
    expect((await gradcheck(f, [{ shape: [4, 3] }], { device: reference })).ok).toBe(true);
  });

  it('holds kernels to the reference where devices are given', async () => {
    const f = (x: Tensor, w: Tensor) => F.softmax(F.matmul(x, w), { axis: 1 });
    const { ok, results } = await gradcheck(f, [{ shape: [5, 3] }, { shape: [3, 4] }], { kernels: [wasm] });
    expect(ok).toBe(true);
    const ops = results.filter(({ check }) => check === 'kernel').map(({ op }) => op);
    expect(ops).toEqual(expect.arrayContaining(['matmul', 'softmax', 'softmaxBackward']));
  });

  it('shows a gradient that stops on the way', async () => {
    const { results } = await gradcheck((x) => x.mul(x.detach()), [{ shape: [3], domain: [1, 2] }]);
    expect(results[0]!.problem).toContain('central differences');
  });

  it.each([
    [() => gradcheck((x) => x, [{ shape: [3] }], { device: wasm }), "needs a device opened as 'reference'"],
    [() => gradcheck((x) => x, [{ shape: [3] }], { wrt: [1] }), 'input 1 is not an f32 input'],
    [() => gradcheck((x) => x, [{ shape: [3], dtype: 'i32' }]), 'needs at least one f32 input'],
    [
      () => gradcheck((x) => x, [{ shape: [3], dtype: 'f32', data: Float32Array.of(1) }]),
      'input 0 has 1 elements, its shape [3] needs 3',
    ],
  ])('refuses what makes no sense: %#', async (call, message) => {
    await expect(call()).rejects.toThrow(`gradcheck: ${message}`);
  });
});

describe('verifyOps', () => {
  it('works out whole Jacobians on request', async () => {
    const found = await verifyOps({ backends: [reference.backend], ops: [crooked.op], mode: 'full' });
    const wrongs = found.filter(({ ok }) => !ok);
    expect(wrongs.map(({ check }) => check)).toContain('gradient');
    const { worst, reproduce } = wrongs.find(({ check }) => check === 'gradient')!;
    expect(worst).toMatchObject({ coordinate: [1, 2], output: [1, 2] });
    expect(reproduce).toBe('npm run gradcheck -- --op crooked --backend reference --sample 0 --full');
  });
});

describe('gradgradcheck', () => {
  it('checks every second derivative', async () => {
    const f = (x: Tensor, y: Tensor) => x.sin().mul(y.exp());
    const { ok, results } = await gradgradcheck(f, [{ shape: [3] }, { shape: [3] }], { mode: 'full' });
    expect(ok).toBe(true);
    expect(results.length).toBe(4);
  });

  it('finds a second derivative that is wrong though the first is right', async () => {
    const half = (x: Tensor) =>
      x
        .square()
        .mul(0.5)
        .add(x.mul(x.detach()).sub(x.square().mul(0.5)));
    const { ok, results } = await gradgradcheck(half, [{ shape: [2], domain: [1, 2] }]);
    expect(ok).toBe(false);
    expect(results[0]!.problem).toMatch(/^of the gradient of input 0: input 0: the gradient at \[\d\]/);
  });
});
