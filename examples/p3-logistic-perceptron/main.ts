/** A perceptron with a sigmoid in place of the step, trained by gradient descent on its cross-entropy. */
import { type Device, functional as F, Generator, nn, optim, type Tensor } from 'weft';
import { decisionRegions, line, mesh } from 'weft/plot';
import { example } from '../support/example.js';
import { claimEqual, claimNumbers, inDouble } from '../support/worked.js';

const LR = 0.01;
const EPOCHS = 100;

/** Two clouds of 50 points each in the unit square, the first of label 1. */
function clouds(seed: number): { points: number[]; labels: number[] } {
  const generator = new Generator(seed);
  const labels = Array.from({ length: 100 }, (_, i) => Number(i < 50));
  const centre = (label: number) => (label === 1 ? 0.3 : 0.7);
  const points = labels.flatMap((label) => [0, 1].map(() => generator.normal(centre(label), 0.14)));
  return { points, labels };
}

/** The quiz: (1, 1) of label 1 and (-1, -1) of label 0, by x1 + x2 and by 10 x1 + 10 x2. */
async function quiz(device: Device): Promise<number[]> {
  const x = device.tensor([1, 1, -1, -1], [2, 2]);
  const y = device.tensor([1, 0]);
  const values = [1, 10].flatMap((weight) => {
    const score = x.matmul(device.tensor([weight, weight]));
    return [F.sigmoid(score), F.bceWithLogits(score, y).reshape([1])];
  });
  return Array.from(await F.concat(values).data());
}

export default example({
  id: 'P3',
  title: 'logistic perceptron by gradient descent',
  async run(run) {
    const { device, claim, print, seed, progress, picture } = run;
    const [right, wrong, small, far, near, tiny] = await inDouble(quiz);
    claimNumbers(run, 'sigmoid(2), sigmoid(-2)', [
      ['.88', right!],
      ['.12', wrong!],
    ]);
    claimNumbers(run, 'sigmoid(20), sigmoid(-20); the course drops two nines of the first', [
      ['.999999998', far!],
      ['.0000000021', near!],
    ]);
    claimNumbers(run, 'mean cross-entropy of x1 + x2, of 10 x1 + 10 x2', [
      ['.126928011', small!],
      ['2.06115e-9', tiny!],
    ]);

    const { points, labels } = clouds(seed);
    const x = device.tensor(points, [100, 2]);
    const y = device.tensor(labels, [100, 1]);
    const model = new nn.Sequential(new nn.Linear(2, 1), new nn.Sigmoid()).to(device);
    const optimizer = new optim.SGD(model.parameters(), { lr: LR });
    const meanLoss = async () => F.binaryCrossEntropy(model.forward(x), y).item();

    // By hand: the derivative by the weights is -(y - ŷ) x, by the bias -(y - ŷ), mean over the points.
    const [weight, bias] = model.parameters();
    const difference = model.forward(x).sub(y);
    const byHand = [difference.mul(x).mean({ axes: 0 }), difference.mean().reshape([1])];
    const hand = Array.from(await F.concat(byHand).data());
    F.binaryCrossEntropy(model.forward(x), y).backward();
    const engine = Array.from(await F.concat([weight!.grad!.flatten(), bias!.grad!]).data());
    optimizer.zeroGrad();
    // Means of terms up to 1, each of some ten roundings.
    claimEqual(run, 'the gradient is -(y - ŷ) (x1, x2, 1)', engine, hand, 10 * 2 ** -24);

    const step = device.compile((x: Tensor, y: Tensor) => {
      F.binaryCrossEntropy(model.forward(x), y).backward();
      optimizer.step();
    });
    const samples = labels.map((label, i) => ({
      x: device.tensor(points.slice(2 * i, 2 * i + 2), [1, 2]),
      y: device.tensor([label], [1, 1]),
    }));
    const losses = [await meanLoss()];
    const bar = progress('epochs', EPOCHS);
    for (let epoch = 1; epoch <= EPOCHS; epoch++) {
      for (const { x, y } of samples) await step(x, y);
      losses.push(await meanLoss());
      bar.update(epoch, `loss ${losses.at(-1)!.toFixed(4)}`);
      if (epoch % 20 === 0) print(`epoch ${epoch}: loss ${losses[epoch]!.toFixed(4)}`);
    }
    bar.stop();
    const hits = F.greaterEqual(model.forward(x), 0.5).equal(F.greaterEqual(y, 0.5));
    const accuracy = await hits.cast({ dtype: 'f32' }).mean().item();
    claim({
      told: 'the loss falls from epoch to epoch',
      reached: `${losses[0]!.toFixed(4)} to ${losses.at(-1)!.toFixed(4)}`,
      holds: losses.every((loss, i) => i === 0 || loss < losses[i - 1]!),
    });
    claim({
      told: 'its boundary separates the two classes but for a few points',
      reached: `${Math.round(100 * accuracy)} of 100 right`,
      holds: accuracy >= 0.9,
    });

    await picture(
      'loss',
      line([{ x: losses.map((_, epoch) => epoch), y: losses }], {
        title: 'Cross-entropy of the logistic perceptron',
        x: { label: 'epoch' },
        y: { label: 'loss', min: 0 },
      }),
    );
    const range = { x: [-0.2, 1.2], y: [-0.2, 1.2] } as const;
    const probabilities = { data: await model.forward(device.tensor(mesh(range))).data(), shape: [100, 100] };
    const cloud = {
      x: points.filter((_, i) => i % 2 === 0),
      y: points.filter((_, i) => i % 2 === 1),
      labels,
    };
    await picture(
      'boundary',
      decisionRegions(
        { ...range, probabilities },
        { points: cloud, title: 'Probability of label 1', xLabel: 'x1', yLabel: 'x2' },
      ),
    );
  },
});
