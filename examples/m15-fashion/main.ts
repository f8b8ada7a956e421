/** Fashion-MNIST: 784-256-128-64-10 overfits within thirty epochs, and dropout closes the gap. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { data, functional as F, nn, optim, type Tensor, train } from 'weft';
import { readMnist } from 'weft/node';
import { learningCurves } from 'weft/plot';
import { example, MissingData, type Run } from '../support/example.js';
import { mapPixels, rowsOf, type Split } from '../support/mnist.js';
import { accuracy, guesses, percent, predict } from '../support/mnist-net.js';
import { digits } from '../support/mnist-pictures.js';

const NAMES = [
  ...['T-shirt', 'trouser', 'pullover', 'dress', 'coat'],
  ...['sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'],
];
const BATCH = 64;

class Classifier extends nn.Layer {
  readonly fc1 = new nn.Linear(784, 256);
  readonly fc2 = new nn.Linear(256, 128);
  readonly fc3 = new nn.Linear(128, 64);
  readonly fc4 = new nn.Linear(64, 10);
  readonly dropout: nn.Dropout;

  constructor(p: number) {
    super();
    this.dropout = new nn.Dropout(p);
  }

  override forward(x: Tensor): Tensor {
    const hidden = [this.fc1, this.fc2, this.fc3];
    const flat = x.flatten(1);
    const last = hidden.reduce((y, layer) => this.dropout.forward(F.relu(layer.forward(y))), flat);
    return F.logSoftmax(this.fc4.forward(last));
  }
}

/** The original files in the folder of `--data`, or in `fashion-mnist` in it. */
async function readFashion(folder: string | undefined): Promise<{ train: Split; test: Split }> {
  const inside = join(folder ?? '', 'fashion-mnist');
  const place = folder !== undefined && existsSync(inside) ? inside : folder;
  const names = ['-idx3-ubyte', '.idx3-ubyte'].flatMap((end) => [end, `${end}.gz`]);
  if (place === undefined || !names.some((end) => existsSync(join(place, `train-images${end}`)))) {
    throw new MissingData(
      `Fashion-MNIST is ${place === undefined ? 'nowhere' : `not in ${place}`}: give --data FOLDER with its files train-images-idx3-ubyte, ` +
        'train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, as they are or with .gz, ' +
        'of https://github.com/zalandoresearch/fashion-mnist',
    );
  }
  const sets = await readMnist(place);
  const normalised = (set: typeof sets.train) => mapPixels(rowsOf(set), (pixel) => (pixel / 255 - 0.5) / 0.5);
  return { train: normalised(sets.train), test: normalised(sets.test) };
}

const datasetOf = ({ images, labels }: Split) => new data.TensorDataset(images, labels);

async function trainOne(run: Run, p: number, sets: { train: Split; test: Split }, epochs: number) {
  const net = new Classifier(p).to(run.device);
  const progress = run.progress(p === 0 ? 'without dropout' : 'with dropout', epochs);
  const history = await train.fit(net, {
    loss: F.nllLoss,
    optimizer: new optim.Adam(net.parameters(), { lr: 0.003 }),
    loader: new data.DataLoader(datasetOf(sets.train), { batchSize: BATCH, shuffle: true, seed: run.seed }),
    validation: new data.DataLoader(datasetOf(sets.test), { batchSize: 500 }),
    ...{ epochs, metrics: { accuracy: new train.Accuracy() } },
    callbacks: [{ onEpochEnd: ({ epoch }) => progress.update(epoch) }],
  });
  progress.stop();
  const training = history.epochs.map((epoch) => epoch.training.loss);
  const test = history.epochs.map((epoch) => epoch.validation!.loss);
  const accuracies = history.epochs.map((epoch) => epoch.validation!.accuracy as number);
  return { net, training, test, accuracies };
}

export default example({
  id: 'M15',
  title: 'Fashion-MNIST: overfitting, and dropout against it',
  async run(run) {
    const { device, pick, claim, print } = run;
    const epochs = pick({ full: 30, fast: 5, slice: 1 });
    const sets = await readFashion(run.data);

    const untrained = new Classifier(0).to(device);
    const { parameters } = nn.summary(untrained, device.zeros([1, 784]));
    claim({ told: '242,762 parameters', reached: `${parameters}`, holds: parameters === 242_762 });
    const [x, y] = datasetOf(sets.test).getBatch([...Array(BATCH).keys()]);
    const scores = untrained.forward(device.tensor(x!));
    const [, top] = F.topK(scores, { k: 1 });
    const guessed = await accuracy(scores, device.tensor(y!)).item();
    claim({
      told: 'the untrained net guesses: about 1 in 10 of a batch (15.6 % in the course), topk(1) is [64, 1]',
      reached: `${percent(guessed)}, [${top!.shape}]`,
      holds: guessed < 0.4 && top!.shape.join() === `${BATCH},1`,
    });

    const plain = await trainOne(run, 0, sets, epochs);
    const dropped = await trainOne(run, 0.2, sets, epochs);
    for (const [name, { training, test, accuracies }] of Object.entries({ plain, dropped })) {
      const title = `${name === 'plain' ? 'Without' : 'With'} dropout`;
      const options = { title, subtitle: `test accuracy ${percent(accuracies.at(-1)!)}`, loss: { min: 0 } };
      await run.picture(`losses-${name}`, learningCurves({ loss: { training, test } }, options));
      print(`${title}: training loss ${training.at(-1)!.toFixed(3)}, test loss ${test.at(-1)!.toFixed(3)}`);
    }
    const some = [...Array(12).keys()];
    const taken = guesses(await predict(device, dropped.net, sets.test));
    const captions = some.map((i) => `${NAMES[taken[i]!]} (${NAMES[sets.test.labels.data[i]!]})`);
    await run.picture('guesses', digits(sets.test, some, { title: 'Guess (label)', captions, columns: 4 }));

    claim({
      told: 'the loss drops from epoch to epoch, five times',
      reached: plain.training
        .slice(0, 5)
        .map((loss) => loss.toFixed(3))
        .join(', '),
      holds: plain.training.slice(1, 5).every((loss, i) => loss < plain.training[i]!),
    });
    const least = Math.min(...plain.test);
    claim({
      told: 'overfitting: the training loss keeps falling, the test loss turns and rises',
      reached: `test ${least.toFixed(3)} after epoch ${plain.test.indexOf(least) + 1}, ${plain.test.at(-1)!.toFixed(3)} at the end`,
      holds: plain.test.at(-1)! > 1.05 * least && plain.training.at(-1)! < 0.8 * plain.training[4]!,
      from: 'full',
    });
    const [gap, closed] = [plain, dropped].map(({ test, training }) => test.at(-1)! - training.at(-1)!);
    claim({
      told: 'with dropout the test loss stays closer to the training loss, which does not get as low',
      reached: `apart by ${gap!.toFixed(3)} without, ${closed!.toFixed(3)} with`,
      holds: closed! < 0.75 * gap! && dropped.training.at(-1)! > plain.training.at(-1)!,
      from: 'full',
    });
  },
});
