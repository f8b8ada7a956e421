/** Two clouds of points ("qwerties") told apart by a 2-1-1 net; then by 40 learning rates, each 50 times. */
import { functional as F, Generator, type HostTensor, nn, type Tensor } from 'weft';
import { decisionRegions, line, mesh } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import {
  asTargets,
  binaryAccuracy,
  blobs,
  descend,
  Linears,
  linspace,
  mean,
  percent,
} from '../support/small-nets.js';

const net = (nets: number) =>
  new nn.Sequential(new Linears(nets, 2, 1), new nn.ReLU(), new Linears(nets, 1, 1));

interface Clouds {
  readonly points: HostTensor;
  readonly labels: HostTensor;
  /** [1, 200, 2] and [1, 200, 1]: for all nets the same. */
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Fifty runs of the notebook's classifier side by side. */
async function classifyClouds(
  { device, pick, claim, picture }: Run,
  { points, labels, x, y }: Clouds,
): Promise<void> {
  // Sigmoid and cross-entropy, 1000 epochs; 50 nets, for one may start where its ReLU is off.
  const classifier = net(50).to(device);
  const sigmoid = () => classifier.forward(x).sigmoid();
  const losses = () =>
    F.binaryCrossEntropy(sigmoid(), y.expand([50, -1, -1]), null, { reduction: 'none' }).mean({
      axes: [1, 2],
    });
  await descend(classifier, losses, { lr: 0.01, epochs: pick({ full: 1000, fast: 1000, slice: 5 }) });
  const found = await binaryAccuracy(sigmoid(), y, 0.5).data();
  const good = found.filter((value) => value >= 0.845).length;
  const stuck = found.filter((value) => value === 0.5).length;
  claim({
    told: 'one run of rate .01 reaches 84.5 %',
    reached: `${good} of 50 do, ${stuck} stay at 50 %: their ReLU is off or their line flat`,
    holds: good >= 5,
    from: 'fast',
  });

  const best = found.indexOf(Math.max(...found));
  const plane = { x: [-2, 8], y: [-3, 5] } as const;
  const grid = mesh(plane);
  const surface = classifier.forward(device.tensor({ ...grid, shape: [1, ...grid.shape] })).sigmoid();
  const probabilities = { data: await surface.select(0, best).data(), shape: [100, 100] };
  const column = (axis: number) => Array.from({ length: 200 }, (_, i) => points.data[2 * i + axis]!);
  await picture(
    'regions',
    decisionRegions(
      { ...plane, probabilities },
      {
        title: 'Two clouds of qwerties',
        subtitle: `the best of 50 nets: ${percent(found[best]!)}`,
        points: { x: column(0), y: column(1), labels: labels.data, classes: ['A', 'B'] },
      },
    ),
  );
}

/** Accuracies of so many sweeps through the learning rates. */
async function sweepRates(
  { device, pick, claim, print, progress, picture }: Run,
  { x, y }: Clouds,
): Promise<void> {
  // The same through logits; the net's ReLU and its start decide, so each rate is tried again and again.
  const rates = linspace(0.001, 0.1, pick({ full: 40, fast: 10, slice: 4 }));
  const repeats = pick({ full: 50, fast: 20, slice: 2 });
  const lr = rates.flatMap((rate) => new Array<number>(repeats).fill(rate));
  const model = net(lr.length).to(device);
  const bar = progress(`${lr.length} nets`, 500);
  const targets = y.expand([lr.length, -1, -1]);
  await descend(
    model,
    () =>
      F.bceWithLogits(model.forward(x), targets, null, null, { reduction: 'none' }).mean({ axes: [1, 2] }),
    { lr, epochs: pick({ full: 500, fast: 500, slice: 5 }), bar },
  );
  bar.stop();
  const accuracies = Array.from(await binaryAccuracy(model.forward(x), y, 0).data());
  const perRate = rates.map((_, i) => mean(accuracies.slice(i * repeats, (i + 1) * repeats)));
  for (const [i, rate] of rates.entries())
    if (i % Math.ceil(rates.length / 5) === 0) print(`lr ${rate.toFixed(3)}: ${percent(perRate[i]!)}`);
  await picture(
    'rates',
    line(
      [
        {
          x: rates,
          y: rates.map((_, i) => accuracies[i * repeats]!),
          name: 'one sweep',
          faint: true,
          points: true,
        },
        { x: rates, y: perRate, name: `mean of ${repeats} sweeps` },
      ],
      {
        title: 'Accuracy by learning rate',
        x: { label: 'learning rate' },
        y: { label: 'accuracy', max: 1 },
      },
    ),
  );
  const half = rates.length / 2;
  const [low, high] = [mean(perRate.slice(0, half)), mean(perRate.slice(half))];
  claim({
    told: 'accuracy against learning rate: larger rates are better',
    reached: `${percent(perRate[0]!)} at .001, ${percent(perRate.at(-1)!)} at .1`,
    holds: high > low && perRate[0]! < 0.7,
    from: 'fast',
  });
  const proportion = mean(accuracies.map((value) => Number(value > 0.7)));
  claim({
    // Of the 40 nets of one sweep, two standard deviations are 2 √(.7 · .3 / 40) = .145.
    told: '.70 of the runs of a sweep exceed 70 %',
    reached: proportion.toFixed(2),
    holds: Math.abs(proportion - 0.7) <= 0.145,
    from: 'fast',
  });
}

export default example({
  id: 'A2',
  title: 'binary classifier of qwerties, and 40 learning rates',
  async run(run) {
    const { device, seed } = run;
    const { points, labels } = blobs(
      new Generator(seed),
      [
        [1, 1],
        [5, 1],
      ],
      100,
    );
    const x = device.tensor({ ...points, shape: [1, 200, 2] });
    const y = device.tensor({ ...asTargets(labels), shape: [1, 200, 1] });
    await classifyClouds(run, { points, labels, x, y });
    await sweepRates(run, { points, labels, x, y });
  },
});
