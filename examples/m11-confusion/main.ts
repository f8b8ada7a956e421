/** A net with one hidden layer on all of MNIST, and which digits it takes for which. */
import { functional as F, nn, optim } from 'weft';
import { heatMap } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels } from '../support/mnist.js';
import { guesses, percent, predict, trainTheModel, within } from '../support/mnist-net.js';
import { digits, drawHistory } from '../support/mnist-pictures.js';

export default example({
  id: 'M11',
  title: '784-128-10 and its confusion matrix',
  async run(run) {
    const { device, pick, claim, print } = run;
    const epochs = pick({ full: 10, fast: 3, slice: 1 });
    const limits = pick({ full: [60_000, 10_000], fast: [20_000, 4000], slice: [640, 200] });
    const [train, test] = (
      await Promise.all([loadRows('train', limits[0]), loadRows('test', limits[1])])
    ).map((rows) => mapPixels(rows, (pixel) => pixel / 255));

    const net = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10)).to(device);
    const optimizer = new optim.Adam(net.parameters());
    const training = { train: train!, test: test!, epochs, batchSize: 128, dropLast: false };
    const history = await trainTheModel(run, { net, optimizer }, { loss: F.crossEntropy, ...training });

    const labels = [...test!.labels.data];
    const taken = guesses(await predict(device, net, test!));
    const confusion = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
    labels.forEach((label, i) => {
      confusion[label]![taken[i]!]!++;
    });
    print('true digit by row, what it is taken for by column');
    for (const [digit, row] of confusion.entries())
      print(`${digit}  ${row.map((count) => `${count}`.padStart(5)).join('')}`);

    const names = [...confusion.keys()].map(String);
    await run.picture(
      'confusion',
      heatMap(confusion, {
        title: 'Confusion matrix of the test images',
        subtitle: 'colours end at 30, so that mistakes show',
        ...{ x: { label: 'taken for', names }, y: { label: 'digit', names } },
        ...{ range: [0, 30], label: 'images', numbers: true },
      }),
    );
    const wrong = [...labels.keys()].filter((i) => taken[i] !== labels[i]).slice(0, 12);
    const captions = wrong.map((i) => `${labels[i]}, guessed ${taken[i]}`);
    await run.picture(
      'misclassified',
      digits(test!, wrong, { title: 'Misclassified test images', captions }),
    );
    await drawHistory(run, history);

    const tested = history.testAccuracy.at(-1)!;
    claim({
      told: pick({ full: '~98 % of the test images', fast: '~93 % of the test images after 3 epochs' }),
      reached: percent(tested),
      holds: within(tested, pick({ full: [0.972, 0.985], fast: [0.9, 0.96] })),
      from: 'fast',
    });
    const right = confusion.reduce((sum, row, digit) => sum + row[digit]!, 0);
    claim({
      told: 'the diagonal of the confusion matrix holds the images that are right',
      reached: `${right} of ${labels.length}, ${labels.length - right} are misclassified`,
      holds: Math.abs(right / labels.length - tested) < 1e-6,
    });
    const pairs = confusion.flatMap((row, a) =>
      row.slice(0, a).map((count, b) => ({ name: `${b} and ${a}`, count: count + confusion[b]![a]! })),
    );
    const common = pairs.sort((a, b) => b.count - a.count).slice(0, 5);
    claim({
      told: '4 is most often taken for 9: here, whichever pair leads, 4 and 9 are among the five most confused',
      reached: common.map(({ name, count }) => `${name}: ${count}`).join(', '),
      holds: common.some(({ name }) => name === '4 and 9'),
      from: 'fast',
    });
  },
});
