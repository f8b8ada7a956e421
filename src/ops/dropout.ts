import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, number } from '../kinds.js';
import { expectDType, f32, type KernelCall, type RefTensor, type TensorType, type Value } from '../op.js';
import { philox } from '../random.js';
import { showShape, sizeOf } from '../shape.js';
import { pointwise } from './common.js';
import { expectSeed, seedErrors } from './seed.js';

export interface DropoutOptions {
  /** Probability that an element, or a channel, is dropped; default 0.5. */
  readonly p?: number;
}

export const dropoutKinds: Kinds<DropoutOptions> = { p: number };

interface Attrs {
  readonly p: number;
}

/** What becomes of an element that is kept, x · scale + shift, and of one that is not. */
interface Fate {
  readonly scale: number;
  readonly shift: number;
  readonly dropped: number;
}

/** An element is kept where the upper 24 bits of its word reach this. */
const threshold = (p: number): number => Math.ceil(p * 2 ** 24);

interface DropoutSpec {
  readonly summary: string;
  /** Elements that share a draw. */
  readonly inner: (x: TensorType) => number;
  /** Axes that x must have. */
  readonly least: number;
  readonly fate: (p: number) => Fate;
  readonly backward: (grad: Value, seed: Value, attrs: Attrs) => Value;
  readonly linear: boolean;
}

const sample = (shape: readonly number[], seed: readonly number[], p?: number) => ({
  inputs: { x: { shape }, seed: { shape: [2], values: seed, dtype: 'i32' as const } },
  ...(p === undefined ? {} : { options: { p } }),
});

function samplesOf({ least }: DropoutSpec) {
  const single = [[5], [4099], [2, 3], [2, 3]] as const;
  const grouped = [
    [2, 3],
    [3, 5, 7],
    [2, 9, 3, 3],
    [5, 1, 2],
  ] as const;
  const [few, many, kept, dropped] = least === 0 ? single : grouped;
  return [
    sample(few, [1, 2]),
    sample(many, [-7, 123456789], 0.2),
    sample(kept, [1, 0], 0),
    sample(dropped, [1, 0], 1),
  ];
}

function errorsOf(name: string, { least }: DropoutSpec) {
  const seed = { shape: [2], dtype: 'i32' as const };
  const types = { x: f32([3, 2]), seed };
  const flat = {
    types: { x: f32([3]), seed },
    message: `${name}: x must have axes [n, channels, ...], it is [3]`,
  };
  return [
    { types, options: { p: 1.5 }, message: `${name}: p must be between 0 and 1, got 1.5` },
    { types, options: { p: Number.NaN }, message: `${name}: p must be a number, got NaN` },
    ...seedErrors(name, { x: f32([3, 2]) }),
    ...(least === 0 ? [] : [flat]),
  ];
}

/**
 * Which channels are kept, is decided by Philox with the two words of `seed` (i32 [2]) as key and the channel's number as
 * counter: the same on every device.
 */
