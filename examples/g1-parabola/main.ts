/** Gradient descent in one dimension: f(x) = 3x² - 3x + 4 has its least value 3.25 at x = 1/2. */
import type { Tensor } from 'weft';
import { descend, drawDescent, endOf, pathOf } from '../support/descent.js';
import { example } from '../support/example.js';
import { claimEqual, claimNumbers } from '../support/worked.js';

const f = (x: Tensor): Tensor => x.square().mul(3).sub(x.mul(3)).add(4);

const STARTS = [-0.998, -2, 2];
const LR = 0.01;
const STEPS = 100;

export default example({
  id: 'G1',
  title: 'gradient descent on 3x² - 3x + 4',
  async run(run) {
    const { device, print } = run;
    const path = await descend(device, f, device.tensor(STARTS), { steps: STEPS, lr: LR });
    const reached = endOf(path);
    STARTS.forEach((start, i) => {
      const shown = [1, 2, 10, 50].map((n) => path[n]![i]!.toFixed(4));
      print(`from ${start}: ${shown.join(', ')} after 1, 2, 10, 50 steps, then ${reached[i]!.toFixed(7)}`);
    });

    // In f32 a step rounds twice by 2^-24 of at most 2, in the gradient three times by 2^-24 of at most 15, and what a step
    // leaves wrong the later ones shrink by 1 - 6 lr.
    const rounding = (2 ** -24 * (4 + 45 * LR)) / (6 * LR);
    claimNumbers(
      run,
      `from ${STARTS.join(', ')} by ${STEPS} steps of rate ${LR} to x`,
      [
        ['.4969218', reached[0]!],
        ['.4948628', reached[1]!],
        ['.5030823', reached[2]!],
      ],
      rounding,
    );
    const closed = path.map((_, n) => STARTS.map((start) => 0.5 + (start - 0.5) * (1 - 6 * LR) ** n));
    const told = 'after n steps at 1/2 + (start - 1/2) (1 - 6 rate)^n';
    claimEqual(run, told, path.flat(), closed.flat(), rounding);

    const least = endOf(await descend(device, f, device.tensor(reached), { steps: 2 * STEPS, lr: LR }));
    const value = await f(device.tensor(least)).data();
    claimNumbers(
      run,
      'the minimum: x, f',
      [
        ['.5', least[0]!],
        ['3.25', value[0]!],
      ],
      rounding,
    );
    const ways = Object.fromEntries(STARTS.map((start, i) => [`from ${start}`, pathOf(path, i)]));
    await drawDescent(run, f, [-2.2, 2.2], ways, `${STEPS} steps of rate ${LR} down 3x² - 3x + 4`);
  },
});
