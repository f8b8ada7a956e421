/** Regression by the smallest net, 1-1-1; then how its loss and its accuracy depend on the slope of the line it learns. */
import { type Device, Generator, nn } from 'weft';
import { line, scatter } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { correlation, descend, Linears, linspace, mean } from '../support/small-nets.js';

const LR = 0.05;
const EPOCHS = 500;

/** For each slope n points: x standard normal, y = slope x + normal / 2, both [slopes, n, 1]. */
function noisyLines(device: Device, generator: Generator, slopes: readonly number[], n: number) {
  const x = Float32Array.from({ length: slopes.length * n }, () => generator.normal());
  const y = x.map((value, i) => slopes[Math.floor(i / n)]! * value + generator.normal() / 2);
  const shape = [slopes.length, n, 1];
  return { x: device.tensor(x, shape), y: device.tensor(y, shape) };
}

/** One net for each slope, all trained side by side: their losses, and the correlations of prediction and target. */
async function regress(
  { device, progress }: Run,
  generator: Generator,
  slopes: readonly number[],
  n: number,
) {
  const nets = slopes.length;
  const { x, y } = noisyLines(device, generator, slopes, n);
  const model = new nn.Sequential(new Linears(nets, 1, 1), new nn.ReLU(), new Linears(nets, 1, 1)).to(device);
  const bar = progress(`${nets} nets`, EPOCHS);
  const losses = await descend(
    model,
    () =>
      model
        .forward(x)
        .sub(y)
        .square()
        .mean({ axes: [1, 2] }),
    {
      lr: LR,
      epochs: EPOCHS,
      bar,
    },
  );
  bar.stop();
  const predicted = await model.forward(x).data();
  const targets = await y.data();
  const correlations = slopes.map((_, i) =>
    correlation(predicted.subarray(i * n, (i + 1) * n), targets.subarray(i * n, (i + 1) * n)),
  );
  return { x, losses, correlations, predicted, targets };
}

/** One line of slope 1, 30 points; 100 times over, for a ReLU that is off everywhere learns nothing but the mean. */
async function oneLine(run: Run, generator: Generator): Promise<void> {
  const one = await regress(run, generator, new Array<number>(100).fill(1), 30);
  const sorted = [...one.losses].sort((a, b) => a - b);
  const [low, median, high] = [sorted[5]!, sorted[50]!, sorted[95]!];
  const off = one.correlations.filter((value) => value === 0).length;
  run.claim({
    told: 'y = x + normal / 2: loss .21567 (the noise has .25)',
    reached: `of 100 runs 90 have ${low.toFixed(3)} to ${high.toFixed(3)}, half under ${median.toFixed(3)}; ${off} learn the mean alone`,
    holds: low <= 0.21567 && 0.21567 <= high && median < 0.5,
  });

  const shown = one.losses.findIndex((loss) => loss <= median);
  const points = (values: ArrayLike<number>) => Array.from(values).slice(30 * shown, 30 * (shown + 1));
  const [x, predicted] = [points(await one.x.data()), points(one.predicted)];
  const order = [...x.keys()].sort((i, j) => x[i]! - x[j]!);
  await run.picture(
    'regression',
    scatter(
      { x, y: points(one.targets) },
      {
        title: 'Thirty points and what the net makes of them',
        x: { label: 'x' },
        y: { label: 'y' },
        lines: [{ x: order.map((i) => x[i]!), y: order.map((i) => predicted[i]!), name: 'prediction' }],
      },
    ),
  );
}

/** 21 slopes, each with points and a net of its own in every repeat. */
async function slopeSweep(run: Run, generator: Generator): Promise<void> {
  const { pick, claim, print } = run;
  const slopes = linspace(-2, 2, 21);
  const repeats = pick({ full: 50, fast: 25, slice: 2 });
  const sweep = await regress(
    run,
    generator,
    slopes.flatMap((slope) => new Array<number>(repeats).fill(slope)),
    50,
  );
  const perSlope = (values: ArrayLike<number>) =>
    slopes.map((_, i) => mean(Array.from(values).slice(i * repeats, (i + 1) * repeats)));
  const losses = perSlope(sweep.losses);
  const correlations = perSlope(sweep.correlations);
  for (const i of [0, 5, 10, 15, 20])
    print(
      `slope ${slopes[i]!.toFixed(1)}: loss ${losses[i]!.toFixed(3)}, correlation ${correlations[i]!.toFixed(3)}`,
    );
  const bySlope = (what: string, y: number[]) =>
    line(
      { x: slopes, y },
      {
        title: `${what} by slope`,
        subtitle: `means of ${repeats} nets`,
        x: { label: 'slope' },
        y: { label: what },
      },
    );
  await run.picture('loss', bySlope('Loss', losses));
  await run.picture('accuracy', bySlope('Accuracy (correlation)', correlations));
  const steepness = slopes.map(Math.abs);
  const [flat, steep] = [correlations[10]!, (correlations[0]! + correlations[20]!) / 2];
  claim({
    // A net whose ReLU is off counts 0: some .97 of a line of slope 2, times the part of nets that learn.
    told: 'accuracy (correlation) grows with |slope|, about 0 at slope 0',
    reached: `${flat.toFixed(2)} at 0, ${steep.toFixed(2)} at ±2`,
    holds: flat < 0.3 && steep > 0.55 && correlation(steepness, correlations) > 0.7,
    from: 'fast',
  });
  claim({
    told: 'the loss tells the opposite: it grows with |slope| too',
    reached: `${losses[10]!.toFixed(2)} at 0, ${((losses[0]! + losses[20]!) / 2).toFixed(2)} at ±2`,
    holds: correlation(steepness, losses) > 0.8,
    from: 'fast',
  });
}

export default example({
  id: 'A1',
  title: 'regression by a 1-1-1 net, and the slope sweep',
  async run(run) {
    const generator = new Generator(run.seed);
    await oneLine(run, generator);
    await slopeSweep(run, generator);
  },
});
