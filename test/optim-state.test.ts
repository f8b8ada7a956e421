import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Device, functional as F, io, nn, open, optim, type Tensor } from '../src/index.js';
import { openDevices } from './support/devices.js';

type Name = 'SGD' | 'RMSprop' | 'Adam' | 'NAdam' | 'Adagrad';
const golden: {
  readonly torch: string;
  readonly shapes: readonly (readonly number[])[];
  readonly start: readonly number[][];
  readonly gradients: readonly (readonly number[][])[];
  readonly due: readonly (readonly number[])[];
  readonly groups: readonly {
    readonly optimizer: Name;
    readonly options: object;
    readonly groups: readonly object[];
    readonly after: readonly number[][][];
  }[];
  readonly averages: {
    readonly decay: number;
    readonly useBuffers: readonly number[][][];
    readonly copied: readonly number[][][];
  };
} = JSON.parse(readFileSync(new URL('golden/optimizers.json', import.meta.url), 'utf8'));

/** The largest rounding error of one step, in units of 2^-24: see update_rules.ts. */
const ULPS = 28;

const devices = (await openDevices()).map(({ name, backend }) => ({
  name,
  device: new Device(backend),
  tolerance: name === 'reference' ? 1e-13 : golden.gradients.length * ULPS * 2 ** -24,
}));
afterAll(() => {
  for (const { device } of devices) device.dispose();
});
const { device: wasm } = devices.find(({ name }) => name.startsWith('wasm'))!;

const startOf = (device: Device): Tensor[] =>
  golden.start.map((data, i) => {
    const parameter = device.tensor(data, golden.shapes[i]!);
    parameter.requiresGrad = true;
    return parameter;
  });

function expectNear(found: ArrayLike<number>, wanted: readonly number[], tolerance: number, where: string) {
  wanted.forEach((value, k) => {
    expect(
      Math.abs(found[k]! - value) / Math.max(1, Math.abs(value)),
      `${where}, element ${k}`,
    ).toBeLessThanOrEqual(tolerance);
  });
}

const make = (name: Name, parameters: unknown, options: object): optim.Optimizer =>
  new (optim[name] as unknown as new (p: unknown, o: object) => optim.Optimizer)(parameters, options);

describe.each(devices)(`PyTorch ${golden.torch}'s parameter groups on $name`, ({ device, tolerance }) => {
  it.each(golden.groups)(
    '$optimizer, with gradients that come and go',
    async ({ optimizer: name, options, groups, after }) => {
      const parameters = startOf(device);
      const [first, second] = [parameters.slice(0, 2), parameters.slice(2)];
      const optimizer = make(
        name,
        [
          { parameters: first, ...groups[0] },
          { parameters: second, ...groups[1] },
        ],
        options,
      );
      for (const [step, due] of golden.due.entries()) {
        optimizer.zeroGrad();
        for (const i of due)
          parameters[i]!.grad = device.tensor(golden.gradients[step]![i]!, golden.shapes[i]!);
        await optimizer.step();
        for (const [i, parameter] of parameters.entries())
          expectNear(await parameter.data(), after[step]![i]!, tolerance, `step ${step}, parameter ${i}`);
      }
    },
  );
});

class Held extends nn.Module {
  readonly parameters_ = golden.shapes.map((shape) => new nn.Parameter(shape, nn.init.zeros));
  readonly buffer = new nn.Buffer([5], 0);
  readonly count = new nn.Buffer([], 0, 'i32');

  forward(): Tensor {
    return this.buffer.tensor;
  }
}

