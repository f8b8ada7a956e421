/** Cross-validation of a regression: 80 of 100 points for training, and the loss on the 20 others. */
import { Generator, nn, optim, type Tensor } from 'weft';
import { line } from 'weft/plot';
import { example } from '../support/example.js';
import { Linears, mean } from '../support/small-nets.js';

const POINTS = 100;
const TRAIN = 80;

export default example({
  id: 'A10',
  title: 'cross-validation on regression',
  async run({ device, pick, seed, claim, progress, picture }) {
    const nets = pick({ full: 400, fast: 400, slice: 4 });
    const epochs = pick({ full: 500, fast: 500, slice: 5 });

    // y = x + normal, drawn anew for every net: any 80 of the points are a random 80.
    const generator = new Generator(seed);
    const xs = Float32Array.from({ length: nets * POINTS }, () => generator.normal());
    const ys = xs.map((x) => x + generator.normal());
    const x = device.tensor(xs, [nets, POINTS, 1]);
    const y = device.tensor(ys, [nets, POINTS, 1]);
    const train = (all: Tensor) => all.narrow(1, 0, TRAIN);
    const test = (all: Tensor) => all.narrow(1, TRAIN, POINTS - TRAIN);

    const model = new nn.Sequential(new Linears(nets, 1, 1), new nn.ReLU(), new Linears(nets, 1, 1)).to(
      device,
    );
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.05 });
    const losses = (of: (all: Tensor) => Tensor) =>
      model
        .forward(of(x))
        .sub(of(y))
        .square()
        .mean({ axes: [1, 2] });
    const step = device.compile(() => {
      const [inside, outside] = [losses(train), losses(test)];
      inside.sum().backward();
      optimizer.step();
      return [inside, outside];
    });
    const curves = { train: [] as number[], test: [] as number[] };
    const means = { train: [] as number[], test: [] as number[] };
    const bar = progress(`${nets} nets`, epochs);
    let last: readonly [ArrayLike<number>, ArrayLike<number>] | null = null;
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const [inside, outside] = await step();
      last = [await inside!.data(), await outside!.data()];
      curves.train.push(last[0][0]!);
      curves.test.push(last[1][0]!);
      means.train.push(mean(last[0]));
      means.test.push(mean(last[1]));
      bar.update(epoch);
    }
    bar.stop();

    await picture(
      'loss',
      line(
        [
          { y: curves.train, name: 'one net, training', style: 'dashed' },
          { y: curves.test, name: 'one net, test', style: 'dashed' },
          { y: means.train, name: `mean of ${nets}, training` },
          { y: means.test, name: `mean of ${nets}, test` },
        ],
        {
          title: 'Loss in training and in the test',
          x: { label: 'epoch' },
          y: { label: 'mean squared error', min: 0 },
        },
      ),
    );
    const [inside, outside] = last!.map(mean) as [number, number];
    claim({
      told: 'one net: train and test loss fall towards the variance of the noise, 1',
      reached: `train ${curves.train[0]!.toFixed(2)} to ${curves.train.at(-1)!.toFixed(2)}, test ${curves.test[0]!.toFixed(2)} to ${curves.test.at(-1)!.toFixed(2)}`,
      holds: curves.train.at(-1)! < curves.train[0]!,
    });
    claim({
      told: `the test loss is a little above the training loss, on average over ${nets} nets`,
      reached: `train ${inside.toFixed(3)}, test ${outside.toFixed(3)}`,
      holds: outside > inside && outside < 1.3 * inside,
      from: 'fast',
    });
  },
});
