import { bytesOf, type KernelCase, type Net, type Operand, product, type Suite } from '../case.js';

type Kind = 'layer' | 'batch' | 'group';

/** Channels of each group normalisation's groups together. */
const GROUPS = 8;

const apply: Readonly<Record<Kind, <T>(net: Net<T>, x: T, weight: T, bias: T) => T>> = {
  layer: (net, x, weight, bias) => net.layerNorm(x, weight, bias),
  batch: (net, x, weight, bias) => net.batchNorm(x, weight, bias),
  group: (net, x, weight, bias) => net.groupNorm(x, weight, bias, GROUPS),
};

/**
 * Rows of [rows, features], or images, normalised, scaled and shifted; backward makes the gradients of all three. Least
 * traffic: one pass in, one out, though a batch's statistics take a pass of their own where it is larger than the caches.
 */
function normalise(kind: Kind, shape: readonly number[]): KernelCase[] {
  const image = kind !== 'layer';
  const x: Operand = image ? { shape, kind: 'image' } : { shape };
  const affine = { shape: [image ? shape[1]! : shape.at(-1)!] };
  const make = (pass: 'forward' | 'backward'): KernelCase => ({
    suite: 'normalisation',
    name: `${kind} ${shape.join('x')}`,
    pass,
    flops: (pass === 'forward' ? 8 : 13) * product(shape),
    bytes: bytesOf(...new Array<readonly number[]>(pass === 'forward' ? 2 : 3).fill(shape)),
    operands: {
      x,
      weight: affine,
      bias: affine,
      ...(pass === 'backward' ? { outputGradient: x } : {}),
    },
    compute: (net, at) => apply[kind](net, at('x'), at('weight'), at('bias')),
    image,
    wrt: pass === 'forward' ? [] : ['x', 'weight', 'bias'],
  });
  return [make('forward'), make('backward')];
}

export const normalisationSuite: Suite = {
  bound: 'memory',
  cases: [
    ...normalise('layer', [4096, 512]),
    ...normalise('layer', [64, 768]),
    ...normalise('batch', [32, 64, 28, 28]),
    ...normalise('group', [32, 64, 28, 28]),
  ],
  webgpu: [...normalise('layer', [512, 512]), ...normalise('layer', [64, 768])],
  small: [
    ...normalise('layer', [3, 7]),
    ...normalise('batch', [3, 2, 3, 4]),
    ...normalise('group', [2, 16, 3, 2]),
  ],
};
