/** One permutation of the pixels for all images: a dense net learns them as well as before. */
import { functional as F, Generator, open, optim } from 'weft';
import { example } from '../support/example.js';
import { loadRows, mapPixels, rearrange, trainTestSplit } from '../support/mnist.js';
import { MnistNet, percent, trainTheModel, within } from '../support/mnist-net.js';
import { curves, digits } from '../support/mnist-pictures.js';

/** The largest difference between what a net gives for images and, its first weights scrambled alike, for scrambled ones. */
async function largestDifference(x: Float32Array, order: Int32Array): Promise<number> {
  const device = await open('reference');
  const net = new MnistNet().to(device);
  const weight = net.input.weight.tensor;
  const columns = device.tensor(order);
  const plain = device.tensor(x, [x.length / 784, 784]);
  const expected = await net.forward(plain).data();
  await weight.assign(weight.indexSelect(columns, { axis: 1 }));
  const reached = await net.forward(plain.indexSelect(columns, { axis: 1 })).data();
  device.dispose();
  return Math.max(...Array.from(expected, (value, i) => Math.abs(value - reached[i]!)));
}

export default example({
  id: 'M8',
  title: 'scrambled pixels',
  async run(run) {
    const { device, seed, pick, claim } = run;
    const samples = pick({ full: 20_000, fast: 20_000, slice: 640 });
    const epochs = pick({ full: 100, fast: 12, slice: 2 });
    const rows = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const order = new Generator(seed).permutation(784);
    const scrambled = rearrange(rows, () => order);

    const { train, test } = await trainTestSplit(scrambled, { testSize: 0.1, seed });
    const net = new MnistNet().to(device);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const history = await trainTheModel(
      run,
      { net, optimizer },
      { loss: F.crossEntropy, train, test, epochs },
    );

    const first = [...Array(12).keys()];
    const captions = first.map((i) => `${train.labels.data[i]}`);
    await run.picture('digits', digits(train, first, { title: 'Scrambled images', captions }));
    await run.picture('curves', curves(history));

    const [trained, tested] = [history.trainAccuracy.at(-1)!, history.testAccuracy.at(-1)!];
    claim({
      told: pick({
        full: 'a little over 96 % of the test images',
        fast: '~91 % after 12 epochs, as in order',
      }),
      reached: percent(tested),
      holds: within(tested, pick({ full: [0.94, 0.97], fast: [0.88, 0.94] })),
      from: 'fast',
    });
    claim({
      told: '~100 % of the training images',
      reached: percent(trained),
      holds: trained > 0.99,
      from: 'full',
    });
    const difference = await largestDifference((rows.images.data as Float32Array).slice(0, 8 * 784), order);
    claim({
      // Sums of 784 terms in another order, in f64: 784 · 2⁻⁵³ of Σ|w x| <= 28, times at most 8 · 5.7 · 5.7 through the
      // layers behind, whose rows have at most 64 weights of 1/8 and 32 of .177.
      told: 'the columns of the first weights scrambled alike, outputs are equal up to the rounding of f64',
      reached: difference.toExponential(1),
      holds: difference < 784 * 2 ** -53 * 28 * 8 * 5.7 * 5.7,
    });
  },
});
