/** SGD, RMSprop and Adam, each at six learning rates: eighteen nets on the same batches. */
import { functional as F, optim } from 'weft';
import { line } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels, trainTestSplit } from '../support/mnist.js';
import { MnistNet, mean, percent, trainTheModels } from '../support/mnist-net.js';
import { claimProductRate } from '../support/product-rate.js';

const BATCH = 32;
const OPTIMIZERS = ['SGD', 'RMSprop', 'Adam'] as const;
/** Six from .0001 to .1, equally far apart on a logarithmic axis. */
const RATES = Array.from({ length: 6 }, (_, i) => 10 ** (-4 + (3 * i) / 5));

export default example({
  id: 'M7',
  title: 'optimisers and learning rates: eighteen nets',
  async run(run) {
    const { device, seed, pick, claim, print } = run;
    const samples = pick({ full: 20_000, fast: 4000, slice: 640 });
    const epochs = pick({ full: 100, fast: 6, slice: 1 });
    const digits = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const { train, test } = await trainTestSplit(digits, { testSize: 0.1, seed });

    const grid = OPTIMIZERS.flatMap((name) => RATES.map((lr) => ({ name, lr })));
    const learners = grid.map(({ name, lr }) => {
      const net = new MnistNet().to(device);
      return { net, optimizer: new optim[name](net.parameters(), { lr }) };
    });
    const start = performance.now();
    const histories = await trainTheModels(run, learners, { loss: F.crossEntropy, train, test, epochs });
    const seconds = (performance.now() - start) / 1000;

    // As in the course: the mean over the last ten epochs.
    const results = histories.map(({ testAccuracy }) => mean(testAccuracy.slice(-10)));
    const of = (name: (typeof OPTIMIZERS)[number]) =>
      results.filter((_, i) => grid[i]!.name === name) as [number, ...number[]];
    const [sgd, rmsprop, adam] = [of('SGD'), of('RMSprop'), of('Adam')];
    const row = (name: string, cells: readonly string[]) =>
      name.padEnd(8) + cells.map((cell) => cell.padStart(9)).join('');
    print(
      row(
        'lr',
        RATES.map((lr) => lr.toPrecision(2)),
      ),
    );
    for (const name of OPTIMIZERS)
      print(
        row(
          name,
          of(name).map((part) => percent(part)),
        ),
      );

    const curves = OPTIMIZERS.map((name) => ({ name, x: RATES, y: of(name).map((part) => 100 * part) }));
    await run.picture(
      'rates',
      line(curves, {
        title: 'Test accuracy against the learning rate',
        subtitle: 'mean over the last ten epochs',
        x: { label: 'learning rate', scale: 'log' },
        y: { label: 'accuracy (%)', min: 0, max: 100 },
        guides: [{ y: 10, label: 'a guess' }],
      }),
    );

    const shown = (at: number) => OPTIMIZERS.map((name) => `${name} ${percent(of(name).at(at)!)}`).join(', ');
    claim({
      told: 'at the largest rate, .1, SGD wins: RMSprop and Adam are far behind',
      reached: shown(-1),
      holds: sgd.at(-1)! > Math.max(rmsprop.at(-1)!, adam.at(-1)!) + 0.2,
      from: 'fast',
    });
    claim({
      told: 'at the smallest rate, .0001, RMSprop and Adam win: SGD is far behind',
      reached: shown(0),
      holds: sgd[0] < Math.min(rmsprop[0], adam[0]) - 0.2,
      from: 'fast',
    });
    claim({
      told: 'SGD is best at the largest rate, the others at a smaller one',
      reached: [sgd, rmsprop, adam]
        .map((list) => RATES[list.indexOf(Math.max(...list))]!.toPrecision(2))
        .join(', '),
      holds:
        Math.max(...sgd) === sgd.at(-1) && [rmsprop, adam].every((list) => Math.max(...list) > list.at(-1)!),
      from: 'fast',
    });
    const steps = epochs * Math.floor(train.labels.data.length / BATCH);
    const sizes = grid.map(() => [784, 64, 32, 32, 10]);
    claim(await claimProductRate(device, sizes, { batch: BATCH, steps, seconds }));
  },
});
