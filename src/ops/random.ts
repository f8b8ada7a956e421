/**
 * Random tensors by Philox: word i % 4 at counter i / 4 belongs to element i, the two words of `seed` (i32 [2]) are the
 * key. The same stream on every device and any number of threads.
 */
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, number, whole, wholes } from '../kinds.js';
import { expectDType, f32, type Tolerance } from '../op.js';
import { philox, toUniform } from '../random.js';
import { checkShape, type Shape, sizeOf } from '../shape.js';
import { pointwise } from './common.js';
import { expectSeed, seedErrors, seedInput } from './seed.js';

/** The word of element i. */
export const wordOf = (seed: Float64Array, i: number): number =>
  philox(Math.floor(i / 4), 0, seed[0]!, seed[1]!)[i % 4]!;

interface Distribution<U> {
  readonly summary: string;
  /** The kernel's two numbers. */
  readonly numbers: (options: U) => { readonly a: number; readonly b: number };
  /** Element i, as a · one + b · other; what rounding errors are measured by, the terms' absolute values. */
  readonly terms: (seed: Float64Array, i: number) => number;
  readonly kinds: Kinds<U>;
  readonly check: (name: string, options: U) => void;
  readonly tolerance: { readonly [K in 'wasm' | 'webgpu']: Tolerance<unknown> };
  readonly options: readonly (U & { readonly shape: Shape })[];
  readonly wrong: readonly { readonly options: U & { readonly shape: Shape }; readonly message: string }[];
}

/** y = a + b t, where t is drawn for each element. */
function distribution<U extends { readonly shape: Shape }>(name: string, spec: Distribution<U>) {
  interface Attrs {
    readonly shape: Shape;
    readonly a: number;
    readonly b: number;
  }
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['seed'],
    kinds: spec.kinds,
    attributes(options: U | undefined): Attrs {
      if (!options) return fail(name, 'needs options { shape, ... }');
      checkShape(name, options.shape);
      spec.check(name, options);
      return { shape: options.shape, ...spec.numbers(options) };
    },
    infer({ seed }, { shape }) {
      expectSeed(name, seed);
      return f32(shape);
    },
    reference: ({ seed }, { shape, a, b }) =>
      new Float64Array(sizeOf(shape)).map((_, i) => a + b * spec.terms(seed.data, i)),
    backward: { seed: null },
    kernels: pointwise<'seed', Attrs>(`${name}_f32`, ['seed', 'output'], ({ output, attrs }) => ({
      size: sizeOf(output.shape),
      a: attrs.a,
      b: attrs.b,
    })),
    samples: spec.options.map((options, i) => ({ inputs: { seed: seedInput(i + 1, 77 - i) }, options })),
    errors: [
      ...seedErrors(name, {}, spec.options[0]!),
      {
        types: { seed: { shape: [2], dtype: 'i32' } },
        message: `${name}: needs options { shape, ... }`,
      },
      ...spec.wrong.map(({ options, message }) => ({
        types: { seed: { shape: [2], dtype: 'i32' as const } },
        options,
        message,
      })),
    ],
    tolerance: spec.tolerance,
    magnitude: ({ seed }, { shape, a, b }) =>
      new Float64Array(sizeOf(shape)).map(
        (_, i) => Math.abs(a) + Math.abs(b) * Math.max(1, Math.abs(spec.terms(seed.data, i))),
      ),
  });
}

export interface UniformOptions {
  readonly shape: Shape;
  /** Default 0. */
  readonly low?: number;
  /** Not reached; default 1. */
  readonly high?: number;
}

export const uniformKinds: Kinds<UniformOptions> = { shape: wholes, low: number, high: number };

/** Uniform numbers in [low, high) with 24 random bits. */
export const uniform = distribution<UniformOptions>('uniform', {
  summary: 'y = low + (high - low) u, u uniform in [0, 1)',
  kinds: uniformKinds,
  numbers: ({ low = 0, high = 1 }) => ({ a: low, b: high - low }),
  terms: (seed, i) => toUniform(wordOf(seed, i)),
  check(name, { low = 0, high = 1 }) {
    if (low > high) fail(name, `low ${low} is above high ${high}`);
  },
  // Product and sum, and both numbers rounded to f32.
  tolerance: { wasm: { ulps: 4, magnitude: 'declared' }, webgpu: { ulps: 4, magnitude: 'declared' } },
  options: [{ shape: [5] }, { shape: [4099], low: -2, high: 3 }, { shape: [2, 3, 1], low: 0.5, high: 0.5 }],
  wrong: [{ options: { shape: [2], low: 1, high: 0 }, message: 'uniform: low 1 is above high 0' }],
});

export interface NormalOptions {
  readonly shape: Shape;
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation, default 1. */
  readonly deviation?: number;
}

export const normalKinds: Kinds<NormalOptions> = { shape: wholes, mean: number, deviation: number };

/** Normal numbers (Box and Muller, 1958): elements 2k and 2k + 1 come from the same two words. */
export const normal = distribution<NormalOptions>('normal', {
  summary: 'y = mean + deviation n, n standard normal',
  kinds: normalKinds,
  numbers: ({ mean = 0, deviation = 1 }) => ({ a: mean, b: deviation }),
  terms(seed, i) {
    const even = i - (i % 2);
    const radius = Math.sqrt(-2 * Math.log(1 - toUniform(wordOf(seed, even))));
    const angle = 2 * Math.PI * toUniform(wordOf(seed, even + 1));
    return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  },
  check(name, { deviation = 1 }) {
    if (deviation < 0) fail(name, `deviation must not be negative, it is ${deviation}`);
  },
  // The radius, at most 5.8, carries log's 4 units halved by the root and the root's 1 (WGSL: 10); the direction 3 units
  // of 1. (3 + 3) · 5.8 units of the deviation, in WGSL (12 + 3) · 5.8, two products' and the sum's 1 of their results.
  tolerance: { wasm: { ulps: 38, magnitude: 'declared' }, webgpu: { ulps: 90, magnitude: 'declared' } },
  options: [{ shape: [5] }, { shape: [4099], mean: -2, deviation: 3 }, { shape: [2, 3], deviation: 0 }],
  wrong: [
    { options: { shape: [2], deviation: -1 }, message: 'normal: deviation must not be negative, it is -1' },
  ],
});

