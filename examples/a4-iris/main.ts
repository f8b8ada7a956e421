/** Three kinds of iris told apart by a 4-64-64-3 net: softmax and cross-entropy, all 150 flowers in every step. */
import { functional as F, nn, optim } from 'weft';
import { line } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { accuracy, iris, mean, percent } from '../support/small-nets.js';

const net = () =>
  new nn.Sequential(
    new nn.Linear(4, 64),
    new nn.ReLU(),
    new nn.Linear(64, 64),
    new nn.ReLU(),
    new nn.Linear(64, 3),
  );

/** Trains one net; loss and accuracy of every epoch, and the softmax of its outputs at last. */
async function train({ device }: Run, epochs: number) {
  const { features, labels } = iris();
  const [x, y] = [device.tensor(features), device.tensor(labels)];
  const model = net().to(device);
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
  const step = device.compile(() => {
    const logits = model.forward(x);
    const loss = F.crossEntropy(logits, y);
    loss.backward();
    optimizer.step();
    return [loss, accuracy(logits, y)];
  });
  const losses: number[] = [];
  const accuracies: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const [loss, part] = await step();
    losses.push(await loss!.item());
    accuracies.push(await part!.item());
  }
  const probabilities = F.softmax(model.forward(x));
  return {
    losses,
    accuracies,
    final: await accuracy(probabilities, y).item(),
    probabilities: await probabilities.data(),
  };
}

export default example({
  id: 'A4',
  title: 'iris: 4-64-64-3, cross-entropy, SGD .01',
  async run(run) {
    const nets = run.pick({ full: 10, fast: 3, slice: 1 });
    const epochs = run.pick({ full: 1000, fast: 1000, slice: 5 });
    const bar = run.progress('nets', nets);
    const runs: Awaited<ReturnType<typeof train>>[] = [];
    while (runs.length < nets) {
      runs.push(await train(run, epochs));
      bar.update(runs.length);
    }
    bar.stop();

    const { losses, accuracies, probabilities } = runs[0]!;
    const finals = runs.map(({ final }) => final);
    run.claim({
      told: 'accuracy over .95 on average',
      reached: `${percent(mean(finals))} over ${nets} nets, from ${percent(Math.min(...finals))} to ${percent(Math.max(...finals))}`,
      holds: mean(finals) > 0.95,
      from: 'fast',
    });
    const epoch = { label: 'epoch' };
    await run.picture(
      'loss',
      line({ y: losses }, { title: 'Loss of one net', x: epoch, y: { label: 'cross-entropy', min: 0 } }),
    );
    await run.picture(
      'accuracy',
      line(
        { y: accuracies },
        {
          title: 'Accuracy of one net',
          x: epoch,
          y: { label: 'accuracy', max: 1 },
          guides: [{ y: 1 / 3, label: 'chance' }],
        },
      ),
    );
    const ofClass = (k: number) => Array.from({ length: 150 }, (_, i) => probabilities[3 * i + k]!);
    await run.picture(
      'probabilities',
      line(
        ['setosa', 'versicolor', 'virginica'].map((name, k) => ({ y: ofClass(k), name })),
        {
          title: 'What the net gives each flower',
          subtitle: 'flowers 1 to 50 are setosa, 51 to 100 versicolor, 101 to 150 virginica',
          x: { label: 'flower' },
          y: { label: 'probability', min: 0, max: 1 },
        },
      ),
    );
    run.claim({
      // Untrained outputs are small: each of the three classes has a probability of about a third.
      told: 'the loss starts at about ln 3 = 1.10 and falls',
      reached: `${losses[0]!.toFixed(2)} to ${losses.at(-1)!.toFixed(2)}`,
      holds: Math.abs(losses[0]! - Math.log(3)) < 0.4 && losses.at(-1)! < losses[0]!,
    });
    const sums = Array.from(
      { length: 150 },
      (_, i) => probabilities[3 * i]! + probabilities[3 * i + 1]! + probabilities[3 * i + 2]!,
    );
    const off = Math.max(...sums.map((sum) => Math.abs(sum - 1)));
    run.claim({
      // Three quotients of units in the last place, added up: some units of 2^-24.
      told: "each flower's three probabilities add to 1",
      reached: `to ${off.toExponential(1)}`,
      holds: off < 16 * 2 ** -24,
    });
  },
});
