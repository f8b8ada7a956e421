export { stack } from './batch.js';
export {
  ConcatDataset,
  MapDataset,
  type SampleMap,
  Subset,
  type Transform,
  transformed,
} from './combine.js';
export { TensorDataset } from './dataset.js';
export { type Fold, type FoldOptions, kFold, stratifiedKFold } from './folds.js';
export { DataLoader, type DataLoaderOptions, type DataLoaderState } from './loader.js';
export type {
  Awaitable,
  BatchedDataset,
  ByteTensor,
  Dataset,
  DataTensor,
  Sample,
  SeedOf,
} from './sample.js';
export {
  BatchSampler,
  type BatchSource,
  RandomSampler,
  type RandomSamplerOptions,
  type Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from './sampler.js';
export { randomSplit, type TrainTestSplitOptions, trainTestSplit } from './split.js';
export * as transforms from './transforms/index.js';
export { openWorkerDataset, type WorkerDataset, type WorkerDatasetOptions } from './worker.js';
