/** A net with one hidden layer on all of MNIST, and which digits it takes for which. */
import { functional as F, nn, optim, train } from 'weft';
import { confusionMatrix } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels } from '../support/mnist.js';
import { guesses, percent, predict, trainTheModel, within } from '../support/mnist-net.js';
import { curves, digits } from '../support/mnist-pictures.js';

export default example({
  id: 'M11',
  title: '784-128-10 and its confusion matrix',
  async run(run) {
    const { device, pick, claim } = run;
    const epochs = pick({ full: 10, fast: 3, slice: 1 });
    const limits = pick({ full: [60_000, 10_000], fast: [20_000, 4000], slice: [640, 200] });
    const [images, test] = (
      await Promise.all([loadRows('train', limits[0]), loadRows('test', limits[1])])
    ).map((rows) => mapPixels(rows, (pixel) => pixel / 255));

    const net = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10)).to(device);
    const optimizer = new optim.Adam(net.parameters());
    const training = { train: images!, test: test!, epochs, batchSize: 128, dropLast: false };
    const history = await trainTheModel(run, { net, optimizer }, { loss: F.crossEntropy, ...training });

    const scores = await predict(device, net, test!);
    const matrix = new train.ConfusionMatrix({ classes: 10 });
    matrix.update({ data: scores, shape: [scores.length / 10, 10], dtype: 'f32' }, test!.labels);
    const confusion = matrix.value();
    await run.picture(
      'confusion',
      confusionMatrix(confusion, { title: 'Confusion matrix of the test images' }),
    );
    const labels = [...test!.labels.data];
    const taken = guesses(scores);
    const wrong = [...labels.keys()].filter((i) => taken[i] !== labels[i]).slice(0, 12);
    const captions = wrong.map((i) => `${labels[i]}, guessed ${taken[i]}`);
    await run.picture(
      'misclassified',
      digits(test!, wrong, { title: 'Misclassified test images', captions }),
    );
    await run.picture('curves', curves(history));

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
