/** Gradient descent in one dimension: f(x) = 3x² - 3x + 4 has its least value 3.25 at x = 1/2. */
import { optim, type Tensor } from 'weft';
import { example } from '../support/example.js';

const f = (x: Tensor): Tensor => x.square().mul(3).sub(x.mul(3)).add(4);

const START = -0.998;
const LR = 0.01;
const STEPS = 100;

export default example({
  id: 'G1',
  title: 'gradient descent on 3x² - 3x + 4',
  async run({ device, claim }) {
    const x = device.tensor([START]);
    x.requiresGrad = true;
    const descent = new optim.SGD([x], { lr: LR });
    const step = device.compile(() => {
      const y = f(x).sum();
      y.backward();
      descent.step();
      return y;
    });

    const path = [START];
    for (let i = 0; i < STEPS; i++) {
      await step();
      path.push(await x.item());
    }

    const reached = path.at(-1)!;
    // In f32 each step rounds by 2^-25 of |x| < 1 three times, and later steps shrink it by 1 - 6 lr.
    const rounding = (3 * 2 ** -25) / (6 * LR);
    claim({
      told: `from ${START} by ${STEPS} steps of rate ${LR} to x = .4969218`,
      reached: reached.toFixed(7),
      holds: Math.abs(reached - 0.4969218) <= 0.5e-7 + rounding,
    });
    claim({
      told: 'minimum at x = .5, f = 3.25',
      reached: `f = ${(await f(x).item()).toFixed(6)}`,
      holds: Math.abs((await f(x).item()) - 3.25) < 1e-4,
    });
  },
});
