/** A fixed learning rate against rates that follow the time, the gradient, the loss and the value, on 3x² - 3x + 4. */
import { type Device, functional as F, type Tensor, type TensorLike } from 'weft';
import { line } from 'weft/plot';
import { descend, endOf, type Moment, pathOf } from '../support/descent.js';
import { example } from '../support/example.js';
import { claimEqual, claimNumbers, inDouble } from '../support/worked.js';

const f = (x: Tensor): Tensor => x.square().mul(3).sub(x.mul(3)).add(4);

const START = -2;
const STEPS = 50;
/** f(-2) - 3.25: divided by it, the loss above the minimum lies in [0, 1]. */
const FIRST_LOSS = 18.75;

const RATES: Readonly<Record<string, TensorLike | ((now: Moment) => TensorLike)>> = {
  fixed: 0.01,
  gradient: ({ gradient }) => F.abs(gradient).mul(0.01),
  time: ({ done }) => F.sub(1, done).mul(0.1),
  loss: ({ y }) => y.sub(3.25).mul(0.1 / FIRST_LOSS),
  value: ({ x }) => F.abs(x).mul(0.01),
};

async function experiment(device: Device): Promise<Record<string, number[][]>> {
  const paths: Record<string, number[][]> = {};
  for (const [name, lr] of Object.entries(RATES))
    paths[name] = await descend(device, f, device.tensor([START]), { steps: STEPS, lr });
  return paths;
}

export default example({
  id: 'G5',
  title: 'fixed against dynamic learning rate',
  async run(run) {
    const { device, claim, print, picture } = run;
    const here = await experiment(device);
    const exact = await inDouble(experiment);
    const end = (name: string) => endOf(exact[name]!)[0]!;
    for (const name of Object.keys(RATES)) {
      const shown = [1, 5, 10, 20, 50].map((n) => here[name]![n]![0]!.toFixed(4));
      print(`${name.padEnd(8)} ${shown.join(', ')} after 1, 5, 10, 20, 50 steps`);
    }

    claimNumbers(run, `from ${START}, ${STEPS} steps: fixed rate, by gradient, by time`, [
      ['.3866732', end('fixed')],
      ['.4551015', end('gradient')],
      ['.49999999', end('time')],
    ]);
    claim({
      told: 'by the loss, once it is brought into [0, 1], and by the value: rates that fade on the way end behind the fixed one',
      reached: `loss ${end('loss').toFixed(4)}, value ${end('value').toFixed(4)}`,
      holds: end('loss') < end('fixed') && end('value') < end('loss'),
    });
    const raw = await descend(device, f, device.tensor([START]), { steps: STEPS, lr: ({ y }) => y });
    claim({
      told: 'the loss itself as a rate, which is not in [0, 1], diverges',
      reached: `x is ${raw
        .slice(1, 4)
        .map(([x]) => x!.toPrecision(2))
        .join(', ')}, .. ${endOf(raw)[0]}`,
      holds: !Number.isFinite(endOf(raw)[0]!),
    });
    // Each of the steps rounds by a few 2^-24 of x <= 2, and none enlarges what an earlier one left wrong.
    const rounding = STEPS * 4 * 2 * 2 ** -24;
    const ends = (paths: Record<string, number[][]>) => Object.values(paths).map((path) => endOf(path)[0]!);
    claimEqual(run, 'in f32 the same ends', ends(here), ends(exact), rounding);

    const steps = Array.from({ length: STEPS + 1 }, (_, i) => i);
    const curves = Object.keys(RATES).map((name) => ({ name, x: steps, y: pathOf(here[name]!, 0) }));
    await picture(
      'rates',
      line(curves, {
        title: `x from ${START}, by what the learning rate follows`,
        x: { label: 'step' },
        y: { label: 'x' },
        guides: [{ y: 0.5, label: 'minimum' }],
      }),
    );
  },
});
