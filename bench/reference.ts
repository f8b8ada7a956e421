import {
  type BenchCase,
  type Conv2dCase,
  conv2dOutputShape,
  type ElementwiseCase,
  type GemmCase,
  type PoolingCase,
  poolingOutputShape,
} from './cases.js';
import { type CaseInputs, operand } from './inputs.js';
import { referenceLosses } from './reference-step.js';

/**
 * What a contestant's output must be, by plain loops in double precision, in Weft's layouts. Independent of
 * every engine, Weft's own reference backend included. For small cases: convolution takes a microsecond for a
 * hundred multiply-adds.
 */
export function referenceOutput(c: BenchCase, inputs: CaseInputs): Float64Array {
  switch (c.suite) {
    case 'gemm':
      return gemm(c, inputs);
    case 'conv2d':
      return conv2d(c, inputs);
    case 'pooling':
      return pooling(c, inputs);
    case 'elementwise':
      return elementwise(c, inputs);
    case 'step':
      return referenceLosses(c, inputs);
  }
}

/** The largest difference over the largest expected value; 1 where sizes differ or a value isn't finite. */
export function relativeError(actual: ArrayLike<number>, expected: Float64Array): number {
  if (actual.length !== expected.length) return 1;
  const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), Number.MIN_VALUE);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(difference)) return 1;
    worst = Math.max(worst, difference);
  }
  return worst / scale;
}

function gemm(c: GemmCase, inputs: CaseInputs): Float64Array {
  const [a, b] = [operand(inputs, 'a').data, operand(inputs, 'b').data];
  const out = new Float64Array(c.m * c.n);
  for (let i = 0; i < c.m; i++) {
    for (let j = 0; j < c.n; j++) {
      for (let k = 0; k < c.k; k++) {
        out[i * c.n + j]! +=
          a[c.transposeA ? k * c.m + i : i * c.k + k]! * b[c.transposeB ? j * c.k + k : k * c.n + j]!;
      }
    }
  }
  return out;
}

/**
 * All three passes are one sum over (output, input, weight) triples: each pass multiplies two and adds to the
 * third.
 */
function conv2d(c: Conv2dCase, inputs: CaseInputs): Float64Array {
  const [batch, outChannels, outHeight, outWidth] = conv2dOutputShape(c);
  const inputSize = c.batch * c.channels * c.height * c.width;
  const weightSize = outChannels * c.channels * c.kernel ** 2;
  const input = inputs.input?.data ?? new Float64Array(inputSize);
  const weight = inputs.weight?.data ?? new Float64Array(weightSize);
  const output = inputs.outputGradient?.data ?? new Float64Array(batch * outChannels * outHeight * outWidth);
  let o = 0;
  for (let n = 0; n < batch; n++)
    for (let f = 0; f < outChannels; f++)
      for (let y = 0; y < outHeight; y++)
        for (let x = 0; x < outWidth; x++, o++)
          for (let channel = 0; channel < c.channels; channel++)
            for (let r = 0; r < c.kernel; r++)
              for (let s = 0; s < c.kernel; s++) {
                const row = y * c.stride + r - c.padding;
                const column = x * c.stride + s - c.padding;
                if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
                const i = ((n * c.channels + channel) * c.height + row) * c.width + column;
                const w = ((f * c.channels + channel) * c.kernel + r) * c.kernel + s;
                if (c.pass === 'forward') output[o]! += input[i]! * weight[w]!;
                else if (c.pass === 'input-gradient') input[i]! += output[o]! * weight[w]!;
                else weight[w]! += input[i]! * output[o]!;
              }
  const result = { forward: output, 'input-gradient': input, 'weight-gradient': weight }[c.pass];
  return result as Float64Array;
}

function pooling(c: PoolingCase, inputs: CaseInputs): Float64Array {
  const input = operand(inputs, 'input').data;
  const [batch, channels, outHeight, outWidth] = poolingOutputShape(c);
  const output = new Float64Array(batch * channels * outHeight * outWidth);
  const gradient = new Float64Array(input.length);
  const window = c.kernel ** 2;
  let o = 0;
  for (let plane = 0; plane < batch * channels; plane++)
    for (let y = 0; y < outHeight; y++)
      for (let x = 0; x < outWidth; x++, o++) {
        const at = Array.from({ length: window }, (_, tap) => {
          const row = y * c.stride + Math.floor(tap / c.kernel);
          return (plane * c.height + row) * c.width + x * c.stride + (tap % c.kernel);
        });
        const largest = at.reduce((best, i) => (input[i]! > input[best]! ? i : best));
        output[o] = c.kind === 'max' ? input[largest]! : at.reduce((sum, i) => sum + input[i]!, 0) / window;
        const dy = inputs.outputGradient?.data[o] ?? 0;
        if (c.kind === 'max') gradient[largest]! += dy;
        else for (const i of at) gradient[i]! += dy / window;
      }
  return c.pass === 'forward' ? output : gradient;
}

/** erf by its Maclaurin series: exact to double precision for the |x| < 1 of the benchmark's inputs. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 40; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function elementwise(c: ElementwiseCase, inputs: CaseInputs): Float64Array {
  const b = inputs.b?.data;
  const functions: Record<ElementwiseCase['op'], (x: number, i: number) => number> = {
    add: (x, i) => x + b![i]!,
    relu: (x) => Math.max(x, 0),
    exp: Math.exp,
    tanh: Math.tanh,
    gelu: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
    'mul-broadcast-row': (x, i) => x * b![i % c.columns]!,
  };
  return Float64Array.from(operand(inputs, 'a').data, (x, i) => functions[c.op](x, i));
}
