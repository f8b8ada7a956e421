import { type Device, functional as F } from 'weft';
import type { Run } from '../support/example.js';
import { claimEqual, claimExact } from '../support/worked.js';
import { listOf, slope, workedOut } from './numbers.js';

/** P(gift) behind each of three doors. */
const GIFT = [0.8, 0.7, 0.1];
const SCENARIOS = [
  [1, 1, 1],
  [1, 1, 0],
  [1, 0, 1],
  [0, 1, 1],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [0, 0, 0],
];
/** P of duck, beaver and walrus in rows, behind doors 1 to 3 in columns. */
const ANIMALS = [0.7, 0.3, 0.1, 0.2, 0.4, 0.5, 0.1, 0.3, 0.4];
/** duck, walrus, walrus */
const SEEN = [0, 2, 2];

async function work(device: Device) {
  const y = device.tensor(SCENARIOS.flat(), [8, 3]);
  const p = device.tensor(GIFT).broadcastTo([8, 3]);
  const logits = GIFT.map((p) => Math.log(p / (1 - p)));
  const target = (i: number) => device.tensor(SCENARIOS[i]!);
  const byProbability = (i: number) =>
    slope(device, GIFT, (p) => F.binaryCrossEntropy(p, target(i), null, { reduction: 'sum' }));
  const byScore = (i: number) =>
    slope(device, logits, (z) => F.bceWithLogits(z, target(i), null, null, { reduction: 'sum' }));
  const likelihood = F.prod(F.where(y.greater(0), p, F.sub(1, p)), { axes: 1 });
  const doors = device.tensor(ANIMALS, [3, 3]).transpose(0, 1);
  const seen = device.tensor(SEEN, [3], 'i32');
  const animals = (reduction: 'none' | 'sum' | 'mean') => F.nllLoss(F.log(doors), seen, null, { reduction });
  return {
    likelihood: await listOf(likelihood),
    total: await listOf(likelihood.sum()),
    error: await listOf(F.binaryCrossEntropy(p, y, null, { reduction: 'none' }).sum({ axes: 1 })),
    byProbability: [...(await byProbability(1)), ...(await byProbability(6))],
    byScore: [...(await byScore(1)), ...(await byScore(6))],
    seen: await listOf(F.prod(F.exp(animals('none').neg()))),
    animals: await listOf(animals('sum')),
    mean: await listOf(animals('mean')),
  };
}

/** Cross-entropy of several outcomes at once: gifts behind doors, then animals. */
export async function doors(run: Run): Promise<void> {
  const { device } = run;
  const { numbers, told } = await workedOut(run, 'doors', work);
  const order = 'gifts 111, 110, 101, 011, 100, 010, 001, 000';
  const likely = ['.056', '.504', '.024', '.014', '.216', '.126', '.006', '.054'];
  told(`probability of ${order}`, 'likelihood', ...likely);
  told('sum of these probabilities', 'total', '1');
  const best = numbers.likelihood.indexOf(Math.max(...numbers.likelihood));
  claimExact(run, 'the most likely scenario: gift, gift, none', SCENARIOS[best]!, [1, 1, 0]);
  told(`-ln P of ${order}`, 'error', '2.88', '.69', '3.73', '4.27', '1.53', '2.07', '5.12', '2.92');
  told(
    '-ln P to more digits',
    'error',
    ...['2.882403588246988', '.6851790109107684', '3.7297014486341915', '4.268697949366879'],
    ...['1.5324768712979722', '2.071473372030659', '5.115995809754082', '2.9187712324178627'],
  );
  const slopes = ['-1.25', '-1.428571428571', '1.111111111111', '5', '3.333333333333', '-10'];
  told('gradient of CE[110] and CE[001] by the probabilities', 'byProbability', ...slopes);
  told('gradient of CE[110] and CE[001] by the scores', 'byScore', '-.2', '-.3', '.1', '.8', '.7', '-.9');
  told('probability of duck, walrus, walrus', 'seen', '.084');
  told('cross-entropy of duck, walrus, walrus', 'animals', '2.48');
  told('the same to more digits', 'animals', '2.4769384801388235');
  told('its mean over the doors', 'mean', '.8256461600462744');

  // Two classes of probabilities p and 1 - p: the multi-class formula gives the binary one.
  const p = device.tensor(GIFT);
  const labels = device.tensor([1, 1, 0]);
  const two = F.stack([F.sub(1, p), p], { axis: 1 });
  const multi = await listOf(F.nllLoss(F.log(two), labels.cast({ dtype: 'i32' })).reshape([1]));
  const binary = await listOf(F.binaryCrossEntropy(p, labels).reshape([1]));
  // Logarithms of 3 roundings each, of numbers up to 1.
  claimEqual(run, 'multi-class cross-entropy of two classes is the binary one', multi, binary, 8 * 2 ** -24);
}
