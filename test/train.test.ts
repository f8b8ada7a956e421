import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  data,
  functional as F,
  type HostTensor,
  nn,
  open,
  optim,
  type Tensor,
  train,
} from '../src/index.js';

const SAMPLES = 20;
const inputs: HostTensor = {
  data: Float32Array.from({ length: SAMPLES * 4 }, (_, i) => Math.sin(3 * i)),
  shape: [SAMPLES, 4],
  dtype: 'f32',
};
const labels: HostTensor = {
  data: Int32Array.from({ length: SAMPLES }, (_, i) => Number(inputs.data[4 * i]! > 0)),
  shape: [SAMPLES],
  dtype: 'i32',
};
const samples = new data.TensorDataset(inputs, labels);

describe.each(['wasm', 'webgpu'] as const)('train.fit on %s', (kind) => {
  let device: Device;
  beforeAll(async () => {
    device = await open(kind, { seed: 1 });
  });
  afterAll(() => device.dispose());

  /** A network with first weights that depend on nothing else, and batches of 8, 8 and 4. */
  async function setUp(lr = 0.1) {
    const model = new nn.Sequential(new nn.Linear(4, 6), new nn.Tanh(), new nn.Linear(6, 2)).to(device);
    for (const tensor of model.parameters()) {
      const { shape } = tensor;
      const count = shape.reduce((a, b) => a * b, 1);
      const values = Float32Array.from({ length: count }, (_, i) => 0.5 * Math.cos(i + count));
      await device.write(tensor, { data: values, shape, dtype: 'f32' });
    }
    const optimizer = new optim.SGD(model.parameters(), { lr });
    const loader = new data.DataLoader(samples, { batchSize: 8 });
    return { model, optimizer, loader, loss: F.crossEntropy };
  }

  /** The same by hand: mean losses of epochs, weighted by the batches' sizes, and the loss after each. */
  async function byHand(epochs: number) {
    const { model, optimizer, loader } = await setUp();
    const training: number[] = [];
    const validation: number[] = [];
    const lossOf = (x: HostTensor, y: HostTensor) =>
      F.crossEntropy(model.forward(device.tensor(x)), device.tensor(y));
    for (let epoch = 0; epoch < epochs; epoch++) {
      let sum = 0;
      for await (const [x, y] of loader) {
        optimizer.zeroGrad();
        const loss = lossOf(x!, y!);
        loss.backward();
        await optimizer.step();
        sum += (await loss.item()) * x!.shape[0]!;
      }
      training.push(sum / SAMPLES);
      validation.push(await lossOf(inputs, labels).item());
    }
    return { training, validation };
  }

  it('does what a loop by hand does', async () => {
    const { model, ...options } = await setUp();
    const history = await train.fit(model, { ...options, validation: options.loader, epochs: 3 });
    const wanted = await byHand(3);
    expect(history).toMatchObject({
      stopped: null,
      epochs: [{ epoch: 1, lr: [0.1] }, { epoch: 2 }, { epoch: 3 }],
    });
    // Sums of twenty f32 losses in another order: a few roundings of 2^-24 each.
    for (const [i, { training, validation }] of history.epochs.entries()) {
      expect(Math.abs(training.loss / wanted.training[i]! - 1)).toBeLessThan(64 * 2 ** -24);
      expect(Math.abs(validation!.loss / wanted.validation[i]! - 1)).toBeLessThan(64 * 2 ** -24);
    }
    expect(JSON.parse(JSON.stringify(history))).toEqual(history);
    expect(model.training).toBe(true);
  });
});

