/** Where descent starts decides where it ends: cos(2πx) + x² has two lowest minima, two shallow ones, and maxima between. */
import { functional as F, type Tensor } from 'weft';
import { descend, drawDescent, endOf, pathOf } from '../support/descent.js';
import { example } from '../support/example.js';
import { claimEqual, claimNumbers, inDouble } from '../support/worked.js';

const f = (x: Tensor): Tensor => F.cos(x.mul(2 * Math.PI)).add(x.square());

const STARTS = [0, 1e-4, -1e-4, 1.2];
const LR = 0.01;
const STEPS = 100;

export default example({
  id: 'G2',
  title: 'cos(2πx) + x² from an unlucky start',
  async run(run) {
    const { device, claim, print } = run;
    const descent = (on: typeof device) => descend(on, f, on.tensor(STARTS), { steps: STEPS, lr: LR });
    const path = await descent(device);
    const [stuck, ...ends] = endOf(path);
    STARTS.forEach((start, i) => {
      print(`from ${start}: ${[10, 20, 30, 100].map((n) => path[n]![i]!.toFixed(4)).join(', ')}`);
    });

    claim({
      told: `from 0, where the slope is 0 though it is a maximum, ${STEPS} steps lead nowhere`,
      reached: `x = ${stuck}`,
      holds: path.every(([x]) => x === 0),
    });
    const exact = await inDouble(descent);
    const [, right, left, shallow] = endOf(exact);
    claimNumbers(run, 'from ±1e-4 to one of the lowest minima, from 1.2 to a shallow one', [
      ['.4758025', right!],
      ['-.4758025', left!],
      ['1.4250674', shallow!],
    ]);
    // In f32 the angle 2πx < 9 carries two roundings, the slope -2π sin(2πx) + 2x 2π times theirs, and the new x < 1.5 one of
    // its own; with a curvature over 36 at these minima each step shrinks what earlier ones left wrong by 1 - 36 lr.
    const rounding = 2 ** -24 * (2 * Math.PI * 18 * LR + 1.5);
    claimEqual(run, 'in f32 the same ends', ends, endOf(exact).slice(1), rounding / (36 * LR));

    const points = [0.475802, 1.425067, 0, 1.054478];
    const values = await inDouble(async (on) => Array.from(await f(on.tensor(points)).data()));
    const told = ['-.762077', '1.139618', '1', '2.053911'];
    claimNumbers(
      run,
      'f at its minima ±.475802, ±1.425067 and its maxima 0, ±1.054478',
      told.map((written, i) => [written, values[i]!]),
    );
    const ways = Object.fromEntries(STARTS.map((start, i) => [`from ${start}`, pathOf(path, i)]));
    await drawDescent(run, f, [-2, 2], ways, `${STEPS} steps of rate ${LR} down cos(2πx) + x²`);
  },
});
