import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, io, nn, open, optim, type Tensor, WeftError } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await open('wasm', { seed: 3 });
});
afterAll(() => device.dispose());

class Block extends nn.Module {
  readonly convolution = new nn.Conv2d(4, 4, 3, { padding: 1, bias: false });
  readonly heads = [new nn.Linear(4, 2), new nn.Linear(4, 3)];
  readonly scale = new nn.Parameter([1], nn.init.ones);

  forward(x: Tensor): Tensor {
    return this.convolution.forward(x).mul(this.scale.tensor).add(x);
  }
}

const build = () =>
  new nn.Sequential(new nn.Conv2d(1, 4, 3), new nn.ReLU(), new nn.Flatten(), new nn.Linear(144, 10));

describe('modules', () => {
  it('name parameters as PyTorch does', () => {
    const sequential = build().to(device);
    expect(sequential.namedParameters().map(([name]) => name)).toEqual([
      '0.weight',
      '0.bias',
      '3.weight',
      '3.bias',
    ]);
    const block = new Block().to(device);
    expect(block.namedParameters().map(([name]) => name)).toEqual([
      'scale',
      'convolution.weight',
      'heads.0.weight',
      'heads.0.bias',
      'heads.1.weight',
      'heads.1.bias',
    ]);
    expect(block.forward(device.ones([1, 4, 5, 5])).shape).toEqual([1, 4, 5, 5]);
  });

  it('hold parameters in arrays, and shared ones once', async () => {
    class Tied extends nn.Module {
      readonly scales = [new nn.Parameter([2], nn.init.ones), new nn.Parameter([2], nn.init.zeros)];
      readonly first = new nn.Linear(2, 2);
      readonly second = this.first;

      forward(x: Tensor): Tensor {
        return this.second.forward(this.first.forward(x).mul(this.scales[0]!.tensor));
      }
    }
    const model = new Tied().to(device);
    const names = model.namedParameters().map(([name]) => name);
    expect(names).toEqual(['scales.0', 'scales.1', 'first.weight', 'first.bias']);
    expect([...(await model.scales[0]!.tensor.data())]).toEqual([1, 1]);
    expect(new optim.SGD(model.parameters(), { lr: 1 }).parameters).toHaveLength(4);
  });

  it('start within PyTorch’s bounds, by the seed of the device', async () => {
    const weights = async (seed: number) => {
      const own = await open('wasm', { seed });
      const { data } = (await new nn.Linear(400, 50).to(own).stateDict()).weight!;
      own.dispose();
      return data;
    };
    const first = await weights(1);
    const bound = 1 / Math.sqrt(400);
    expect(first.every((w) => w >= -bound && w < bound)).toBe(true);
    expect(Math.max(...first)).toBeGreaterThan(0.95 * bound);
    expect(await weights(1)).toEqual(first);
    expect(await weights(2)).not.toEqual(first);
  });

  it('save and load by safetensors', async () => {
    const [a, b] = [build().to(device), build().to(device)];
    const x = device.tensor(
      Float32Array.from({ length: 64 }, (_, i) => i / 64),
      [1, 1, 8, 8],
    );
    const wanted = [...(await a.forward(x).data())];
    expect([...(await b.forward(x).data())]).not.toEqual(wanted);
    const { tensors } = io.decodeSafetensors(io.encodeSafetensors(await a.stateDict()));
    await b.loadStateDict(tensors);
    expect([...(await b.forward(x).data())]).toEqual(wanted);
  });

  it('say which names do not fit', async () => {
    const model = new nn.Linear(2, 3).to(device);
    const state = {
      weight: { data: new Float32Array(4), shape: [2, 2], dtype: 'f32' as const },
      gamma: { data: new Float32Array(1), shape: [1], dtype: 'f32' as const },
    };
    await expect(model.loadStateDict(state)).rejects.toThrow(
      "loadStateDict: 'gamma' is not a parameter; 'bias' is missing; 'weight' must be f32[3,2], it is f32[2,2]",
    );
  });

  it('refuse data that is shorter than its shape says, and change nothing', async () => {
    const model = new nn.Linear(2, 3).to(device);
    const before = await model.stateDict();
    const state = { ...before, bias: { ...before.bias!, data: new Float32Array(2) } };
    await expect(model.loadStateDict(state)).rejects.toThrow(
      "loadStateDict: 'bias': shape [3] needs 3 elements, got 2",
    );
    expect(await model.stateDict()).toEqual(before);
  });

  it('need a device before they run, and stay on it', async () => {
    const model = new nn.Linear(2, 3);
    expect(() => model.forward(device.ones([1, 2]))).toThrow('call to(device) first');
    const weights = model.to(device).parameters();
    expect(model.to(device).parameters()).toEqual(weights);
    const other = await open('reference');
    expect(() => model.to(other)).toThrow(WeftError);
  });

  it('refuse sizes that make no sense', () => {
    expect(() => new nn.Linear(0, 3)).toThrow(
      'Linear: inFeatures must be a whole number of at least 1, got 0',
    );
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(
      "Conv2d: inChannels 3 don't divide into 2 groups",
    );
    expect(() => new nn.Dropout(1.5)).toThrow('Dropout: p must be between 0 and 1, got 1.5');
  });
});

describe('dropout', () => {
  it('Dropout of probability 0 hands x on while training', async () => {
    const device = await open('wasm');
    const x = device.tensor([1, Number.NaN]);
    expect(new nn.Dropout(0).to(device).forward(x)).toBe(x);
    device.dispose();
  });

  it('drops its share while training, scales the rest, and is off in eval', async () => {
    const layer = new nn.Dropout(0.25);
    const data = await layer.forward(device.ones([40_000])).data();
    const kept = data.filter((value) => value !== 0);
    // 5 standard deviations of the share: sqrt(p (1 - p) / n) = 0.0022.
    expect(Math.abs(kept.length / data.length - 0.75)).toBeLessThan(0.011);
    expect(new Set(kept)).toEqual(new Set([Math.fround(4 / 3)]));
    layer.eval();
    expect(new Set(await layer.forward(device.ones([100])).data())).toEqual(new Set([1]));
  });
});

describe('optimisers', () => {
  it('refuse hyper-parameters out of range', () => {
    const parameters = new nn.Linear(2, 2).to(device).parameters();
    expect(() => new optim.SGD(parameters, { lr: -1 })).toThrow(
      'SGD: lr must be a number of at least 0, got -1',
    );
    expect(() => new optim.SGD(parameters, { lr: 1, nesterov: true })).toThrow('nesterov needs a momentum');
    expect(() => new optim.Adam(parameters, { betas: [0.9, 1] })).toThrow(
      'betas[1] must be in [0, 1), got 1',
    );
    const [weight] = parameters;
    expect(() => new optim.SGD([weight!, weight!], { lr: 1 })).toThrow(
      "SGD: Tensor('weight' f32[2,2], wasm) is given twice",
    );
    const sgd = new optim.SGD(parameters, { lr: 1 });
    expect(() => {
      sgd.lr = Number.NaN;
    }).toThrow('SGD: lr must be a number of at least 0, got NaN');
    expect(() => new optim.Adam([])).toThrow('Adam: needs at least one parameter');
    expect(() => new optim.Adam(parameters).step()).toThrow('step: no parameter has a gradient');
  });
});
