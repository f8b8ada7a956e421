import type { Device } from '../device.js';
import type { HostTensor } from '../dtype.js';
import { DeviceLostError, fail } from '../errors.js';
import type { SafetensorsFile } from '../io/index.js';
import type { Module } from '../nn/index.js';
import { clipGradNorm, clipGradValue, LRScheduler, type Optimizer } from '../optim/index.js';
import type { Tensor } from '../tensor.js';
import { type EpochRecord, type History, numberIn, type Result, type Run } from './callback.js';
import { type CheckpointParts, checkpoint, restore, type Stateful } from './checkpoint.js';
import { createEvaluator, deviceOf, type Evaluator } from './evaluate.js';
import { checkOptions, type FitOptions, type ScheduleOptions, scheduleOf } from './options.js';
import { type Batch, computeOf, Meter, samplesOf } from './pass.js';

/**
 * Trains a model, which is on its device: one compiled step for each batch, one pass of validation after each epoch. A run
 * that is resumed from a checkpoint, also from one within an epoch, goes on with equal bits on wasm. On a device that
 * recovers from a loss, it goes on from the last snapshot.
 *
 * @throws WeftError for options or batches that don't fit, and what loader, model or callbacks throw.
 */
export async function fit(model: Module, options: FitOptions): Promise<History> {
  const run = new Training(model, options);
  try {
    if (options.resume) await run.resume(options.resume);
    run.start();
    await run.tell('onTrainStart');
    while (run.goesOn()) await run.surviving(() => run.runEpoch());
    await run.tell('onTrainEnd');
    return { epochs: run.history, stopped: run.stopped };
  } finally {
    await run.close();
  }
}

/** Where a run stands between two batches, as far as the host knows: what it goes back to with the tensors. */
interface Standing {
  readonly epochs: readonly EpochRecord[];
  readonly batch: number;
  /** Whether the epoch's batches are done. */
  readonly ending: boolean;
  readonly counts: ReturnType<Meter['counts']>;
  readonly loaders: readonly unknown[];
  readonly callbacks: readonly unknown[];
}

