import { type Device, data, functional as F, type HostTensor } from 'weft';
import type { Progress } from '../support/progress.js';
import { cifarNet, trainingStep } from './net.js';

export const BATCH = 20;

/** Images as they come and labels; what is done to the images is said by `look` and `transform`. */
export interface CifarTraining {
  readonly device: Device;
  readonly seed: number;
  readonly train: data.Dataset;
  readonly validation: data.Dataset;
  readonly test: data.Dataset;
  /** Done to all images. */
  readonly look: data.Transform;
  /** Done to those of the training, instead. */
  readonly augment: data.Transform;
  readonly epochs: number;
  readonly bar: Progress;
}

export interface Trained {
  /** Mean losses by epoch. */
  readonly losses: number[];
  readonly validationLosses: number[];
  /** Of the test images, by the weights of the epoch whose validation loss was least. */
  readonly guesses: number[];
  readonly labels: number[];
}

/** Trains a net for so many epochs, keeps the best weights by the validation, and tests these. */
export async function trainCifar(training: CifarTraining): Promise<Trained> {
  const { device, seed, look, epochs, bar } = training;
  const net = cifarNet().to(device);
  const step = trainingStep(device, net);
  const judge = device.compile((x, y) => {
    const logits = net.forward(x);
    return [F.crossEntropy(logits, y, null, { reduction: 'sum' }), logits.argmax({ axis: 1 })];
  });
  /** Mean loss and guesses, without dropout. */
  const evaluate = async (images: data.Dataset) => {
    net.eval();
    const found = { loss: 0, guesses: [] as number[], labels: [] as number[] };
    for await (const [x, y] of new data.DataLoader(data.transformed(images, look), { batchSize: 100 })) {
      const [loss, guesses] = await judge(x!, y!);
      found.loss += (await loss!.item()) / images.length;
      found.guesses.push(...(await guesses!.data()));
      found.labels.push(...y!.data);
    }
    return found;
  };

  const loader = new data.DataLoader(data.transformed(training.train, training.augment), {
    batchSize: BATCH,
    shuffle: true,
    seed,
  });
  const losses: number[] = [];
  const validationLosses: number[] = [];
  let best: Record<string, HostTensor> = {};
  for (let epoch = 1; epoch <= epochs; epoch++) {
    net.train();
    let sum = 0;
    let batches = 0;
    for await (const [x, y] of loader) {
      sum += await (await step(x!, y!)).item();
      bar.update(epoch - 1 + ++batches / loader.length, `loss ${(sum / batches).toFixed(3)}`);
    }
    losses.push(sum / batches);
    const { loss } = await evaluate(training.validation);
    if (loss < Math.min(...validationLosses)) best = await net.stateDict();
    validationLosses.push(loss);
  }
  await net.loadStateDict(best);
  const { guesses, labels } = await evaluate(training.test);
  step.dispose();
  judge.dispose();
  return { losses, validationLosses, guesses, labels };
}
