/** Universal approximation: one hidden layer comes as near to a continuous function as it is wide, sup |f - g| < ε. */
import { type Device, nn, optim } from 'weft';
import { line } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { Linears, linspace } from '../support/small-nets.js';

/** On [-5, 5]: two hills and two valleys. */
const f = (x: number): number => Math.sin(x) * Math.exp(-0.05 * x * x);
const GRID = linspace(-5, 5, 201);
/** Between the points that the nets are trained on. */
const FINE = linspace(-5, 5, 1601);
const RESTARTS = 8;
const LR = 0.02;

const column = (device: Device, values: readonly number[]) => device.tensor(values, [1, values.length, 1]);

/** Trains some nets of a width, for one may end in a poor valley: the best one's values on FINE, and its sup error. */
async function approximate(device: Device, width: number, epochs: number, progress: (epoch: number) => void) {
  const [x, y] = [column(device, GRID).div(5), column(device, GRID.map(f))];
  const model = new nn.Sequential(
    new Linears(RESTARTS, 1, width),
    new nn.Tanh(),
    new Linears(RESTARTS, width, 1),
  ).to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: LR });
  const step = device.compile(() => {
    const errors = model.forward(x).sub(y);
    errors
      .square()
      .mean({ axes: [1, 2] })
      .sum()
      .backward();
    optimizer.step();
  });
  for (let epoch = 1; epoch <= epochs; epoch++) {
    optimizer.lr = LR * (1 - (epoch - 1) / epochs);
    await step();
    progress(epoch);
  }
  step.dispose();
  const g = model.forward(column(device, FINE).div(5));
  const errors = g.sub(column(device, FINE.map(f))).abs();
  const sup = Array.from(await errors.max({ axes: [1, 2] }).data());
  const best = sup.indexOf(Math.min(...sup));
  return { width, sup: sup[best]!, values: await g.select(0, best).data() };
}

type Approximation = Awaited<ReturnType<typeof approximate>>;
const unitsOf = (width: number) => `${width} hidden unit${width === 1 ? '' : 's'}`;

async function draw({ picture }: Run, found: readonly Approximation[]): Promise<void> {
  const curves = found.slice(0, 3).map(({ width, values }) => ({ x: FINE, y: values, name: unitsOf(width) }));
  const target = { x: FINE, y: FINE.map(f), name: 'f', colour: '#222222', style: 'dotted' } as const;
  await picture(
    'functions',
    line([target, ...curves], {
      title: 'f(x) = sin x · exp(-x² / 20) and nets of one hidden layer',
      x: { label: 'x' },
    }),
  );
  await picture(
    'sup-error',
    line(
      { x: found.map(({ width }) => width), y: found.map(({ sup }) => sup), points: true },
      {
        title: 'sup |f - g| by width',
        x: { label: 'hidden units', scale: 'log' },
        y: { label: 'sup |f - g| on [-5, 5]', scale: 'log' },
      },
    ),
  );
}

export default example({
  id: 'A11',
  title: 'universal approximation of a 1-D function',
  async run(run) {
    const { device, pick, claim, print, progress } = run;
    const widths = pick({ full: [1, 2, 4, 8, 16, 32, 64], fast: [1, 4, 16], slice: [1, 4] });
    const epochs = pick({ full: 5000, fast: 1500, slice: 5 });
    const bar = progress('steps', epochs * widths.length);
    const found: Approximation[] = [];
    for (const width of widths) {
      const show = (epoch: number) => bar.update(epochs * found.length + epoch, unitsOf(width));
      found.push(await approximate(device, width, epochs, show));
      print(`${unitsOf(width)}: sup |f - g| = ${found.at(-1)!.sup.toFixed(4)}`);
    }
    bar.stop();
    await draw(run, found);

    const errors = found.map(({ sup }) => sup);
    claim({
      told: 'the sup error falls with the width',
      reached: found.map(({ width, sup }) => `${width}: ${sup.toPrecision(2)}`).join(', '),
      // From some width on training, not the width, sets the error: among the widest it may rise a little.
      holds:
        errors.every((error, i) => i === 0 || error < errors[i - 1]! || error < 0.02) &&
        errors.at(-1)! < 0.1 * errors[0]!,
      from: 'fast',
    });
    const epsilon = pick({ full: 0.02, fast: 0.05 });
    const enough = found.find(({ sup }) => sup < epsilon);
    claim({
      told: `for ε = ${epsilon} there is a width with sup |f - g| < ε`,
      reached: enough ? unitsOf(enough.width) : `the least is ${Math.min(...errors).toFixed(4)}`,
      holds: enough !== undefined,
      from: 'fast',
    });
  },
});
