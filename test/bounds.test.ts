import { afterAll, describe, expect, it } from 'vitest';
import { Generator, type HostTensor, registry, type Shape } from '../src/index.js';
import { checkKernel, variantsTaking } from '../src/verify/forward.js';
import { openDevices } from './support/devices.js';

const devices = (await openDevices()).filter(({ backend }) => backend.kind !== 'reference');
afterAll(() => {
  for (const { backend } of devices) backend.dispose();
});

const generator = new Generator(11);
const drawn = (shape: Shape, draw: () => number): HostTensor => ({
  shape,
  dtype: 'f32',
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw),
});
const sign = () => (generator.below(2) ? 1 : -1);
/** Numbers whose exponents of ten lie between two. */
const powers = (low: number, high: number) => () => sign() * 10 ** generator.uniform(low, high);
const between = (low: number, high: number) => () => generator.uniform(low, high);

/** Calls whose results, or what leads to them, lie below the normal numbers, or nearly cancel. */
type Call = readonly [op: string, what: string, inputs: readonly HostTensor[], options: object];
const calls: readonly Call[] = [
  ['silu', 'far below 0', [drawn([500], between(-130, -60))], {}],
  ['mish', 'far below 0', [drawn([500], between(-130, -60))], {}],
  ['siluBackward', 'far below 0', [drawn([500], between(-90, 90)), drawn([500], between(-130, -60))], {}],
  ['mishBackward', 'far below 0', [drawn([500], between(-90, 90)), drawn([500], between(-130, -60))], {}],
  ['logSigmoidBackward', 'far above 0', [drawn([500], between(-1, 1)), drawn([500], between(60, 130))], {}],
  ['prod', 'with tiny parts', [drawn([50, 12], powers(-12, 3))], { axes: 1 }],
  ['prod', 'of tiny numbers', [drawn([50, 3], powers(-18, -10))], { axes: 1 }],
  ['cumprod', 'with tiny parts', [drawn([50, 12], powers(-12, 3))], { axis: 1 }],
  ['cumprod', 'with tiny parts, exclusive', [drawn([50, 12], powers(-12, 3))], { axis: 1, exclusive: true }],
  [
    'conv2d',
    'of tiny numbers',
    [drawn([2, 5, 9, 8], powers(-23, -17)), drawn([4, 5, 3, 3], powers(-23, -17))],
    {},
  ],
  ['matmul', 'of tiny numbers', [drawn([9, 30], powers(-23, -17)), drawn([30, 7], powers(-23, -17))], {}],
  ['sum', 'of tiny numbers', [drawn([9, 30], powers(-44, -37))], { axes: 1 }],
];

/** A centred variance of which rounding leaves little: the mean of the squares over the square of the mean, by up to 1e-6. */
function nearlyConstant(): HostTensor[] {
  const size = 200;
  const means = Array.from({ length: size }, () => Math.fround(generator.uniform(0.1, 1)));
  const squares = means.map((mean) => mean * mean * (1 + generator.uniform(0, 1e-6)));
  const rows = [...squares, ...means, ...means.map(() => generator.uniform(-1, 1))];
  const gradient = means.map((mean) => mean * (1 + generator.uniform(-1e-6, 1e-6)));
  return [
    { shape: [7], dtype: 'f32', data: Float32Array.of(0.01, 0.99, 0.01, 1e-8, 0, 0.9, 1) },
    { shape: [3, size], dtype: 'f32', data: Float32Array.from(rows) },
    drawn([size], between(-1, 1)),
    { shape: [size], dtype: 'f32', data: Float32Array.from(gradient) },
  ];
}

const all: readonly Call[] = [
  ...calls,
  ['rmspropUpdate', 'of gradients that are nearly the same', nearlyConstant(), {}],
];

describe.each(devices)('a declared bound holds on $name', ({ backend }) => {
  it.each(all)('for %s %s', async (name, _, given, options) => {
    const op = registry.get(name)!;
    const inputs = op.variadic ? given : op.inputs.map((_, i) => given[i] ?? null);
    const call = { op, inputs, options };
    for (const variant of variantsTaking(call, backend))
      expect((await checkKernel(call, backend, variant)).problem, variant ?? '').toBeNull();
  });
});
