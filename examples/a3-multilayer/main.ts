/** A net of three layers on two clouds, by 50 learning rates; the same without its inner ReLUs, which is one layer. */
import { functional as F, Generator, nn } from 'weft';
import { line } from 'weft/plot';
import { example } from '../support/example.js';
import {
  asTargets,
  binaryAccuracy,
  blobs,
  descend,
  Linears,
  linspace,
  mean,
  percent,
} from '../support/small-nets.js';

const multilayer = (nets: number) =>
  new nn.Sequential(
    new Linears(nets, 2, 16),
    new nn.ReLU(),
    new Linears(nets, 16, 1),
    new nn.ReLU(),
    new Linears(nets, 1, 1),
    new nn.Sigmoid(),
  );

const linearOnly = (nets: number) =>
  new nn.Sequential(
    new Linears(nets, 2, 16),
    new Linears(nets, 16, 1),
    new Linears(nets, 1, 1),
    new nn.Sigmoid(),
  );

export default example({
  id: 'A3',
  title: 'multilayer net, and what is left of it without nonlinearities',
  async run({ device, pick, seed, claim, print, progress, picture }) {
    const { points, labels } = blobs(
      new Generator(seed),
      [
        [1, 3],
        [1, -2],
      ],
      100,
    );
    const x = device.tensor({ ...points, shape: [1, 200, 2] });
    const y = device.tensor({ ...asTargets(labels), shape: [1, 200, 1] });
    const rates = linspace(0.001, 0.1, pick({ full: 50, fast: 10, slice: 4 }));
    const epochs = pick({ full: 1000, fast: 1000, slice: 5 });

    const train = async (name: string, model: nn.Sequential) => {
      const targets = y.expand([rates.length, -1, -1]);
      const bar = progress(name, epochs);
      const losses = () =>
        F.binaryCrossEntropy(model.forward(x), targets, null, { reduction: 'none' }).mean({ axes: [1, 2] });
      await descend(model.to(device), losses, { lr: rates, epochs, bar });
      bar.stop();
      const accuracies = Array.from(await binaryAccuracy(model.forward(x), y, 0.5).data());
      print(`${name}: ${percent(mean(accuracies))} on average, ${percent(Math.max(...accuracies))} at best`);
      return accuracies;
    };
    const nonlinear = await train('multilayer', multilayer(rates.length));
    const separator = linearOnly(rates.length);
    const linear = await train('linear only', separator);
    claim({
      told: 'without hidden nonlinearities it is as good on qwerties, or better',
      reached: `linear ${percent(mean(linear))}, nonlinear ${percent(mean(nonlinear))} over ${rates.length} rates`,
      holds: mean(linear) >= mean(nonlinear) - 0.005 && mean(linear) > 0.95,
      from: 'fast',
    });

    await picture(
      'rates',
      line(
        [
          { x: rates, y: nonlinear, name: 'with ReLUs', points: true },
          { x: rates, y: linear, name: 'linear only', points: true },
        ],
        {
          title: 'Accuracy by learning rate',
          x: { label: 'learning rate' },
          y: { label: 'accuracy', min: 0.4, max: 1.02 },
        },
      ),
    );

    // y = ((x W1 + b1) W2 + b2) W3 + b3 = x W + b with W = W1 W2 W3 and b = (b1 W2 + b2) W3 + b3.
    const [w1, b1, w2, b2, w3, b3] = separator.parameters();
    const weight = w1!.matmul(w2!).matmul(w3!);
    const bias = b1!.matmul(w2!).add(b2!).matmul(w3!).add(b3!);
    const layers = separator.slice(0, -1).forward(x);
    const difference = await layers.sub(x.matmul(weight).add(bias)).abs().max().item();
    const largest = await layers.abs().max().item();
    // On either way at most 2 + 16 + 1 products and 3 sums are rounded by 2^-24 each; terms of either sign may be larger
    // than their sum: their sizes are those of the absolute weights.
    const sizes = x
      .abs()
      .matmul(w1!.abs())
      .add(b1!.abs())
      .matmul(w2!.abs())
      .add(b2!.abs())
      .matmul(w3!.abs())
      .add(b3!.abs());
    const rounding = 2 * 22 * 2 ** -24 * (await sizes.max().item());
    claim({
      told: 'linear layers collapse: the product of the matrices does the same',
      reached: `they differ by ${difference.toExponential(1)} at most, of outputs up to ${largest.toFixed(1)}`,
      holds: difference <= rounding,
    });
  },
});
