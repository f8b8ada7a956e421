import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, functional as F, nn, open, optim, type Tensor } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await open('wasm', { seed: 5 });
});
afterAll(() => device.dispose());

const numbers = async (tensor: Tensor) => [...(await tensor.data())];
const images = (n = 4) => device.normal([n, 2, 3, 3]);
const withNorm = () =>
  new nn.Sequential(new nn.BatchNorm2d(2), new nn.Flatten(), new nn.Linear(18, 3)).to(device);

describe('running statistics', () => {
  const losses = async (compiled: boolean) => {
    const own = await open('wasm', { seed: 9 });
    const model = new nn.Sequential(new nn.BatchNorm1d(3), new nn.Linear(3, 1)).to(own);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const body = (x: Tensor) => {
      const loss = F.mean(F.square(model.forward(x)));
      optimizer.zeroGrad();
      loss.backward();
      return { loss, done: optimizer.step() };
    };
    const step = own.compile((x: Tensor) => body(x).loss);
    const found: number[] = [];
    for (let i = 0; i < 4; i++) {
      const x = own.tensor(
        Float32Array.from({ length: 15 }, (_, k) => Math.sin(3 * i + k)),
        [5, 3],
      );
      if (compiled) found.push(await (await step(x)).item());
      else {
        const { loss, done } = body(x);
        await done;
        found.push(await loss.item());
      }
    }
    const state = await model.stateDict();
    own.dispose();
    return { found, state };
  };

  it('are the same recorded step by step and compiled', async () => {
    const [eager, compiled] = [await losses(false), await losses(true)];
    expect(eager).toEqual(compiled);
    expect(eager.state['0.num_batches_tracked']!.data).toEqual(Int32Array.of(4));
  });

  it('are computed in one program with what is read, and once for each batch', async () => {
    const model = withNorm();
    const [norm] = model.layers as unknown as [nn.BatchNorm2d];
    const y = model.forward(images());
    await y.data();
    const after = await numbers(norm.runningMean!.tensor);
    await y.data();
    await model.forward(images()).detach().data();
    expect(await numbers(norm.numBatchesTracked!.tensor)).toEqual([2]);
    expect(await numbers(norm.runningMean!.tensor)).not.toEqual(after);
    model.eval();
    await model.forward(images()).data();
    expect(await numbers(norm.numBatchesTracked!.tensor)).toEqual([2]);
  });

  it('count batches that nobody read in between, and evaluation sees them', async () => {
    const model = withNorm();
    const [norm] = model.layers as unknown as [nn.BatchNorm2d];
    const x = images();
    model.forward(x);
    model.forward(x);
    const y = model.eval().forward(x);
    const [found, mean] = [await numbers(y), await numbers(norm.runningMean!.tensor)];
    expect(await numbers(norm.numBatchesTracked!.tensor)).toEqual([2]);
    const batch = await numbers(F.mean(x, { axes: [0, 2, 3] }));
    mean.forEach((value, c) => {
      expect(value).toBeCloseTo(0.19 * batch[c]!, 6);
    });
    expect(await numbers(model.forward(x))).toEqual(found);
  });

  it('are loaded over what waits to be computed', async () => {
    const model = withNorm();
    const state = await model.stateDict();
    model.forward(images());
    await model.loadStateDict(state);
    expect(await model.stateDict()).toEqual(state);
  });

  it('come to nothing where the batch was disposed, and the next one counts', async () => {
    const model = withNorm();
    const [norm] = model.layers as unknown as [nn.BatchNorm2d];
    const x = images();
    await device.realize([x]);
    model.forward(x);
    x.dispose();
    await expect(norm.runningMean!.tensor.data()).rejects.toThrow('was disposed');
    await model.forward(images()).data();
    expect(await numbers(norm.numBatchesTracked!.tensor)).toEqual([1]);
  });

  it('refuse inputs of another shape', () => {
    expect(() => new nn.BatchNorm2d(3).to(device).forward(images())).toThrow(
      'BatchNorm2d: x must have 4 axes and 3 channels in axis 1, it is [4,2,3,3]',
    );
  });
});

