import { type Device, data, functional as F, nn, type optim, type Tensor, type TypedArray } from 'weft';
import type { Run } from './example.js';
import type { Split } from './mnist.js';

/** 784-64-32-32-10 with ReLU, the net of most of the experiments on MNIST: 53,706 parameters. */
export class MnistNet extends nn.Layer {
  readonly input = new nn.Linear(784, 64);
  readonly fc1 = new nn.Linear(64, 32);
  readonly fc2 = new nn.Linear(32, 32);
  readonly output = new nn.Linear(32, 10);

  /** @param last what the ten scores go through, by default nothing */
  constructor(readonly last: (scores: Tensor) => Tensor = (scores) => scores) {
    super();
  }

  override forward(x: Tensor): Tensor {
    const hidden = F.relu(this.input.forward(x));
    const deeper = F.relu(this.fc2.forward(F.relu(this.fc1.forward(hidden))));
    return this.last(this.output.forward(deeper));
  }
}

/** The part of the rows of scores whose largest stands at the label. */
export const accuracy = (scores: Tensor, labels: Tensor): Tensor =>
  F.argmax(scores, { axis: 1 }).equal(labels).cast({ dtype: 'f32' }).mean();

/** A net and what trains it. */
export interface Learner {
  readonly net: nn.Layer;
  readonly optimizer: optim.Optimizer;
}

/** One number per epoch: means over its batches and, where there is a test set, over all of that after it. */
export interface History {
  readonly trainLoss: number[];
  readonly trainAccuracy: number[];
  readonly testLoss: number[];
  readonly testAccuracy: number[];
}

export interface Training {
  /** Mean loss of a batch of scores. */
  readonly loss: (scores: Tensor, labels: Tensor) => Tensor;
  readonly train: Split;
  readonly test?: Split;
  readonly epochs: number;
  /** Default 32. */
  readonly batchSize?: number;
  /** Leave out what does not fill a batch; default true. */
  readonly dropLast?: boolean;
  /** Of the progress bar. */
  readonly label?: string;
  /** Is awaited before each epoch, from 0. */
  readonly beforeEpoch?: (epoch: number) => Promise<void>;
  /** Is awaited after each epoch and its test. */
  readonly afterEpoch?: (epoch: number, histories: readonly History[]) => Promise<void>;
}

/** Trains a net, as the course's function of that name, and tests it after each epoch. */
export async function trainTheModel(run: Run, learner: Learner, training: Training): Promise<History> {
  const [history] = await trainTheModels(run, [learner], training);
  return history!;
}

/** Trains several nets, each by its own optimiser, on the same batches: a step of all is one compiled program. */
export async function trainTheModels(
  run: Run,
  learners: readonly Learner[],
  training: Training,
): Promise<History[]> {
  const { loss, train, epochs, batchSize = 32, dropLast = true } = training;
  const step = run.device.compile((x, y) => {
    const results = learners.flatMap(({ net, optimizer }) => {
      const scores = net.forward(x);
      const cost = loss(scores, y);
      cost.backward();
      optimizer.step();
      return [cost, accuracy(scores, y)];
    });
    return F.stack(results);
  });
  const test = training.test && evaluator(run.device, learners, loss, training.test);

  const histories = learners.map(
    (): History => ({ trainLoss: [], trainAccuracy: [], testLoss: [], testAccuracy: [] }),
  );
  const loader = new data.DataLoader(new data.TensorDataset(train.images, train.labels), {
    ...{ batchSize, shuffle: true, dropLast, seed: run.seed },
  });
  const progress = run.progress(training.label ?? 'epochs', epochs);
  for (let epoch = 0; epoch < epochs; epoch++) {
    await training.beforeEpoch?.(epoch);
    const sums = new Float64Array(2 * learners.length);
    for (const { net } of learners) net.train();
    for await (const [x, y] of loader) {
      const results = await (await step(x!, y!)).data();
      for (let i = 0; i < sums.length; i++) sums[i]! += results[i]!;
    }
    const tested = await test?.();
    histories.forEach((history, i) => {
      history.trainLoss.push(sums[2 * i]! / loader.length);
      history.trainAccuracy.push(sums[2 * i + 1]! / loader.length);
      if (!tested) return;
      history.testLoss.push(tested[2 * i]!);
      history.testAccuracy.push(tested[2 * i + 1]!);
    });
    await training.afterEpoch?.(epoch, histories);
    progress.update(epoch + 1, `loss ${histories[0]!.trainLoss.at(-1)!.toFixed(4)}`);
  }
  progress.stop();
  step.dispose();
  return histories;
}

/** Loss and accuracy of each net over a whole set, without dropout. */
function evaluator(
  device: Device,
  learners: readonly Learner[],
  loss: Training['loss'],
  { images, labels }: Split,
): () => Promise<TypedArray> {
  const [x, y] = [device.tensor(images), device.tensor(labels)];
  const evaluate = device.compile(() => {
    const scores = learners.map(({ net }) => net.forward(x));
    return F.stack(scores.flatMap((each) => [loss(each, y), accuracy(each, y)]));
  });
  return async () => {
    for (const { net } of learners) net.eval();
    return (await evaluate()).data();
  };
}

/** What the net, in evaluation mode, gives for all images: [n, 10]. */
export async function predict(device: Device, net: nn.Layer, { images }: Split): Promise<Float32Array> {
  net.eval();
  return (await net.forward(device.tensor(images)).data()) as Float32Array;
}

/** The place of the largest of each row of ten. */
export const guesses = (scores: Float32Array): number[] =>
  Array.from({ length: scores.length / 10 }, (_, i) => {
    const row = scores.subarray(10 * i, 10 * i + 10);
    return row.indexOf(Math.max(...row));
  });

/** 0.9432 as '94.3 %'. */
export const percent = (part: number, digits = 1): string => `${(100 * part).toFixed(digits)} %`;

/** Whether a number lies from `low` to `high`. */
export const within = (value: number, [low, high]: readonly [number, number]): boolean =>
  value >= low && value <= high;

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
