import { describe, expect, it } from 'vitest';
import {
  Generator,
  type HostTensor,
  type Op,
  registry,
  type SampleInput,
  type Shape,
} from '../../src/index.js';
import { checkKernel, variantsTaking } from '../../src/verify/forward.js';
import { generatorOf, sampleInputs } from '../../src/verify/samples.js';
import { wasm, webgpu } from './shared.js';

const devices = [...wasm, ...webgpu];

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
  ...['sin', 'cos', 'tan'].map((op): Call => [op, 'of any size', [drawn([3000], powers(9, 38))], {}]),
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

/** Exponents of ten between which absolute values lie. */
const REGIMES: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  subnormal: [[-45, -38]],
  tiny: [[-38, -20]],
  huge: [[8, 16]],
  mixed: [
    [-45, -38],
    [-38, -20],
    [-20, -3],
    [-1, 1],
    [2, 8],
  ],
};

/** What no bound is told for, and why: everything else holds. */
const OUTSIDE: readonly (readonly [why: string, regimes: string, ops: string])[] = [
  ['weights must have a positive and finite sum', 'subnormal tiny huge mixed', 'categorical multinomial'],
  ["powers' errors are told of |p log2 x| <= 6 on webgpu", 'subnormal tiny huge mixed', 'lpPool1d lpPool2d'],
  [
    'squares lie below the normal numbers, or above f32, before their root is divided by',
    'subnormal tiny mixed',
    'weightNorm',
  ],
  ['squared lengths are multiplied above f32 before their root', 'huge', 'cosineEmbeddingLoss'],
  ['the inverse of a sum of such class weights lies above f32', 'subnormal', 'crossEntropyWithGradient'],
  [
    'gradients of many steps multiply above f32',
    'huge mixed',
    'rnnSequenceBackward gruSequenceBackward lstmSequenceBackward',
  ],
  ['products of three such numbers lie above f32', 'huge', 'standardizeBackward'],
  [
    'sums of products below the normal numbers are multiplied by what is as large as 1e8',
    'tiny mixed',
    'standardizeBackward localResponseNormBackward',
  ],
  [
    'a rest below the normal numbers counts as 0, which is much of such a divisor',
    'tiny mixed',
    'floorDivide',
  ],
  ['the sum by whose sign it decides may round to 0', 'tiny mixed', 'marginRankingLossBackward'],
];

const valuesOf = ({ values, domain = [-1, 1] }: SampleInput): readonly [number, number] =>
  values ? [Math.min(...values), Math.max(...values)] : domain;

/** A sample's input with other sizes of its numbers, of the signs that it may have. */
function refilled(input: SampleInput, given: HostTensor, regime: string, drawing: Generator): HostTensor {
  if (given.dtype !== 'f32') return given;
  const [low, high] = valuesOf(input);
  const ranges = REGIMES[regime]!;
  const value = () => {
    const size = 10 ** drawing.uniform(...ranges[drawing.below(ranges.length)]!);
    return input.signed || (low < 0 && high > 0) ? (drawing.below(2) ? size : -size) : low < 0 ? -size : size;
  };
  return { ...given, data: Float32Array.from(given.data, value) };
}

const elementsOf = (op: Op, i: number) =>
  op.samples[i]!.inputs.reduce((sum, one) => sum + (one ? one.shape.reduce((a, b) => a * b, 1) : 0), 0);

/** An op's largest sample of up to 3,000 numbers. The two inputs before the tensors that an op updates, as
 * hyper-parameters and a state, stay as they are. */
function sampleIn(op: Op, regime: string) {
  const [largest] = op.samples
    .map((_, i) => i)
    .filter((i) => elementsOf(op, i) <= 3000)
    .sort((a, b) => elementsOf(op, b) - elementsOf(op, a));
  const { inputs, options } = op.samples[largest ?? 0]!;
  const drawing = generatorOf(`${op.name}/${regime}`);
  const kept = op.variadic && op.overwrites(inputs as never).length > 0 ? 2 : 0;
  const given = sampleInputs(op, largest ?? 0).map(
    (tensor, i) => tensor && (i < kept ? tensor : refilled(inputs[i]!, tensor, regime, drawing)),
  );
  return { op, inputs: given, options };
}

const isOutside = ({ name }: Op, regime: string): boolean =>
  OUTSIDE.some(([, regimes, ops]) => regimes.split(' ').includes(regime) && ops.split(' ').includes(name));

const whole = [...registry.values()].filter((op) =>
  op.samples.some(({ inputs }) => inputs.some((one) => one && (one.dtype ?? 'f32') === 'f32')),
);

describe.each(devices)('the declared bound of each op holds on $name', ({ backend }) => {
  describe.each(Object.keys(REGIMES))('for %s numbers', (regime) => {
    it.each(whole.filter((op) => !isOutside(op, regime)))('$name', async (op) => {
      const call = sampleIn(op, regime);
      for (const variant of variantsTaking(call, backend))
        expect((await checkKernel(call, backend, variant)).problem, variant ?? '').toBeNull();
    });
  });
});
