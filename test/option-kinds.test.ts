import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { Device, data, nn, optim, Generator as Random, train, WeftError } from '../src/index.js';

const device = new Device(openReference());
afterAll(() => device.dispose());

const optimizer = () => new optim.SGD([device.ones([2])], { lr: 0.1 });
const { dataset, labels } = (() => {
  const places = Array.from({ length: 12 }, (_, i) => i);
  const tensor = { shape: [12, 2], dtype: 'f32' as const, data: new Float32Array(24) };
  return { dataset: new data.TensorDataset(tensor), labels: places.map((i) => i % 2) };
})();

/** What is made of options by JavaScript that TypeScript does not see, and options that it takes. */
type Made = readonly [name: string, make: (options: never) => unknown, good: object];
const schedule = (name: string, good: object): Made => [
  name,
  (options) =>
    new (optim as never as Record<string, new (...of: unknown[]) => unknown>)[name]!(optimizer(), options),
  good,
];
const layer = (name: string, sizes: readonly unknown[], good: object): Made => [
  name,
  (options) =>
    new (nn as never as Record<string, new (...of: unknown[]) => unknown>)[name]!(...sizes, options),
  good,
];
const rule = (name: string, good: object): Made => [
  name,
  (options) =>
    new (optim as never as Record<string, new (...of: unknown[]) => unknown>)[name]!(
      [device.ones([2])],
      options,
    ),
  good,
];
const metric = (name: string, good: object): Made => [
  name,
  (options) => new (train as never as Record<string, new (...of: unknown[]) => unknown>)[name]!(options),
  good,
];

const transform = (name: string, given: readonly unknown[], good: object): Made => [
  name,
  (options) =>
    (data.transforms as never as Record<string, (...of: unknown[]) => unknown>)[name]!(...given, options),
  good,
];

