/** Iris by nets of 1 to 128 hidden units: how many does it take? */
import { nn } from 'weft';
import { scatter } from 'weft/plot';
import { example } from '../support/example.js';
import { accuracy, classify, correlation, iris, mean, percent } from '../support/small-nets.js';

const net = (units: number) =>
  new nn.Sequential(
    new nn.Linear(4, units),
    new nn.ReLU(),
    new nn.Linear(units, units),
    new nn.ReLU(),
    new nn.Linear(units, 3),
  );

export default example({
  id: 'A6',
  title: 'iris, 1 to 128 hidden units',
  async run({ device, pick, claim, print, progress, picture }) {
    const { features, labels } = iris();
    const [x, y] = [device.tensor(features), device.tensor(labels)];
    const stride = pick({ full: 1, fast: 8, slice: 64 });
    const units = Array.from({ length: 128 }, (_, i) => i + 1).filter((n) => n === 1 || n % stride === 0);
    const epochs = pick({ full: 150, fast: 150, slice: 3 });

    const bar = progress('nets', units.length);
    const accuracies: number[] = [];
    for (const n of units) {
      const part = await device.scope(async () => {
        const model = net(n).to(device);
        await classify(model, x, y, { lr: 0.01, epochs });
        return accuracy(model.forward(x), y).item();
      });
      accuracies.push(part);
      bar.update(accuracies.length, `${n} units: ${percent(part)}`);
    }
    bar.stop();

    const within = (from: number, to: number) =>
      mean(accuracies.filter((_, i) => units[i]! >= from && units[i]! <= to));
    for (const [from, to] of [
      [1, 16],
      [17, 64],
      [65, 128],
    ] as const)
      print(`${from} to ${to} units: ${percent(within(from, to))}`);
    await picture(
      'accuracy',
      scatter(
        { x: units, y: accuracies },
        {
          title: 'Accuracy on iris by the number of hidden units',
          subtitle: `each point is a net after ${epochs} epochs`,
          x: { label: 'hidden units' },
          y: { label: 'accuracy', min: 0, max: 1.02 },
          guides: [
            { y: 1 / 3, label: 'one class of three' },
            { y: 2 / 3, label: 'two classes of three' },
          ],
        },
      ),
    );
    claim({
      told: 'accuracy rises with the number of units, with chance at 33 % and two of three classes at 67 %',
      reached: `${percent(within(1, 16))} up to 16 units, ${percent(within(65, 128))} from 65 units`,
      holds:
        within(65, 128) > within(1, 16) &&
        within(65, 128) > 0.8 &&
        correlation(units.map(Math.log), accuracies) > 0.5,
      from: 'fast',
    });
    claim({
      told: 'one unit does no better than two of three classes',
      reached: percent(accuracies[0]!),
      holds: accuracies[0]! < 0.75,
      from: 'fast',
    });
  },
});
