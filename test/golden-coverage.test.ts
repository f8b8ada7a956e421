import { describe, expect, it } from 'vitest';
import { nodesOf, registry } from '../src/index.js';
import { type GoldenCase, goldenFiles, goldenGraph } from './support/golden.js';

/**
 * Kernels that PyTorch has no public function for, each with an op that has golden cases and whose graph, forward or
 * backward, calls it: it is verified with that op's values and gradients.
 */
const calledBy: Readonly<Record<string, string>> = {
  adaptiveAvgPool2dBackward: 'adaptiveAvgPool2d',
  adaptiveMaxPool2dBackward: 'adaptiveMaxPool2d',
  avgPool2dBackward: 'avgPool2d',
  bceWithLogitsBackward: 'bceWithLogits',
  binaryCrossEntropyBackward: 'binaryCrossEntropy',
  celuBackward: 'celu',
  conv2dInputGradient: 'conv2d',
  conv2dWeightGradient: 'conv2d',
  crossEntropyWithGradient: 'crossEntropy',
  diagonalBackward: 'diagonal',
  eluBackward: 'elu',
  embeddingBackward: 'embedding',
  gaussianNllLossBackward: 'gaussianNllLoss',
  geluBackward: 'gelu',
  gruGates: 'gruCell',
  gruGatesBackward: 'gruCell',
  gruSequence: 'gru',
  gruSequenceBackward: 'gru',
  hardsigmoidBackward: 'hardsigmoid',
  hardswishBackward: 'hardswish',
  hardtanhBackward: 'hardtanh',
  hingeEmbeddingLossBackward: 'hingeEmbeddingLoss',
  huberLossBackward: 'huberLoss',
  interpolateBackward: 'interpolate',
  klDivBackward: 'klDiv',
  l1LossBackward: 'l1Loss',
  leakyReluBackward: 'leakyRelu',
  linearScan: 'cumprod',
  localResponseNormBackward: 'localResponseNorm',
  logSigmoidBackward: 'logSigmoid',
  logSoftmaxBackward: 'logSoftmax',
  lstmGates: 'lstmCell',
  lstmGatesBackward: 'lstmCell',
  lstmSequence: 'lstm',
  lstmSequenceBackward: 'lstm',
  marginRankingLossBackward: 'marginRankingLoss',
  maxPool2dBackward: 'maxPool2d',
  maxPool2dTaps: 'maxPool2d',
  maxUnpool2dBackward: 'maxUnpool2d',
  mishBackward: 'mish',
  mseLossBackward: 'mseLoss',
  nllLossBackward: 'nllLoss',
  padBackward: 'pad',
  poissonNllLossBackward: 'poissonNllLoss',
  reluBackward: 'relu',
  rnnSequence: 'rnn',
  rnnSequenceBackward: 'rnn',
  seluBackward: 'selu',
  sigmoidBackward: 'sigmoid',
  siluBackward: 'silu',
  sliceBackward: 'slice',
  smoothL1LossBackward: 'smoothL1Loss',
  softMarginLossBackward: 'softMarginLoss',
  softmaxBackward: 'softmax',
  softplusBackward: 'softplus',
  softsignBackward: 'softsign',
  sortBackward: 'sort',
  sortSelect: 'minWithIndices',
  standardize: 'layerNorm',
  standardizeBackward: 'layerNorm',
  tanhBackward: 'tanh',
};

const SECOND_ORDER =
  'only a second derivative calls it, which second-order checks hold to differences in f64';
const STREAM = "draws from Weft's own stream, whose values and moments test/random.test.ts checks";
const MARK = 'gives its input; test/checkpoint.test.ts holds gradients with it to those without';
const TRACE = 'test/optim.test.ts holds it to ten-step traces of PyTorch, in golden/optimizers.json';

const ALL = 'is plain arithmetic over a list of tensors; test/webgpu-updates.test.ts holds a step with it';

/** Ops that can't be held against PyTorch call by call, with the reason. */
const reasons: Readonly<Record<string, string>> = {
  adagradUpdate: TRACE,
  adamaxUpdate: TRACE,
  adamUpdate: TRACE,
  adaptiveMaxPool2dSelect: SECOND_ORDER,
  allFinite: ALL,
  alphaDropout: STREAM,
  alphaDropoutBackward: STREAM,
  after: MARK,
  bernoulli: STREAM,
  categorical: STREAM,
  channelWindowSum: SECOND_ORDER,
  checkpointBegin: MARK,
  checkpointEnd: MARK,
  dropout: STREAM,
  exponential: STREAM,
  featureDropout: STREAM,
  integers: STREAM,
  maxPool2dSelect: SECOND_ORDER,
  multinomial: STREAM,
  nadamUpdate: TRACE,
  normal: STREAM,
  rmspropUpdate: TRACE,
  scaleAll: ALL,
  sgdUpdate: TRACE,
  uniform: STREAM,
};

const cases = goldenFiles().flatMap((file) => file.cases);
const covered = new Set(cases.map(({ op }) => op));

const callsOf = (golden: GoldenCase): string[] => {
  const { inputs, outputs } = goldenGraph(golden);
  return nodesOf(outputs, new Set(inputs)).map(({ op }) => op.name);
};

/** The ops with golden cases whose graphs call an op, by that op's name. */
const callers = new Map<string, Set<string>>();
for (const golden of cases) {
  for (const name of callsOf(golden)) callers.set(name, (callers.get(name) ?? new Set()).add(golden.op));
}

describe('golden values from PyTorch', () => {
  it('hold every op, or there is a reason why not', () => {
    const listed = new Set([...Object.keys(calledBy), ...Object.keys(reasons)]);
    const open = [...registry.keys()].filter((name) => !covered.has(name) && !listed.has(name));
    const hints = open.map((name) => {
      const [caller] = callers.get(name) ?? [];
      return caller ? `${name} (called by ${caller})` : name;
    });
    expect(hints, 'write cases in test/golden, or list the op here').toEqual([]);
  });

  it.each(Object.entries(calledBy))(
    '%s is called by the cases of %s, and has none itself',
    (name, caller) => {
      expect(covered).not.toContain(name);
      expect(covered).toContain(caller);
      expect([...(callers.get(name) ?? [])]).toContain(caller);
    },
  );

  it.each(Object.entries(reasons))('%s has none: %s', (name) => {
    expect([...registry.keys()]).toContain(name);
    expect(covered).not.toContain(name);
    expect([...(callers.get(name) ?? [])], 'cases call it: list it under them').toEqual([]);
  });
});
