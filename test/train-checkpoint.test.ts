import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { data, functional as F, io, nn, open, optim, train } from '../src/index.js';
import {
  checkpointTo,
  loadCheckpoint,
  readCheckpoint,
  readSafetensors,
  saveCheckpoint,
  writeSafetensors,
} from '../src/node.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-train-'));
});
afterAll(() => rm(folder, { recursive: true }));

const SAMPLES = 44;
const BATCH = 8;
const EPOCHS = 3;
const samples = new data.TensorDataset(
  {
    data: Float32Array.from({ length: SAMPLES * 5 }, (_, i) => Math.sin(i * i)),
    shape: [SAMPLES, 5],
    dtype: 'f32',
  },
  { data: Int32Array.from({ length: SAMPLES }, (_, i) => i % 3), shape: [SAMPLES], dtype: 'i32' },
);

/** A run whose every part has a state: dropout's seeds, running statistics, moments, a shuffle, rates, averages. */
async function setUp(width = 8) {
  const device = await open('wasm', { seed: 3 });
  const model = new nn.Sequential(
    new nn.Linear(5, width),
    new nn.BatchNorm1d(width),
    new nn.ReLU(),
    new nn.Dropout(0.3),
    new nn.Linear(width, 3),
  ).to(device);
  const optimizer = new optim.Adam(
    [{ parameters: model.at(0).parameters(), lr: 0.01 }, { parameters: model.parameters().slice(2) }],
    { lr: 0.03 },
  );
  const losses: number[] = [];
  const options = {
    optimizer,
    loss: F.crossEntropy,
    loader: new data.DataLoader(samples, { batchSize: BATCH, shuffle: true, seed: 5 }),
    validation: new data.DataLoader(samples, { batchSize: 20 }),
    metrics: { accuracy: new train.Accuracy(), matrix: new train.ConfusionMatrix({ classes: 3 }) },
    trainMetrics: { accuracy: new train.Accuracy() },
    schedule: {
      scheduler: new optim.OneCycleLR(optimizer, { maxLr: [0.02, 0.05], epochs: EPOCHS, stepsPerEpoch: 6 }),
      every: 'batch',
    },
    average: new optim.ExponentialMovingAverage(model, { decay: 0.8 }),
    clipGradNorm: { maxNorm: 1 },
    epochs: EPOCHS,
    callbacks: [
      new train.EarlyStopping({ patience: 10, restoreBest: false }),
      new train.KeepBest({ monitor: 'validation.accuracy', mode: 'max' }),
      { onBatchEnd: async (run: train.Run) => losses.push(await run.loss()) },
    ],
  } as const satisfies train.FitOptions;
  const outcome = async ({ epochs, stopped }: train.History) => ({
    epochs: epochs.map(({ seconds, ...rest }) => {
      expect(seconds).toBeGreaterThan(0);
      return rest;
    }),
    stopped,
    model: await model.stateDict(),
    average: await options.average.stateDict(),
    optimizer: await optimizer.stateDict(),
    rates: options.schedule.scheduler.stateDict(),
    generator: device.generator.stateDict(),
    best: options.callbacks[1].stateDict(),
  });
  return { device, model, optimizer, options, losses, outcome };
}

/** Every checkpoint of a run, as bytes, and what the run came to. */
async function wholeRun() {
  const run = await setUp();
  const saved: Uint8Array[] = [];
  const history = await train.fit(run.model, {
    ...run.options,
    callbacks: [
      ...run.options.callbacks,
      {
        // After each batch, the last one of an epoch too.
        onBatchEnd: async (now: train.Run) => {
          const { tensors, metadata } = await now.checkpoint();
          saved.push(io.encodeSafetensors(tensors, metadata));
        },
      },
    ],
  });
  return { ...run, saved, outcome: await run.outcome(history) };
}

