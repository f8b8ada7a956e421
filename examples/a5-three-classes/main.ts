/** Three clouds of points told apart by a 2-4-3 net that ends in a softmax, under a cross-entropy that has one of its own. */
import { functional as F, Generator, nn, optim } from 'weft';
import { decisionRegions, line, mesh } from 'weft/plot';
import { example } from '../support/example.js';
import { accuracy, blobs, percent } from '../support/small-nets.js';

const CENTRES = [
  [1, 1],
  [5, 1],
  [3, -2],
] as const;

/** The part of points whose own centre is the nearest: no classifier does better on average. */
function bestPart(points: ArrayLike<number>, labels: ArrayLike<number>): number {
  const away = (i: number, [a, b]: readonly [number, number]) =>
    Math.hypot(points[2 * i]! - a, points[2 * i + 1]! - b);
  const nearest = (i: number) => {
    const distances = CENTRES.map((centre) => away(i, centre));
    return distances.indexOf(Math.min(...distances));
  };
  return Array.from(labels).filter((label, i) => nearest(i) === label).length / labels.length;
}

export default example({
  id: 'A5',
  title: 'three-class qwerties, 2-4-3',
  async run({ device, pick, seed, claim, progress, picture }) {
    const { points, labels } = blobs(new Generator(seed), CENTRES, 100);
    const [x, y] = [device.tensor(points), device.tensor(labels)];
    const model = new nn.Sequential(
      new nn.Linear(2, 4),
      new nn.ReLU(),
      new nn.Linear(4, 3),
      new nn.Softmax(),
    ).to(device);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
    const step = device.compile(() => {
      const probabilities = model.forward(x);
      const loss = F.crossEntropy(probabilities, y);
      loss.backward();
      optimizer.step();
      return [loss, accuracy(probabilities, y)];
    });

    const epochs = pick({ full: 10_000, fast: 10_000, slice: 10 });
    const bar = progress('epochs', epochs);
    const losses: number[] = [];
    const accuracies: number[] = [];
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const [loss, part] = await step();
      losses.push(await loss!.item());
      accuracies.push(await part!.item());
      bar.update(epoch, `loss ${losses.at(-1)!.toFixed(3)}`);
    }
    bar.stop();

    const plane = { x: [-2, 8], y: [-5.5, 4.5] } as const;
    const grid = await model.forward(device.tensor(mesh(plane))).data();
    const column = (axis: number) => Array.from({ length: 300 }, (_, i) => points.data[2 * i + axis]!);
    await picture(
      'regions',
      decisionRegions(
        { ...plane, probabilities: { data: grid, shape: [100, 100, 3] } },
        {
          title: 'Three clouds of qwerties and the regions of a 2-4-3 net',
          points: { x: column(0), y: column(1), labels: labels.data, classes: ['A', 'B', 'C'] },
        },
      ),
    );
    await picture(
      'loss',
      line(
        { y: losses },
        { title: 'Loss', x: { label: 'epoch' }, y: { label: 'cross-entropy of the softmax' } },
      ),
    );
    await picture(
      'accuracy',
      line({ y: accuracies }, { title: 'Accuracy', x: { label: 'epoch' }, y: { label: 'accuracy', max: 1 } }),
    );

    const reached = await accuracy(model.forward(x), y).item();
    const best = bestPart(points.data, labels.data);
    claim({
      told: '2-4-3 has 27 parameters',
      reached: String(model.parameterCount()),
      holds: model.parameterCount() === 27,
    });
    claim({
      told: 'three groups are told apart, most points rightly',
      reached: `${percent(reached)}; by the nearest centre it were ${percent(best)}`,
      holds: reached > 0.8 && reached < best + 0.03,
      from: 'fast',
    });
    // Of a softmax of a softmax, whose inputs lie in [0, 1], the label's part is e / (e + 2) at most.
    const least = Math.log((Math.E + 2) / Math.E);
    claim({
      told: `softmax twice: the loss can't fall below ln(1 + 2 / e) = ${least.toFixed(4)}`,
      reached: losses.at(-1)!.toFixed(4),
      holds: losses.at(-1)! > least && losses.at(-1)! < losses[0]!,
    });
  },
});
