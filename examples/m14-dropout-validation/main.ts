/** 784-512-512-10 with dropout; a fifth of the training images validates, and the best weights are kept. */
import { data, functional as F, nn, optim, train } from 'weft';
import { learningCurves } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels, type Split } from '../support/mnist.js';
import { guesses, percent, predict } from '../support/mnist-net.js';
import { digits } from '../support/mnist-pictures.js';

const BATCH = 20;
const datasetOf = ({ images, labels }: Split) => new data.TensorDataset(images, labels);

const createNet = () =>
  new nn.Sequential(
    new nn.Linear(784, 512),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(512, 512),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(512, 10),
  );

export default example({
  id: 'M14',
  title: 'dropout, validation and the best weights',
  async run(run) {
    const { device, seed, pick, claim, print } = run;
    const epochs = pick({ full: 50, fast: 4, slice: 1 });
    const limits = pick({ full: [60_000, 10_000], fast: [10_000, 4000], slice: [640, 200] });
    const scaled = (rows: Split) => mapPixels(rows, (pixel) => pixel / 255);
    const all = scaled(await loadRows('train', limits[0]));
    const test = scaled(await loadRows('test', limits[1]));

    const [training, valid] = data.randomSplit(datasetOf(all), [0.8, 0.2], { seed });
    const loader = new data.DataLoader(training!, { batchSize: BATCH, shuffle: true, seed });
    const validation = new data.DataLoader(valid!, { batchSize: 500 });

    const net = createNet().to(device);
    const { parameters } = nn.summary(net, device.zeros([1, 784]));
    claim({ told: '669,706 parameters', reached: `${parameters}`, holds: parameters === 669_706 });
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });

    const best = new train.KeepBest();
    const progress = run.progress('epochs', epochs);
    const shown: train.Callback = { onEpochEnd: ({ epoch }) => progress.update(epoch) };
    const history = await train.fit(net, {
      ...{ loss: F.crossEntropy, optimizer, loader, validation, epochs },
      ...{ metrics: { accuracy: new train.Accuracy() }, callbacks: [best, shown] },
    });
    progress.stop();
    const losses = history.epochs.map((epoch) => epoch.training.loss);
    const validLosses = history.epochs.map((epoch) => epoch.validation!.loss);
    await run.picture(
      'losses',
      learningCurves(
        { loss: { training: losses, validation: validLosses } },
        { title: 'Loss; the line marks the weights that are kept', loss: { min: 0 }, best: best.bestEpoch },
      ),
    );

    const accuracy = new train.Accuracy();
    const perClass = new train.PerClassAccuracy({ classes: 10 });
    const tested = await train.evaluate(net, {
      loss: F.crossEntropy,
      loader: new data.DataLoader(datasetOf(test), { batchSize: 500 }),
      metrics: { accuracy, perClass },
    });
    const accuracies = perClass.value();
    print(`test loss ${tested.loss.toFixed(6)}`);
    for (const [digit, part] of accuracies.entries()) print(`test accuracy of ${digit}: ${percent(part)}`);
    const some = [...Array(18).keys()];
    const taken = guesses(await predict(device, net, test));
    const captions = some.map((i) => `${taken[i]} (${test.labels.data[i]})`);
    await run.picture('guesses', digits(test, some, { title: 'Test images: guess (label)', captions }));

    claim({
      told: pick({
        full: '>= 97 % of the test images (98.3 % in the notebook)',
        fast: '~84 % after 4 epochs',
      }),
      reached: percent(accuracy.value(), 2),
      holds: accuracy.value() >= pick({ full: 0.98, fast: 0.8 }),
      from: 'fast',
    });
    const [worst, second] = [...accuracies.keys()].sort((a, b) => accuracies[a]! - accuracies[b]!);
    claim({
      told: 'each digit is recognised; the course does worst on 7 or 8',
      reached: `worst on ${worst}: ${percent(accuracies[worst!]!)}, then ${second}: ${percent(accuracies[second!]!)}`,
      holds: accuracies[worst!]! > pick({ full: 0.95, fast: 0.6 }),
      from: 'fast',
    });
    const [least, last] = [Math.min(...validLosses), validLosses.at(-1)!];
    claim({
      told: 'the best weights of the validation are kept: epoch 37 in the course, after which the loss is flat',
      reached: `epoch ${best.bestEpoch}: ${least.toFixed(4)}, at the end ${last.toFixed(4)}`,
      holds: validLosses[best.bestEpoch - 1] === least && best.bestEpoch > epochs / 2 && last < 1.1 * least,
      from: 'fast',
    });
  },
});