const made: readonly Made[] = [
  layer('Linear', [3, 4], { bias: false }),
  layer('Bilinear', [3, 4, 5], { bias: false }),
  layer('Embedding', [3, 4], { paddingIndex: 1 }),
  layer('MultiheadAttention', [4, 2], { bias: false }),
  layer('Conv1d', [2, 4, 3], { bias: false, stride: 2, padding: 'same', dilation: 1, groups: 2 }),
  layer('Conv2d', [2, 4, 3], { bias: false, stride: [2, 1], padding: 1, algorithm: 'direct' }),
  layer('ConvTranspose1d', [2, 4, 3], { bias: false, stride: 2, outputPadding: 1 }),
  layer('ConvTranspose2d', [2, 4, 3], { bias: false, stride: [2, 2], outputPadding: 1 }),
  layer('LocallyConnected2d', [2, 4, 6, 3], { bias: false, stride: 1 }),
  layer('BatchNorm1d', [3], { eps: 1e-3, momentum: 0.5, affine: false, trackRunningStats: false }),
  layer('BatchNorm2d', [3], { eps: 1e-3, momentum: null, affine: false, trackRunningStats: false }),
  layer('LayerNorm', [3], { eps: 1e-3, elementwiseAffine: false, bias: false }),
  layer('RMSNorm', [3], { eps: 1e-3, elementwiseAffine: false }),
  layer('GroupNorm', [2, 4], { eps: 1e-3, affine: false }),
  layer('InstanceNorm1d', [3], { eps: 1e-3, affine: true }),
  layer('InstanceNorm2d', [3], { eps: 1e-3, affine: true }),
  layer('LocalResponseNorm', [3], { alpha: 1e-3, beta: 0.5, k: 2 }),
  layer('RNN', [3, 4], { layers: 2, bias: false, dropout: 0.5, nonlinearity: 'relu' }),
  layer('LSTM', [3, 4], { layers: 2, bias: false, dropout: 0.5, bidirectional: true, batchFirst: true }),
  layer('GRU', [3, 4], { layers: 2, bias: false, dropout: 0.5, bidirectional: true, batchFirst: true }),
  layer('RNNCell', [3, 4], { bias: false, nonlinearity: 'relu' }),
  layer('LSTMCell', [3, 4], { bias: false }),
  layer('GRUCell', [3, 4], { bias: false }),
  [
    'kaimingUniform',
    (options) => nn.init.kaimingUniform(options)([2, 2], new Random(1)),
    { mode: 'fanOut', a: 1 },
  ],
  ['parameters', (options) => new nn.Linear(2, 2).to(device).parameters(options), { trainable: true }],
  ['parameterCount', (options) => new nn.Linear(2, 2).parameterCount(options), { trainable: true }],
  layer('MaxPool1d', [2], { stride: 2, padding: 1, dilation: 1, ceilMode: true }),
  layer('MaxPool2d', [2], { stride: 2, padding: 1, dilation: 1, ceilMode: true }),
  layer('AvgPool1d', [2], { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }),
  layer('AvgPool2d', [2], { stride: 2, padding: 1, countIncludePad: false, divisorOverride: 3 }),
  layer('LPPool1d', [2, 2], { stride: 2, ceilMode: true }),
  layer('LPPool2d', [2, 2], { stride: 2, ceilMode: true }),
  layer('MaxUnpool1d', [2], { stride: 2, padding: 0 }),
  layer('MaxUnpool2d', [2], { stride: 2, padding: 0 }),
  layer('Upsample', [], { scaleFactor: 2, mode: 'bilinear' }),
  layer('Unfold', [2], { stride: 2, padding: 1, dilation: 1 }),
  layer('Fold', [], { kernel: 2, stride: 2, padding: 1, dilation: 1 }),
  layer('L1Loss', [], { reduction: 'sum' }),
  layer('MSELoss', [], { reduction: 'sum' }),
  layer('SmoothL1Loss', [], { reduction: 'sum', beta: 0.5 }),
  layer('HuberLoss', [], { reduction: 'sum', delta: 0.5 }),
  layer('CrossEntropyLoss', [], { reduction: 'sum', ignoreIndex: 3, labelSmoothing: 0.5 }),
  layer('NLLLoss', [], { reduction: 'sum', ignoreIndex: 3 }),
  layer('BCELoss', [], { reduction: 'sum' }),
  layer('BCEWithLogitsLoss', [], { reduction: 'sum' }),
  layer('KLDivLoss', [], { reduction: 'sum', logTarget: true }),
  layer('PoissonNLLLoss', [], { reduction: 'sum', logInput: false, full: true, eps: 1e-6 }),
  layer('GaussianNLLLoss', [], { reduction: 'sum', full: true, eps: 1e-6 }),
  layer('HingeEmbeddingLoss', [], { reduction: 'sum', margin: 2 }),
  layer('SoftMarginLoss', [], { reduction: 'sum' }),
  layer('MarginRankingLoss', [], { reduction: 'sum', margin: 2 }),
  layer('CosineEmbeddingLoss', [], { reduction: 'sum', margin: 0.5 }),
  layer('TripletMarginLoss', [], { reduction: 'sum', margin: 2, p: 1, eps: 1e-6, swap: true }),
  rule('SGD', { lr: 0.1, momentum: 0.5, dampening: 0, weightDecay: 0, nesterov: true }),
  rule('Adam', { lr: 0.1, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 }),
  rule('AdamW', { lr: 0.1, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 }),
  rule('NAdam', { lr: 0.1, momentumDecay: 0, decoupledWeightDecay: true }),
  rule('Adamax', { lr: 0.1, betas: [0.9, 0.99] }),
  rule('RMSprop', { lr: 0.1, alpha: 0.9, momentum: 0.5, centered: true }),
  rule('Adagrad', { lr: 0.1, lrDecay: 0.1 }),
  schedule('LambdaLR', { lrLambda: () => 1 }),
  schedule('StepLR', { stepSize: 2, gamma: 0.5 }),
  schedule('MultiStepLR', { milestones: [2], gamma: 0.5 }),
  schedule('ConstantLR', { factor: 0.5, totalIters: 2 }),
  schedule('LinearLR', { startFactor: 0.5, endFactor: 1, totalIters: 2 }),
  schedule('ExponentialLR', { gamma: 0.5 }),
  schedule('PolynomialLR', { totalIters: 2, power: 2 }),
  schedule('CosineAnnealingLR', { tMax: 2, etaMin: 0 }),
  schedule('CosineAnnealingWarmRestarts', { t0: 2, tMult: 1, etaMin: 0 }),
  schedule('SequentialLR', { schedulers: [], milestones: [] }),
  schedule('OneCycleLR', { maxLr: 1, totalSteps: 9, pctStart: 0.5, cycleMomentum: false, threePhase: true }),
  schedule('CyclicLR', { baseLr: 0.1, maxLr: [1], mode: 'triangular2', gamma: 1, cycleMomentum: false }),
  schedule('ReduceLROnPlateau', { mode: 'max', factor: 0.5, patience: 3, threshold: 0, minLr: [0] }),
  [
    'ExponentialMovingAverage',
    (options) => new optim.ExponentialMovingAverage(new nn.Linear(2, 2).to(device), options),
    { decay: 0.5, useBuffers: false },
  ],
  ['GradScaler', (options) => new optim.GradScaler(device, options), { initScale: 2, growthInterval: 5 }],
  ['clipGradNorm', (options) => optim.clipGradNorm([graded()], options), { maxNorm: 1, normType: 2 }],
  [
    'DataLoader',
    (options) => new data.DataLoader(dataset, options),
    { batchSize: 2, shuffle: true, seed: 1, dropLast: true, collate: () => [], prefetch: 1 },
  ],
  [
    'RandomSampler',
    (options) => new data.RandomSampler(dataset, options),
    { replacement: true, numSamples: 3 },
  ],
  [
    'WeightedRandomSampler',
    (options) => new data.WeightedRandomSampler([1, 2], 1, options),
    { replacement: false },
  ],
  ['kFold', (options) => data.kFold(dataset, options), { nSplits: 3, shuffle: true, seed: 1 }],
  [
    'stratifiedKFold',
    (options) => data.stratifiedKFold(dataset, labels, options),
    { nSplits: 3, shuffle: true, seed: 1 },
  ],
  ['randomSplit', (options) => data.randomSplit(dataset, [6, 6], options), { seed: 1 }],
  [
    'trainTestSplit',
    (options) => data.trainTestSplit(dataset, options),
    { testSize: 4, trainSize: 0.5, shuffle: true, stratify: labels, seed: 1 },
  ],
  transform('randomApply', [[]], { p: 0.1 }),
  transform('toTensor', [], { layout: 'HWC' }),
  transform('resize', [3], { interpolation: 'nearest', antialias: false }),
  transform('pad', [3], { paddingMode: 'edge' }),
  transform('grayscale', [], { numOutputChannels: 3 }),
  transform('randomHorizontalFlip', [], { p: 0.1 }),
  transform('randomVerticalFlip', [], { p: 0.1 }),
  transform('randomGrayscale', [], { p: 0.1 }),
  transform('randomCrop', [3], { padIfNeeded: true, paddingMode: 'edge' }),
  transform('randomResizedCrop', [3], { scale: [0.5, 1], ratio: [0.5, 2], interpolation: 'nearest' }),
  transform('randomRotation', [3], { interpolation: 'nearest', expand: true, center: [3, 4] }),
  transform('randomAffine', [3], { translate: [0.1, 0.1], scale: [1, 2], shear: 3, center: [3, 4] }),
  transform('colorJitter', [], { brightness: 0.1, contrast: 0.1, saturation: 0.1, hue: 0.1 }),
  transform('randomErasing', [], { p: 0.1, scale: [0.1, 0.2], ratio: [1, 2] }),
  ['progress', (options) => train.progress(() => ({ update() {}, stop() {} }), options), { every: 100 }],
  [
    'restore',
    async (options) => train.restore({}, await train.checkpoint({}), options),
    { file: 'run.safetensors', exact: true },
  ],
  metric('Accuracy', { threshold: 0.5, ignoreIndex: -1 }),
  metric('TopKAccuracy', { k: 2, ignoreIndex: -1 }),
  metric('ConfusionMatrix', { classes: 3, ignoreIndex: -1 }),
  metric('F1', { classes: 3, average: 'micro' }),
  metric('KeepBest', { monitor: 'loss', mode: 'max', minDelta: 0, restoreBest: false }),
  metric('EarlyStopping', { monitor: 'loss', mode: 'max', minDelta: 0, patience: 2 }),
];

