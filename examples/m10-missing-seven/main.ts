/** A net that never saw a seven: what does it take sevens for? */
import { functional as F, optim } from 'weft';
import { bars } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels, where } from '../support/mnist.js';
import { guesses, MnistNet, percent, predict, trainTheModel } from '../support/mnist-net.js';
import { curves, digits } from '../support/mnist-pictures.js';

export default example({
  id: 'M10',
  title: 'the missing seven',
  async run(run) {
    const { device, pick, claim, print } = run;
    const samples = pick({ full: 20_000, fast: 20_000, slice: 640 });
    const epochs = pick({ full: 100, fast: 15, slice: 2 });
    const rows = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const train = where(rows, (label) => label !== 7);
    const test = where(rows, (label) => label === 7);
    print(
      `${train.labels.data.length} images of other digits for training, ${test.labels.data.length} sevens`,
    );

    const net = new MnistNet(F.logSoftmax).to(device);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const history = await trainTheModel(run, { net, optimizer }, { loss: F.nllLoss, train, epochs });

    const scores = await predict(device, net, test);
    const taken = guesses(scores);
    const parts = Array.from(
      { length: 10 },
      (_, digit) => taken.filter((g) => g === digit).length / taken.length,
    );
    print(`sevens are taken for ${parts.map((part, digit) => `${digit}: ${percent(part)}`).join(', ')}`);
    const some = [...Array(12).keys()];
    const captions = some.map((i) => `taken for ${taken[i]}`);
    await run.picture(
      'sevens',
      digits(test, some, { title: 'Sevens, and what they are taken for', captions }),
    );
    await run.picture(
      'taken-for',
      bars(
        [...'0123456789'],
        { values: parts.map((part) => 100 * part) },
        {
          title: 'What sevens are taken for',
          ...{ x: { label: 'digit' }, y: { label: 'sevens (%)', min: 0 } },
        },
      ),
    );
    await run.picture(
      'evidence',
      bars(
        [...'0123456789'],
        [12, 30].map((i) => ({
          name: `seven number ${i}`,
          values: Array.from(scores.subarray(10 * i, 10 * i + 10), Math.exp),
        })),
        {
          title: 'Evidence for each digit',
          ...{ x: { label: 'digit' }, y: { label: 'probability', min: 0, max: 1 } },
        },
      ),
    );
    await run.picture('curves', curves(history));

    const trained = history.trainAccuracy.at(-1)!;
    claim({
      told: pick({
        full: '99.99 % of the training images',
        fast: '~93 % of the training images after 15 epochs',
      }),
      reached: percent(trained),
      holds: trained > pick({ full: 0.995, fast: 0.9 }),
      from: 'fast',
    });
    claim({
      told: 'no seven is called a 7',
      reached: `${parts[7]! * taken.length} of ${taken.length}`,
      holds: parts[7] === 0,
      from: 'fast',
    });
    claim({
      told: 'most often it is called a 9: in over 60 % of the cases in the course, in about half here',
      reached: percent(parts[9]!),
      holds: parts[9]! > 0.4 && parts[9] === Math.max(...parts),
      from: 'fast',
    });
  },
});