describe('stage', () => {
  it('refuses tensors that train, and those without memory', () => {
    const weight = device.zeros([2]).add(1);
    expect(() => device.stage([[weight, device.ones([2])]])).toThrow('has no memory of its own');
    const parameter = device.tensor([1, 2], [2]);
    parameter.requiresGrad = true;
    expect(() => device.stage([[parameter, device.ones([2])]])).toThrow('requires a gradient');
    expect(() => device.stage([[parameter, device.ones([3])]])).toThrow("stage: can't put");
  });

  it('lets a tensor be assigned afterwards', async () => {
    const held = device.tensor([1, 2], [2]);
    device.stage([[held, held.mul(3)]]);
    expect(await numbers(held.add(1))).toEqual([4, 7]);
    device.stage([[held, held.mul(3)]]);
    await held.assign(held.add(0.5));
    expect(await numbers(held)).toEqual([9.5, 18.5]);
  });
});

describe('freezing', () => {
  it('keeps parameters as they are, and optimisers take the others', async () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 1)).to(device);
    model.at(0).freeze();
    expect(model.parameterCount()).toBe(21);
    expect(model.parameterCount({ trainable: true })).toBe(5);
    const before = await model.stateDict();
    const optimizer = new optim.SGD(model.parameters({ trainable: true }), { lr: 0.1 });
    F.mean(model.forward(device.normal([5, 3]))).backward();
    expect(model.parameters()[0]!.grad).toBe(null);
    await optimizer.step();
    const after = await model.stateDict();
    expect(after['0.weight']).toEqual(before['0.weight']);
    expect(after['2.weight']).not.toEqual(before['2.weight']);
    model.freeze(false);
    expect(model.parameterCount({ trainable: true })).toBe(21);
  });

  it('before the module has a device', () => {
    const model = new nn.Linear(3, 4).freeze().to(device);
    expect(model.weight.tensor.requiresGrad).toBe(false);
  });
});

describe('containers', () => {
  it('give names as PyTorch does', () => {
    class Net extends nn.Module {
      readonly list = new nn.ModuleList([new nn.Linear(2, 2)]).push(new nn.Linear(2, 3));
      readonly heads = new nn.ModuleDict({ a: new nn.Linear(3, 1), b: new nn.Linear(3, 2) });

      override forward(x: Tensor): readonly Tensor[] {
        const y = [...this.list].reduce((value, layer) => layer.forward(value), x);
        return this.heads.entries().map(([, head]) => head.forward(y));
      }
    }
    const net = new Net().to(device);
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      ...['list.0.weight', 'list.0.bias', 'list.1.weight', 'list.1.bias'],
      ...['heads.a.weight', 'heads.a.bias', 'heads.b.weight', 'heads.b.bias'],
    ]);
    expect([...net.namedModules()].map(([name]) => name)).toEqual([
      ...['', 'list', 'list.0', 'list.1', 'heads', 'heads.a', 'heads.b'],
    ]);
    expect(net.forward(device.ones([4, 2])).map(({ shape }) => shape)).toEqual([
      [4, 1],
      [4, 2],
    ]);
    expect(() => net.heads.get('c')).toThrow("ModuleDict: there is no module 'c'; there are a, b");
    expect(() => net.list.at(2)).toThrow('ModuleList: there is no module 2 of 2');
    expect(() => net.list.forward()).toThrow('has no forward of its own');
  });

  it('share the layers of a slice', async () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 1)).to(device);
    const x = device.normal([2, 3]);
    expect(await numbers(model.slice(2).forward(model.slice(0, 2).forward(x)))).toEqual(
      await numbers(model.forward(x)),
    );
    expect(model.at(-1)).toBe([...model][2]);
  });
});

