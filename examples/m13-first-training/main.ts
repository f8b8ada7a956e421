/** The first training loop: 784-128-64-10, log-softmax and negative log-likelihood, SGD at .003. */
import { functional as F, nn, optim } from 'weft';
import { bars } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels } from '../support/mnist.js';
import { guesses, predict, trainTheModel } from '../support/mnist-net.js';
import { curves } from '../support/mnist-pictures.js';

/** Of the course's notebook, per epoch. */
const TOLD = [1.896, 0.8684, 0.538, 0.4372, 0.3909];

export default example({
  id: 'M13',
  title: '784-128-64-10, five epochs',
  async run(run) {
    const { device, pick, claim, print } = run;
    const samples = pick({ full: 60_000, fast: 60_000, slice: 640 });
    const epochs = pick({ full: 5, fast: 2, slice: 1 });
    const train = mapPixels(await loadRows('train', samples), (pixel) => (pixel / 255 - 0.5) / 0.5);

    const net = new nn.Sequential(
      new nn.Linear(784, 128),
      new nn.ReLU(),
      new nn.Linear(128, 64),
      new nn.ReLU(),
      new nn.Linear(64, 10),
      new nn.LogSoftmax(1),
    ).to(device);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.003 });
    const training = { train, epochs, batchSize: 64, dropLast: false };
    const history = await trainTheModel(run, { net, optimizer }, { loss: F.nllLoss, ...training });
    const { trainLoss } = history;
    for (const [epoch, loss] of trainLoss.entries())
      print(`epoch ${epoch + 1}: training loss ${loss.toFixed(4)}`);

    await run.picture('curves', curves(history));
    const some = [2, 8].map((digit) => train.labels.data.indexOf(digit));
    const scores = await predict(device, net, train);
    const of = (i: number) => Array.from(scores.subarray(10 * i, 10 * i + 10), Math.exp);
    await run.picture(
      'probabilities',
      bars(
        [...'0123456789'],
        some.map((i) => ({ name: `an image of ${train.labels.data[i]}`, values: of(i) })),
        {
          title: 'Probabilities of a 2 and of an 8',
          ...{ x: { label: 'digit' }, y: { label: 'probability', min: 0, max: 1 } },
        },
      ),
    );

    claim({
      told: 'a loss of 1.9 over the first epoch',
      reached: trainLoss[0]!.toFixed(4),
      holds: Math.abs(trainLoss[0]! - TOLD[0]!) < 0.1,
      from: 'fast',
    });
    claim({
      told: `then falling: ${TOLD.slice(1, epochs).join(', ')}`,
      reached: trainLoss
        .slice(1)
        .map((loss) => loss.toFixed(4))
        .join(', '),
      holds: trainLoss.every((loss, i) => i === 0 || Math.abs(loss / TOLD[i]! - 1) < 0.12),
      from: 'fast',
    });
    const taken = guesses(scores);
    const [two, eight] = [2, 8].map((digit) => {
      const all = taken.filter((_, i) => train.labels.data[i] === digit);
      return all.filter((guess) => guess === digit).length / all.length;
    });
    claim({
      told: 'a 2 and an 8 are recognised',
      reached: `${(100 * two!).toFixed(1)} % of the 2s, ${(100 * eight!).toFixed(1)} % of the 8s`,
      holds: Math.min(two!, eight!) > pick({ full: 0.8, fast: 0.65 }),
      from: 'fast',
    });
  },
});
