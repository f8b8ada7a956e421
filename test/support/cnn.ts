import {
  type Device,
  functional as F,
  Generator,
  type HostTensor,
  nn,
  type optim,
  type Tensor,
} from '../../src/index.js';

const BATCH = 8;
const SIZE = 20;
const CLASSES = 10;
export const STEPS = 10;

/** Numbers in [-bound, bound), rounded to f32: what test/golden/make_cnn_losses.py draws for the same seed. */
function uniform(seed: number, shape: readonly number[], bound: number): HostTensor {
  const generator = new Generator(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, () => generator.uniform(-bound, bound));
  return { data, shape, dtype: 'f32' };
}

/** The network that the golden losses were made with, on a device, with its initial weights. */
export async function network(device: Device): Promise<nn.Sequential> {
  const net = new nn.Sequential(
    new nn.Conv2d(1, 4, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(4, 8, 5, { padding: 1 }),
    new nn.ReLU(),
    new nn.AvgPool2d(2),
    new nn.Flatten(),
    new nn.Linear(72, 16),
    new nn.Tanh(),
    new nn.Linear(16, CLASSES),
  ).to(device);
  const state = net
    .namedParameters()
    .map(([name, { shape }], i) => [name, uniform(100 + i, shape, 0.25)] as const);
  await net.loadStateDict(Object.fromEntries(state));
  return net;
}

/** Images and labels of a step. */
export function batch(step: number): [HostTensor, HostTensor] {
  const words = new Generator(2000 + step);
  const labels = Int32Array.from({ length: BATCH }, () => words.word() % CLASSES);
  return [uniform(1000 + step, [BATCH, 1, SIZE, SIZE], 1), { data: labels, shape: [BATCH], dtype: 'i32' }];
}

export interface TrainOptions {
  /** By device.compile, or recorded and run step by step. */
  readonly compiled: boolean;
  readonly optimizer: (parameters: readonly Tensor[]) => optim.Optimizer;
  /** A new learning rate before a step. */
  readonly rates?: Readonly<Record<number, number>>;
}

/** The losses of ten steps, and how many programs the compiled step took. */
export async function train(
  device: Device,
  options: TrainOptions,
): Promise<{ losses: number[]; programs: number }> {
  const net = await network(device);
  const optimizer = options.optimizer(net.parameters());
  const step = device.compile((x: Tensor, y: Tensor) => {
    const loss = F.crossEntropy(net.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const rate = options.rates?.[i];
    if (rate !== undefined) optimizer.lr = rate;
    const [x, y] = batch(i);
    if (options.compiled) {
      losses.push(await (await step(x, y)).item());
      continue;
    }
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net.forward(device.tensor(x)), device.tensor(y));
    loss.backward();
    await optimizer.step();
    losses.push(await loss.item());
  }
  return { losses, programs: step.programs().length };
}
