import { type Device, functional as F } from 'weft';
import type { Run } from '../support/example.js';
import { claimEqual, claimExact } from '../support/worked.js';
import { listOf, slope, workedOut } from './numbers.js';

const SCORES = [2, 1, 0];
const UNIT = [0, 1, 2].map((i) => [0, 0, 0].with(i, 1));
/** duck, beaver, duck, walrus, beaver */
const ANIMALS = [0, 1, 0, 2, 1];

async function work(device: Device) {
  const z = device.tensor(SCORES);
  const p = device.tensor([0.8, 0.85, 0.2, 0.6, 0.7, 0.67, 0.99]);
  const label = (i: number) => device.tensor([i], [1], 'i32');
  const error = (i: number) => (z: typeof p) => F.crossEntropy(z.unsqueeze(0), label(i));
  const jacobian = await Promise.all(UNIT.map((row) => slope(device, SCORES, F.softmax, row)));
  const errors = await Promise.all(SCORES.map((_, i) => error(i)(z).item()));
  const logits = [0.1, 0.7, 0.2].map(Math.log);
  return {
    sigmoid: await listOf(F.sigmoid(device.tensor([0, -2, -1, 1, 2]))),
    logit: await listOf(F.log(p.div(F.sub(1, p)))),
    softmax: await listOf(F.softmax(z)),
    shares: await listOf(z.div(z.sum())),
    jacobian: jacobian.flat(),
    errors,
    slope0: await slope(device, SCORES, error(0)),
    slope1: await slope(device, SCORES, error(1)),
    slope2: await slope(device, SCORES, error(2)),
    second: await listOf(F.log(device.tensor([0.7])).neg()),
    secondSlope: await slope(device, logits, error(1)),
    // The largest score is 4, of 44.1 %: the sum of all e^z is e^4 / .441.
    three: await listOf(F.exp(device.tensor([3 - 4])).mul(0.441)),
    surprise: await listOf(F.log(device.tensor([0.162])).neg()),
  };
}

/** Scores become probabilities: one by the sigmoid, several by softmax. */
export async function scores(run: Run): Promise<void> {
  const { device, claim } = run;
  const { told } = await workedOut(run, 'scores', work);
  const sigmoids = ['.11920292202211755', '.2689414213699951', '.7310585786300049', '.8807970779778823'];
  told('sigmoid of 0, -2, -1, 1, 2', 'sigmoid', '.5', ...sigmoids);
  const named = ['1.3862943611198906', '1.7346010553881064', '-1.3862943611198906', '.4054651081081642'];
  const others = ['.8472978603872034', '.708185057924486', '4.595119850134589'];
  told('the scores of .8 (ln 4), .85, .2, .6, .7, .67, .99', 'logit', ...named, ...others);
  told('softmax(2, 1, 0)', 'softmax', '.67', '.24', '.09');
  told('softmax(2, 1, 0) to more digits', 'softmax', '.665240955775', '.244728471055', '.090030573170');
  told('2, 1, 0 by their sum', 'shares', '.666666666667', '.333333333333', '0');
  const shares = device.tensor([1, 0, -1]);
  const broken = await listOf(shares.div(shares.sum()));
  claim({
    told: '1, 0, -1 by their sum: a division by zero',
    reached: broken.join(', '),
    holds: broken.every((value) => !Number.isFinite(value)),
  });
  const [moved, first] = [await listOf(F.softmax(shares)), await listOf(F.softmax(device.tensor(SCORES)))];
  // Probabilities up to 1, each of a few roundings.
  claimEqual(run, 'softmax(1, 0, -1) is that of (2, 1, 0)', moved, first, 8 * 2 ** -24);
  const pairs = [2, 1, -0.5, 0.25, 3, 3, -4, 1.5];
  const two = await listOf(F.softmax(device.tensor(pairs, [4, 2]), { axis: 1 }).select(1, 0));
  const one = await listOf(F.sigmoid(device.tensor([1, -0.75, 0, -5.5])));
  // Both within a few roundings of probabilities up to 1.
  claimEqual(run, 'softmax of two scores is the sigmoid of their difference', two, one, 8 * 2 ** -24);

  const jacobian = [
    ['.222695426535', '-.162803401990', '-.059892024545'],
    ['-.162803401990', '.184836446510', '-.022033044520'],
    ['-.059892024545', '-.022033044520', '.081925069065'],
  ];
  told('the Jacobian of softmax at (2, 1, 0)', 'jacobian', ...jacobian.flat());
  const errors = ['.4076059644443803', '1.4076059644443804', '2.40760596444438'];
  told('cross-entropy of scores (2, 1, 0), target 0, 1, 2', 'errors', ...errors);
  told('gradient by the scores, target 0', 'slope0', '-.334759044225', '.244728471055', '.090030573170');
  told('gradient by the scores, target 1', 'slope1', '.665240955775', '-.755271528945', '.090030573170');
  told('gradient by the scores, target 2', 'slope2', '.665240955775', '.244728471055', '-.909969426830');
  told('cross-entropy of (.1, .7, .2) and target (0, 1, 0)', 'second', '.3566749');
  told('its gradient by the scores', 'secondSlope', '.1', '-.3', '.2');
  told('where score 4 has 44.1 %, score 3 has', 'three', '.162');
  told('cross-entropy of .162', 'surprise', '1.82');

  const hot = await listOf(F.oneHot(device.tensor(ANIMALS, [5], 'i32'), { classes: 3 }));
  const rows = [UNIT[0], UNIT[1], UNIT[0], UNIT[2], UNIT[1]].flatMap((row) => row!);
  claimExact(run, 'duck, beaver, duck, walrus, beaver as one-hot rows', hot, rows);
}