describe('a run that was interrupted', () => {
  let whole: Awaited<ReturnType<typeof wholeRun>>;
  beforeAll(async () => {
    whole = await wholeRun();
  });
  afterAll(() => whole.device.dispose());

  it('is the same without checkpoints', async () => {
    const run = await setUp();
    const history = await train.fit(run.model, run.options);
    expect(run.losses).toEqual(whole.losses);
    expect(run.losses).toHaveLength(18);
    expect(await run.outcome(history)).toEqual(whole.outcome);
    run.device.dispose();
  });

  // Within an epoch, after its last batch, after the first batch of the next one, and at the very end.
  it.each([1, 3, 6, 7, 16, 18])('goes on with equal bits after %i batches', async (done) => {
    const run = await setUp();
    const file = io.decodeSafetensors(whole.saved[done - 1]!);
    const callbacks = [...run.options.callbacks, {}];
    const history = await train.fit(run.model, { ...run.options, callbacks, resume: file });
    expect(run.losses).toEqual(whole.losses.slice(done));
    expect(await run.outcome(history)).toEqual(whole.outcome);
    run.device.dispose();
  });

  it('is written after epochs and within them, to one file that is whole at any time', async () => {
    const path = join(folder, 'run.safetensors');
    expect(await readCheckpoint(path)).toBeNull();
    const first = await setUp();
    let batches = 0;
    const history = await train.fit(first.model, {
      ...first.options,
      checkpoint: checkpointTo(path, { everyBatches: 4 }),
      callbacks: [
        ...first.options.callbacks,
        { onBatchEnd: (run: train.Run) => ++batches === 11 && run.stop('enough') },
      ],
    });
    expect(history).toMatchObject({ stopped: 'enough', epochs: [{ epoch: 1 }] });
    const later = await setUp();
    const resumed = await train.fit(later.model, {
      ...later.options,
      callbacks: [...later.options.callbacks, {}],
      checkpoint: checkpointTo(path),
      resume: await readCheckpoint(path),
    });
    // The last file was written after batch 4 of epoch 2.
    expect(later.losses).toEqual(whole.losses.slice(10));
    expect(await later.outcome(resumed)).toEqual(whole.outcome);
    const { metadata } = await readSafetensors(path);
    expect(JSON.parse(metadata.state!).run.epochs).toHaveLength(EPOCHS);
    for (const { device } of [first, later]) device.dispose();
  });
});

describe('a run whose rates a callback changes', () => {
  it('goes on with equal bits, schedule or not', async () => {
    const halving = async (resume: io.SafetensorsFile | null) => {
      const device = await open('wasm', { seed: 1 });
      const model = new nn.Linear(5, 3).to(device);
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 });
      const files: io.SafetensorsFile[] = [];
      await train.fit(model, {
        optimizer,
        loss: F.crossEntropy,
        loader: new data.DataLoader(samples, { batchSize: BATCH }),
        epochs: 2,
        schedule: new optim.StepLR(optimizer, { stepSize: 1, gamma: 0.9 }),
        callbacks: [
          {
            onBatchEnd({ batch }) {
              if (batch === 2) optimizer.lr /= 2;
            },
          },
        ],
        checkpoint: { save: (file) => files.push(file), everyBatches: 3 },
        resume,
      });
      const outcome = { model: await model.stateDict(), lr: optimizer.lr };
      device.dispose();
      return { files, outcome };
    };
    const whole = await halving(null);
    expect((await halving(whole.files[0]!)).outcome).toEqual(whole.outcome);
  });
});

describe('a run that a callback ended', () => {
  it('is at its end when it is resumed', async () => {
    const path = join(folder, 'ended.safetensors');
    const toTheEnd = async () => {
      const { device, model, options } = await setUp();
      const history = await train.fit(model, {
        ...options,
        schedule: new optim.ConstantLR(options.optimizer),
        epochs: 9,
        callbacks: [new train.EarlyStopping({ patience: 2, minDelta: 100 })],
        checkpoint: checkpointTo(path),
        resume: await readCheckpoint(path),
      });
      const outcome = { history, model: await model.stateDict() };
      device.dispose();
      return outcome;
    };
    const first = await toTheEnd();
    expect(first.history.epochs).toHaveLength(3);
    expect(first.history.stopped).toBe('validation.loss has not improved for 2 epochs');
    expect(await toTheEnd()).toEqual(first);
  });
});