describe('hooks', () => {
  it('see and change what goes in and comes out, until they are removed', async () => {
    const layer = new nn.Linear(2, 2, { bias: false }).to(device);
    await layer.initialize(() => nn.init.eye);
    const seen: string[] = [];
    const x = device.tensor([1, -2], [1, 2]);
    const pre = layer.registerForwardPreHook((module, [input]) => {
      seen.push(`before ${module === layer} ${input!.shape}`);
      return [input!.mul(2)];
    });
    const post = layer.registerForwardHook((_, [input], output) => {
      seen.push(`after ${input!.shape}`);
      return (output as Tensor).add(1);
    });
    expect(await numbers(layer.forward(x))).toEqual([3, -3]);
    expect(seen).toEqual(['before true 1,2', 'after 1,2']);
    pre.remove();
    post.remove();
    expect(await numbers(layer.forward(x))).toEqual([1, -2]);
    expect(seen.length).toBe(2);
  });

  it('look inside a network, also while it is compiled', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU(), new nn.Linear(3, 1)).to(device);
    const kept: Tensor[] = [];
    model.at(1).registerForwardHook((_, _inputs, output) => {
      kept.push(output as Tensor);
    });
    const x = device.normal([4, 2]);
    const y = await numbers(model.forward(x));
    const activations = await numbers(kept[0]!);
    const run = device.compile((x: Tensor) => ({ y: model.forward(x), activations: kept.at(-1)! }));
    const result = await run(x);
    expect(await numbers(result.y)).toEqual(y);
    expect(await numbers(result.activations)).toEqual(activations);
  });

  it('see gradients and change them', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1)).to(device);
    const grads: Tensor[] = [];
    const handle = model.at(0).registerBackwardHook((_, grad) => {
      grads.push(grad);
      return grad.mul(0);
    });
    const x = device.ones([1, 2]);
    F.sum(model.forward(x)).backward();
    expect(await numbers(grads[0]!)).toEqual(await numbers(model.parameters()[2]!));
    expect(await numbers(model.parameters()[0]!.grad!)).toEqual([0, 0, 0, 0]);
    handle.remove();
    for (const parameter of model.parameters()) parameter.grad = null;
    F.sum(model.forward(x)).backward();
    expect(await numbers(model.parameters()[0]!.grad!)).not.toEqual([0, 0, 0, 0]);
  });

  it('of a tensor are called with the whole gradient, and stay when it is updated', async () => {
    const weight = device.tensor([2, 3], [2]);
    weight.requiresGrad = true;
    const seen: number[][] = [];
    const waiting: Promise<void>[] = [];
    weight.registerHook((grad) => {
      waiting.push(numbers(grad).then((list) => void seen.push(list)));
      return grad.clamp({ max: 5 });
    });
    const optimizer = new optim.SGD([weight], { lr: 1 });
    const middle = weight.mul(1);
    middle.retainGrad();
    F.sum(F.square(middle).add(weight)).backward();
    expect(await numbers(middle.grad!)).toEqual([4, 6]);
    expect(await numbers(weight.grad!)).toEqual([5, 5]);
    await Promise.all(waiting);
    await optimizer.step();
    optimizer.zeroGrad();
    F.sum(weight).backward();
    await Promise.all(waiting);
    expect(seen).toEqual([
      [5, 7],
      [1, 1],
    ]);
  });

  it('that give another shape are an error', () => {
    const weight = device.tensor([2, 3], [2]);
    weight.requiresGrad = true;
    weight.registerHook((grad) => F.sum(grad));
    expect(() => F.sum(weight).backward()).toThrow('a hook gave f32[] for the gradient of f32[2]');
  });
});

describe('a summary', () => {
  it('counts parameters, multiply-adds and bytes, and leaves the module as it was', async () => {
    const model = new nn.Sequential(
      ...[new nn.Conv2d(1, 4, 3, { padding: 1 }), new nn.BatchNorm2d(4), new nn.ReLU()],
      ...[new nn.MaxPool2d(2), new nn.Flatten(), new nn.Dropout(), new nn.Linear(4 * 49, 10)],
    ).to(device);
    model.at(1).eval();
    const before = await model.stateDict();
    const found = nn.summary(model, device.zeros([2, 1, 14, 14]));
    expect(found.rows.map(({ name, type, output }) => [name, type, output])).toEqual([
      ['0', 'Conv2d', [2, 4, 14, 14]],
      ['1', 'BatchNorm2d', [2, 4, 14, 14]],
      ['2', 'ReLU', [2, 4, 14, 14]],
      ['3', 'MaxPool2d', [2, 4, 7, 7]],
      ['4', 'Flatten', [2, 196]],
      ['5', 'Dropout', [2, 196]],
      ['6', 'Linear', [2, 10]],
    ]);
    expect(found.rows[0]!.multiplyAdds).toBe(2 * 4 * 14 * 14 * 9);
    expect(found.rows[6]!.multiplyAdds).toBe(2 * 196 * 10);
    expect(found.parameters).toBe(4 * 9 + 4 + 8 + 1960 + 10);
    expect(found.multiplyAdds).toBe(2 * 4 * 14 * 14 * 9 + 2 * 196 * 10);
    expect(found.rows[0]!.bytes).toBe(4 * 2 * 4 * 14 * 14);
    expect(String(found).split('\n')).toHaveLength(9);
    expect(String(found)).toContain('2,018 parameters (2,018 trained, 8.1 kB)');
    expect(model.training).toBe(true);
    expect(model.at(1).training).toBe(false);
    expect(await model.stateDict()).toEqual(before);
  });
});
