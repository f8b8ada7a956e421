import { fail } from '../errors.js';
import type { SafetensorsFile } from '../io/index.js';
import {
  anyNumber,
  callable,
  expectOptions,
  type Kinds,
  listOf,
  object,
  oneOf,
  orNull,
  text,
} from '../kinds.js';
import {
  type ClipGradNormOptions,
  type ExponentialMovingAverage,
  type LRScheduler,
  type Optimizer,
  ReduceLROnPlateau,
} from '../optim/index.js';
import type { Callback } from './callback.js';
import { type Loader, type Metrics, type Objective, objectiveKinds } from './pass.js';

export interface ScheduleOptions {
  readonly scheduler: LRScheduler | ReduceLROnPlateau;
  /** When it steps, default after each epoch; OneCycleLR and CyclicLR count batches. */
  readonly every?: 'epoch' | 'batch';
  /** What ReduceLROnPlateau watches, default `validation.loss`, or `training.loss` without validation. */
  readonly monitor?: string;
}

export interface CheckpointOptions {
  /** Keeps the file: `checkpointTo(path)` of weft/node writes it. */
  save(file: SafetensorsFile): unknown;
  /** Saves after every so many epochs, default 1. */
  readonly everyEpochs?: number;
  /** Saves after every so many batches of an epoch too. */
  readonly everyBatches?: number;
}

export interface FitOptions extends Objective {
  readonly optimizer: Optimizer;
  readonly loader: Loader;
  /** How many there are in all, with those that a resumed run has behind it. */
  readonly epochs: number;
  /** Is gone through after each epoch, in evaluation mode. */
  readonly validation?: Loader;
  /** Are counted over the validation. */
  readonly metrics?: Metrics;
  /** Are counted over the training batches: their outputs are read, which waits for the device. */
  readonly trainMetrics?: Metrics;
  readonly schedule?: LRScheduler | ReduceLROnPlateau | ScheduleOptions;
  /** Is updated after each step, and judged by the validation in the model's place. */
  readonly average?: ExponentialMovingAverage;
  readonly clipGradNorm?: ClipGradNormOptions;
  readonly clipGradValue?: number;
  readonly callbacks?: readonly Callback[];
  readonly checkpoint?: CheckpointOptions;
  /** The file that the run continues from, made by `checkpoint` of a run with the same options; null: a new run. */
  readonly resume?: (SafetensorsFile & { readonly name?: string }) | null;
}

const kinds: Kinds<FitOptions> = {
  ...objectiveKinds,
  optimizer: object('an optimiser'),
  loader: object('a loader'),
  epochs: anyNumber,
  validation: object('a loader'),
  metrics: object('an object of metrics'),
  trainMetrics: object('an object of metrics'),
  schedule: object('a schedule'),
  average: object('a moving average'),
  clipGradNorm: object('an object { maxNorm }'),
  clipGradValue: anyNumber,
  callbacks: listOf(object('a callback'), 'a list of callbacks'),
  checkpoint: object('an object { save }'),
  resume: orNull(object('a file')),
};
const checkpointKinds: Kinds<CheckpointOptions> = {
  save: callable(),
  everyEpochs: anyNumber,
  everyBatches: anyNumber,
};
const scheduleKinds: Kinds<ScheduleOptions> = {
  scheduler: object('a schedule'),
  every: oneOf('epoch', 'batch'),
  monitor: text,
};

/** Refuses options that are none, and those that contradict each other. */
export function checkOptions(options: FitOptions): void {
  expectOptions('fit', options, kinds);
  const { optimizer, epochs, schedule, validation, metrics, checkpoint } = options;
  if (checkpoint) expectOptions('fit', checkpoint, checkpointKinds);
  if (schedule && 'scheduler' in schedule) expectOptions('fit', schedule, scheduleKinds);
  const wholes = { epochs, everyEpochs: checkpoint?.everyEpochs, everyBatches: checkpoint?.everyBatches };
  for (const [name, value] of Object.entries(wholes)) {
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
      fail('fit', `${name} must be a whole number from 1, got ${value}`);
  }
  const { scheduler, every } = scheduleOf(schedule) ?? {};
  if (scheduler && scheduler.optimizer !== optimizer)
    fail('fit', `the schedule ${scheduler.name} was made for another optimiser`);
  if (scheduler instanceof ReduceLROnPlateau && every === 'batch')
    fail('fit', 'ReduceLROnPlateau steps after each epoch, not after each batch');
  if (metrics && !validation)
    fail('fit', 'metrics are counted over the validation: give one, or use trainMetrics');
}

/** A schedule that was given alone steps after each epoch. */
export function scheduleOf(given: FitOptions['schedule']): ScheduleOptions | null {
  if (!given) return null;
  return 'scheduler' in given ? given : { scheduler: given };
}