describe("a state of one's own", () => {
  const through = async (state: unknown) => {
    const { tensors, metadata } = await train.checkpoint({
      own: { stateDict: () => state, loadStateDict() {} },
    });
    let taken: unknown;
    const loadStateDict = (found: never) => {
      taken = found;
    };
    const file = io.decodeSafetensors(io.encodeSafetensors(tensors, metadata));
    await train.restore({ own: { stateDict() {}, loadStateDict } }, file);
    return taken;
  };

  it('comes back as it was', async () => {
    const tensor = (value: number) => ({ data: Float32Array.of(value), shape: [], dtype: 'f32' });
    const state = {
      'a.b': tensor(1),
      a: { b: tensor(2), numbers: [-0, 0, Number.NaN, Number.NEGATIVE_INFINITY, 0.1], none: null },
      text: 'ä"\\',
      flags: [true, [false]],
    };
    expect(await through(state)).toEqual(state);
  });

  it.each<[string, unknown]>([
    ["own.seen can't be kept in a file, it is of type Set", { seen: new Set([1]) }],
    ["own.counts can't be kept in a file, it is of type Float64Array", { counts: new Float64Array(2) }],
    ["own.0.when can't be kept in a file, it is of type Date", [{ when: new Date() }]],
    ["own.count can't be kept in a file, it is of type BigInt", { count: 3n }],
    ["own can't be kept in a file, it is of type Object", { $number: '3' }],
  ])('is refused where it would not: %s', async (message, state) => {
    await expect(through(state)).rejects.toThrow(`checkpoint: ${message}`);
  });
});

