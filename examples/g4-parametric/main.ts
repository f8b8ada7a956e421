/** Parametric experiments on sin(x) e^(-x²/20): the start, the learning rate, and rate and epochs together. */
import { functional as F, type Tensor } from 'weft';
import { heatMap, line } from 'weft/plot';
import { descend, endOf, pathOf } from '../support/descent.js';
import { example } from '../support/example.js';
import { claimNumbers, inDouble } from '../support/worked.js';

const f = (x: Tensor): Tensor => F.sin(x).mul(F.exp(x.square().mul(-0.05)));

const LR = 0.01;
const EPOCHS = 1000;
/** Its extrema in [-5, 5]: the minimum by 0, the maximum by 0, and the outer minimum and maximum. */
const LOW = -1.42887001;
const OUTER = 4.30580141;

/** `count` numbers from `first` to `last`. */
const linspace = (first: number, last: number, count: number) =>
  Array.from({ length: count }, (_, i) => first + ((last - first) * i) / (count - 1));
const falling = (values: readonly number[], slack: number) =>
  values.every((value, i) => i === 0 || value <= values[i - 1]! + slack);

export default example({
  id: 'G4',
  title: 'parametric descent: start, rate, rate x epochs',
  async run(run) {
    const { device, claim, print, picture } = run;
    const extrema = [LOW, -LOW, OUTER, -OUTER];
    const values = await inDouble(async (on) => Array.from(await f(on.tensor(extrema)).data()));
    const told = ['-.89387529', '.89387529', '-.36347814', '.36347814'] as const;
    claimNumbers(
      run,
      `f at ${extrema.join(', ')}`,
      told.map((written, i) => [written, values[i]!]),
    );
    const fromZero = await inDouble((on) => descend(on, f, on.tensor([0]), { steps: EPOCHS, lr: LR }));
    claimNumbers(run, `from 0 by ${EPOCHS} steps of rate ${LR} to x`, [['-1.4288036', endOf(fromZero)[0]!]]);

    const starts = linspace(-5, 5, 50);
    const start = device.tensor(Float64Array.from(starts), [50]);
    const ends = endOf(await descend(device, f, start, { steps: EPOCHS, lr: LR }));
    const basin = (from: number) => (from < -OUTER ? 'away' : from < -LOW ? 'low' : 'outer');
    const off = (i: number) => {
      const kind = basin(starts[i]!);
      if (kind === 'away') return ends[i]! < starts[i]! ? 0 : Number.POSITIVE_INFINITY;
      return Math.abs(ends[i]! - (kind === 'low' ? LOW : OUTER));
    };
    const counts = ['low', 'outer', 'away'].map((kind) => starts.filter((x) => basin(x) === kind).length);
    claim({
      told: 'the side of a maximum on which it starts decides: to within .05 of the minimum by 0, of the outer one, or away',
      reached: `${counts.join(', ')} of 50 starts, at most ${Math.max(...starts.map((_, i) => off(i))).toFixed(3)} off`,
      holds: starts.every((_, i) => off(i) < 0.05),
    });

    // All cells of the grid lie on 50 paths: a path's point n is where n epochs end.
    const rates = linspace(1e-10, 0.1, 50);
    const lr = device.tensor(Float64Array.from(rates), [50]);
    const paths = await descend(device, f, device.zeros([50]), { steps: EPOCHS, lr });
    const epochs = linspace(10, 500, 40).map(Math.round);
    const grid = epochs.map((n) => paths[n]!);
    // A step in f32 rounds by 2^-24 of x and of its change; with a curvature of .9 that adds up to so much.
    const slack = (2 * 1.5 * 2 ** -24) / (0.9 * rates[1]!);
    claim({
      told: 'a rate of 1e-10 never leaves the start; the larger the rate, the nearer to the minimum',
      reached: `${endOf(paths)[0]!.toExponential(1)}, ${endOf(paths)[1]!.toFixed(4)}, .. ${endOf(paths)[49]!.toFixed(4)}`,
      holds: Math.abs(endOf(paths)[0]!) < 2e-7 && falling(endOf(paths), slack),
    });
    claim({
      told: 'many epochs make up for a small rate: down the grid and along it x only falls, to -1.4289',
      reached: `${grid[0]!.length} x ${grid.length} cells from ${grid[0]![1]!.toFixed(4)} to ${grid.at(-1)!.at(-1)!.toFixed(4)}`,
      holds:
        grid.every((row) => falling(row, slack)) &&
        rates.every((_, i) => falling(pathOf(grid, i), slack)) &&
        Math.abs(grid.at(-1)!.at(-1)! - LOW) <= slack,
    });
    print(
      `rate ${rates[1]!.toFixed(4)}: ${[10, 100, 500, 1000].map((n) => paths[n]![1]!.toFixed(4)).join(', ')}`,
    );

    const reached = { label: 'x after the last step' };
    await picture(
      'start',
      line([{ x: starts, y: ends, points: true }], {
        title: `Where ${EPOCHS} steps of rate ${LR} lead from each start`,
        x: { label: 'start' },
        y: reached,
        guides: [
          { y: LOW, label: 'minimum' },
          { y: OUTER, label: 'outer minimum' },
        ],
      }),
    );
    await picture(
      'rate',
      line([{ x: rates, y: endOf(paths), points: true }], {
        title: `Where ${EPOCHS} steps lead from 0 by the learning rate`,
        x: { label: 'learning rate' },
        y: reached,
        guides: [{ y: LOW, label: 'minimum' }],
      }),
    );
    await picture(
      'rate-epochs',
      heatMap(grid, {
        title: 'Where steps from 0 lead, by learning rate and epochs',
        x: { label: 'learning rate', values: rates },
        y: { label: 'epochs', values: epochs },
        range: [-1.45, -1.2],
        label: 'x after the last step',
      }),
    );
  },
});
