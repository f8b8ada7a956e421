/** Iris by nets of 1 to 5 hidden layers of 4 to 100 units: is deeper better? */
import { nn } from 'weft';
import { line, scatter } from 'weft/plot';
import { example } from '../support/example.js';
import { accuracy, classify, correlation, iris, mean, percent } from '../support/small-nets.js';

/** An input layer, `layers` hidden ones of `units` each, an output layer; ReLUs between them. */
const net = (layers: number, units: number) =>
  new nn.Sequential(
    new nn.Linear(4, units),
    ...Array.from({ length: layers }, () => [new nn.ReLU(), new nn.Linear(units, units)]).flat(),
    new nn.ReLU(),
    new nn.Linear(units, 3),
  );

export default example({
  id: 'A7',
  title: 'iris, depth against breadth',
  async run({ device, pick, claim, print, progress, picture }) {
    const { features, labels } = iris();
    const [x, y] = [device.tensor(features), device.tensor(labels)];
    const depths = [1, 2, 3, 4, 5];
    const step = pick({ full: 3, fast: 48, slice: 96 });
    const widths = Array.from({ length: 97 }, (_, i) => i + 4).filter((n) => (n - 4) % step === 0);
    const epochs = pick({ full: 500, fast: 500, slice: 2 });

    const bar = progress('nets', depths.length * widths.length);
    const rows: {
      readonly depth: number;
      readonly width: number;
      readonly parameters: number;
      readonly accuracy: number;
    }[] = [];
    for (const depth of depths) {
      for (const width of widths) {
        const model = net(depth, width);
        const part = await device.scope(async () => {
          await classify(model.to(device), x, y, { lr: 0.01, epochs });
          return accuracy(model.forward(x), y).item();
        });
        rows.push({ depth, width, parameters: model.parameterCount(), accuracy: part });
        bar.update(rows.length, `${depth} layers of ${width}: ${percent(part)}`);
      }
    }
    bar.stop();

    const ofDepth = (depth: number) =>
      mean(rows.filter((row) => row.depth === depth).map((row) => row.accuracy));
    for (const depth of depths) print(`hidden layers: ${depth}, ${percent(ofDepth(depth))} on average`);
    await picture(
      'depth-breadth',
      line(
        depths.map((depth) => {
          const own = rows.filter((row) => row.depth === depth);
          return {
            x: own.map((row) => row.width),
            y: own.map((row) => row.accuracy),
            name: `hidden layers: ${depth}`,
          };
        }),
        {
          title: 'Accuracy on iris by depth and breadth',
          x: { label: 'units of each layer' },
          y: { label: 'accuracy', min: 0, max: 1.02 },
        },
      ),
    );
    await picture(
      'parameters',
      scatter(
        {
          x: rows.map((row) => row.parameters),
          y: rows.map((row) => row.accuracy),
          labels: rows.map((row) => row.depth - 1),
          classes: depths.map((depth) => `hidden layers: ${depth}`),
        },
        {
          title: 'Accuracy by the number of parameters',
          x: { label: 'parameters', scale: 'log' },
          y: { label: 'accuracy', min: 0, max: 1.02 },
        },
      ),
    );
    claim({
      told: 'deeper is not necessarily better: shallow nets learn fast',
      reached: `${percent(ofDepth(1))} with 1 hidden layer, ${percent(ofDepth(5))} with 5`,
      holds: ofDepth(1) > ofDepth(5),
      from: 'fast',
    });
    const r = correlation(
      rows.map((row) => row.parameters),
      rows.map((row) => row.accuracy),
    );
    claim({
      told: 'accuracy is no function of the number of parameters alone',
      reached: `their correlation is ${r.toFixed(2)} over ${rows.length} nets of ${Math.min(...rows.map((row) => row.parameters))} to ${Math.max(...rows.map((row) => row.parameters))}`,
      holds: Math.abs(r) < 0.7,
      from: 'fast',
    });
  },
});
