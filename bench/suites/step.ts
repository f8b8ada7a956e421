import {
  bytesOf,
  type Net,
  type Operands,
  parametersOf,
  product,
  type StepCase,
  type Suite,
} from '../case.js';
import { lstmProducts, lstmWeights, type Sequence } from './lstm.js';

/** A network by its input, its parameters and its logits; `products` are multiply-adds of its layers, first to last. */
interface Network {
  /** For so many items. */
  readonly input: (batch: number) => readonly number[];
  readonly image?: boolean;
  readonly parameters: Operands;
  /** For one item of the batch. */
  readonly products: readonly number[];
  readonly logits: <T>(net: Net<T>, at: (name: string) => T) => T;
}

/** Parameters' names are those of a `state_dict`: weights [out, in] and [o, i, h, w]. */
function parameters(shapes: Readonly<Record<string, readonly number[]>>): Operands {
  let bound = 1;
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      // As PyTorch: a layer's weights and biases within 1 / √(fan in).
      if (shape.length > 1) bound = 1 / Math.sqrt(product(shape.slice(1)));
      const kind = ([undefined, undefined, 'dense', undefined, 'filter'] as const)[shape.length];
      return [name, { shape, bound, ...(kind ? { kind } : {}) }];
    }),
  );
}

/** Mean cross-entropy over 10 classes, Adam. */
function step(name: string, batch: number, network: Network): StepCase {
  const { image, products, logits } = network;
  const input = {
    shape: network.input(batch),
    ...(image ? { kind: 'image' as const } : {}),
  };
  const labels = { shape: [batch], kind: 'labels', bound: 10 } as const;
  const c = {
    suite: 'step' as const,
    name: `${name} b${batch}`,
    pass: 'step' as const,
    flops: products.reduce((sum, one, i) => sum + 2 * (i ? 3 : 2) * one * batch, 0),
    operands: { input, ...network.parameters, labels },
    compute: <T>(net: Net<T>, at: (name: string) => T): T => net.crossEntropy(logits(net, at), at('labels')),
  };
  // Adam reads the parameter, its gradient and two moments, and writes three of them back.
  const words = parametersOf({ ...c, bytes: 0 }).flatMap((one) =>
    new Array<readonly number[]>(7).fill(network.parameters[one]!.shape),
  );
  return { ...c, bytes: bytesOf(input.shape, ...words) };
}

const valid = { stride: 1, padding: 0, groups: 1 };
const same = { stride: 1, padding: 1, groups: 1 };
const max2 = { kind: 'max', kernel: 2, stride: 2 } as const;

function linear<T>(net: Net<T>, at: (name: string) => T, x: T, layer: string): T {
  return net.linear(x, at(`${layer}.weight`), at(`${layer}.bias`));
}

function linearRelu<T>(net: Net<T>, at: (name: string) => T, x: T, layer: string): T {
  return net.linearRelu(x, at(`${layer}.weight`), at(`${layer}.bias`));
}

/** Weights and biases of convolutions and linear layers, by name. */
const layers = (shapes: Readonly<Record<string, readonly number[]>>): Operands =>
  parameters(
    Object.fromEntries(
      Object.entries(shapes).flatMap(([name, shape]) => [
        [`${name}.weight`, shape],
        [`${name}.bias`, [shape[0]!]],
      ]),
    ),
  );

/** 784-128-10 with ReLU. */
const mlp: Network = {
  input: (batch) => [batch, 784],
  parameters: layers({ fc1: [128, 784], fc2: [10, 128] }),
  products: [784 * 128, 128 * 10],
  logits: (net, at) => linear(net, at, linearRelu(net, at, at('input'), 'fc1'), 'fc2'),
};

/** On 28x28: conv 1-16 k5, ReLU, max pool 2, conv 16-32 k5, ReLU, max pool 2, linear 512-128, ReLU, linear 128-10. */
const cnn: Network = {
  input: (batch) => [batch, 1, 28, 28],
  image: true,
  parameters: layers({ conv1: [16, 1, 5, 5], conv2: [32, 16, 5, 5], fc1: [128, 512], fc2: [10, 128] }),
  products: [24 * 24 * 16 * 25, 8 * 8 * 32 * 16 * 25, 512 * 128, 128 * 10],
  logits(net, at) {
    const block = (x: ReturnType<typeof at>, layer: string) =>
      net.pool2d(net.convRelu(x, at(`${layer}.weight`), at(`${layer}.bias`), valid), max2);
    const features = net.flatten(block(block(at('input'), 'conv1'), 'conv2'));
    return linear(net, at, linearRelu(net, at, features, 'fc1'), 'fc2');
  },
};