function graded() {
  const parameter = device.ones([2]);
  parameter.grad = device.ones([2]);
  return parameter;
}

/** What was thrown, at once or later. */
async function thrown(make: () => unknown): Promise<unknown> {
  try {
    await make();
    return null;
  } catch (error) {
    return error;
  }
}

/** Values that are never what an option of the type of `good` may be. */
function* wrongFor(good: unknown): Generator<unknown> {
  yield* [Symbol.iterator, 1n, new Map()];
  if (typeof good !== 'number') yield* [0, 1, Number.NaN];
  else yield* ['0.1', '1', '', true, Number.NaN];
  if (typeof good !== 'boolean') yield* [true, false];
  else yield* ['true', '', null];
  if (typeof good !== 'string') yield 'x';
  if (typeof good !== 'function' && !Array.isArray(good)) yield () => 1;
  if (!Array.isArray(good)) yield* [[[1]], ['x']];
}

/** Options that take a number as well as what is good here. */
const ALSO_NUMBERS = 'momentum stride padding maxLr minLr lrLambda';

describe('an option of another name or type is refused, not ignored', () => {
  it.each(made)('%s', async (name, make, good) => {
    expect(await thrown(() => make(good as never)), 'the good options').toSatisfy(
      (error) => error === null || name === 'SequentialLR',
    );
    const given = { ...good, learningRate: 1 };
    const unknown = await thrown(() => make(given as never));
    expect(unknown).toBeInstanceOf(WeftError);
    expect((unknown as Error).message).toContain(`${name}: has no option 'learningRate'; `);
    for (const [key, value] of Object.entries(good)) {
      for (const wrong of wrongFor(value)) {
        if (typeof wrong === 'number' && ALSO_NUMBERS.split(' ').includes(key)) continue;
        // Labels are any list of numbers; what holds none is of another length.
        const error = await thrown(() => make({ ...good, [key]: wrong } as never));
        expect(error, `${key}: ${String(wrong)}`).toBeInstanceOf(WeftError);
        expect((error as Error).message, `${key}: ${String(wrong)}`).toContain(name);
      }
    }
  });
});

