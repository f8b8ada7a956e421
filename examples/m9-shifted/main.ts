/** A net that learnt centred digits, tested on digits that are moved to the left or right. */
import { functional as F, Generator, optim } from 'weft';
import { example } from '../support/example.js';
import { loadRows, mapPixels, rearrange, trainTestSplit } from '../support/mnist.js';
import { MnistNet, percent, trainTheModel, within } from '../support/mnist-net.js';
import { curves, digits } from '../support/mnist-pictures.js';

const SIDE = 28;
const FARTHEST = 10;

/** For each pixel of an image rolled by `shift` columns the one that it was, as torch.roll along axis 1. */
const rolledBy = (shift: number): Int32Array =>
  Int32Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE), i % SIDE];
    return SIDE * row + ((column - shift + SIDE) % SIDE);
  });

export default example({
  id: 'M9',
  title: 'shifted test images',
  async run(run) {
    const { device, seed, pick, claim } = run;
    const samples = pick({ full: 20_000, fast: 20_000, slice: 640 });
    const epochs = pick({ full: 50, fast: 12, slice: 2 });
    const rows = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const { train, test } = await trainTestSplit(rows, { testSize: 0.1, seed });

    // Only the test images are rolled, each by its own number of columns.
    const generator = new Generator(seed);
    const shifts = Array.from(
      { length: test.labels.data.length },
      () => generator.below(2 * FARTHEST + 1) - FARTHEST,
    );
    const shifted = rearrange(test, (i) => rolledBy(shifts[i]!));
    const first = device.tensor(test.images.data.slice(0, 784) as Float32Array, [SIDE, SIDE]);
    const rolled = await F.roll(first, { shifts: shifts[0]!, axes: 1 }).data();
    claim({
      told: 'an image in the set is what roll makes of it',
      reached: `by ${shifts[0]} columns, ${rolled.filter((pixel, i) => pixel !== shifted.images.data[i]).length} pixels differ`,
      holds: rolled.every((pixel, i) => pixel === shifted.images.data[i]),
    });

    const net = new MnistNet().to(device);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
    const history = await trainTheModel(
      run,
      { net, optimizer },
      { loss: F.crossEntropy, train, test: shifted, epochs },
    );
    const some = [...Array(6).keys()];
    const captions = some.map((i) => `${shifts[i]! > 0 ? '+' : ''}${shifts[i]} columns`);
    await run.picture(
      'shifted',
      digits(shifted, some, { title: 'Test images as they are shifted', captions }),
    );
    await run.picture(
      'original',
      digits(test, some, { title: 'The same before', captions: some.map((i) => `${test.labels.data[i]}`) }),
    );
    await run.picture('curves', curves(history, 'the test images are shifted'));

    const [trained, tested] = [history.trainAccuracy.at(-1)!, history.testAccuracy.at(-1)!];
    claim({
      told: '33 % of the shifted images, where a guess has 10 %',
      reached: percent(tested),
      holds: within(tested, [0.2, 0.45]),
      from: 'fast',
    });
    claim({
      told: 'training as ever: towards 100 %',
      reached: percent(trained),
      holds: trained > pick({ full: 0.99, fast: 0.88 }),
      from: 'fast',
    });
  },
});
