export {
  Adam,
  Adamax,
  type AdamOptions,
  type AdamSettings,
  AdamW,
  NAdam,
  type NAdamOptions,
  type NAdamSettings,
} from './adam.js';
export { type ClipGradNormOptions, clipGradNorm, clipGradValue } from './clip.js';
export { CyclicLR, type CyclicLROptions, OneCycleLR, type OneCycleLROptions } from './cycles.js';
export {
  ExponentialMovingAverage,
  type ExponentialMovingAverageOptions,
  type ExponentialMovingAverageState,
} from './ema.js';
export type { GroupOptions, ParameterGroup, Settings } from './group.js';
export { Optimizer, type StepOptions } from './optimizer.js';
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './plateau.js';
export {
  Adagrad,
  type AdagradOptions,
  type AdagradSettings,
  RMSprop,
  type RMSpropOptions,
  type RMSpropSettings,
} from './rmsprop.js';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './scaler.js';
export {
  LRScheduler,
  Schedule,
  type ScheduledGroup,
  type ScheduledOptimizer,
  type ScheduleState,
} from './schedule.js';
export * from './schedules.js';
export { SGD, type SGDOptions, type SGDSettings } from './sgd.js';
export type { OptimizerState, ParameterState } from './state.js';
