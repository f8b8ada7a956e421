/** A net from bare tensors: 784-256-10 with sigmoid, and softmax written out; then the same as a module. */
import { type Device, functional as F, nn, type Tensor } from 'weft';
import { heatMap } from 'weft/plot';
import { example } from '../support/example.js';
import { loadRows, mapPixels } from '../support/mnist.js';

const BATCH = 64;

/** exp(x) over the sum of its row. */
function softmax(x: Tensor): Tensor {
  const powers = x.exp();
  return powers.div(powers.sum({ axes: 1 }).reshape([-1, 1]));
}

class Network extends nn.Layer {
  readonly hidden = new nn.Linear(784, 256);
  readonly output = new nn.Linear(256, 10);

  override forward(x: Tensor): Tensor {
    return F.softmax(this.output.forward(F.sigmoid(this.hidden.forward(x))));
  }
}

const refusal = (divide: () => Tensor): string => {
  try {
    return `[${divide().shape}]`;
  } catch (error) {
    return (error as Error).message;
  }
};

const largestDifference = async (a: Tensor, b: Tensor): Promise<number> => a.sub(b).abs().max().item();

async function makeModule(device: Device, weights: readonly Tensor[]): Promise<Network> {
  const net = new Network().to(device);
  const [w1, b1, w2, b2] = weights as [Tensor, Tensor, Tensor, Tensor];
  const state = [w1.transpose(0, 1), b1, w2.transpose(0, 1), b2];
  const parameters = [net.hidden.weight, net.hidden.bias!, net.output.weight, net.output.bias!];
  for (const [i, parameter] of parameters.entries()) await parameter.tensor.assign(state[i]!);
  return net;
}

export default example({
  id: 'M12',
  title: '784-256-10 from bare tensors',
  async run({ device, claim, print, picture }) {
    const digits = mapPixels(await loadRows('train', BATCH), (pixel) => (pixel / 255 - 0.5) / 0.5);
    const inputs = device.tensor(digits.images);
    const [w1, b1] = [device.normal([784, 256]), device.normal([256])];
    const [w2, b2] = [device.normal([256, 10]), device.normal([10])];
    const weights = [w1, b1, w2, b2];
    await device.realize(weights);

    const h = F.sigmoid(inputs.matmul(w1).add(b1));
    const out = h.matmul(w2).add(b2);
    const probabilities = softmax(out);
    const scores = (await out.data()).subarray(0, 10);
    print(`scores of the first image: ${Array.from(scores, (score) => score.toFixed(2)).join(' ')}`);

    await picture(
      'probabilities',
      heatMap(await probabilities.toHost(), {
        title: 'Softmax of random scores, 64 images',
        subtitle: 'each row adds to 1',
        ...{ x: { label: 'digit' }, y: { label: 'image' }, range: [0, 1], numbers: false },
      }),
    );

    const count = weights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    claim({ told: '203,530 parameters', reached: `${count}`, holds: count === 203_530 });
    claim({
      told: 'scores and probabilities of a batch are [64, 10]',
      reached: `[${out.shape}], [${probabilities.shape}]`,
      holds: [out, probabilities].every(({ shape }) => shape.join() === '64,10'),
    });
    const sums = await probabilities.sum({ axes: 1 }).data();
    const off = Math.max(...Array.from(sums, (sum) => Math.abs(sum - 1)));
    claim({
      // The row's sum, ten divisions and their sum each round ten times at most: 30 · 2⁻²⁴.
      told: 'each row of softmax adds to 1',
      reached: `all 64 within ${off.toExponential(1)}`,
      holds: sums.length === BATCH && off < 30 * 2 ** -24,
    });
    const message = refusal(() => out.exp().div(out.exp().sum({ axes: 1 })));
    claim({
      told: 'sums of shape [64] do not divide [64, 10]: view(-1, 1) is needed (the text says it gives 64 x 64)',
      reached: message,
      holds: message.includes('[64,10]') && message.includes('[64]'),
    });
    const builtIn = await largestDifference(probabilities, F.softmax(out));
    claim({
      // exp of scores up to ~40 in f32, without taking their largest off: |x| + 30 roundings of 2⁻²⁴, of p <= 1.
      told: 'the softmax written out is the one built in',
      reached: `largest difference ${builtIn.toExponential(1)}`,
      holds: builtIn < 70 * 2 ** -24,
    });
    const net = await makeModule(device, weights);
    const asModule = await largestDifference(probabilities, net.forward(inputs));
    claim({
      // The products may sum in another order. In f32 a score is off by 256 · 2⁻²⁴ of Σ|h w| <= ~300, a probability by as much.
      told: 'nn.Linear with these weights, sigmoid and softmax give the same',
      reached: `largest difference ${asModule.toExponential(1)}`,
      holds: asModule < 256 * 2 ** -24 * 300,
    });
  },
});
