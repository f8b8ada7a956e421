import type { Device } from '../device.js';
import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import type { SafetensorsFile } from '../io/index.js';
import type { Module } from '../nn/index.js';
import type { Optimizer } from '../optim/index.js';
import type { MetricValue } from './metrics.js';

/** The mean loss and the metrics of one pass, by name. */
export type Result = { readonly loss: number } & Readonly<Record<string, MetricValue>>;

/** An epoch as plain data. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly training: Result;
  /** null without a validation loader. */
  readonly validation: Result | null;
  /** The rate of each group in this epoch's last step. */
  readonly lr: readonly number[];
  /** Of this epoch, on the clock, since its beginning or since it was resumed. */
  readonly seconds: number;
}

/** What `fit` returns, plain data. */
export interface History {
  readonly epochs: readonly EpochRecord[];
  /** Why training ended before the last epoch; null where it did not. */
  readonly stopped: string | null;
}

/** Training as callbacks see it. */
export interface Run {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly device: Device;
  /** The epoch that runs, from 1, and the last one. */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches of this epoch so far, and all of them where the loader knows. */
  readonly batch: number;
  readonly batches: number | null;
  /** Samples of this epoch so far. */
  readonly samples: number;
  /** The epochs that are done. */
  readonly history: readonly EpochRecord[];
  /** Ends training after this batch, or this epoch where called at its end. */
  stop(reason?: string): void;
  /** Loss of the latest batch. Waits for the device. */
  loss(): Promise<number>;
  /** Mean loss of this epoch's samples so far. Waits for the device. */
  meanLoss(): Promise<number>;
  /** The weights that validation judges: the moving averages where there are any, else the model's. */
  weights(): Promise<Record<string, HostTensor>>;
  /** All that the run continues from: `fit` takes it as `resume`. */
  checkpoint(): Promise<SafetensorsFile>;
}

/** Is told of a run; each may take its time. What it keeps between epochs belongs into a state, for checkpoints. */
export interface Callback {
  onTrainStart?(run: Run): unknown;
  onEpochStart?(run: Run): unknown;
  onBatchEnd?(run: Run): unknown;
  onEpochEnd?(run: Run, record: EpochRecord): unknown;
  /** Also where `stop()` ended it; not after an error. */
  onTrainEnd?(run: Run): unknown;
  /** In the end, whatever happened. */
  onClose?(): unknown;
  stateDict?(): unknown;
  loadStateDict?(state: never): unknown;
}

/**
 * A number of an epoch's record by its path.
 *
 * @param monitor `training.loss`, `validation.loss`, `validation.accuracy` and so on.
 */
export function numberIn(where: string, record: EpochRecord, monitor: string): number {
  const [pass, name = '', ...more] = monitor.split('.');
  const result = pass === 'training' || pass === 'validation' ? record[pass] : undefined;
  const value = more.length === 0 && result && Object.hasOwn(result, name) ? result[name] : undefined;
  if (typeof value === 'number') return value;
  const numbers = (['training', 'validation'] as const).flatMap((one) =>
    Object.entries(record[one] ?? {}).flatMap(([key, found]) =>
      typeof found === 'number' ? [`${one}.${key}`] : [],
    ),
  );
  return fail(where, `an epoch has no number '${monitor}'; there are ${numbers.join(', ')}`);
}