describe('is refused when it is given', () => {
  const model = new nn.Linear(2, 2).to(device);
  it.each<[what: string, make: () => unknown, message: string]>([
    [
      'a kernel',
      () => new nn.MaxPool2d('2' as never),
      "MaxPool2d: kernel must be a whole number or a pair of them, got '2'",
    ],
    [
      'no kernel',
      () => new nn.AvgPool1d(undefined as never),
      'AvgPool1d: kernel must be a whole number, got undefined',
    ],
    ['an exponent', () => new nn.LPPool2d('2' as never, 2), "LPPool2d: p must be a number, got '2'"],
    [
      'a size',
      () => new nn.AdaptiveAvgPool1d(1.5),
      'AdaptiveAvgPool1d: outputSize must be a whole number, got 1.5',
    ],
    ['a factor', () => new nn.PixelShuffle(1.5), 'PixelShuffle: factor must be a whole number, got 1.5'],
    ['an axis', () => new nn.CosineSimilarity(0.5), 'CosineSimilarity: axis must be a whole number, got 0.5'],
    ['a norm', () => new nn.PairwiseDistance('2' as never), "PairwiseDistance: p must be a number, got '2'"],
    [
      'a weight',
      () => new nn.CrossEntropyLoss({ weight: 2 as never }),
      'CrossEntropyLoss: weight must be a tensor or null, got 2',
    ],
    [
      'a layout',
      () => data.transforms.toTensor({ layout: 'WHC' as never }),
      "layout must be one of CHW, HWC, got 'WHC'",
    ],
    [
      'what evaluate does not take',
      () => train.evaluate(model, { loss: () => device.ones([]), loader: [], metric: {} } as never),
      "evaluate: has no option 'metric'; it takes loss, compute, loader, metrics",
    ],
    [
      'no loader',
      () => train.evaluate(model, { loss: () => device.ones([]), loader: 3 as never }),
      'evaluate: loader must be a loader, got 3',
    ],
  ])('%s', async (_, make, message) => {
    const error = await thrown(make);
    expect(error).toBeInstanceOf(WeftError);
    expect((error as Error).message).toContain(message);
  });
});