describe('a checkpoint', () => {
  const parts = ({ device, model, optimizer, options }: Awaited<ReturnType<typeof setUp>>) => ({
    model,
    optimizer,
    generator: device.generator,
    loader: options.loader,
    schedule: options.schedule.scheduler,
  });
  const states = async (held: train.CheckpointParts) => (await train.checkpoint(held)) as unknown;

  it('holds each part under its name', async () => {
    const run = await setUp();
    await train.fit(run.model, { ...run.options, epochs: 1 });
    const path = join(folder, 'parts.safetensors');
    await saveCheckpoint(path, parts(run));
    const { tensors, metadata } = await readSafetensors(path);
    expect(Object.keys(tensors)).toContain('model.0.weight');
    expect(Object.keys(tensors)).toContain('optimizer.tensors.0.expAvg');
    expect(metadata).toMatchObject({ format: 'weft checkpoint', version: '1' });
    const other = await setUp();
    await loadCheckpoint(path, parts(other));
    expect(await states(parts(other))).toEqual(await states(parts(run)));
    // Parts alone, as for a model that is to be used and no longer trained.
    const third = await setUp();
    await loadCheckpoint(path, { model: third.model });
    expect(await third.model.stateDict()).toEqual(await run.model.stateDict());
    for (const { device } of [run, other, third]) device.dispose();
  });

  it('that does not fit names file, part and tensor, and changes nothing', async () => {
    const run = await setUp();
    await train.fit(run.model, { ...run.options, epochs: 1 });
    const path = join(folder, 'good.safetensors');
    await saveCheckpoint(path, parts(run));
    const bytes = await readFile(path);
    const { tensors, metadata } = await readSafetensors(path);
    const state = JSON.parse(metadata.state!);

    const refuses = async (made: typeof run, file: string, message: string) => {
      const before = await states(parts(made));
      await expect(loadCheckpoint(file, parts(made))).rejects.toThrow(message);
      expect(await states(parts(made))).toEqual(before);
    };
    const changed = async (change: object, contents = tensors) => {
      const file = join(folder, 'changed.safetensors');
      await writeSafetensors(file, contents, { ...metadata, ...change });
      return file;
    };
    const edited = (edit: (state: Record<string, never>) => void) => {
      const copy = JSON.parse(metadata.state!);
      edit(copy);
      return changed({ state: JSON.stringify(copy) });
    };
    const same = await setUp();
    const wider = await setUp(9);

    await refuses(
      wider,
      path,
      `${path}: optimizer: Adam.loadStateDict: parameter 0 '0.weight' is [8,5] in the state`,
    );
    const { optimizer: _, ...rest } = parts(wider);
    await expect(loadCheckpoint(path, rest)).rejects.toThrow(
      `${path}: model: loadStateDict: '0.weight' must be f32[9,5], it is f32[8,5]`,
    );
    expect(wider.options.loader.epoch).toBe(0);
    expect(wider.device.generator.position).toBe((await setUp(9)).device.generator.position);

    const cut = join(folder, 'cut.safetensors');
    for (const length of [4, 200, bytes.length - 1]) {
      await writeFile(cut, bytes.subarray(0, length));
      await refuses(same, cut, cut);
    }
    await refuses(
      same,
      await changed({ version: '2' }),
      'is a checkpoint of version 2, this Weft reads version 1',
    );
    await refuses(same, await changed({ format: 'pt' }), 'changed.safetensors: is no checkpoint');
    const deep = `{"model":${'['.repeat(1e5)}${']'.repeat(1e5)}}`;
    await refuses(same, await changed({ state: deep }), 'changed.safetensors: its metadata hold no state');
    await refuses(same, await changed({ state: '{' }), 'changed.safetensors: its metadata hold no state');
    const { 'model.1.running_mean': _mean, ...without } = tensors;
    await refuses(
      same,
      await changed({}, without),
      "changed.safetensors: tensor 'model.1.running_mean' is missing",
    );
    await refuses(
      same,
      await edited((copy) => delete copy.schedule),
      "changed.safetensors: holds no 'schedule', only model",
    );
    expect(state.generator).toEqual(run.device.generator.stateDict());
    await refuses(
      same,
      await edited((copy) => Object.assign(copy.generator!, { seed: 4 })),
      'changed.safetensors: generator: Generator: the state is of seed 4, this one has 3; open the device with { seed: 4 }',
    );
    await refuses(
      same,
      await edited((copy) => Object.assign(copy.loader!, { batches: 7 })),
      'changed.safetensors: loader: DataLoader: the state is of a loader with batches 7',
    );
    await refuses(
      same,
      await edited((copy) => Object.assign(copy.schedule!, { schedule: 'StepLR' })),
      'changed.safetensors: schedule: OneCycleLR.loadStateDict: the state is that of StepLR',
    );
    for (const { device } of [run, same, wider]) device.dispose();
  });

  it('of a run refuses other callbacks, and parts that nobody would take up', async () => {
    const run = await setUp();
    let file: train.FitOptions['resume'] = null;
    const save = async (made: io.SafetensorsFile) => {
      file = made;
    };
    await train.fit(run.model, { ...run.options, epochs: 1, checkpoint: { save } });
    const other = await setUp();
    await expect(train.fit(other.model, { ...other.options, callbacks: [], resume: file })).rejects.toThrow(
      'checkpoint: callbacks: fit: the checkpoint has 3 callbacks, this run 0',
    );
    const { average: _, ...rest } = other.options;
    await expect(train.fit(other.model, { ...rest, resume: file })).rejects.toThrow(
      'checkpoint: holds average, which would be lost: nothing here takes it up',
    );
    for (const { device } of [run, other]) device.dispose();
  });

  it('that can not be made or written leaves the last one whole', async () => {
    const run = await setUp();
    const path = join(folder, 'kept.safetensors');
    await saveCheckpoint(path, parts(run));
    const good = await readFile(path);
    const failing = { stateDict: () => Promise.reject(new Error('no state')), loadStateDict() {} };
    await expect(saveCheckpoint(path, { ...parts(run), failing })).rejects.toThrow('no state');
    run.model.parameters()[0]!.dispose();
    await expect(saveCheckpoint(path, parts(run))).rejects.toThrow("'0.weight' f32[8,5] was disposed");
    expect(await readFile(path)).toEqual(good);
    await expect(saveCheckpoint(join(path, 'inside'), {})).rejects.toThrow("can't be written");
    expect(await readFile(path)).toEqual(good);
    run.device.dispose();
  });
});