export interface ExponentialOptions {
  readonly shape: Shape;
  /** Numbers have the mean 1 / rate; default 1. */
  readonly rate?: number;
}

export const exponentialKinds: Kinds<ExponentialOptions> = { shape: wholes, rate: number };

/** Exponentially distributed numbers, by inversion. */
export const exponential = distribution<ExponentialOptions>('exponential', {
  summary: 'y = -ln(1 - u) / rate, u uniform in [0, 1)',
  kinds: exponentialKinds,
  numbers: ({ rate = 1 }) => ({ a: 0, b: 1 / rate }),
  terms: (seed, i) => -Math.log(1 - toUniform(wordOf(seed, i))),
  check(name, { rate = 1 }) {
    if (!(rate > 0)) fail(name, `rate must be positive, it is ${rate}`);
  },
  // 1 - u is exact; its logarithm is off by 4 units as above, and by 2 more in WGSL, whose polynomial need not be fused; the
  // rounded 1 / rate and the product with it add one each.
  tolerance: { wasm: { ulps: 6, magnitude: 'declared' }, webgpu: { ulps: 8, magnitude: 'declared' } },
  options: [{ shape: [5] }, { shape: [4099], rate: 3 }],
  wrong: [{ options: { shape: [2], rate: 0 }, message: 'exponential: rate must be positive, it is 0' }],
});

export interface IntegersOptions {
  readonly shape: Shape;
  readonly low: number;
  /** Not reached. */
  readonly high: number;
}

export const integersKinds: Kinds<IntegersOptions> = { shape: wholes, low: whole, high: whole };

/** Whole numbers low <= i < high, i32; no number is likelier than another by more than (high - low) / 2^32. */
export const integers = defineOp({
  name: 'integers',
  summary: 'y = low + ⌊(high - low) u⌋, u uniform in [0, 1) with 32 bits',
  inputs: ['seed'],
  kinds: integersKinds,
  attributes(options: IntegersOptions | undefined) {
    const { shape, low, high } = options ?? fail('integers', 'needs options { shape, low, high }');
    checkShape('integers', shape);
    const whole = [low, high].every((one) => Number.isInteger(one) && Math.abs(one) <= 2 ** 31 - 1);
    if (!whole || low >= high)
      fail('integers', `low and high must be i32 with low < high, got ${low}, ${high}`);
    return { shape, low, high };
  },
  infer({ seed }, { shape }) {
    expectSeed('integers', seed);
    return { shape, dtype: 'i32' };
  },
  reference: ({ seed }, { shape, low, high }) =>
    new Float64Array(sizeOf(shape)).map((_, i) => {
      const product = BigInt(wordOf(seed.data, i)) * BigInt(high - low);
      return low + Number(product >> 32n);
    }),
  backward: { seed: null },
  kernels: pointwise<'seed', { shape: Shape; low: number; high: number }>(
    'integers_i32',
    ['seed', 'output'],
    ({ output, attrs }) => ({ size: sizeOf(output.shape), low: attrs.low, range: attrs.high - attrs.low }),
  ),
  samples: [
    { inputs: { seed: seedInput(3, 4) }, options: { shape: [5], low: 0, high: 10 } },
    { inputs: { seed: seedInput(-3, 4) }, options: { shape: [4099], low: -2147483647, high: 2147483647 } },
    { inputs: { seed: seedInput(3, 9) }, options: { shape: [2, 3], low: -5, high: -4 } },
  ],
  errors: [
    ...seedErrors('integers', {}, { shape: [2], low: 0, high: 3 }),
    {
      types: { seed: { shape: [2], dtype: 'i32' } },
      options: { shape: [2], low: 3, high: 3 },
      message: 'integers: low and high must be i32 with low < high, got 3, 3',
    },
  ],
});

/** 1 with probability p, else 0; as PyTorch's, it passes no gradient. */
export const bernoulli = defineOp({
  name: 'bernoulli',
  summary: 'y = 1 with probability p, else 0',
  inputs: ['p', 'seed'],
  infer({ p, seed }) {
    expectDType('bernoulli', { p }, 'f32');
    expectSeed('bernoulli', seed);
    return p;
  },
  reference: ({ p, seed }) => p.data.map((value, i) => Number(toUniform(wordOf(seed.data, i)) < value)),
  backward: { p: () => null, seed: null },
  stopsGradient: true,
  kernels: pointwise<'p' | 'seed', object>('bernoulli_f32', ['p', 'seed', 'output'], ({ output }) => ({
    size: sizeOf(output.shape),
  })),
  inPlace: ['p'],
  samples: [
    { inputs: { p: { shape: [5], domain: [0, 1] }, seed: seedInput(1, 2) } },
    { inputs: { p: { shape: [4099], domain: [0, 1] }, seed: seedInput(-1, 2) } },
    { inputs: { p: { shape: [2, 3], values: [0, 1] }, seed: seedInput(1, 5) } },
  ],
  errors: seedErrors('bernoulli', { p: f32([3]) }),
});
