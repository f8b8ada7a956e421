/** A network of two inputs, two hidden sigmoids and one output, forwards and backwards by hand. */
import { type Device, functional as F, nn, type Tensor } from 'weft';
import { decisionRegions, mesh } from 'weft/plot';
import { gradcheck } from 'weft/verify';
import { example } from '../support/example.js';
import { claimEqual, claimNumbers, inDouble, largestDifference } from '../support/worked.js';

/** h1 = 5 x1 - 2 x2 + 8, h2 = 7 x1 - 3 x2 - 1, ŷ = sigmoid(7 sigmoid(h1) + 5 sigmoid(h2) - 6). */
const WEIGHTS = {
  '0.weight': [
    [2, 2],
    [5, -2, 7, -3],
  ],
  '0.bias': [[2], [8, -1]],
  '2.weight': [
    [1, 2],
    [7, 5],
  ],
  '2.bias': [[1], [-6]],
} as const;
const POINTS = [0, 0, -1, 1, -1.5, 0.25, 0.25, 0.75];
const LABELS = [1, 0, 0, 1];

async function network(device: Device): Promise<nn.Sequential> {
  const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Sigmoid(), new nn.Linear(2, 1), new nn.Sigmoid());
  const state = Object.entries(WEIGHTS).map(
    ([name, [shape, data]]) => [name, { data: Float32Array.from(data), shape, dtype: 'f32' }] as const,
  );
  await net.to(device).loadStateDict(Object.fromEntries(state));
  return net;
}

/** The gradients of the mean cross-entropy by W1, b1, W2, b2, as the course derives them. */
function backwardByHand(x: Tensor, y: Tensor, [w1, b1, w2, b2]: readonly Tensor[]): Tensor[] {
  const s = F.sigmoid(F.linear(x, w1!, b1!));
  const output = F.sigmoid(F.linear(s, w2!, b2!));
  const n = x.shape[0]!;
  // dE/dh of the output is ŷ - y; each hidden one gets its weight's share, times sigmoid' = s (1 - s).
  const delta = output.sub(y).div(n);
  const hidden = delta.matmul(w2!).mul(s.mul(F.sub(1, s)));
  const byWeight = (delta: Tensor, input: Tensor) => delta.transpose(0, 1).matmul(input);
  return [byWeight(hidden, x), hidden.sum({ axes: 0 }), byWeight(delta, s), delta.sum({ axes: 0 })];
}

const flat = async (tensors: readonly Tensor[]) =>
  Array.from(await F.concat(tensors.map((tensor) => tensor.flatten())).data());

async function gradients(device: Device) {
  const net = await network(device);
  const x = device.tensor(POINTS, [4, 2]);
  const y = device.tensor(LABELS, [4, 1]);
  const output = net.forward(x);
  F.binaryCrossEntropy(output, y).backward();
  const weights = net.parameters();
  return {
    output: Array.from(await output.data()),
    engine: await flat(weights.map((weight) => weight.grad!)),
    hand: await flat(backwardByHand(x, y, weights)),
  };
}

export default example({
  id: 'P5',
  title: '2-2-1 network, forward and backward by hand',
  async run(run) {
    const { device, claim, print, picture } = run;
    const sums = await inDouble(async (on) => {
      const first = on.tensor([0.7, 0.8]);
      const last = F.linear(first, on.tensor([7, 5], [1, 2]), on.tensor([-6]));
      const both = F.stack([first.sum(), last.squeeze()]);
      return Array.from(await F.concat([both, F.sigmoid(both)]).data());
    });
    const written = ['1.5', '2.9', '.82', '.95', '.817574476', '.947846437'];
    const values = [...sums, ...sums.slice(2)];
    claimNumbers(
      run,
      '.7 + .8, 7 (.7) + 5 (.8) - 6, and their sigmoids',
      written.map((text, i) => [text, values[i]!]),
    );

    const here = await gradients(device);
    const exact = await inDouble(gradients);
    print(`ŷ of the four points: ${here.output.map((value) => value.toFixed(4)).join(', ')}`);
    const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
    const forward = [0, 2, 4, 6].map((i) => {
      const [x1, x2] = [POINTS[i]!, POINTS[i + 1]!];
      return sigmoid(7 * sigmoid(5 * x1 - 2 * x2 + 8) + 5 * sigmoid(7 * x1 - 3 * x2 - 1) - 6);
    });
    claimEqual(run, 'ŷ is the formula written out', exact.output, forward, 16 * 2 ** -53);
    claimEqual(run, 'the gradient by hand is that of backward()', exact.engine, exact.hand, 64 * 2 ** -53);
    // Scores up to 14 are known to 2^-20 in f32, and sums of four terms up to 7 with them.
    claimEqual(run, 'in f32 too', here.engine, here.hand, 4 * 7 * 2 ** -20);

    const shapes = Object.values(WEIGHTS).map(([shape, data]) => ({
      shape,
      data: Float64Array.from(data),
      dtype: 'f32' as const,
    }));
    const points = { shape: [4, 2], data: Float64Array.from(POINTS), dtype: 'f32' as const };
    const loss = (x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) => {
      const output = F.sigmoid(F.linear(F.sigmoid(F.linear(x, w1, b1)), w2, b2));
      return F.binaryCrossEntropy(output, x.device.tensor(LABELS, [4, 1]));
    };
    const checked = await gradcheck(loss, [points, ...shapes], { mode: 'full', kernels: [device] });
    const found = checked.results.filter(({ check }) => check === 'gradient');
    const kernels = checked.results.length - found.length;
    claim({
      told: 'backward() agrees with finite differences for each input and weight, and its kernels with double precision',
      reached: `relative difference ${Math.max(...found.map(({ error }) => error)).toPrecision(2)}, ${kernels} kernels`,
      holds: checked.ok && found.length === 5 && (kernels > 0 || device.info.backend === 'reference'),
    });
    // The course calls ŷ - y the derivative by ŷ and multiplies by dŷ/dh once more: the output's bias shows it.
    const twice = LABELS.map((y, i) => ((forward[i]! - y) * forward[i]! * (1 - forward[i]!)) / 4);
    const bias = exact.engine.at(-1)!;
    const wrong = twice.reduce((a, b) => a + b);
    claim({
      told: 'ŷ - y is the derivative by the output before its sigmoid: with another factor ŷ (1 - ŷ), as the course has it, differences disagree',
      reached: `by the output's bias ${bias.toFixed(6)}, with the factor ${wrong.toFixed(6)}`,
      holds: largestDifference([bias], [wrong]) > 1e-3,
    });

    const range = { x: [-3, 3], y: [-3, 3] } as const;
    const said = await (await network(device)).forward(device.tensor(mesh(range))).data();
    const dots = {
      x: [0, 1, 2, 3].map((i) => POINTS[2 * i]!),
      y: [0, 1, 2, 3].map((i) => POINTS[2 * i + 1]!),
    };
    const regions = { ...range, probabilities: { data: said, shape: [100, 100] } };
    const options = { points: { ...dots, labels: LABELS }, xLabel: 'x1', yLabel: 'x2' };
    await picture('network', decisionRegions(regions, { ...options, title: 'ŷ: two lines combined' }));
  },
});
