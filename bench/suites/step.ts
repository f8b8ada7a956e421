import {
  bytesOf,
  type Net,
  type Operands,
  parametersOf,
  product,
  type StepCase,
  type Suite,
} from '../case.js';

/** A network by its input, its parameters and its loss; `products` are multiply-adds of its layers, first to last. */
interface Network {
  readonly input: readonly number[];
  readonly image?: boolean;
  readonly parameters: Readonly<Record<string, readonly number[]>>;
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
    shape: [batch, ...network.input],
    ...(image ? { kind: 'image' as const } : {}),
  };
  const labels = { shape: [batch], kind: 'labels', bound: 10 } as const;
  const c = {
    suite: 'step' as const,
    name: `${name} b${batch}`,
    pass: 'step' as const,
    flops: products.reduce((sum, one, i) => sum + 2 * (i ? 3 : 2) * one * batch, 0),
    operands: { input, ...parameters(network.parameters), labels },
    compute: <T>(net: Net<T>, at: (name: string) => T): T => net.crossEntropy(logits(net, at), at('labels')),
  };
  // Adam reads the parameter, its gradient and two moments, and writes three of them back.
  const words = parametersOf({ ...c, bytes: 0 }).flatMap((one) =>
    new Array<readonly number[]>(7).fill(network.parameters[one]!),
  );
  return { ...c, bytes: bytesOf(input.shape, ...words) };
}

const valid = { stride: 1, padding: 0, groups: 1 };
const max2 = { kind: 'max', kernel: 2, stride: 2 } as const;

function linear<T>(net: Net<T>, at: (name: string) => T, x: T, layer: string): T {
  return net.linear(x, at(`${layer}.weight`), at(`${layer}.bias`));
}

/** 784-128-10 with ReLU. */
const mlp: Network = {
  input: [784],
  parameters: { 'fc1.weight': [128, 784], 'fc1.bias': [128], 'fc2.weight': [10, 128], 'fc2.bias': [10] },
  products: [784 * 128, 128 * 10],
  logits: (net, at) => linear(net, at, net.relu(linear(net, at, at('input'), 'fc1')), 'fc2'),
};

/** On 28x28: conv 1-16 k5, ReLU, max pool 2, conv 16-32 k5, ReLU, max pool 2, linear 512-128, ReLU, linear 128-10. */
const cnn: Network = {
  input: [1, 28, 28],
  image: true,
  parameters: {
    'conv1.weight': [16, 1, 5, 5],
    'conv1.bias': [16],
    'conv2.weight': [32, 16, 5, 5],
    'conv2.bias': [32],
    'fc1.weight': [128, 512],
    'fc1.bias': [128],
    'fc2.weight': [10, 128],
    'fc2.bias': [10],
  },
  products: [24 * 24 * 16 * 25, 8 * 8 * 32 * 16 * 25, 512 * 128, 128 * 10],
  logits(net, at) {
    const block = (x: ReturnType<typeof at>, layer: string) =>
      net.pool2d(net.relu(net.conv2d(x, at(`${layer}.weight`), at(`${layer}.bias`), valid)), max2);
    const features = net.flatten(block(block(at('input'), 'conv1'), 'conv2'));
    return linear(net, at, net.relu(linear(net, at, features, 'fc1')), 'fc2');
  },
};

export const stepSuite: Suite = {
  bound: 'arithmetic',
  unit: 'ms',
  cases: [step('mlp', 64, mlp), step('cnn', 64, cnn)],
  small: [step('mlp', 4, mlp), step('cnn', 2, cnn)],
};
