/** What becomes of a net that is trained on pixels of one range and tested on another. */
import { functional as F, optim } from 'weft';
import { line } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels, type Split, trainTestSplit } from '../support/mnist.js';
import { type History, MnistNet, percent, trainTheModel, within } from '../support/mnist-net.js';

/** Divided by its own largest value. */
const normalised = (split: Split): Split => {
  const largest = (split.images.data as Float32Array).reduce((most, pixel) => Math.max(most, pixel), 0);
  return mapPixels(split, (pixel) => pixel / largest);
};

const range = ({ images }: Split): string => {
  const pixels = images.data as Float32Array;
  return `${pixels.reduce((a, b) => Math.min(a, b))} to ${pixels.reduce((a, b) => Math.max(a, b))}`;
};

export default example({
  id: 'M4',
  title: 'three scalings of training and test images',
  async run(run) {
    const { device, seed, pick, claim, print } = run;
    const samples = pick({ full: 20_000, fast: 6000, slice: 640 });
    const epochs = pick({ full: 60, fast: 25, slice: 1 });
    const { train, test } = await trainTestSplit(await loadRows('train', samples), { testSize: 0.1, seed });

    const challenge = async (train: Split, test: Split): Promise<History> => {
      print(`training data from ${range(train)}, test data from ${range(test)}`);
      const net = new MnistNet().to(device);
      const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
      return trainTheModel(run, { net, optimizer }, { loss: F.crossEntropy, train, test, epochs });
    };
    const both = await challenge(normalised(train), normalised(test));
    const onlyTrain = await challenge(normalised(train), test);
    const onlyTest = await challenge(train, normalised(test));

    const cases = { 'both in [0, 1]': both, 'test up to 255': onlyTrain, 'training up to 255': onlyTest };
    const curves = (of: (history: History) => readonly number[]) =>
      Object.entries(cases).map(([name, history]) => ({ name, y: of(history) }));
    const x = { label: 'epoch' };
    await run.picture(
      'test-loss',
      line(
        curves(({ testLoss }) => testLoss),
        { title: 'Test loss by the scaling', x, y: { label: 'mean loss', scale: 'log' } },
      ),
    );
    await run.picture(
      'test-accuracy',
      line(
        curves(({ testAccuracy }) => testAccuracy.map((part) => 100 * part)),
        { title: 'Test accuracy by the scaling', x, y: { label: 'accuracy (%)', min: 0, max: 100 } },
      ),
    );

    const last = ({ testAccuracy, testLoss }: History) => [testAccuracy.at(-1)!, testLoss.at(-1)!] as const;
    const shown = ([accuracy, loss]: readonly [number, number]) =>
      `${percent(accuracy)}, loss ${loss.toFixed(3)}`;
    const [first, second, third] = [last(both), last(onlyTrain), last(onlyTest)];
    claim({
      told: 'both in [0, 1]: ~95 %, a test loss of ~.2 or less',
      reached: shown(first),
      holds: within(first[0], pick({ full: [0.94, 0.97], fast: [0.82, 0.93] })),
      from: 'fast',
    });
    claim({
      told: 'test up to 255: still good accuracy, a loss of ~40, a hundred times as large',
      reached: shown(second),
      holds: second[0] > pick({ full: 0.9, fast: 0.75 }) && within(second[1] / first[1], [50, 1000]),
      from: 'fast',
    });
    claim({
      told: 'training up to 255, test in [0, 1]: the test loss barely falls from ln 10 = 2.303, that of a guess',
      reached: `loss ${third[1].toFixed(3)}`,
      holds: within(third[1], [2, 2.31]),
      from: 'fast',
    });
    claim({
      // All ten scores are almost equal, so the smallest differences decide: between 18 and 70 % by the seed.
      told: 'and its accuracy is far below the first: ~20 % in the course, by the seed up to 70 %',
      reached: percent(third[0]),
      holds: third[0] < first[0] - 0.15,
      from: 'fast',
    });
  },
});
