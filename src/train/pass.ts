import type { Device } from '../device.js';
import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { callable, type Kinds } from '../kinds.js';
import type { Module, Output } from '../nn/index.js';
import { showShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { Result } from './callback.js';
import type { Metric, MetricValue } from './metrics.js';

/** The tensors of a batch; the last one is the target, the others are what the model is given. One alone is both. */
export type Batch = readonly (Tensor | HostTensor)[];

/** Where batches come from: a data.DataLoader, or anything that gives them. */
export interface Loader extends AsyncIterable<Batch> {
  /** Batches of an epoch. */
  readonly length?: number;
  /** Where the latest iteration stands: what a checkpoint within an epoch needs. */
  stateDict?(): unknown;
  loadStateDict?(state: never): unknown;
}

/** What a batch comes to. */
export interface Computed {
  /** A scalar, the mean over the batch. */
  readonly loss: Tensor;
  /** What metrics look at. */
  readonly output: Tensor;
}

export interface Objective {
  /** Of the model's output and the target: a scalar, the mean over the batch. */
  readonly loss?: (output: Tensor, target: Tensor) => Tensor;
  /** Instead of `loss`: computes a batch in a way of your own, as models with several outputs need. */
  readonly compute?: (...batch: Tensor[]) => Computed;
}

export type Metrics = Readonly<Record<string, Metric>>;

/** What a `loss` must be. */
export const LOSS = 'a function, of a module (output, target) => module.forward(output, target)';

export const objectiveKinds: Kinds<Objective> = { loss: callable(LOSS), compute: callable() };

/** How a batch is computed. */
export function computeOf(
  where: string,
  model: Module,
  { loss, compute }: Objective,
): (...batch: Tensor[]) => Computed {
  if (Boolean(loss) === Boolean(compute)) fail(where, 'needs either loss or compute');
  if (compute) return compute;
  if (typeof loss !== 'function') fail(where, `loss must be ${LOSS}`);
  const forward = (...inputs: Tensor[]) => (model as unknown as Forward).forward(...inputs);
  return (...batch) => {
    const target = batch.at(-1)!;
    const output = forward(...(batch.length > 1 ? batch.slice(0, -1) : batch));
    if (!(output instanceof Tensor))
      fail(where, 'the model gives several outputs: use compute instead of loss');
    return { loss: loss!(output as Tensor, target), output: output as Tensor };
  };
}

interface Forward {
  forward(...inputs: Tensor[]): Output;
}

/** Refuses names that a result keeps for itself. */
function checkMetrics(where: string, metrics: Metrics): Metrics {
  for (const name of Object.keys(metrics))
    if (name === 'loss' || name.includes('.')) fail(where, `a metric can't be called '${name}'`);
  return metrics;
}

/** A batch that can be computed, and how many samples it has. */
export function samplesOf(where: string, batch: Batch): number {
  const first = Array.isArray(batch) ? batch[0] : undefined;
  if (!first) return fail(where, 'the loader must give lists of tensors, got an empty or other one');
  const samples = first.shape[0];
  if (!samples)
    fail(where, `a batch needs samples along its first axis, its first tensor is ${showShape(first.shape)}`);
  return samples!;
}

const onHost = (tensor: Tensor | HostTensor) => (tensor instanceof Tensor ? tensor.toHost() : tensor);

/** How many batches may be asked for before the device is waited for. */
const AHEAD = 32;

/** Sums the losses of a pass on the device, and counts metrics. */
export class Meter {
  readonly #where: string;
  readonly #sum: Tensor;
  readonly #metrics: Metrics;
  samples = 0;
  batches = 0;

  constructor(where: string, device: Device, metrics: Metrics) {
    this.#where = where;
    this.#metrics = checkMetrics(where, metrics);
    this.#sum = device.tensor([0], []);
    this.#sum.label = `${where}'s sum of losses`;
  }

  /**
   * Adds a batch's loss to the sum: part of the function that computes it, which returns what this does, the loss and, where
   * there are metrics, the output.
   */
  record({ loss, output }: Computed, first: Tensor): readonly Tensor[] {
    if (loss.shape.length > 0)
      fail(this.#where, `the loss must be a scalar, it is ${showShape(loss.shape)}; take its mean`);
    const samples = first.shape[0] ?? 1;
    void loss.device.update([[this.#sum, this.#sum.add(loss.detach().mul(samples))]]);
    return Object.keys(this.#metrics).length > 0 ? [loss, output] : [loss];
  }

  /** Counts a batch that was computed; its output is read only where there are metrics. */
  async count(batch: Batch, [loss, output]: readonly Tensor[]): Promise<void> {
    this.samples += samplesOf(this.#where, batch);
    this.batches++;
    if (output) {
      const [told, target] = await Promise.all([output.toHost(), onHost(batch.at(-1)!)]);
      for (const metric of Object.values(this.#metrics)) metric.update(told, target);
    } else if (this.batches % AHEAD === 0) await loss!.item();
  }

  async meanLoss(): Promise<number> {
    return (await this.#sum.item()) / this.samples;
  }

  async result(): Promise<Result> {
    if (this.samples === 0) fail(this.#where, 'the loader gave no batch');
    const values = Object.entries(this.#metrics).map(([name, metric]) => [name, metric.value()] as const);
    const named: Record<string, MetricValue> = Object.fromEntries(values);
    return { loss: await this.meanLoss(), ...named };
  }

  async reset(): Promise<void> {
    this.samples = 0;
    this.batches = 0;
    for (const metric of Object.values(this.#metrics)) metric.reset();
    await this.#sum.device.write(this.#sum, { data: new Float32Array(1), shape: [], dtype: 'f32' });
  }

  /** What the host counts; the sum of losses is the device's. */
  counts() {
    const counts = Object.entries(this.#metrics).map(([name, metric]) => [name, metric.stateDict()] as const);
    const { samples, batches } = this;
    return { samples, batches, metrics: Object.fromEntries(counts) };
  }

  async stateDict() {
    return { ...this.counts(), sum: await this.#sum.toHost() };
  }

  async loadStateDict(state: Awaited<ReturnType<Meter['stateDict']>>): Promise<void> {
    this.setCounts(state);
    await this.#sum.device.write(this.#sum, state.sum);
  }

  setCounts(state: ReturnType<Meter['counts']>): void {
    const names = Object.keys(this.#metrics);
    const missing = names.filter((name) => !Object.hasOwn(state.metrics, name));
    if (missing.length > 0) fail(this.#where, `the state has no metric ${missing.join(', ')}`);
    for (const [name, metric] of Object.entries(this.#metrics)) metric.loadStateDict(state.metrics[name]!);
    this.samples = state.samples;
    this.batches = state.batches;
  }

  dispose(): void {
    this.#sum.dispose();
  }
}

/** Runs `work` with a model in evaluation mode; then each of its modules has the mode that it had. */
export async function inEvaluation<T>(model: Module, work: () => Promise<T>): Promise<T> {
  const modes = [...model.namedModules()].map(([, module]) => [module, module.training] as const);
  model.eval();
  try {
    return await work();
  } finally {
    for (const [module, mode] of modes) module.setTraining(mode);
  }
}