describe.each(devices)(`PyTorch ${golden.torch}'s averaged model on $name`, ({ device, tolerance }) => {
  it.each([true, false])('useBuffers %s', async (useBuffers) => {
    const model = new Held().to(device);
    const parameters = model.parameters();
    for (const [i, tensor] of parameters.entries())
      await device.write(tensor, {
        data: Float32Array.from(golden.start[i]!),
        shape: tensor.shape,
        dtype: 'f32',
      });
    const optimizer = new optim.SGD(parameters, { lr: 0.1 });
    const average = new optim.ExponentialMovingAverage(model, { decay: golden.averages.decay, useBuffers });
    const step = device.compile((...gradients: Tensor[]) => {
      for (const [i, parameter] of parameters.entries()) parameter.grad = gradients[i]!;
      optimizer.step();
      device.stage([
        [model.buffer.tensor, gradients[1]!.clone()],
        [model.count.tensor, model.count.tensor.add(1)],
      ]);
      average.update();
    });
    const wanted = useBuffers ? golden.averages.useBuffers : golden.averages.copied;
    for (const [i, gradients] of golden.gradients.entries()) {
      await step(...gradients.map((data, k) => device.tensor(data, golden.shapes[k]!)));
      const { tensors } = await average.stateDict();
      for (const [k, { data }] of Object.values(tensors).slice(0, 4).entries())
        expectNear(data, wanted[i]![k]!, tolerance, `step ${i}, tensor ${k}`);
      expect([...tensors.count!.data]).toEqual([i + 1]);
    }
    expect(average.updates).toBe(golden.gradients.length);
  });
});

const bits = (data: ArrayLike<number>) => [...new Int32Array(Float32Array.from(data).buffer)];

/** A small network with its optimiser, its loss and a compiled step. */
function setUp(make: (model: nn.Sequential) => optim.Optimizer, device = wasm) {
  const generator = new Device(device.backend, { seed: 7 });
  const model = new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 2)).to(generator);
  const optimizer = make(model);
  const step = generator.compile((x: Tensor, y: Tensor) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const run = async (steps: number) => {
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const x = {
        data: Float32Array.from({ length: 6 }, (_, k) => Math.sin(k + i)),
        shape: [2, 3],
        dtype: 'f32',
      } as const;
      losses.push(await (await step(x, { data: Int32Array.of(0, 1), shape: [2], dtype: 'i32' })).item());
    }
    return losses;
  };
  return { model, optimizer, step, run };
}

const split = (model: nn.Sequential) => [
  { parameters: model.at(0).parameters(), lr: 0.05 },
  { parameters: model.at(2).parameters() },
];

const kinds: Readonly<Record<string, (model: nn.Sequential) => optim.Optimizer>> = {
  SGD: (model) => new optim.SGD(split(model), { lr: 0.1 }),
  'SGD with momentum': (model) => new optim.SGD(split(model), { lr: 0.1, momentum: 0.9, dampening: 0.2 }),
  Adam: (model) => new optim.Adam(split(model), { lr: 0.02 }),
  AdamW: (model) => new optim.AdamW(split(model), { lr: 0.02, weightDecay: 0.1 }),
  NAdam: (model) => new optim.NAdam(split(model), { lr: 0.02 }),
  Adamax: (model) => new optim.Adamax(split(model), { lr: 0.02 }),
  RMSprop: (model) => new optim.RMSprop(split(model), { lr: 0.01, centered: true, momentum: 0.5 }),
  Adagrad: (model) => new optim.Adagrad(split(model), { lr: 0.1, initialAccumulatorValue: 0.1 }),
};

