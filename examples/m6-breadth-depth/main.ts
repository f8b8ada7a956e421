/** Does a net profit more of breadth or of depth? Fifteen nets: 1 to 3 hidden layers of 50 to 250 units. */
import { functional as F, nn, optim, type Tensor } from 'weft';
import { line } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { loadRows, mapPixels, trainTestSplit } from '../support/mnist.js';
import { mean, percent, trainTheModels } from '../support/mnist-net.js';
import { claimProductRate } from '../support/product-rate.js';

const BATCH = 32;

class MnistNet extends nn.Layer {
  readonly layers = new nn.ModuleDict<nn.Linear>();

  constructor(units: number, hidden: number) {
    super();
    this.layers.set('input', new nn.Linear(784, units));
    for (let i = 0; i < hidden; i++) this.layers.set(`hidden${i}`, new nn.Linear(units, units));
    this.layers.set('output', new nn.Linear(units, 10));
  }

  override forward(x: Tensor): Tensor {
    const layers = this.layers.entries().map(([, layer]) => layer);
    const deep = layers.slice(0, -1).reduce((value, layer) => F.relu(layer.forward(value)), x);
    return layers.at(-1)!.forward(deep);
  }
}

type Part = 'train' | 'test';

/** One of the nets, by its hidden layers and the units in each. */
interface Net {
  readonly depth: number;
  readonly units: number;
}

/** A net's accuracies, each a mean over the last epochs. */
type Result = Net & { readonly [P in Part]: number };

const depthsOf = (results: readonly Result[]) => [...new Set(results.map(({ depth }) => depth))];
const breadthsOf = (results: readonly Result[]) => [...new Set(results.map(({ units }) => units))];

/** The accuracy against the breadth, a curve for each depth. */
async function draw(run: Run, part: Part, results: readonly Result[]): Promise<void> {
  const breadths = breadthsOf(results);
  const curves = depthsOf(results).map((depth) => ({
    name: `${depth} hidden ${depth === 1 ? 'layer' : 'layers'}`,
    x: breadths,
    y: results.filter((result) => result.depth === depth).map((result) => 100 * result[part]),
  }));
  const title = `Accuracy against breadth, ${part === 'train' ? 'training' : 'test'}`;
  const y = { label: 'accuracy (%)' };
  await run.picture(part, line(curves, { title, x: { label: 'units in each hidden layer' }, y }));
}

/** What the accuracies have to show, of training and test, by breadth and by depth. */
function claimRises({ claim }: Run, results: readonly Result[]): void {
  const [depths, breadths] = [depthsOf(results), breadthsOf(results)];
  const of = (part: Part, wanted: Partial<Net>) =>
    mean(
      results
        .filter(({ depth, units }) => depth === (wanted.depth ?? depth) && units === (wanted.units ?? units))
        .map((result) => result[part]),
    );
  const [narrow, wide] = [breadths[0]!, breadths.at(-1)!];
  const shown = (part: Part, wanted: readonly Partial<Net>[]) =>
    wanted.map((one) => percent(of(part, one), 2)).join(' -> ');
  claim({
    told: `training accuracy rises from ${narrow} to ${wide} units at each depth`,
    reached: depths
      .map((depth) =>
        shown(
          'train',
          [narrow, wide].map((units) => ({ depth, units })),
        ),
      )
      .join(', '),
    holds: depths.every(
      (depth) => of('train', { depth, units: wide }) > of('train', { depth, units: narrow }),
    ),
    from: 'full',
  });
  claim({
    told: 'and with each hidden layer at each breadth',
    reached: `${shown(
      'train',
      depths.map((depth) => ({ depth })),
    )} on average`,
    holds: breadths.every((units) => {
      const [one, two, three] = depths.map((depth) => of('train', { depth, units }));
      return one! < two! && two! < three!;
    }),
    from: 'full',
  });
  claim({
    told: `test accuracy rises with the breadth, on average over the depths of ${breadths.join(', ')} units`,
    reached: shown(
      'test',
      breadths.map((units) => ({ units })),
    ),
    holds: of('test', { units: wide }) > of('test', { units: narrow }) + 0.002,
    from: 'fast',
  });
  claim({
    // 2,000 test images: their accuracies are off by ±.4 % each, and what depth adds is of that size.
    told: 'test accuracy rises with depth; here by less than its error: it does not fall by more than .3 %',
    reached: shown(
      'test',
      depths.map((depth) => ({ depth })),
    ),
    holds: of('test', { depth: 3 }) > of('test', { depth: 1 }) - 0.003,
    from: 'full',
  });
}

export default example({
  id: 'M6',
  title: 'breadth and depth: fifteen nets',
  async run(run) {
    const { device, seed, pick, claim, print } = run;
    const samples = pick({ full: 20_000, fast: 4000, slice: 640 });
    const epochs = pick({ full: 60, fast: 6, slice: 1 });
    const depths = [1, 2, 3];
    const breadths = pick({ full: [50, 100, 150, 200, 250], fast: [50, 250] });
    const digits = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const { train, test } = await trainTestSplit(digits, { testSize: 0.1, seed });

    const grid = depths.flatMap((depth) => breadths.map((units) => ({ depth, units })));
    const learners = grid.map(({ depth, units }) => {
      const net = new MnistNet(units, depth).to(device);
      return { net, optimizer: new optim.SGD(net.parameters(), { lr: 0.01 }) };
    });
    const parameters = learners.map(
      ({ net }) => nn.summary(net, device.tensor(train.images).narrow(0, 0, 1)).parameters,
    );
    claim({
      told: 'one hidden layer of 50 units: 42,310 parameters (with the first layer); three of 250: 387,010',
      reached: `${parameters[0]}, ${parameters.at(-1)}`,
      holds: parameters[0] === 42_310 && parameters.at(-1) === 387_010,
    });

    const start = performance.now();
    const histories = await trainTheModels(run, learners, { loss: F.crossEntropy, train, test, epochs });
    const seconds = (performance.now() - start) / 1000;

    // As in the course: the mean over the last five epochs.
    const results = histories.map(({ trainAccuracy, testAccuracy }, i) => ({
      ...grid[i]!,
      train: mean(trainAccuracy.slice(-5)),
      test: mean(testAccuracy.slice(-5)),
    }));
    for (const { depth, units, train, test } of results)
      print(`${depth} hidden of ${`${units}`.padStart(3)}: train ${percent(train)}, test ${percent(test)}`);

    for (const part of ['train', 'test'] as const) await draw(run, part, results);
    claimRises(run, results);
    const sizes = grid.map(({ depth, units }) => [784, ...new Array<number>(depth + 1).fill(units), 10]);
    const steps = epochs * Math.floor(train.labels.data.length / BATCH);
    claim(await claimProductRate(device, sizes, { batch: BATCH, steps, seconds }));
  },
});
