export { EarlyStopping, type EarlyStoppingOptions, KeepBest, type KeepBestOptions } from './best.js';
export type { Callback, EpochRecord, History, Result, Run } from './callback.js';
export {
  type CheckpointParts,
  checkpoint,
  type RestoreOptions,
  restore,
  type Stateful,
} from './checkpoint.js';
export type { ClassOptions } from './classes.js';
export {
  type AverageOptions,
  ConfusionMatrix,
  type ConfusionOptions,
  F1,
  PerClassAccuracy,
  Precision,
  Recall,
} from './confusion.js';
export { type EvaluateOptions, evaluate } from './evaluate.js';
export { fit } from './fit.js';
export {
  Accuracy,
  Mean,
  type Metric,
  type MetricValue,
  TopKAccuracy,
  type TopKAccuracyOptions,
} from './metrics.js';
export type { CheckpointOptions, FitOptions, ScheduleOptions } from './options.js';
export type { Batch, Computed, Loader, Metrics, Objective } from './pass.js';
export { type ProgressDisplay, type ProgressOptions, progress } from './progress.js';