describe('the state of an optimiser', () => {
  it.each(Object.keys(kinds))('%s goes on with equal bits, through safetensors and JSON', async (name) => {
    const whole = setUp(kinds[name]!);
    await whole.run(3);
    whole.optimizer.groups[1]!.lr = 0.03;
    const model = await whole.model.stateDict();
    const { tensors, ...rest } = await whole.optimizer.stateDict();
    const file = io.encodeSafetensors(tensors, { rest: JSON.stringify(rest) });
    const losses = await whole.run(4);

    const later = setUp(kinds[name]!);
    // What was trained before the state is taken up leaves no trace.
    await later.run(2);
    await later.model.loadStateDict(model);
    const read = io.decodeSafetensors(file);
    later.optimizer.loadStateDict({ ...JSON.parse(read.metadata.rest!), tensors: read.tensors });
    expect(later.optimizer.steps).toBe(3);
    expect(bits(await later.run(4))).toEqual(bits(losses));
    expect(await later.model.stateDict()).toEqual(await whole.model.stateDict());
  });

  it('is named as in PyTorch', async () => {
    const { optimizer, run } = setUp(kinds.Adam!);
    expect(await optimizer.stateDict()).toMatchObject({ tensors: {}, groups: [{ initialLr: null }, {}] });
    await run(1);
    const { tensors, groups } = await optimizer.stateDict();
    expect(Object.keys(tensors)).toEqual([0, 1, 2, 3].flatMap((i) => [`${i}.expAvg`, `${i}.expAvgSq`]));
    expect(groups[0]).toEqual({
      options: { lr: 0.05, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
      initialLr: null,
      parameters: [
        { name: '0.weight', shape: [4, 3], steps: 1, carried: {} },
        { name: '0.bias', shape: [4], steps: 1, carried: {} },
      ],
    });
  });

  it('of something else is refused, and changes nothing', async () => {
    const { optimizer, run } = setUp(kinds.Adam!);
    await run(2);
    const state = await optimizer.stateDict();
    const other = (change: object) => () => optimizer.loadStateDict({ ...state, ...change });
    const [group, last] = state.groups as [(typeof state.groups)[0], (typeof state.groups)[0]];
    expect(() => setUp(kinds.AdamW!).optimizer.loadStateDict(state)).toThrow(
      'AdamW.loadStateDict: the state is that of Adam',
    );
    expect(other({ groups: [group] })).toThrow('Adam.loadStateDict: the state has 1 group, the optimiser 2');
    expect(other({ groups: [{ ...group, parameters: group.parameters.slice(1) }, last] })).toThrow(
      'Adam.loadStateDict: group 0 has 1 parameter in the state, 2 in the optimiser',
    );
    const wide = { ...group.parameters[0]!, shape: [5, 3] };
    expect(other({ groups: [{ ...group, parameters: [wide, group.parameters[1]!] }, last] })).toThrow(
      "Adam.loadStateDict: parameter 0 '0.weight' is [5,3] in the state, Tensor('0.weight' f32[4,3], wasm) in the optimiser",
    );
    expect(other({ groups: [{ ...group, options: { ...group.options, eps: -1 } }, last] })).toThrow(
      'Adam: eps must be a number of at least 0, got -1',
    );
    expect(other({ groups: [{ ...group, options: { ...group.options, momentum: 1 } }, last] })).toThrow(
      "Adam: has no option 'momentum'; it takes lr, betas, eps, weightDecay",
    );
    const { '3.expAvg': gone, ...rest } = state.tensors;
    expect(other({ tensors: rest })).toThrow(
      "Adam.loadStateDict: tensor '3.expAvg' of parameter 3 '2.bias' is missing",
    );
    expect(other({ tensors: { ...state.tensors, '3.expAvg': state.tensors['0.expAvg'] } })).toThrow(
      "Adam.loadStateDict: tensor '3.expAvg' of parameter 3 '2.bias' must be f32[2], it is f32[4,3]",
    );
    expect(other({ tensors: { ...state.tensors, '9.expAvg': gone } })).toThrow(
      'Adam.loadStateDict: the state has tensors that it names no use for: 9.expAvg',
    );
    expect(await optimizer.stateDict()).toEqual(state);
  });
});

describe('parameter groups', () => {
  it('are one launch each, and one alone is one launch, in a compiled step', async () => {
    const launches = async (kind: (model: nn.Sequential) => optim.Optimizer) => {
      const { step, run } = setUp(kind);
      await run(1);
      const [program] = step.programs();
      return program!.program.schedule.filter(({ kernel }) => kernel === 'adam_update_f32').length;
    };
    expect(await launches(kinds.Adam!)).toBe(2);
    expect(await launches((model) => new optim.Adam(model.parameters(), { lr: 0.02 }))).toBe(1);
  });

  it('have options of their own, which a compiled step follows without a new trace', async () => {
    const { model, optimizer, step, run } = setUp(kinds.AdamW!);
    await run(1);
    const group = optimizer.groups[0] as optim.ParameterGroup<optim.AdamSettings>;
    expect(group).toMatchObject({ lr: 0.05, betas: [0.9, 0.999], weightDecay: 0.1 });
    expect(() => optimizer.lr).toThrow('AdamW: the groups have rates 0.05, 0.02; use optimizer.groups[i].lr');
    expect(() => {
      optimizer.lr = 1;
    }).toThrow('AdamW: the groups have rates 0.05, 0.02');
    for (const one of optimizer.groups) one.lr = 0;
    group.weightDecay = 0;
    expect(optimizer.lr).toBe(0);
    const before = await model.stateDict();
    await run(1);
    expect(await model.stateDict()).toEqual(before);
    optimizer.lr = 0.5;
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([0.5, 0.5]);
    await run(1);
    expect(await model.stateDict()).not.toEqual(before);
    expect(step.programs()).toHaveLength(1);
    expect(() => {
      group.betas = [1, 0.9];
    }).toThrow('AdamW: betas[0] must be in [0, 1), got 1');
    expect(() => {
      group.eps = '1' as never;
    }).toThrow("AdamW: eps must be like 1e-8, got '1'");
  });

  it('may be added, also while a compiled step runs', async () => {
    const { model, optimizer, run } = setUp((net) => new optim.Adam(net.at(2).parameters(), { lr: 0.1 }));
    await run(2);
    const frozen = await model.at(0).stateDict();
    await run(1);
    expect(await model.at(0).stateDict()).toEqual(frozen);
    optimizer.addParameterGroup({ parameters: model.at(0).parameters(), lr: 0.001 });
    await run(1);
    expect(await model.at(0).stateDict()).not.toEqual(frozen);
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([0.1, 0.001]);
  });

  it('leave frozen parameters alone until they are not, and then start them at their first step', async () => {
    const { model, optimizer, run } = setUp((net) => {
      net.at(0).freeze();
      return new optim.Adam(net.parameters(), { lr: 0.1, eps: 0 });
    });
    const before = await model.at(0).stateDict();
    await run(20);
    expect(await model.at(0).stateDict()).toEqual(before);
    model.at(0).freeze(false);
    await run(1);
    // Adam's first step moves every element by lr, whatever its gradient.
    const { weight } = await model.at(0).stateDict();
    const { data } = before.weight!;
    weight!.data.forEach((value, i) => {
      expect(Math.abs(Math.abs(value - data[i]!) - 0.1)).toBeLessThan(1e-5);
    });
    const { groups } = await optimizer.stateDict();
    expect(groups[0]!.parameters.map(({ steps }) => steps)).toEqual([1, 1, 21, 21]);
  });

  it('keep what a step within a scope began', async () => {
    const weight = wasm.tensor([1, 2]);
    const optimizer = new optim.Adam([weight], { lr: 0.1 });
    weight.requiresGrad = true;
    const step = () =>
      wasm.scope(async () => {
        optimizer.zeroGrad();
        weight.mul(weight).sum().backward();
        await optimizer.step();
      });
    await step();
    await step();
    expect(optimizer.steps).toBe(2);
  });

  it('that make no sense are refused', async () => {
    const other = await open('wasm');
    const [a, b] = [wasm.zeros([2]), wasm.zeros([3])];
    const refused: [() => unknown, string][] = [
      [
        () => new optim.SGD([{ parameters: [] }]),
        'SGD: group 0 must be { parameters: [tensor, ...], ...options }',
      ],
      [
        () => new optim.SGD([a, { parameters: [b] }] as never),
        'SGD: group 0 must be { parameters: [tensor, ...]',
      ],
      [() => new optim.SGD([{ parameters: [a] }, { parameters: [b, a] }]), 'f32[2], wasm) is given twice'],
      [
        () => new optim.SGD([{ parameters: [a] }, { parameters: [other.zeros([1])] }]),
        'lives on another device than',
      ],
      [() => new optim.SGD([wasm.tensor(Int32Array.of(1))]), "can't be trained, only f32 tensors can"],
      [
        () => new optim.SGD([{ parameters: [a], learningRate: 1 } as never]),
        "SGD: has no option 'learningRate'; it takes lr, momentum, dampening, weightDecay, nesterov",
      ],
      [() => new optim.SGD([a], { nesterov: true }), 'SGD: nesterov needs a momentum and no dampening'],
    ];
    for (const [call, message] of refused) expect(call).toThrow(message);
    other.dispose();
  });

  it('keep what they kept since the first step', async () => {
    const { optimizer, run } = setUp((net) => new optim.SGD(net.parameters(), { lr: 0.1 }));
    const group = optimizer.groups[0] as optim.ParameterGroup<optim.SGDSettings>;
    group.momentum = 0.9;
    await run(1);
    expect(Object.keys((await optimizer.stateDict()).tensors)).toContain('0.momentumBuffer');
    group.momentum = 0.8;
    expect(() => {
      group.momentum = 0;
    }).toThrow(
      'SGD: keeps momentumBuffer since its first step, these options ask for nothing; make another optimiser',
    );
    expect(group.momentum).toBe(0.8);
  });
});

describe('an exponential moving average', () => {
  const averaged = () => {
    const made = setUp((model) => new optim.SGD(model.parameters(), { lr: 0.5 }));
    const average = new optim.ExponentialMovingAverage(made.model, { decay: 0.9 });
    return { ...made, average };
  };

  it('takes the place of the model for an evaluation, and gives it back', async () => {
    const { model, average, run } = averaged();
    for (let i = 0; i < 4; i++) {
      await run(1);
      await average.update();
    }
    const own = await model.stateDict();
    const { tensors } = await average.stateDict();
    await average.applied(async () => {
      expect(await model.stateDict()).toEqual(tensors);
      expect((await average.stateDict()).tensors).toEqual(tensors);
      expect(() => average.update()).toThrow('swapOut() first');
      await expect(average.swapIn()).rejects.toThrow("the averages are in the model's place already");
    });
    expect(await model.stateDict()).toEqual(own);
    await expect(average.applied(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await model.stateDict()).toEqual(own);
    await expect(average.swapOut()).rejects.toThrow("the averages are not in the model's place");
  });

  it('continues from a state with equal bits, and refuses another one', async () => {
    const [a, b] = [averaged(), averaged()];
    await expect(a.average.swapIn()).rejects.toThrow('there are no averages before the first update()');
    for (const { run, average } of [a, b]) {
      await run(1);
      await average.update();
    }
    a.average.decay = 0.5;
    for (let i = 0; i < 3; i++) {
      await a.run(1);
      await a.average.update();
    }
    const state = await a.average.stateDict();
    await b.average.loadStateDict(state);
    await b.model.loadStateDict(await a.model.stateDict());
    for (const { run, average } of [a, b]) {
      await run(2);
      await average.update();
    }
    expect(await b.average.stateDict()).toEqual(await a.average.stateDict());
    const { '0.bias': bias, ...rest } = state.tensors;
    await expect(b.average.loadStateDict({ ...state, tensors: rest })).rejects.toThrow(
      "ExponentialMovingAverage.loadStateDict: '0.bias' is missing",
    );
    const wrong = { ...state.tensors, '2.bias': bias!, more: bias! };
    await expect(b.average.loadStateDict({ ...state, tensors: wrong })).rejects.toThrow(
      "'more' is not in the model; '2.bias' must be f32[2], it is f32[4]",
    );
    expect(() => new optim.ExponentialMovingAverage(a.model, { decay: 1 })).toThrow(
      'ExponentialMovingAverage: decay must be in [0, 1), got 1',
    );
  });
});
