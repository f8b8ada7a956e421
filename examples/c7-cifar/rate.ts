import { type Device, type HostTensor, nn } from 'weft';
import { cifarNet, trainingStep } from './net.js';

export interface TrainingRate {
  /** Of the convolutions in a step: two per multiply-add of the forward pass, and as many for each gradient. */
  readonly flops: number;
  /** One training step, and its convolutions alone: the least of the rounds, for what else a machine does only adds. */
  readonly stepMs: number;
  readonly convolutionsMs: number;
}

interface Timed {
  readonly run: () => Promise<unknown>;
  readonly times: number[];
}

/** A convolution of the net by itself, forward and back, on inputs of its own; the first has no gradient of its images. */
function alone(device: Device, layer: nn.Conv2d, input: readonly number[], first: boolean): Timed {
  const x = device.tensor(noise(input));
  x.requiresGrad = !first;
  const output = layer.forward(x).shape;
  const outputGradient = device.tensor(noise(output));
  const parameters = layer.parameters();
  const pass = device.compile(() => {
    const y = layer.forward(x);
    y.backward(outputGradient);
    return [...parameters.map(({ grad }) => grad!), y, ...(first ? [] : [x.grad!])];
  });
  return {
    run: async () => {
      const [, bias] = await pass();
      await bias!.data();
    },
    times: [],
  };
}

/** Numbers that repeat after a prime, so that rows differ. */
const noise = (shape: readonly number[]): HostTensor => ({
  data: Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, i) => (((i % 8191) * 37) % 101) / 50 - 1,
  ),
  shape,
  dtype: 'f32',
});

/** Times training steps on made-up images against their convolutions alone, turn by turn, so that a busy machine meets both. */
export async function measureRate(device: Device, batch: number, rounds: number): Promise<TrainingRate> {
  const net = cifarNet().to(device);
  const { rows } = nn.summary(net, device.zeros([batch, 3, 32, 32]));
  const x = noise([batch, 3, 32, 32]);
  const y: HostTensor = {
    data: Int32Array.from({ length: batch }, (_, i) => i % 10),
    shape: [batch],
    dtype: 'i32',
  };
  const step = trainingStep(device, net);
  const training: Timed = { run: async () => (await step(x, y)).item(), times: [] };

  let flops = 0;
  let input: readonly number[] = x.shape;
  const convolutions: Timed[] = [];
  for (const [i, layer] of [...net].entries()) {
    if (layer instanceof nn.Conv2d) {
      flops += 2 * rows[i]!.multiplyAdds * (i === 0 ? 2 : 3);
      convolutions.push(alone(device, layer, input, i === 0));
    }
    input = rows[i]!.output;
  }
  for (let round = -2; round < rounds; round++) {
    for (const { run, times } of [training, ...convolutions]) {
      const start = performance.now();
      await run();
      if (round >= 0) times.push(performance.now() - start);
    }
  }
  step.dispose();
  return {
    flops,
    stepMs: Math.min(...training.times),
    convolutionsMs: convolutions.reduce((sum, { times }) => sum + Math.min(...times), 0),
  };
}
