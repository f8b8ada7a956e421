/** The same net on images of black and white alone. */
import { functional as F, optim } from 'weft';
import { example } from '../support/example.js';
import { loadRows, mapPixels, trainTestSplit } from '../support/mnist.js';
import { MnistNet, percent, trainTheModel, within } from '../support/mnist-net.js';
import { curves, digits } from '../support/mnist-pictures.js';

export default example({
  id: 'M3',
  title: 'binarised pixels',
  async run(run) {
    const { device, seed, pick, claim } = run;
    const samples = pick({ full: 20_000, fast: 20_000, slice: 640 });
    const epochs = pick({ full: 60, fast: 12, slice: 2 });
    const rows = mapPixels(await loadRows('train', samples), (pixel) => Number(pixel > 0));
    const values = [...new Set(rows.images.data)].sort();
    claim({
      told: 'the pixels are 0 and 1, nothing else',
      reached: `{${values.join(', ')}}`,
      holds: values.join() === '0,1',
    });

    const { train, test } = await trainTestSplit(rows, { testSize: 0.1, seed });
    const net = new MnistNet(F.logSoftmax).to(device);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const history = await trainTheModel(run, { net, optimizer }, { loss: F.nllLoss, train, test, epochs });

    const first = [...Array(12).keys()];
    const captions = first.map((i) => `${train.labels.data[i]}`);
    await run.picture('digits', digits(train, first, { title: 'Binarised images', captions }));
    await run.picture('curves', curves(history));

    const [trained, tested] = [history.trainAccuracy.at(-1)!, history.testAccuracy.at(-1)!];
    claim({
      told: pick({ full: '~95 % of the test images after 60 epochs', fast: '~90 % after 12 epochs' }),
      reached: percent(tested),
      holds: within(tested, pick({ full: [0.93, 0.97], fast: [0.86, 0.94] })),
      from: 'fast',
    });
    claim({
      told: '~100 % of the training images',
      reached: percent(trained),
      holds: trained > 0.99,
      from: 'full',
    });
  },
});
