import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createGraph,
  createInput,
  type Device,
  functional as F,
  nn,
  open,
  ops,
  optim,
  type Tensor,
} from '../src/index.js';

let device: Device;
beforeEach(async () => {
  device = await open('wasm', { seed: 3 });
});
afterEach(() => device.dispose());

const numbers = async (tensor: Tensor) => [...(await tensor.data())];
const parameter = (values: readonly number[]): Tensor => {
  const tensor = device.tensor(values);
  tensor.requiresGrad = true;
  tensor.label = 'w';
  return tensor;
};
const host = (values: readonly number[]) =>
  ({ data: Float32Array.from(values), shape: [values.length], dtype: 'f32' }) as const;

describe('a compiled function', () => {
  it('is traced once per shapes and dtypes', async () => {
    let traces = 0;
    const f = device.compile((x: Tensor) => {
      traces++;
      return x.mean();
    });
    for (const values of [[1, 2], [3, 4], [5], [6, 7], [8]]) await f(host(values));
    expect([traces, f.programs().length]).toEqual([2, 2]);
    expect(await (await f(host([1, 2, 3]))).item()).toBe(2);
    await expect(f({ ...host([1]), data: Int32Array.of(1), dtype: 'i32' })).rejects.toThrow(
      'mean: x must be f32, it is i32[1]',
    );
    expect(f.programs()).toHaveLength(3);
  });

  it('takes tensors, computed or not, and host data alike', async () => {
    const f = device.compile((x: Tensor) => x.mul(2));
    const x = device.tensor([1, 2]);
    expect(await numbers(await f(x))).toEqual([2, 4]);
    expect(await numbers(await f(x.add(1)))).toEqual([4, 6]);
    expect(await numbers(await f(host([5, 6])))).toEqual([10, 12]);
    expect(f.programs()).toHaveLength(1);
  });

  it('refuses host data that does not fit what it says', async () => {
    const f = device.compile((x: Tensor) => x.mul(2));
    await expect(f({ ...host([1, 2, 3]), shape: [2] })).rejects.toThrow(
      'compile: argument 0: shape [2] needs 2 elements, got 3',
    );
    await expect(f({ ...host([1]), data: Int32Array.of(1) })).rejects.toThrow(
      "a Int32Array can't hold f32[1]",
    );
    expect(await numbers(await f(host([1, 2])))).toEqual([2, 4]);
  });

  it('returns tensors, lists, records or nothing', async () => {
    const x = host([1, 2]);
    const list = device.compile((a: Tensor) => [a.add(1), a.add(2)]);
    const record = device.compile((a: Tensor) => ({ same: a, sum: a.sum() }));
    const nothing = device.compile((_: Tensor) => {});
    expect(await Promise.all((await list(x)).map(numbers))).toEqual([
      [2, 3],
      [3, 4],
    ]);
    const { same, sum } = await record(x);
    expect([await numbers(same), await sum.item()]).toEqual([[1, 2], 3]);
    expect(await nothing(x)).toBeUndefined();
    const wrong = device.compile((() => 5) as unknown as () => Tensor);
    await expect(wrong()).rejects.toThrow('compile: the function must return a tensor, a list or a record');
  });

  it('may be given its own last output', async () => {
    const grow = device.compile((state: Tensor) => state.mul(2).add(1));
    let state = await grow(host([1, 2]));
    const { bytes } = device.memory();
    for (let i = 0; i < 4; i++) state = await grow(state);
    expect(await numbers(state)).toEqual([63, 95]);
    // The copy's program, and nothing per run.
    expect(device.memory().bytes - bytes).toBeLessThanOrEqual(3 * 64);
  });

  it('updates what it may, and says what it may not', async () => {
    const w = parameter([1, 2]);
    const bump = device.compile((x: Tensor) => {
      w.assign(w.add(x));
      return w.mul(10);
    });
    expect(await numbers(await bump(host([1, 1])))).toEqual([20, 30]);
    expect(await numbers(w)).toEqual([2, 3]);
    await expect(bump(w)).rejects.toThrow('argument 0 is a tensor that the function updates; pass a clone()');
    expect(await numbers(await bump(w.clone()))).toEqual([40, 60]);
    const own = device.compile((x: Tensor) => {
      x.assign(x.add(1));
    });
    await expect(own(host([1]))).rejects.toThrow('has no memory of its own to be changed');
    expect(await numbers(w)).toEqual([4, 6]);
  });

  it('returns a tensor that it updates with its new contents, and what was made of the old ones', async () => {
    const w = parameter([1, 2]);
    const bump = device.compile((x: Tensor) => {
      const old = w.reshape([2, 1]);
      w.assign(w.add(x));
      return { old, w };
    });
    for (const [before, after] of [
      [1, 2],
      [2, 3],
    ] as const) {
      const { old, w: returned } = await bump(host([1, 1]));
      expect(await numbers(old)).toEqual([before, before + 1]);
      expect(await numbers(returned)).toEqual([after, after + 1]);
      expect(await numbers(w)).toEqual([after, after + 1]);
    }
  });

  it('makes what was recorded before it ran stale', async () => {
    const w = parameter([1]);
    const [before, read] = [w.mul(2), w.mul(3)];
    await read.data();
    const bump = device.compile(() => {
      w.assign(w.add(1));
    });
    await bump();
    await expect(before.data()).rejects.toThrow("recorded before tensor 'w' f32[1] changed");
    expect(await numbers(read)).toEqual([3]);
    w.dispose();
    await expect(bump()).rejects.toThrow("compile: 'w', which the function reads, was disposed");
  });

  it('takes two steps in one run', async () => {
    const twice = parameter([1, -2]);
    const once = parameter([1, -2]);
    const stepOf = (w: Tensor, optimizer: optim.Optimizer) => {
      optimizer.zeroGrad();
      const loss = F.sum(w.mul(w).mul(w));
      loss.backward();
      void optimizer.step();
      return loss;
    };
    const [a, b] = [twice, once].map((w) => new optim.Adam([w], { lr: 0.1 }));
    const both = device.compile(() => {
      stepOf(twice, a!);
      return stepOf(twice, a!);
    });
    const single = device.compile(() => stepOf(once, b!));
    await single();
    expect(await (await both()).item()).toBe(await (await single()).item());
    expect(await numbers(twice)).toEqual(await numbers(once));
    expect([a!.steps, b!.steps]).toEqual([2, 2]);
  });

  it('is traced again when what it observed changes, a frozen parameter too', async () => {
    const [w, v] = [parameter([1]), parameter([1])];
    let sign = 1;
    const f = device.compile(() => {
      const factor = device.observe(() => sign);
      F.sum(w.mul(v).mul(factor)).backward();
      return [w.grad, v.grad].filter((grad) => grad !== null);
    });
    const gradients = async () => Promise.all((await f()).map((grad) => grad.item()));
    expect(await gradients()).toEqual([1, 1]);
    sign = -1;
    expect(await gradients()).toEqual([-1, -1]);
    v.requiresGrad = false;
    expect(await gradients()).toEqual([-1]);
    v.requiresGrad = true;
    expect(await gradients()).toEqual([-1, -1]);
    expect(f.programs()).toHaveLength(3);
  });

  it('draws new masks and follows train() and eval()', async () => {
    const layer = new nn.Dropout(0.5);
    const f = device.compile((x: Tensor) => layer.forward(x));
    const x = device.ones([64]);
    const [a, b] = [await numbers(await f(x)), await numbers(await f(x))];
    expect(a).not.toEqual(b);
    layer.eval();
    expect(await numbers(await f(x))).toEqual(new Array(64).fill(1));
    layer.train();
    expect(new Set(await numbers(await f(x)))).toEqual(new Set([0, 2]));
    expect(f.programs()).toHaveLength(2);
  });

  it('runs in the order of the calls, reads between', async () => {
    const w = parameter([0]);
    const step = device.compile((x: Tensor) => {
      w.assign(w.add(x));
      return w.sum();
    });
    const first = step(host([1])).then((sum) => sum.item());
    expect(await first).toBe(1);
    const [value, sum] = await Promise.all([w.item(), step(host([10]))]);
    expect([value, await sum.item(), await w.item()]).toEqual([1, 11, 11]);
    const sums = await Promise.all([step(host([1])), step(host([1]))]);
    await expect(sums[0].item()).rejects.toThrow('the function ran again or was disposed');
    expect(await sums[1].item()).toBe(13);
  });

  it('can neither read, nor call another one, while it is traced', async () => {
    const inner = device.compile((x: Tensor) => x.mul(2));
    const nested = device.compile((x: Tensor) => void inner(x));
    await expect(nested(host([1]))).rejects.toThrow("a compiled function can't call another one");
    const realizing = device.compile((x: Tensor) => void device.realize([x]));
    await expect(realizing(host([1]))).rejects.toThrow('realize: a compiled function');
    const item = device.compile((x: Tensor) => void x.item());
    await expect(item(host([1]))).rejects.toThrow('data: a compiled function');
    expect(await numbers(await inner(host([1])))).toEqual([2]);
  });

  it('leaves symbols that are no tensors', async () => {
    const leaked: Tensor[] = [];
    const f = device.compile((x: Tensor) => {
      leaked.push(x.add(1));
      return x;
    });
    await f(host([1]));
    await expect(leaked[0]!.data()).rejects.toThrow(
      "tensor 'argument 0' f32[1] exists only while its function is traced",
    );
  });

  it('is as it was after it threw', async () => {
    const w = parameter([1]);
    let wrong = true;
    const f = device.compile((x: Tensor) => {
      w.assign(w.mul(2));
      return wrong ? x.add(device.ones([5])) : x.add(w);
    });
    await expect(f(host([1, 2]))).rejects.toThrow("add: shapes don't broadcast, a is [2], b is [5]");
    expect(await w.item()).toBe(1);
    wrong = false;
    expect(await numbers(await f(host([1, 2])))).toEqual([3, 4]);
    expect(await w.item()).toBe(2);
  });

  it('gives its memory back, and its outputs with it', async () => {
    const before = device.memory();
    const f = device.compile((x: Tensor) => x.mul(2).sum());
    const y = await f(host([1, 2]));
    f.dispose();
    expect(device.memory()).toEqual(before);
    await expect(y.item()).rejects.toThrow('was disposed');
    await expect(f(host([1, 2]))).rejects.toThrow('compile: the function was disposed; compile it again');
    f.dispose();
  });
});

describe('a compiled graph', () => {
  it('takes one argument per input', async () => {
    const [a, b] = [createInput([2], 'f32', 'a'), createInput([], 'f32', 'b')];
    const graph = createGraph({ inputs: [a, b], outputs: [ops.mul(a, b), a] });
    const { compiled, run } = await device.compileGraph(graph);
    expect(compiled.program.schedule.map(({ op }) => op)).toEqual(['mul']);
    const [product, same] = await run(host([1, 2]), device.tensor([3], []));
    expect([await numbers(product!), await numbers(same!)]).toEqual([
      [3, 6],
      [1, 2],
    ]);
    await expect(run(host([1, 2]))).rejects.toThrow('run: the graph takes f32[2], f32[]; got f32[2]');
    compiled.dispose();
    await expect(run(host([1, 2]), device.tensor([3], []))).rejects.toThrow('was disposed');
  });
});