function defineDropout(name: string, spec: DropoutSpec) {
  type Call = KernelCall<'x' | 'seed', Attrs>;
  const params = ({ types, output, attrs }: Call) => ({
    size: sizeOf(output.shape),
    inner: spec.inner(types.x),
    threshold: threshold(attrs.p),
    ...spec.fate(attrs.p),
  });
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['x', 'seed'],
    kinds: dropoutKinds,
    attributes(options: DropoutOptions | undefined): Attrs {
      const p = options?.p ?? 0.5;
      if (!(p >= 0 && p <= 1) && !Number.isNaN(p)) fail(name, `p must be between 0 and 1, got ${p}`);
      return { p };
    },
    infer({ x, seed }) {
      expectDType(name, { x }, 'f32');
      expectSeed(name, seed);
      if (x.shape.length < spec.least)
        fail(name, `x must have axes [n, channels, ...], it is ${showShape(x.shape)}`);
      return x;
    },
    reference({ x, seed }, { p }) {
      const [key0, key1] = seed.data as unknown as [number, number];
      const inner = spec.inner(x);
      const { scale, shift, dropped } = spec.fate(p);
      return x.data.map((value, i) => {
        const channel = Math.floor(i / inner);
        const word = philox(Math.floor(channel / 4), 0, key0, key1)[channel % 4]!;
        return word >>> 8 >= threshold(p) ? value * scale + shift : dropped;
      });
    },
    backward: { x: ({ grad, seed, attrs }): Value => spec.backward(grad, seed, attrs), seed: null },
    kernels: pointwise<'x' | 'seed', Attrs>('dropout_f32', ['x', 'seed', 'output'], params),
    inPlace: ['x'],
    linear: spec.linear ? ['x'] : [],
    samples: samplesOf(spec),
    errors: errorsOf(name, spec),
    // The product, the sum, and the rounding of both factors to f32.
    tolerance: {
      wasm: { ulps: 3, magnitude: 'declared' },
      webgpu: { ulps: 3, magnitude: 'declared' },
    },
    magnitude: ({ x }: { x: RefTensor }, { p }) => {
      const { scale, shift, dropped } = spec.fate(p);
      const least = Math.abs(shift) + Math.abs(dropped);
      return x.data.map((value) => Math.abs(value) * scale + least);
    },
  });
}

/** 1 / (1 - p); with p = 1 nothing is kept and nothing is scaled. */
const rescaled = (p: number): Fate => ({ scale: p === 1 ? 0 : 1 / (1 - p), shift: 0, dropped: 0 });

const elements = () => 1;
const channels = ({ shape }: TensorType) => sizeOf(shape.slice(2));

/** Sets elements to zero with probability p and scales the others by 1 / (1 - p). Its gradient is itself, with its seed. */
export const dropout = defineDropout('dropout', {
  summary: 'y = x / (1 - p) where a seeded draw keeps it, else 0',
  inner: elements,
  least: 0,
  fate: rescaled,
  backward: (grad, seed, attrs): Value => dropout(grad, seed, attrs),
  linear: true,
});

/** Dropout of whole channels of x [n, channels, ...] (Tompson et al., 2015), as torch's dropout1d, dropout2d, dropout3d. */
export const featureDropout = defineDropout('featureDropout', {
  summary: 'y = x / (1 - p) where a seeded draw keeps its channel, else 0',
  inner: channels,
  least: 2,
  fate: rescaled,
  backward: (grad, seed, attrs): Value => featureDropout(grad, seed, attrs),
  linear: true,
});

/** SELU's limit for large negative x, and what keeps mean and deviation with dropout: Klambauer et al., 2017. */
const SELU_LIMIT = 1.7580993408473766;

function alphaFate(p: number): Fate {
  if (p === 1) return { scale: 0, shift: 0, dropped: 0 };
  const scale = 1 / Math.sqrt((SELU_LIMIT ** 2 * p + 1) * (1 - p));
  const shift = SELU_LIMIT * scale * p;
  return { scale, shift, dropped: shift - SELU_LIMIT * scale };
}

/** Dropout to SELU's negative limit that keeps mean and deviation, as torch.nn.functional.alpha_dropout. */
export const alphaDropout = defineDropout('alphaDropout', {
  summary:
    'y = a x + b where a seeded draw keeps it, else a (SELU’s limit) + b, so that mean and deviation stay',
  inner: elements,
  least: 0,
  fate: alphaFate,
  backward: (grad, seed, attrs): Value => alphaDropoutBackward(grad, seed, attrs),
  linear: false,
});

/** dx = a dy where the same draw keeps it, else 0. */
export const alphaDropoutBackward = defineDropout('alphaDropoutBackward', {
  summary: 'dx = a dy where the seeded draw of alphaDropout keeps it, else 0',
  inner: elements,
  least: 0,
  fate: (p) => ({ scale: alphaFate(p).scale, shift: 0, dropped: 0 }),
  backward: (grad, seed, attrs): Value => alphaDropoutBackward(grad, seed, attrs),
  linear: true,
});