describe('train.fit', () => {
  let device: Device;
  beforeAll(async () => {
    device = await open('wasm', { seed: 2 });
  });
  afterAll(() => device.dispose());

  const setUp = (
    lr = 0.1,
    model: nn.Module = new nn.Sequential(new nn.Linear(4, 6), new nn.Tanh(), new nn.Linear(6, 2)),
  ) => {
    model.to(device);
    return {
      model,
      optimizer: new optim.SGD(model.parameters(), { lr }),
      loader: new data.DataLoader(samples, { batchSize: 8, shuffle: true }),
      loss: F.crossEntropy,
    };
  };

  it('learns, counts metrics, and leaves no memory behind', async () => {
    const { model, ...options } = setUp(0.5);
    const run = () =>
      train.fit(model, {
        ...options,
        epochs: 15,
        validation: new data.DataLoader(samples, { batchSize: 7 }),
        metrics: { accuracy: new train.Accuracy(), recall: new train.Recall({ classes: 2 }) },
        trainMetrics: { accuracy: new train.Accuracy() },
      });
    const { epochs } = await run();
    const { buffers } = device.memory();
    const [first, last] = [epochs[0]!, epochs.at(-1)!];
    expect(last.validation!.loss).toBeLessThan(first.validation!.loss);
    expect(last.validation!.accuracy).toBeGreaterThan(0.9);
    expect(last.training.accuracy).toBeGreaterThan(0.9);
    const { loss, loader } = options;
    const metrics = { accuracy: new train.Accuracy() };
    const result = await train.evaluate(model, { loss, loader, metrics });
    expect(result.accuracy).toBe(last.validation!.accuracy);
    expect(Math.abs(result.loss / last.validation!.loss - 1)).toBeLessThan(64 * 2 ** -24);
    await run();
    expect(device.memory().buffers).toBe(buffers);
  });

  it('tells callbacks in order, and stops where one says so', async () => {
    const { model, ...options } = setUp();
    const told: string[] = [];
    const note = (event: string) => (run: train.Run) => {
      told.push(`${event} ${run.epoch}/${run.epochs} ${run.batch}/${run.batches} ${run.samples}`);
    };
    const callback: train.Callback = {
      onTrainStart: note('begin'),
      onEpochStart: note('epoch'),
      onBatchEnd: async (run) => {
        note('batch')(run);
        expect(await run.loss()).toBeGreaterThan(0);
        expect(await run.meanLoss()).toBeGreaterThan(0);
        if (run.epoch === 2 && run.batch === 1) run.stop('seen enough');
      },
      onEpochEnd: (run, record) => {
        told.push(`end of ${record.epoch}, ${run.history.length} done`);
      },
      onTrainEnd: note('finish'),
      onClose: () => told.push('close'),
    };
    const history = await train.fit(model, { ...options, epochs: 9, callbacks: [callback] });
    expect(told).toEqual([
      'begin 1/9 0/3 0',
      'epoch 1/9 0/3 0',
      'batch 1/9 1/3 8',
      'batch 1/9 2/3 16',
      'batch 1/9 3/3 20',
      'end of 1, 1 done',
      'epoch 2/9 0/3 0',
      'batch 2/9 1/3 8',
      'finish 2/9 1/3 8',
      'close',
    ]);
    expect(history).toMatchObject({ stopped: 'seen enough', epochs: [{ epoch: 1 }] });
  });

  /** A validation whose losses are told by a list: the model gives a number, which is its loss. */
  function scripted(losses: readonly number[]) {
    let epoch = 0;
    class Told extends nn.Module {
      readonly weight = new nn.Parameter([1], nn.init.zeros);

      forward(x: Tensor): Tensor {
        return x.add(this.weight.tensor);
      }
    }
    const model = new Told().to(device);
    const batch = (value: number): HostTensor => ({ data: Float32Array.of(value), shape: [1], dtype: 'f32' });
    const loader = {
      length: 1,
      async *[Symbol.asyncIterator]() {
        yield [batch(0)];
      },
    };
    const validation = {
      async *[Symbol.asyncIterator]() {
        // The weight falls by 1 in each epoch.
        epoch++;
        yield [batch(losses[epoch - 1]! + epoch)];
      },
    };
    const options = {
      optimizer: new optim.SGD(model.parameters(), { lr: 1 }),
      loss: (output: Tensor) => output.sum(),
      loader,
      validation,
      epochs: losses.length,
    };
    return { model, options, weight: async () => await model.weight.tensor.item() };
  }

  it('stops early, and gives back the best weights', async () => {
    const { model, options, weight } = scripted([5, 3, 2.95, 4, 4, 1]);
    const stopping = new train.EarlyStopping({ patience: 3, minDelta: 0.1 });
    const history = await train.fit(model, { ...options, callbacks: [stopping] });
    expect(history.epochs.map(({ validation }) => validation!.loss)).toEqual([
      5,
      3,
      expect.closeTo(2.95, 6),
      4,
      4,
    ]);
    expect(history.stopped).toBe('validation.loss has not improved for 3 epochs');
    expect([stopping.best, stopping.bestEpoch]).toEqual([3, 2]);
    expect(await weight()).toBe(-2);
  });

  it('keeps the best without stopping, the largest where asked, or leaves the last', async () => {
    const best = scripted([5, 3, 6, 7, 4]);
    const keep = new train.KeepBest({ mode: 'max' });
    expect(await train.fit(best.model, { ...best.options, callbacks: [keep] })).toMatchObject({
      stopped: null,
    });
    expect(await best.weight()).toBe(-4);
    const last = scripted([5, 3, 6]);
    await train.fit(last.model, { ...last.options, callbacks: [new train.KeepBest({ restoreBest: false })] });
    expect(await last.weight()).toBe(-3);
  });

  it('begins anew with each run', async () => {
    const stopping = new train.EarlyStopping({ patience: 2 });
    const first = scripted([5, 1, 3, 3]);
    await train.fit(first.model, { ...first.options, callbacks: [stopping] });
    const second = scripted([5, 4, 3, 2]);
    const history = await train.fit(second.model, { ...second.options, callbacks: [stopping] });
    expect([history.stopped, stopping.best, stopping.bestEpoch]).toEqual([null, 2, 4]);
    expect(await second.weight()).toBe(-4);
  });

  it('steps schedules after epochs, batches, or by what they watch', async () => {
    const rates = async (make: (optimizer: optim.Optimizer) => train.FitOptions['schedule']) => {
      const { model, options } = scripted([5, 5, 5, 5, 5]);
      const { epochs } = await train.fit(model, { ...options, schedule: make(options.optimizer) });
      return epochs.map(({ lr }) => lr[0]!);
    };
    const halves = (optimizer: optim.Optimizer) => new optim.ExponentialLR(optimizer, { gamma: 0.5 });
    expect(await rates(halves)).toEqual([1, 0.5, 0.25, 0.125, 0.0625]);
    expect(await rates((optimizer) => ({ scheduler: halves(optimizer), every: 'batch' }))).toEqual([
      0.5, 0.25, 0.125, 0.0625, 0.03125,
    ]);
    const plateau = (optimizer: optim.Optimizer) =>
      new optim.ReduceLROnPlateau(optimizer, { patience: 1, mode: 'max' });
    const watched = await rates((optimizer) => ({ scheduler: plateau(optimizer), monitor: 'training.loss' }));
    expect(watched[0]).toBe(1);
    expect(watched.at(-1)).toBeCloseTo(0.1, 12);
  });

  it('clips, averages, and judges the averages', async () => {
    const { model, options, weight } = scripted([5, 5, 5]);
    const average = new optim.ExponentialMovingAverage(model, { decay: 0.5 });
    const { epochs } = await train.fit(model, { ...options, average, clipGradNorm: { maxNorm: 0.5 } });
    // Weights are -0.5, -1, -1.5, their averages -0.5, -0.75, -1.125.
    expect(await weight()).toBeCloseTo(-1.5, 5);
    const judged = epochs.map(({ validation }, i) => validation!.loss - 5 - (i + 1));
    for (const [i, wanted] of [-0.5, -0.75, -1.125].entries()) expect(judged[i]).toBeCloseTo(wanted, 5);
    const other = scripted([5]);
    await train.fit(other.model, { ...other.options, clipGradValue: 0.25 });
    expect(await other.weight()).toBe(-0.25);
  });

  it('evaluates in evaluation mode and keeps the mode of each part', async () => {
    const modes: boolean[] = [];
    class Noted extends nn.Module {
      readonly weight = new nn.Parameter([1], nn.init.zeros);

      forward(x: Tensor): Tensor {
        modes.push(x.device.observe(() => this.training));
        return x.mul(this.weight.tensor);
      }
    }
    const part = new Noted();
    const { model, options } = scripted([1, 1]);
    const whole = new nn.ModuleList([model, part]).to(device);
    part.setTraining(false);
    whole.setTraining(true);
    await train.fit(whole, {
      ...options,
      loss: undefined as never,
      compute: (x: Tensor) => ({ loss: model.forward(part.forward(x)).sum(), output: x }),
    } as train.FitOptions);
    expect(part.training).toBe(false);
    expect(model.training).toBe(true);
    expect(modes).toEqual([false, false]);
  });

  it('shows its progress on a display', async () => {
    const { model, ...options } = setUp();
    const shown: string[] = [];
    const start = (label: string, batches: number) => {
      shown.push(`${label} of ${batches}`);
      return {
        update: (done: number, text = '') => void shown.push(`${done} ${text.replace(/\d\.\d{4}/, 'N')}`),
        stop: () => void shown.push('stop'),
      };
    };
    await train.fit(model, { ...options, epochs: 1, callbacks: [train.progress(start, { every: 0 })] });
    expect(shown).toEqual(['epoch 1/1 of 3', '1 loss N', '2 loss N', '3 loss N', 'stop']);
    shown.length = 0;
    const failing = { onBatchEnd: () => Promise.reject(new Error('broken')) };
    const callbacks = [train.progress(start), failing];
    await expect(train.fit(model, { ...options, epochs: 1, callbacks })).rejects.toThrow('broken');
    expect(shown.at(-1)).toBe('stop');
  });

  it('refuses what it can not train with', async () => {
    const { model, ...options } = setUp();
    const all = { ...options, epochs: 1 };
    const other = await open('wasm');
    const elsewhere = new optim.SGD(new nn.Linear(2, 2).to(other).parameters());
    const gives = (...batches: unknown[]) => ({
      async *[Symbol.asyncIterator]() {
        yield* batches;
      },
    });
    const callbacks = (...list: train.Callback[]) => ({ callbacks: list });
    const refused: [object, string][] = [
      [{ epochs: 0 }, 'fit: epochs must be a whole number from 1, got 0'],
      [
        { checkpoint: { save() {}, everyBatches: 0 } },
        'fit: everyBatches must be a whole number from 1, got 0',
      ],
      [{ loss: undefined }, 'fit: needs either loss or compute'],
      [{ optimizer: elsewhere }, "fit: the optimizer's parameters are on another device than the model's"],
      [{ metrics: { accuracy: new train.Accuracy() } }, 'fit: metrics are counted over the validation'],
      [{ trainMetrics: { loss: new train.Accuracy() } }, "fit: a metric can't be called 'loss'"],
      [
        { schedule: { scheduler: new optim.ReduceLROnPlateau(options.optimizer), every: 'batch' } },
        'fit: ReduceLROnPlateau steps after each epoch, not after each batch',
      ],
      [{ callback: [] }, "fit: has no option 'callback'; it takes "],
      [
        { loss: new nn.CrossEntropyLoss() as never },
        'fit: loss must be a function, of a module (output, target) =>',
      ],
      [
        { schedule: new optim.StepLR(new optim.SGD(model.parameters()), { stepSize: 1 }) },
        'fit: the schedule StepLR was made for another optimiser',
      ],
      [{ loader: gives() }, 'fit: the loader gave no batch'],
      [{ loader: gives([]) }, 'fit: the loader must give lists of tensors'],
      [
        { loader: gives([{ data: new Float32Array(0), shape: [0, 4], dtype: 'f32' }]) },
        'fit: a batch needs samples',
      ],
      [{ loader: gives([labels, labels]) }, 'linear'],
      [
        { loss: (output: Tensor) => output.sum({ axes: 1 }) },
        'fit: the loss must be a scalar, it is [8]; take its mean',
      ],
      [
        callbacks(new train.EarlyStopping({ patience: 2 })),
        "EarlyStopping: an epoch has no number 'validation.loss'; there are training.loss",
      ],
      [
        { loader: gives([inputs, labels]), ...callbacks({ onBatchEnd: (run) => run.checkpoint() }) },
        'fit: the loader has no stateDict(): a checkpoint within an epoch could not tell where it stands',
      ],
    ];
    for (const [change, message] of refused)
      await expect(train.fit(model, { ...all, ...change } as train.FitOptions), message).rejects.toThrow(
        message,
      );
    expect(() => new train.EarlyStopping({ patience: 0 })).toThrow(
      'EarlyStopping: patience must be a whole number from 1, got 0',
    );
    expect(() => new train.KeepBest({ minDelta: -1 })).toThrow(
      'KeepBest: minDelta must be a number of at least 0, got -1',
    );
    other.dispose();
  });
});
