import { type Device, functional as F } from 'weft';
import type { Run } from '../support/example.js';
import { claimExact } from '../support/worked.js';
import { listOf, slope, workedOut } from './numbers.js';

/** P(blue) that two models give four points: two blue ones, two red ones. */
const BAD = [0.6, 0.2, 0.9, 0.3];
const GOOD = [0.7, 0.9, 0.2, 0.4];
const BLUE = [1, 1, 0, 0];

const logit = (p: number) => Math.log(p / (1 - p));

async function model(device: Device, blue: readonly number[]) {
  const y = device.tensor(BLUE);
  const p = device.tensor(blue);
  const right = F.where(y.greater(0), p, F.sub(1, p));
  const error = (reduction: 'none' | 'sum' | 'mean') => F.binaryCrossEntropy(p, y, null, { reduction });
  return {
    likelihood: await listOf(F.prod(right)),
    points: await listOf(error('none')),
    sum: await listOf(error('sum')),
    mean: await listOf(error('mean')),
    decimal: await listOf(error('sum').div(Math.LN10)),
    byScore: await slope(device, blue.map(logit), (z) => F.bceWithLogits(z, y)),
    byProbability: await slope(device, blue, (p) => F.binaryCrossEntropy(p, y, null, { reduction: 'sum' })),
  };
}

/** The better of two models is the one under which what was seen is more likely. */
export async function likelihood(run: Run): Promise<void> {
  const { device, backend, claim } = run;
  const bad = await workedOut(run, 'the bad model', (on) => model(on, BAD));
  const good = await workedOut(run, 'the good model', (on) => model(on, GOOD));
  bad.told('likelihood', 'likelihood', '.0084');
  good.told('likelihood', 'likelihood', '.3024');
  bad.told('-ln of .6, .2, .1, .7', 'points', '.51', '1.61', '2.3', '.36');
  good.told('-ln of .7, .9, .8, .6', 'points', '.36', '.1', '.22', '.51');
  bad.told('cross-entropy', 'sum', '4.8');
  good.told('cross-entropy', 'sum', '1.2');
  bad.told('cross-entropy to more digits', 'sum', '4.779523573132869');
  good.told('cross-entropy to more digits', 'sum', '1.1960046346767592');
  bad.told('its mean over the points', 'mean', '1.2');
  bad.told('its mean to more digits', 'mean', '1.1948808932832173');
  good.told('its mean over the points', 'mean', '.2990011586691898');
  bad.told('cross-entropy by logarithms to base 10', 'decimal', '2.0757207139381184');
  good.told('cross-entropy by logarithms to base 10', 'decimal', '.5194182131708311');
  bad.told('gradient of the mean by the scores', 'byScore', '-.1', '-.2', '.225', '.075');
  good.told('gradient of the mean by the scores', 'byScore', '-.075', '-.025', '.05', '.1');
  const ofBad = ['-1.666666666667', '-5', '10', '1.428571428571'];
  bad.told('gradient of the sum by the probabilities', 'byProbability', ...ofBad);
  const ofGood = ['-1.428571428571', '-1.111111111111', '1.25', '1.666666666667'];
  good.told('gradient of the sum by the probabilities', 'byProbability', ...ofGood);

  const halves = device.full([1000], 0.5);
  const product = await F.prod(halves).item();
  claim({
    told: 'a product of 1000 probabilities .5 is 0 in f32; the sum of their logarithms is -693.147',
    reached: `${product}, ${(await F.log(halves).sum().item()).toFixed(3)}`,
    holds:
      product === (backend === 'reference' ? 2 ** -1000 : 0) &&
      // The logarithm is off by 3 of 2^-24 at most, its sum by less than 1000 roundings.
      Math.abs((await F.log(halves).sum().item()) + 693.1471805599452) < 693 * 1000 * 2 ** -24,
  });

  const weights = device.tensor([1, 0, 0.5, 0.5], [2, 2]);
  const penalties = F.concat([weights.abs().sum({ axes: 1 }), weights.square().sum({ axes: 1 })]);
  claimExact(run, 'penalties |w| of (1, 0), (.5, .5), then w²', await listOf(penalties), [1, 1, 1, 0.5]);
}
