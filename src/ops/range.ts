import { defineOp } from '../define.js';
import type { DType } from '../dtype.js';
import { fail } from '../errors.js';
import { type Kinds, number, oneOf, whole } from '../kinds.js';
import type { KernelCall } from '../op.js';
import { sizeOf } from '../shape.js';
import { elementUnits, expectWhole, pointwise } from './common.js';
import { wordOf } from './fill.js';

/** Parameters of the kernels in shaders/range.wgsl. */
interface Range {
  readonly size: number;
  /** Elements before this one are counted from the start, the others from the end. */
  readonly half: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

const rangeVariants = (name: string, range: (attrs: never) => Range) => (backend: 'wasm' | 'webgpu') =>
  (['f32', 'i32'] as const).map((dtype) => ({
    name: `${name}_${dtype}`,
    when: ({ output }: KernelCall<never, object>) => output.dtype === dtype,
    launches({ attrs }: KernelCall<never, object>) {
      const { size, half, start, end, step } = range(attrs as never);
      const whole = dtype === 'i32';
      return [
        {
          kernel: `range_${dtype}`,
          operands: ['output'],
          params: {
            size,
            half,
            start: whole ? 0 : start,
            end: whole ? 0 : end,
            step: whole ? 0 : step,
            startWhole: whole ? start : 0,
            stepWhole: whole ? step : 0,
          },
          units: elementUnits(size, backend),
        },
      ];
    },
  }));

const finite = (name: string, numbers: Readonly<Record<string, number>>): void => {
  for (const [key, value] of Object.entries(numbers))
    if (!Number.isFinite(value)) fail(name, `${key} must be a finite number, got ${value}`);
};

export interface ArangeOptions {
  /** The first number, default 0. */
  readonly start?: number;
  /** The numbers stop before this one. */
  readonly end: number;
  /** The distance from one number to the next, default 1. */
  readonly step?: number;
  /** f32 or i32; default, as in PyTorch: i32 where start, end and step are whole numbers, else f32. */
  readonly dtype?: DType;
}

export const arangeKinds: Kinds<ArangeOptions> = {
  start: number,
  end: number,
  step: number,
  dtype: oneOf('f32', 'i32', 'bool'),
};

interface ArangeAttrs {
  readonly start: number;
  readonly step: number;
  readonly size: number;
  readonly dtype: DType;
}

const arangeVariants = rangeVariants('arange', ({ start, step, size }: ArangeAttrs) => ({
  size,
  half: size,
  start,
  end: 0,
  step,
}));

/** The numbers from start to before end. They are part of the graph's structure. */
export const arange = defineOp({
  name: 'arange',
  summary: 'y = start + i · step, before end',
  inputs: [],
  kinds: arangeKinds,
  attributes(options: ArangeOptions | undefined): ArangeAttrs {
    const { start = 0, end, step = 1, dtype: given } = options ?? fail('arange', 'needs options { end }');
    finite('arange', { start, end, step });
    const whole = [start, end, step].every(Number.isInteger);
    const dtype = given ?? (whole ? 'i32' : 'f32');
    if (dtype !== 'f32' && dtype !== 'i32') fail('arange', `dtype must be f32 or i32, it is ${dtype}`);
    const numbers = `start ${start}, end ${end} and step ${step}`;
    if (step === 0 || (end - start) / step < 0)
      fail('arange', `${numbers}: the step does not lead to the end`);
    const size = Math.ceil((end - start) / step);
    if (dtype === 'i32') {
      const last = start + Math.max(size - 1, 0) * step;
      const fits = [start, step, last].every((value) => (value | 0) === value);
      if (!whole || !fits) fail('arange', `${numbers} must be whole numbers of 32 bits for i32`);
    }
    return { start, step, size, dtype };
  },
  infer: (_, { size, dtype }) => ({ shape: [size], dtype }),
  reference: (_, { start, step, size }) => Float64Array.from({ length: size }, (_, i) => start + i * step),
  backward: {},
  kernels: { wasm: arangeVariants('wasm'), webgpu: arangeVariants('webgpu') },
  samples: [
    { inputs: {}, options: { end: 7 } },
    { inputs: {}, options: { start: 1, end: 2, step: 0.1 } },
    { inputs: {}, options: { start: 5, end: -4, step: -3, dtype: 'f32' } },
    { inputs: {}, options: { start: -4099, end: 4099, step: 2 } },
    { inputs: {}, options: { end: 0 } },
  ],
  errors: [
    { types: {}, message: 'arange: needs options { end }' },
    { types: {}, options: { end: Infinity }, message: 'arange: end must be a finite number, got Infinity' },
    {
      types: {},
      options: { end: 3, dtype: 'bool' },
      message: 'arange: dtype must be f32 or i32, it is bool',
    },
    {
      types: {},
      options: { end: 3, step: -1 },
      message: 'arange: start 0, end 3 and step -1: the step does not lead to the end',
    },
    {
      types: {},
      options: { end: 3, step: 0.5, dtype: 'i32' },
      message: 'arange: start 0, end 3 and step 0.5 must be whole numbers of 32 bits for i32',
    },
  ],
  // Start, step, product and sum are rounded, each to half a unit of at most |start| + |i step|: one unit of 2^-24.
  tolerance: {
    wasm: { ulps: 4, magnitude: 'declared' },
    webgpu: { ulps: 4, magnitude: 'declared' },
  },
  magnitude: (_, { start, step, size, dtype }) =>
    Float64Array.from({ length: size }, (_, i) =>
      dtype === 'i32' ? 0 : Math.abs(start) + Math.abs(i * step),
    ),
});

export interface LinspaceOptions {
  /** The first number. */
  readonly start: number;
  /** The last number. */
  readonly end: number;
  /** How many there are. */
  readonly steps: number;
}

export const linspaceKinds: Kinds<LinspaceOptions> = { start: number, end: number, steps: whole };

interface LinspaceAttrs {
  readonly start: number;
  readonly end: number;
  readonly steps: number;
}

const stepOf = ({ start, end, steps }: LinspaceAttrs): number =>
  steps < 2 ? 0 : (end - start) / (steps - 1);

const linspaceVariants = (backend: 'wasm' | 'webgpu') =>
  rangeVariants('linspace', (attrs: LinspaceAttrs) => ({
    size: attrs.steps,
    // From both ends towards the middle, so that both are exact.
    half: Math.ceil(attrs.steps / 2),
    start: attrs.start,
    end: attrs.end,
    step: stepOf(attrs),
  }))(backend).filter(({ name }) => name === 'linspace_f32');

/** Numbers from start to end, both included, at equal distances. They are part of the graph's structure. */
export const linspace = defineOp({
  name: 'linspace',
  summary: 'y = start + i (end - start) / (steps - 1)',
  inputs: [],
  kinds: linspaceKinds,
  attributes(options: LinspaceOptions | undefined): LinspaceAttrs {
    const { start, end, steps } = options ?? fail('linspace', 'needs options { start, end, steps }');
    finite('linspace', { start, end });
    return { start, end, steps: expectWhole('linspace', 'steps', steps, 0) };
  },
  infer: (_, { steps }) => ({ shape: [steps], dtype: 'f32' }),
  reference: (_, attrs) =>
    Float64Array.from({ length: attrs.steps }, (_, i) => attrs.start + i * stepOf(attrs)),
  backward: {},
  kernels: { wasm: linspaceVariants('wasm'), webgpu: linspaceVariants('webgpu') },
  samples: [
    { inputs: {}, options: { start: -1, end: 1, steps: 7 } },
    { inputs: {}, options: { start: 0.1, end: -3, steps: 4100 } },
    { inputs: {}, options: { start: 2, end: 5, steps: 1 } },
  ],
  errors: [
    { types: {}, message: 'linspace: needs options { start, end, steps }' },
    {
      types: {},
      options: { start: 0, end: Number.POSITIVE_INFINITY, steps: 2 },
      message: 'linspace: end must be a finite number, got Infinity',
    },
    {
      types: {},
      options: { start: 0, end: 1, steps: -1 },
      message: 'linspace: steps must be a whole number of at least 0, got -1',
    },
  ],
  // An end, step, product and sum are rounded, each to half a unit of at most |end| + |end - start|: one unit of 2^-24.
  tolerance: {
    wasm: { ulps: 4, magnitude: 'declared' },
    webgpu: { ulps: 4, magnitude: 'declared' },
  },
  magnitude: (_, { start, end, steps }) =>
    new Float64Array(steps).fill(Math.max(Math.abs(start), Math.abs(end)) + Math.abs(end - start)),
});

export interface EyeOptions {
  /** Rows. */
  readonly n: number;
  /** Columns, default n. */
  readonly m?: number;
  /** Default f32. */
  readonly dtype?: DType;
}

export const eyeKinds: Kinds<EyeOptions> = { n: whole, m: whole, dtype: oneOf('f32', 'i32', 'bool') };

/** A matrix with ones on its main diagonal and zeros elsewhere. */
export const eye = defineOp({
  name: 'eye',
  summary: 'y[i, j] = 1 where i = j, else 0',
  inputs: [],
  kinds: eyeKinds,
  attributes(options: EyeOptions | undefined) {
    const { n, m, dtype = 'f32' } = options ?? fail('eye', 'needs options { n }');
    return { n: expectWhole('eye', 'n', n, 0), m: expectWhole('eye', 'm', m ?? n, 0), dtype };
  },
  infer: (_, { n, m, dtype }) => ({ shape: [n, m], dtype }),
  reference: (_, { n, m }) =>
    Float64Array.from({ length: n * m }, (_, i) => Number(Math.floor(i / m) === i % m)),
  backward: {},
  kernels: pointwise<never, { m: number; dtype: DType }>('eye', ['output'], ({ output, attrs }) => ({
    size: sizeOf(output.shape),
    columns: attrs.m,
    word: wordOf(1, attrs.dtype),
  })),
  samples: [
    { inputs: {}, options: { n: 3 } },
    { inputs: {}, options: { n: 67, m: 65, dtype: 'i32' } },
    { inputs: {}, options: { n: 2, m: 5, dtype: 'bool' } },
    { inputs: {}, options: { n: 0 } },
  ],
  errors: [
    { types: {}, message: 'eye: needs options { n }' },
    { types: {}, options: { n: -1 }, message: 'eye: n must be a whole number of at least 0, got -1' },
    { types: {}, options: { n: 1, m: -1 }, message: 'eye: m must be a whole number of at least 0, got -1' },
  ],
});
