/** Softmax against log-softmax as the last layer, both under the negative log-likelihood loss. */
import { functional as F, optim, type Tensor } from 'weft';
import { line } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels, trainTestSplit } from '../support/mnist.js';
import { MnistNet, percent, trainTheModels, within } from '../support/mnist-net.js';

export default example({
  id: 'M2',
  title: 'linear softmax against log-softmax',
  async run(run) {
    const { device, seed, pick, claim } = run;
    const samples = pick({ full: 20_000, fast: 10_000, slice: 640 });
    const epochs = pick({ full: 100, fast: 30, slice: 2 });
    const digits = mapPixels(await loadRows('train', samples), (pixel) => pixel / 255);
    const { train, test } = await trainTestSplit(digits, { testSize: 0.1, seed });

    // The loss takes the last layer's output of the label, with the other sign: -p or -ln p.
    const learners = [(x: Tensor) => F.softmax(x), (x: Tensor) => F.logSoftmax(x)].map((last) => {
      const net = new MnistNet(last).to(device);
      return { net, optimizer: new optim.SGD(net.parameters(), { lr: 0.01 }) };
    });
    const [linear, log] = await trainTheModels(run, learners, { loss: F.nllLoss, train, test, epochs });

    await run.picture(
      'accuracy',
      line(
        [
          { name: 'softmax', y: linear!.testAccuracy.map((part) => 100 * part) },
          { name: 'log-softmax', y: log!.testAccuracy.map((part) => 100 * part) },
        ],
        {
          title: 'Test accuracy by the last layer',
          x: { label: 'epoch' },
          y: { label: 'accuracy (%)', min: 0, max: 100 },
        },
      ),
    );

    const [linearTest, logTest] = [linear!.testAccuracy.at(-1)!, log!.testAccuracy.at(-1)!];
    claim({
      told: pick({
        full: '77 % with softmax after 100 epochs: far behind',
        fast: 'far behind with softmax after 30 epochs',
      }),
      reached: percent(linearTest),
      holds: linearTest < logTest - 0.1,
      from: 'fast',
    });
    claim({
      told: pick({ full: '~96 % with log-softmax', fast: '~90 % with log-softmax after 30 epochs' }),
      reached: percent(logTest),
      holds: within(logTest, pick({ full: [0.94, 0.97], fast: [0.85, 0.94] })),
      from: 'fast',
    });
  },
});
