/** Gradient descent and ascent in two dimensions, on the landscape "peaks". */
import { type Device, functional as F, type Tensor } from 'weft';
import { contour, mesh } from 'weft/plot';
import { descend, endOf, pathOf } from '../support/descent.js';
import { example } from '../support/example.js';
import { claimEqual, claimNumbers, inDouble } from '../support/worked.js';

/** 3 (1-x)² e^(-x²-(y+1)²) - 10 (x/5 - x³ - y⁵) e^(-x²-y²) - e^(-(x+1)²-y²) / 3 of points [n, 2]. */
function peaks(points: Tensor): Tensor {
  const [x, y] = [points.select(1, 0), points.select(1, 1)];
  const bell = (x: Tensor, y: Tensor) => F.exp(x.square().add(y.square()).neg());
  const y5 = y.square().square().mul(y);
  return F.mul(
    3,
    F.sub(1, x)
      .square()
      .mul(bell(x, y.add(1))),
  )
    .sub(x.div(5).sub(x.square().mul(x)).sub(y5).mul(10).mul(bell(x, y)))
    .sub(bell(x.add(1), y).div(3));
}

const LR = 0.01;
const STEPS = 1000;
/** The first is the course's; the others lead to the other two minima. */
const STARTS = [-1.16863321, 1.13352453, 0.5, -1, 0.5, 0.5];
const UPHILL = [0, 1.4, -1, 0];

/** df of each point, [n, 2]. */
async function slope(device: Device, points: readonly number[]): Promise<number[]> {
  const at = device.tensor(points, [points.length / 2, 2]);
  at.requiresGrad = true;
  peaks(at).sum().backward();
  return Array.from(await at.grad!.data());
}

const points = (device: Device, list: readonly number[]) => device.tensor(list, [list.length / 2, 2]);

async function experiment(device: Device) {
  const down = { steps: STEPS, lr: LR };
  const [start, top] = [points(device, STARTS), points(device, UPHILL)];
  const path = await descend(device, peaks, start, down);
  // Uphill in two ways: the step's sign turned over, or the function's.
  const up = await descend(device, peaks, top, { ...down, lr: -LR });
  const turned = await descend(device, (x) => peaks(x).neg(), top, down);
  const ends = [...endOf(path), ...endOf(up)];
  const values = Array.from(await peaks(points(device, ends)).data());
  return { path, up, turned, ends, values, slope: await slope(device, [1, 1]) };
}

export default example({
  id: 'G3',
  title: 'two-dimensional "peaks", descent and ascent',
  async run(run) {
    const { device, claim, print, picture } = run;
    const here = await experiment(device);
    const exact = await inDouble(experiment);
    for (let i = 0; i < here.values.length; i++)
      print(`reached (${here.ends[2 * i]}, ${here.ends[2 * i + 1]}), f = ${here.values[i]}`);

    const { ends, values } = exact;
    const point = (i: number, written: readonly [x: string, y: string, f: string]) =>
      [
        [written[0], ends[2 * i]!],
        [written[1], ends[2 * i + 1]!],
        [written[2], values[i]!],
      ] as const;
    claimNumbers(run, 'df at (1, 1)', [
      ['-1.0736983365608', exact.slope[0]!],
      ['1.8991859', exact.slope[1]!],
    ]);
    const from = `from (${STARTS[0]}, ${STARTS[1]}) by ${STEPS} steps of rate ${LR} to (x, y), f`;
    // Terms up to 10 cancel in the slope; their roundings in f64 move the point where it is 0.
    const double = 10 * 2 ** -52;
    claimNumbers(run, from, point(0, ['-1.34739624436821', '.204518866097005', '-3.0498494']), double);
    claimNumbers(run, 'the lowest minimum', point(1, ['.22827892', '-1.62553496', '-6.5511333']));
    claimNumbers(run, 'the third minimum', point(2, ['.29644555', '.32019625', '-.0649359']));
    claimNumbers(run, 'ascent from (0, 1.4)', point(3, ['-.00931758', '1.58136796', '8.1062136']));
    claimNumbers(run, 'ascent from (-1, 0)', point(4, ['-.46002452', '-.6291965', '3.7765810']));
    claim({
      told: 'ascent by a turned step and descent of the turned function go the same way',
      reached: `${here.up.length - 1} steps with the same bits`,
      holds: here.up.flat().every((value, i) => value === here.turned.flat()[i]),
    });
    // Terms up to 10 cancel in the slope, each known to some 2^-22 of itself; the flattest minimum has a curvature over 2.
    claimEqual(run, 'in f32 the same ends', here.ends, ends, (10 * 8 * 2 ** -22) / 2);

    const range = { x: [-3, 3], y: [-3, 3] } as const;
    const nodes = mesh({ ...range, columns: 121, rows: 121 });
    const surface = { data: await peaks(device.tensor(nodes)).data(), shape: [121, 121] };
    const way = (path: number[][], i: number, name: string) => ({
      x: pathOf(path, 2 * i),
      y: pathOf(path, 2 * i + 1),
      name,
    });
    const paths = [
      ...[0, 1, 2].map((i) => way(here.path, i, `descent from (${STARTS[2 * i]}, ${STARTS[2 * i + 1]})`)),
      ...[0, 1].map((i) => way(here.up, i, `ascent from (${UPHILL[2 * i]}, ${UPHILL[2 * i + 1]})`)),
    ];
    const title = `${STEPS} steps of rate ${LR} on "peaks"`;
    const labels = { xLabel: 'x', yLabel: 'y', label: 'f(x, y)' };
    await picture('peaks', contour(surface, { ...range, ...labels, paths, equal: true, title }));
  },
});
