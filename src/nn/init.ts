import { fail } from '../errors.js';
import { expectOptions, type Kind, type Kinds, number, oneOf, text } from '../kinds.js';
import type { Generator } from '../random.js';
import { type Shape, showShape, sizeOf } from '../shape.js';

/** Fills a new parameter of a shape with numbers from a generator. */
export type Initializer = (shape: Shape, generator: Generator) => Float32Array;

/** All elements the same. */
export const constant =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(sizeOf(shape)).fill(value);

export const zeros: Initializer = constant(0);
export const ones: Initializer = constant(1);

/** Uniform in [low, high). */
export const uniform =
  (low = 0, high = 1): Initializer =>
  (shape, generator) =>
    Float32Array.from({ length: sizeOf(shape) }, () => generator.uniform(low, high));

/** Normal with this mean and standard deviation. */
export const normal =
  (mean = 0, deviation = 1): Initializer =>
  (shape, generator) =>
    Float32Array.from({ length: sizeOf(shape) }, () => generator.normal(mean, deviation));

/** Normal, each number drawn again until it lies in [low, high]. */
export const truncatedNormal =
  (mean = 0, deviation = 1, low = -2, high = 2): Initializer =>
  (shape, generator) => {
    if (!(deviation > 0 && low < high && low < mean + 6 * deviation && high > mean - 6 * deviation))
      fail('truncatedNormal', `nothing of a normal(${mean}, ${deviation}) lies in [${low}, ${high}]`);
    return Float32Array.from({ length: sizeOf(shape) }, () => {
      for (;;) {
        const value = generator.normal(mean, deviation);
        if (value >= low && value <= high) return value;
      }
    });
  };

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export const eye: Initializer = (shape) => {
  if (shape.length !== 2) fail('eye', `takes a matrix, got ${showShape(shape)}`);
  const columns = shape[1]!;
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) =>
    Number(Math.floor(i / columns) === i % columns),
  );
};

/** Uniform in ±1 / √fanIn: what PyTorch's Linear and Conv2d start from, for weights and biases. */
export const fanIn = (inputs: number): Initializer =>
  inputs > 0 ? uniform(-1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs)) : zeros;

/** Inputs and outputs of one unit of a weight [out, in, ...]. */
function fans(where: string, shape: Shape): { readonly in: number; readonly out: number } {
  if (shape.length < 2) fail(where, `takes weights of two axes or more, got ${showShape(shape)}`);
  const field = sizeOf(shape.slice(2));
  return { in: shape[1]! * field, out: shape[0]! * field };
}

export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

/** The factor on the deviation that keeps the size of signals, as torch.nn.init.calculate_gain. */
export function gainOf(nonlinearity: Nonlinearity, slope = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1;
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + slope ** 2));
    case 'selu':
      return 3 / 4;
    default:
      return fail('gainOf', `there is no nonlinearity '${String(nonlinearity)}'`);
  }
}

/** Uniform in ± gain √(6 / (in + out)) (Glorot and Bengio, 2010). */
export const xavierUniform =
  (gain = 1): Initializer =>
  (shape, generator) => {
    const { in: inputs, out } = fans('xavierUniform', shape);
    const bound = gain * Math.sqrt(6 / (inputs + out));
    return uniform(-bound, bound)(shape, generator);
  };

/** Normal of deviation gain √(2 / (in + out)) (Glorot and Bengio, 2010). */
export const xavierNormal =
  (gain = 1): Initializer =>
  (shape, generator) => {
    const { in: inputs, out } = fans('xavierNormal', shape);
    return normal(0, gain * Math.sqrt(2 / (inputs + out)))(shape, generator);
  };

export interface KaimingOptions {
  /** Keeps the size of signals on the way forward ('fanIn', the default) or back. */
  readonly mode?: 'fanIn' | 'fanOut';
  /** Default 'leakyRelu' with slope `a`. */
  readonly nonlinearity?: Nonlinearity;
  /** The negative slope of a leaky ReLU, default 0. */
  readonly a?: number;
}

const kaimingKinds: Kinds<KaimingOptions> = {
  mode: oneOf('fanIn', 'fanOut'),
  nonlinearity: text as Kind<Nonlinearity>,
  a: number,
};

function kaimingDeviation(where: string, shape: Shape, options: KaimingOptions): number {
  expectOptions(where, options, kaimingKinds);
  const { mode = 'fanIn', nonlinearity = 'leakyRelu', a = 0 } = options;
  const { in: inputs, out } = fans(where, shape);
  return gainOf(nonlinearity, a) / Math.sqrt(mode === 'fanIn' ? inputs : out);
}

/** Uniform of deviation gain / √fan (He et al., 2015). */
export const kaimingUniform =
  (options: KaimingOptions = {}): Initializer =>
  (shape, generator) => {
    const bound = Math.sqrt(3) * kaimingDeviation('kaimingUniform', shape, options);
    return uniform(-bound, bound)(shape, generator);
  };

/** Normal of deviation gain / √fan (He et al., 2015). */
export const kaimingNormal =
  (options: KaimingOptions = {}): Initializer =>
  (shape, generator) =>
    normal(0, kaimingDeviation('kaimingNormal', shape, options))(shape, generator);

/**
 * A matrix [shape[0], the rest] whose shorter side's vectors are orthogonal and of length `gain` (Saxe, McClelland and
 * Ganguli, 2014): modified Gram-Schmidt, twice, of normal numbers, in double precision.
 */
export const orthogonal =
  (gain = 1): Initializer =>
  (shape, generator) => {
    if (shape.length < 2) fail('orthogonal', `takes two axes or more, got ${showShape(shape)}`);
    const rows = shape[0]!;
    const columns = sizeOf(shape.slice(1));
    const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
    const vectors: Float64Array[] = [];
    while (vectors.length < count) {
      const vector = Float64Array.from({ length }, () => generator.normal());
      for (const other of [...vectors, ...vectors]) {
        const along = dot(vector, other);
        other.forEach((value, i) => {
          vector[i]! -= along * value;
        });
      }
      const norm = Math.sqrt(dot(vector, vector));
      // As good as inside the span of the others: draw again.
      if (norm > 1e-6) vectors.push(vector.map((value) => value / norm));
    }
    return Float32Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      return gain * (rows <= columns ? vectors[row]![column]! : vectors[column]![row]!);
    });
  };

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