class Training implements Run {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly device: Device;
  readonly epochs: number;
  readonly history: EpochRecord[] = [];
  stopped: string | null = null;
  batch = 0;
  readonly #options: FitOptions;
  readonly #schedule: ScheduleOptions | null;
  readonly #meter: Meter;
  readonly #step: ReturnType<Training['compile']>;
  readonly #evaluator: Evaluator | null;
  #latest: Tensor | null = null;
  #ending = false;
  /** Where the loaders stood before the batch that is under way. */
  #loaders: readonly unknown[] = [];
  /** Where the run began, and where it went back to. */
  #first: Standing | null = null;
  #back: Standing | null = null;
  readonly #host = {
    capture: () => this.#standing(),
    restore: (standing: unknown) => {
      this.#back = (standing as Standing | undefined) ?? this.#first;
    },
  };
  #began = performance.now();

  constructor(model: Module, options: FitOptions) {
    checkOptions(options);
    this.model = model;
    this.optimizer = options.optimizer;
    this.epochs = options.epochs;
    this.device = deviceOf('fit', model);
    if (this.optimizer.parameters[0]!.device !== this.device)
      fail('fit', "the optimizer's parameters are on another device than the model's");
    this.#options = options;
    this.#schedule = scheduleOf(options.schedule);
    const compute = computeOf('fit', model, options);
    this.#meter = new Meter('fit', this.device, options.trainMetrics ?? {});
    this.#step = this.compile(compute);
    const { validation, metrics = {} } = options;
    this.#evaluator = validation ? createEvaluator('fit', model, compute, metrics) : null;
  }

  start(): void {
    this.#seeLoaders();
    this.#first = this.#standing();
    this.device.keep(this.#host);
  }

  #seeLoaders(): void {
    const { loader, validation } = this.#options;
    this.#loaders = [loader, validation].map((one) => one?.stateDict?.());
  }

  #standing(): Standing {
    const callbacks = (this.#options.callbacks ?? []).map((one) => one.stateDict?.());
    const [epochs, counts] = [[...this.history], this.#meter.counts()];
    return { epochs, batch: this.batch, ending: this.#ending, counts, loaders: this.#loaders, callbacks };
  }

  /** Runs `work`. Where the device is lost and recovers, goes back with its tensors, so that the run goes on from there. */
  async surviving(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof DeviceLostError && error.recovered)) throw error;
      await error.recovered;
      await this.surviving(() => this.#goBack());
    }
  }

  async #goBack(): Promise<void> {
    const { loader, validation, average, callbacks = [] } = this.#options;
    const { epochs, batch, ending, counts, loaders, callbacks: states } = this.#back!;
    if (!loader.loadStateDict || !loader.stateDict)
      fail('fit', 'the device was lost and is back, but the loader has no stateDict() to go back by');
    this.history.splice(0, this.history.length, ...epochs);
    this.batch = batch;
    this.#meter.setCounts(counts);
    for (const [i, one] of [loader, validation].entries()) await one?.loadStateDict?.(loaders[i] as never);
    for (const [i, one] of callbacks.entries())
      if (states[i] !== undefined) await one.loadStateDict?.((await states[i]) as never);
    if (average?.swapped) await average.swapOut();
    if (ending) await this.#endEpoch();
  }

  /** The training step: forward, backward, clipping, update, average, and the sum of losses, in one program. */
  compile(compute: ReturnType<typeof computeOf>) {
    const { optimizer, average, clipGradNorm: norm, clipGradValue: value } = this.#options;
    return this.device.compile((...batch: Tensor[]) => {
      const computed = compute(...batch);
      const told = this.#meter.record(computed, batch[0]!);
      computed.loss.backward();
      if (value !== undefined) clipGradValue(optimizer.parameters, value);
      if (norm) clipGradNorm(optimizer.parameters, norm);
      optimizer.step();
      average?.update();
      return told;
    });
  }

  get epoch(): number {
    return this.history.length + 1;
  }

  get batches(): number | null {
    return this.#options.loader.length ?? null;
  }

  get samples(): number {
    return this.#meter.samples;
  }

  goesOn(): boolean {
    return this.stopped === null && this.history.length < this.epochs;
  }

  stop(reason = 'a callback stopped it'): void {
    this.stopped ??= reason;
  }

  async loss(): Promise<number> {
    return this.#latest ? this.#latest.item() : fail('fit', 'there was no batch yet');
  }

  meanLoss(): Promise<number> {
    return this.#meter.meanLoss();
  }

  async weights(): Promise<Record<string, HostTensor>> {
    const { average } = this.#options;
    return average ? { ...(await average.stateDict()).tensors } : this.model.stateDict();
  }

  /** Calls every callback that wants to know, one after the other. */
  async tell(event: 'onTrainStart' | 'onEpochStart' | 'onBatchEnd' | 'onTrainEnd'): Promise<void> {
    for (const callback of this.#options.callbacks ?? []) await callback[event]?.(this);
  }

  async runEpoch(): Promise<void> {
    this.#ending = false;
    const { loader, checkpoint: saving } = this.#options;
    this.#began = performance.now();
    if (!this.model.training) this.model.train();
    await this.tell('onEpochStart');
    for await (const batch of loader) {
      await this.#train(batch);
      await this.tell('onBatchEnd');
      const whole = this.batch === this.batches;
      if (!whole && saving?.everyBatches && this.batch % saving.everyBatches === 0)
        await saving.save(await this.checkpoint());
      if (this.stopped !== null) return;
      this.#seeLoaders();
    }
    this.#seeLoaders();
    await this.#endEpoch();
  }

  async #endEpoch(): Promise<void> {
    const { checkpoint: saving, callbacks = [] } = this.#options;
    this.#ending = true;
    const record = await this.#finish();
    for (const callback of callbacks) await callback.onEpochEnd?.(this, record);
    if (saving && record.epoch % (saving.everyEpochs ?? 1) === 0) await saving.save(await this.checkpoint());
  }

  async #train(batch: Batch): Promise<void> {
    samplesOf('fit', batch);
    const told = await this.#step(...batch);
    this.#latest = told[0]!;
    await this.#meter.count(batch, told);
    this.batch++;
    const { scheduler, every } = this.#schedule ?? {};
    if (every === 'batch') (scheduler as LRScheduler).step();
  }

  /** Ends the epoch: validation, its record, and the schedule. */
  async #finish(): Promise<EpochRecord> {
    const training = await this.#meter.result();
    const validation = await this.#validate();
    const lr = this.optimizer.groups.map((group) => group.lr);
    const seconds = (performance.now() - this.#began) / 1000;
    const record: EpochRecord = { epoch: this.epoch, training, validation, lr, seconds };
    this.#stepSchedule(record);
    this.history.push(record);
    this.#ending = false;
    this.batch = 0;
    await this.#meter.reset();
    return record;
  }

  async #validate(): Promise<Result | null> {
    const { validation, average } = this.#options;
    if (!validation || !this.#evaluator) return null;
    const run = () => this.#evaluator!.run(validation);
    return average ? average.applied(run) : run();
  }

  #stepSchedule(record: EpochRecord): void {
    const { scheduler, every = 'epoch', monitor } = this.#schedule ?? {};
    if (!scheduler || every === 'batch') return;
    if (scheduler instanceof LRScheduler) scheduler.step();
    else {
      const watched = monitor ?? (record.validation ? 'validation.loss' : 'training.loss');
      scheduler.step(numberIn('fit', record, watched));
    }
  }

  /** Everything that the run continues from. */
  #parts(): CheckpointParts {
    const { optimizer, average, loader, validation, callbacks = [] } = this.#options;
    const stateful = (one: object | undefined) => (one && 'stateDict' in one ? (one as Stateful) : null);
    return {
      model: this.model,
      optimizer,
      average,
      schedule: this.#schedule?.scheduler,
      generator: this.device.generator,
      loader: stateful(loader),
      validation: stateful(validation),
      run: {
        stateDict: async () => ({
          epochs: this.history,
          batch: this.batch,
          meter: await this.#meter.stateDict(),
        }),
        loadStateDict: async ({ epochs, batch, meter }) => {
          await this.#meter.loadStateDict(meter);
          this.history.splice(0, this.history.length, ...(epochs as EpochRecord[]));
          this.batch = batch;
        },
      },
      callbacks: {
        stateDict: () => Promise.all(callbacks.map(async (one) => (await one.stateDict?.()) ?? null)),
        loadStateDict: async (states: readonly unknown[]) => {
          if (states.length !== callbacks.length)
            fail('fit', `the checkpoint has ${states.length} callbacks, this run ${callbacks.length}`);
          for (const [i, one] of callbacks.entries()) await one.loadStateDict?.(states[i] as never);
        },
      },
    };
  }

  checkpoint(): Promise<SafetensorsFile> {
    if (this.batch > 0 && !('stateDict' in this.#options.loader))
      fail(
        'fit',
        'the loader has no stateDict(): a checkpoint within an epoch could not tell where it stands',
      );
    return checkpoint(this.#parts());
  }

  resume(file: NonNullable<FitOptions['resume']>): Promise<void> {
    return restore(this.#parts(), file, { exact: true, ...(file.name && { file: file.name }) });
  }

  async close(): Promise<void> {
    for (const callback of this.#options.callbacks ?? []) await callback.onClose?.();
    this.#step.dispose();
    this.#evaluator?.dispose();
    this.#meter.dispose();
  }
}
