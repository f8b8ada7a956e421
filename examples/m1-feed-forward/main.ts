/** A feed-forward net on MNIST: 784-64-32-32-10, log-softmax and negative log-likelihood, plain SGD. */
import { data, functional as F, nn, optim } from 'weft';
import { bars } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels, trainTestSplit } from '../support/mnist.js';
import { guesses, MnistNet, percent, predict, trainTheModel, within } from '../support/mnist-net.js';
import { curves, digits } from '../support/mnist-pictures.js';

const DIGITS = [...'0123456789'];

export default example({
  id: 'M1',
  title: 'a feed-forward net on MNIST',
  async run(run) {
    const { device, seed, pick, claim, print } = run;
    const samples = pick({ full: 20_000, fast: 20_000, slice: 640 });
    const epochs = pick({ full: 60, fast: 12, slice: 2 });

    // The data: pixels scaled to [0, 1], a tenth of the images for the test.
    const rows = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const { train, test } = await trainTestSplit(rows, { testSize: 0.1, seed });

    const first = [...Array(12).keys()];
    const captions = first.map((i) => `${train.labels.data[i]}`);
    await run.picture('digits', digits(train, first, { title: 'Images of the training set', captions }));

    const net = new MnistNet(F.logSoftmax).to(device);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });

    // One batch through the untrained net.
    const loader = new data.DataLoader(new data.TensorDataset(train.images, train.labels), { batchSize: 32 });
    const [x, y] = (await loader[Symbol.asyncIterator]().next()).value!;
    const yHat = net.forward(device.tensor(x!));
    const untrained = await F.nllLoss(yHat, device.tensor(y!)).item();
    const summary = nn.summary(net, device.tensor(x!));
    print(`${summary}\nuntrained: output [${yHat.shape}], loss ${untrained.toFixed(4)}`);
    claim({
      told: '784-64-32-32-10 has 53,706 parameters',
      reached: `${summary.parameters}`,
      holds: summary.parameters === 53_706,
    });
    claim({
      told: 'an untrained net guesses: its loss is about ln 10 = 2.3026 (the course saw 2.3215)',
      reached: untrained.toFixed(4),
      holds: Math.abs(untrained - Math.log(10)) < 0.1,
    });

    const start = performance.now();
    const history = await trainTheModel(run, { net, optimizer }, { loss: F.nllLoss, train, test, epochs });
    const seconds = (performance.now() - start) / 1000;

    const [trained, tested] = [history.trainAccuracy.at(-1)!, history.testAccuracy.at(-1)!];
    claim({
      told: pick({ full: '~95 % of the test images after 60 epochs', fast: '~91 % after 12 epochs' }),
      reached: percent(tested),
      holds: within(tested, pick({ full: [0.94, 0.97], fast: [0.88, 0.94] })),
      from: 'fast',
    });
    claim({
      told: 'towards 100 % of the training images',
      reached: percent(trained),
      holds: trained > 0.99,
      from: 'full',
    });
    claim({
      told: '60 epochs of 562 batches of 32 in under a minute',
      reached: `${seconds.toFixed(1)} s`,
      holds: seconds < 60,
      from: 'full',
    });
    await run.picture('curves', curves(history));
    const scores = await predict(device, net, test);
    const wrong = guesses(scores).flatMap((guess, i) => (guess === test.labels.data[i] ? [] : [i]));
    print(`${wrong.length} of ${test.labels.data.length} test images are taken for another digit`);
    const some = wrong.slice(0, 12);
    await run.picture(
      'misclassified',
      digits(test, some, {
        title: 'Test images that are taken for another digit',
        captions: some.map((i) => `${test.labels.data[i]}, guessed ${guesses(scores)[i]}`),
      }),
    );
    const evidence = Array.from(scores.subarray(10 * some[0]!, 10 * some[0]! + 10), Math.exp);
    await run.picture(
      'evidence',
      bars(
        DIGITS,
        { values: evidence },
        {
          title: `Evidence for each digit: a ${test.labels.data[some[0]!]} that is misread`,
          x: { label: 'digit' },
          y: { label: 'probability', min: 0, max: 1 },
        },
      ),
    );
  },
});