/** 3x3 convolutions on 32x32, two of each width, then a max pool, as VGG; width, 2 width, 4 width. */
function vgg(width: number): Network {
  const widths = [3, width, width, 2 * width, 2 * width, 4 * width, 4 * width];
  const convolutions = widths.slice(1).map((out, i) => [out, widths[i]!, 3, 3] as const);
  const size = (i: number) => 32 >> (i >> 1);
  return {
    input: (batch) => [batch, 3, 32, 32],
    image: true,
    parameters: layers({
      ...Object.fromEntries(convolutions.map((shape, i) => [`conv${i + 1}`, shape])),
      fc: [10, 4 * width * 16],
    }),
    products: [...convolutions.map((shape, i) => product(shape) * size(i) ** 2), 10 * 4 * width * 16],
    logits(net, at) {
      let x = at('input');
      convolutions.forEach((_, i) => {
        x = net.convRelu(x, at(`conv${i + 1}.weight`), at(`conv${i + 1}.bias`), same);
        if (i % 2 === 1) x = net.pool2d(x, max2);
      });
      return linear(net, at, net.flatten(x), 'fc');
    },
  };
}

/** LSTM layers, the mean of their outputs, a linear layer. */
function recurrent(sequence: Omit<Sequence, 'batch'>): Network {
  const { hidden, input, steps } = sequence;
  const weights = lstmWeights({ ...sequence, batch: 1 });
  return {
    input: (batch) => [steps, batch, input],
    parameters: { ...weights, ...layers({ fc: [10, hidden] }) },
    products: [...lstmProducts({ ...sequence, batch: 1 }), 10 * hidden],
    logits(net, at) {
      const y = net.lstm(at('input'), Object.keys(weights).map(at), hidden);
      return linear(net, at, net.mean(y, [0]), 'fc');
    },
  };
}

/** One block of an encoder, normalised before its two halves, on sequences of `features`; then a mean and a linear layer. */
function transformer(features: number, heads: number, length: number): Network {
  const projections = ['q', 'k', 'v', 'out'];
  const norm = { shape: [features] };
  return {
    input: (batch) => [batch, length, features],
    parameters: {
      'norm1.weight': norm,
      'norm1.bias': norm,
      ...layers(Object.fromEntries(projections.map((name) => [name, [features, features]]))),
      'norm2.weight': norm,
      'norm2.bias': norm,
      ...layers({ fc1: [4 * features, features], fc2: [features, 4 * features], head: [10, features] }),
    },
    products: [
      ...projections.map(() => length * features ** 2),
      ...[length ** 2 * features, length ** 2 * features],
      ...[4 * length * features ** 2, 4 * length * features ** 2],
      10 * features,
    ],
    logits(net, at) {
      const x = at('input');
      const normed = (value: typeof x, layer: string) =>
        net.layerNorm(value, at(`${layer}.weight`), at(`${layer}.bias`));
      const first = normed(x, 'norm1');
      const split = [-1, length, heads, features / heads];
      const head = (name: string) =>
        net.transpose(net.reshape(linear(net, at, first, name), split), [0, 2, 1, 3]);
      const mixed = net.transpose(net.attention(head('q'), head('k'), head('v')), [0, 2, 1, 3]);
      const attended = net.add(x, linear(net, at, net.reshape(mixed, [-1, length, features]), 'out'));
      const inner = net.gelu(linear(net, at, normed(attended, 'norm2'), 'fc1'));
      return linear(net, at, net.mean(net.add(attended, linear(net, at, inner, 'fc2')), [1]), 'head');
    },
  };
}

export const stepSuite: Suite = {
  bound: 'arithmetic',
  unit: 'ms',
  cases: [
    step('mlp', 64, mlp),
    step('cnn', 64, cnn),
    step('vgg', 32, vgg(64)),
    step('lstm 2x512 t25', 32, recurrent({ layers: 2, hidden: 512, input: 64, steps: 25 })),
    step('transformer 256 h4 t64', 8, transformer(256, 4, 64)),
  ],
  webgpu: [
    step('mlp', 64, mlp),
    step('cnn', 16, cnn),
    step('lstm 2x64 t16', 16, recurrent({ layers: 2, hidden: 64, input: 32, steps: 16 })),
    step('cnn', 64, cnn),
    step('vgg', 32, vgg(64)),
    step('lstm 2x512 t25', 32, recurrent({ layers: 2, hidden: 512, input: 64, steps: 25 })),
    step('transformer 256 h4 t64', 8, transformer(256, 4, 64)),
  ],
  small: [
    step('mlp', 4, mlp),
    step('cnn', 2, cnn),
    step('vgg', 2, vgg(2)),
    step('lstm 2x6 t3', 3, recurrent({ layers: 2, hidden: 6, input: 5, steps: 3 })),
    step('transformer 8 h2 t5', 2, transformer(8, 2, 5)),
  ],
};
