import { bytesOf, type KernelCase, type Operands, type Suite } from '../case.js';

export interface Sequence {
  readonly layers: number;
  readonly hidden: number;
  readonly input: number;
  readonly batch: number;
  readonly steps: number;
}

/** Weights of all layers, in the order in which PyTorch names them. */
export function lstmWeights({ layers, hidden, input }: Sequence): Operands {
  const bound = 1 / Math.sqrt(hidden);
  return Object.fromEntries(
    Array.from({ length: layers }, (_, layer) => [
      [`weight_ih_l${layer}`, { shape: [4 * hidden, layer === 0 ? input : hidden], bound }] as const,
      [`weight_hh_l${layer}`, { shape: [4 * hidden, hidden], bound }] as const,
      [`bias_ih_l${layer}`, { shape: [4 * hidden], bound }] as const,
      [`bias_hh_l${layer}`, { shape: [4 * hidden], bound }] as const,
    ]).flat(),
  );
}

/** Multiply-adds of each of the layers' products for one item of the batch: the input's, then the state's. */
export const lstmProducts = ({ layers, hidden, input, steps }: Sequence): number[] =>
  Array.from({ length: layers }, (_, layer) => [
    steps * 4 * hidden * (layer === 0 ? input : hidden),
    steps * 4 * hidden * hidden,
  ]).flat();

/** Layers over a sequence, from zero states; backward for the weights, along a gradient of all outputs. */
function lstm(sequence: Sequence, pass: 'forward' | 'forward+backward'): KernelCase {
  const { layers, hidden, input, batch, steps } = sequence;
  const weights = lstmWeights(sequence);
  const names = Object.keys(weights);
  const x = { shape: [steps, batch, input] };
  const y = { shape: [steps, batch, hidden] };
  const backward = pass !== 'forward';
  const shapes = [x, y, ...Object.values(weights)].map(({ shape }) => shape);
  return {
    suite: 'lstm',
    name: `${layers}x${hidden} b${batch} t${steps} i${input}`,
    pass,
    // Three products each, but for the gradient of the first layer's input, which nobody asks for.
    flops: lstmProducts(sequence).reduce(
      (sum, one, i) => sum + 2 * (backward ? (i ? 3 : 2) : 1) * one * batch,
      0,
    ),
    bytes: bytesOf(...shapes, ...(backward ? shapes : [])),
    operands: { x, ...weights, ...(backward ? { outputGradient: y } : {}) },
    compute: (net, at) => net.lstm(at('x'), names.map(at), hidden),
    wrt: backward ? names : [],
  };
}

const small = { layers: 2, hidden: 5, input: 3, batch: 2, steps: 4 };

export const lstmSuite: Suite = {
  bound: 'arithmetic',
  cases: [
    lstm({ layers: 2, hidden: 512, input: 512, batch: 128, steps: 100 }, 'forward+backward'),
    lstm({ layers: 2, hidden: 256, input: 64, batch: 64, steps: 25 }, 'forward'),
    lstm({ layers: 2, hidden: 256, input: 64, batch: 64, steps: 25 }, 'forward+backward'),
    lstm({ layers: 1, hidden: 128, input: 32, batch: 32, steps: 20 }, 'forward'),
    lstm({ layers: 1, hidden: 128, input: 32, batch: 32, steps: 20 }, 'forward+backward'),
  ],
  webgpu: [
    lstm({ layers: 1, hidden: 64, input: 32, batch: 16, steps: 16 }, 'forward'),
    lstm({ layers: 1, hidden: 64, input: 32, batch: 16, steps: 16 }, 'forward+backward'),
    lstm({ layers: 2, hidden: 256, input: 64, batch: 64, steps: 25 }, 'forward'),
    lstm({ layers: 2, hidden: 256, input: 64, batch: 64, steps: 25 }, 'forward+backward'),
  ],
  small: [lstm(small, 'forward'), lstm(small, 'forward+backward')],
};
