/** How the weights spread while a net learns: a histogram of all of them at the start of every epoch. */
import { functional as F, optim } from 'weft';
import { heatMap, histogram, line } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { loadRows, mapPixels, trainTestSplit } from '../support/mnist.js';
import { MnistNet, mean, percent, trainTheModel, within } from '../support/mnist-net.js';

const BINS = 100;
const [LOW, HIGH] = [-0.8, 0.8];

/** The density of values in each of the bins: an integral of 1 over the range. */
function densityOf(values: readonly number[]): number[] {
  const width = (HIGH - LOW) / BINS;
  const inside = values.filter((value) => value >= LOW && value < HIGH);
  const counts = new Array<number>(BINS).fill(0);
  for (const value of inside) counts[Math.min(BINS - 1, Math.floor((value - LOW) / width))]!++;
  return counts.map((count) => count / (inside.length * width));
}

const largest = (values: Iterable<number>) => [...values].reduce((most, v) => Math.max(most, Math.abs(v)), 0);
/** E[(x - mean)⁴] / variance²: 1.8 for a uniform distribution, 3 for a normal one. */
function kurtosis(values: readonly number[]): number {
  const centre = mean(values);
  const moment = (power: number) => mean(values.map((value) => (value - centre) ** power));
  return moment(4) / moment(2) ** 2;
}

/** The densities by epoch, those of four epochs, and the first layer's weights before and after. */
async function draw(
  run: Run,
  densities: readonly number[][],
  inputAtFirst: readonly number[],
  inputAtLast: readonly number[],
): Promise<void> {
  const centres = Array.from({ length: BINS }, (_, i) => LOW + ((i + 0.5) * (HIGH - LOW)) / BINS);
  await run.picture(
    'densities',
    heatMap(densities, {
      title: 'Density of all weights and biases at the start of each epoch',
      subtitle: 'the colours end at 3, as in the course',
      ...{ x: { label: 'value', values: centres }, y: { label: 'epoch', values: [...densities.keys()] } },
      ...{ range: [0, 3], label: 'density' },
    }),
  );
  const shownEpochs = [0, 0.1, 0.3, 1].map((part) => Math.round(part * (densities.length - 1)));
  await run.picture(
    'histograms',
    line(
      shownEpochs.map((epoch) => ({
        ...{ name: `epoch ${epoch}`, x: centres, y: densities[epoch]!, points: false },
      })),
      { title: 'Weights and biases', x: { label: 'value' }, y: { label: 'density' } },
    ),
  );
  await run.picture(
    'first-layer',
    histogram(
      [
        { name: 'at first', values: inputAtFirst },
        { name: 'at last', values: inputAtLast },
      ],
      {
        title: 'Weights of the first layer',
        bins: 60,
        range: [-0.15, 0.15],
        density: true,
        x: { label: 'value' },
      },
    ),
  );
}

export default example({
  id: 'M5',
  title: 'weight histograms over the epochs',
  async run(run) {
    const { device, seed, pick, claim } = run;
    const samples = pick({ full: 20_000, fast: 20_000, slice: 640 });
    const epochs = pick({ full: 100, fast: 12, slice: 2 });
    const digits = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const { train, test } = await trainTestSplit(digits, { testSize: 0.1, seed });
    const net = new MnistNet().to(device);
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });

    // PyTorch's default: weights and biases uniform within 1 / √(number of inputs).
    for (const [name, layer] of Object.entries({ input: net.input, fc1: net.fc1, output: net.output })) {
      const reached = largest(await layer.weight.tensor.data());
      const bound = 1 / Math.sqrt(layer.weight.shape[1]!);
      claim({
        told: `${name}.weight [${layer.weight.shape}] starts uniform within ±${bound.toFixed(7)}`,
        reached: `the largest is ${reached.toFixed(7)}`,
        // Of n uniform numbers the largest is below 98 % of the bound with a probability of .98ⁿ, 2e-3 for the 320 of output.
        holds: within(reached, [0.98 * bound, bound]),
      });
    }

    const all = async () => {
      const parts = await Promise.all(net.parameters().map((parameter) => parameter.data()));
      return parts.flatMap((part) => [...part]);
    };
    const densities: number[][] = [];
    const inputAtFirst = [...(await net.input.weight.tensor.data())];
    const history = await trainTheModel(
      run,
      { net, optimizer },
      {
        ...{ loss: F.crossEntropy, train, test, epochs },
        async beforeEpoch() {
          densities.push(densityOf(await all()));
        },
      },
    );
    densities.push(densityOf(await all()));
    const inputAtLast = [...(await net.input.weight.tensor.data())];

    await draw(run, densities, inputAtFirst, inputAtLast);

    const [first, last] = [Math.max(...densities[0]!), Math.max(...densities.at(-1)!)];
    claim({
      // The 50,240 weights of the first layer fill 2/28 of the axis: 50,240 / 53,706 · 14, and the others' share there.
      told: 'at first a density of ~13.3 at the centre (the text says 3 to 4, the top of its colour scale)',
      reached: first.toFixed(2),
      holds: within(first, [13, 13.8]),
    });
    claim({
      told: 'the centre flattens with the epochs',
      reached: `${first.toFixed(2)} -> ${last.toFixed(2)}`,
      holds: last < first - pick({ full: 1.5, fast: 0.4 }),
      from: 'fast',
    });
    const kurtoses = [kurtosis(inputAtFirst), kurtosis(inputAtLast)] as const;
    claim({
      told: 'input.weight goes from uniform (kurtosis 1.8) to bell-shaped (3 and more: it keeps long tails)',
      reached: kurtoses.map((value) => value.toFixed(2)).join(' -> '),
      holds: within(kurtoses[0], [1.77, 1.83]) && kurtoses[1] > 3,
      from: 'fast',
    });
    const tested = history.testAccuracy.at(-1)!;
    claim({
      told: pick({ full: '~95 % of the test images', fast: '~91 % of the test images after 12 epochs' }),
      reached: percent(tested),
      holds: within(tested, pick({ full: [0.94, 0.97], fast: [0.88, 0.94] })),
      from: 'fast',
    });
  },
});
