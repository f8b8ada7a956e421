import { describe, expect, it } from 'vitest';
import { functional as F, nn, open, optim, type Shape, type Tensor } from '../src/index.js';

/** A transformer's block, pre-norm, over x [batch, tokens, width]. */
class Block extends nn.Layer {
  readonly attention: readonly nn.Linear[];
  readonly first: nn.Linear;
  readonly second: nn.Linear;

  constructor(
    readonly width: number,
    readonly heads: number,
  ) {
    super();
    this.attention = Array.from({ length: 4 }, () => new nn.Linear(width, width));
    this.first = new nn.Linear(width, 4 * width);
    this.second = new nn.Linear(4 * width, width);
  }

  forward(x: Tensor): Tensor {
    const [batch, tokens] = x.shape as [number, number];
    const norm = (y: Tensor) => F.layerNorm(y, null, null, { normalizedShape: [this.width] });
    const split = (y: Tensor) => y.reshape([batch, tokens, this.heads, -1]).permute([0, 2, 1, 3]);
    const h = norm(x);
    const [q, k, v] = this.attention.slice(0, 3).map((layer) => split(layer.forward(h)));
    const mixed = F.scaledDotProductAttention(q!, k!, v!).permute([0, 2, 1, 3]).reshape(x.shape);
    const y = x.add(this.attention[3]!.forward(mixed));
    return y.add(this.second.forward(F.gelu(this.first.forward(norm(y)))));
  }
}

class Mean extends nn.Layer {
  forward(x: Tensor): Tensor {
    return F.mean(x, { axes: [1] });
  }
}

function vgg(): nn.Layer[] {
  const layers: nn.Layer[] = [];
  let channels = 3;
  for (const next of [16, 16, 0, 32, 32, 0, 64, 64, 0]) {
    if (next === 0) layers.push(new nn.MaxPool2d(2));
    else layers.push(new nn.Conv2d(channels, next, 3, { padding: 1 }), new nn.ReLU());
    channels = next || channels;
  }
  return [...layers, new nn.Flatten(), new nn.Linear(1024, 10)];
}

const networks: Readonly<Record<string, readonly [Shape, () => readonly nn.Layer[]]>> = {
  mlp: [[64, 784], () => [new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10)]],
  vgg: [[8, 3, 32, 32], vgg],
  transformer: [[4, 32, 64], () => [new Block(64, 4), new Block(64, 4), new Mean(), new nn.Linear(64, 10)]],
};

/** The memory plan of a step of Adam on wasm. */
async function planOf(shape: Shape, layers: readonly nn.Layer[]) {
  const device = await open('wasm', { threads: 1 });
  const model = new nn.Sequential(...layers).to(device);
  const optimizer = new optim.Adam(model.parameters());
  const step = device.compile((x: Tensor, y: Tensor) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const { program } = await step.prepare({ shape, dtype: 'f32' }, { shape: [shape[0]!], dtype: 'i32' });
  device.dispose();
  return program.memory;
}

describe('the memory plan of a training step', () => {
  it.each(Object.keys(networks))('takes at most a tenth more than lives at once: %s', async (name) => {
    const [shape, layers] = networks[name]!;
    const { peakBytes, lowerBound } = await planOf(shape, layers());
    expect(peakBytes).toBeLessThanOrEqual(1.1 * lowerBound);
  });

  it('lets go what a layer kept as soon as its gradients are computed', async () => {
    const [batch, channels, size, depth] = [8, 16, 32, 8];
    const layers = Array.from({ length: depth }, () => [
      new nn.Conv2d(channels, channels, 3, { padding: 1 }),
      new nn.ReLU(),
    ]);
    const { peakBytes } = await planOf(
      [batch, channels, size, size],
      [...layers.flat(), new nn.Flatten(), new nn.Linear(channels * size ** 2, 10)],
    );
    // What each layer kept, the gradient of one, of the one before it, and room to compute it; and those of the parameters.
    const kept = 4 * batch * channels * size ** 2;
    const gradients = 4 * (depth * channels * (9 * channels + 1) + 10 * (channels * size ** 2 + 1));
    expect(peakBytes).toBeLessThanOrEqual((depth + 3) * kept + gradients);
  });
});
