import { defineOp } from '../define.js';
import type { DType } from '../dtype.js';
import { fail } from '../errors.js';
import { type Kinds, oneOf } from '../kinds.js';
import type { KernelCall, Variant } from '../op.js';
import { sizeOf, stridesOf } from '../shape.js';
import { pointwise } from './common.js';
import { copyLaunch } from './strided.js';

export interface CastOptions {
  readonly dtype: DType;
}

export const castKinds: Kinds<CastOptions> = { dtype: oneOf('f32', 'i32', 'bool') };

const DTYPES: readonly string[] = ['f32', 'i32', 'bool'];

/** Towards zero, the nearest i32 where it is beyond their range, NaN as 0: what a device's conversion gives. */
const toInteger = (value: number): number =>
  Number.isNaN(value) ? 0 : Math.trunc(Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1));

function convert(value: number, dtype: DType): number {
  if (dtype === 'f32') return value;
  return dtype === 'i32' ? toInteger(value) : Number(value !== 0);
}

const kernels = pointwise<'x', { dtype: DType }>('', ['x', 'output'], ({ output }) => ({
  size: sizeOf(output.shape),
}));

type Call = KernelCall<'x', { dtype: DType }>;

/** A copy, where the dtype is what it was. */
const copy = (backend: 'wasm' | 'webgpu'): Variant<'x', { dtype: DType }> => ({
  name: 'cast__copy',
  when: ({ types, attrs }: Call) => types.x.dtype === attrs.dtype,
  launches: ({ types: { x } }: Call) => {
    const strides = stridesOf(x.shape);
    return [copyLaunch(backend, { shape: x.shape, xStrides: strides, yStrides: strides }, 'x')];
  },
});

/** One variant per pair of dtypes. */
function variants(backend: 'wasm' | 'webgpu') {
  const conversions = DTYPES.flatMap((from) =>
    DTYPES.filter((to) => to !== from).map((to) => ({
      ...kernels[backend][0]!,
      name: `cast_${from}_${to}`,
      when: ({ types, attrs }: { types: { x: { dtype: DType } }; attrs: { dtype: DType } }) =>
        types.x.dtype === from && attrs.dtype === to,
      launches: (call: Parameters<(typeof kernels.wasm)[0]['launches']>[0]) =>
        kernels[backend][0]!.launches(call).map((launch) => ({ ...launch, kernel: `cast_${from}_${to}` })),
    })),
  );
  return [copy(backend), ...conversions];
}

/**
 * Converts the elements: f32 to i32 truncates towards zero, takes what is out of range for the nearest i32 and NaN for 0
 * (PyTorch leaves both undefined); anything to bool asks whether it is not zero.
 */
export const cast = defineOp({
  name: 'cast',
  summary: 'y = x as another dtype',
  inputs: ['x'],
  kinds: castKinds,
  attributes(options: CastOptions | undefined) {
    return { dtype: options?.dtype ?? fail('cast', 'needs options { dtype }') };
  },
  infer: ({ x }, { dtype }) => ({ shape: x.shape, dtype }),
  reference: ({ x }, { dtype }) => x.data.map((value) => convert(value, dtype)),
  // Of the floats only f32 to f32 keeps a gradient; whole numbers have none.
  backward: { x: ({ grad }) => grad },
  kernels: { wasm: variants('wasm'), webgpu: variants('webgpu') },
  samples: [
    { inputs: { x: { shape: [19], dtype: 'i32', domain: [-9, 9] } }, options: { dtype: 'f32' } },
    { inputs: { x: { shape: [4099], dtype: 'i32', domain: [-1, 1] } }, options: { dtype: 'bool' } },
    { inputs: { x: { shape: [19], values: [-2.7, -0.5, 0, 0.5, 1.9, 3, 1e6] } }, options: { dtype: 'i32' } },
    {
      inputs: {
        x: { shape: [7], values: [3e9, -3e9, Number.NaN, Infinity, -Infinity, 2147483520, -(2 ** 31)] },
      },
      options: { dtype: 'i32' },
    },
    { inputs: { x: { shape: [19], values: [0, -0.5, 2, 0, 0, 1e-3, -0] } }, options: { dtype: 'bool' } },
    { inputs: { x: { shape: [2, 17], dtype: 'bool' } }, options: { dtype: 'f32' } },
    { inputs: { x: { shape: [39], dtype: 'bool' } }, options: { dtype: 'i32' } },
    { inputs: { x: { shape: [2, 3] } }, options: { dtype: 'f32' } },
  ],
  errors: [
    {
      types: { x: { shape: [2], dtype: 'f32' } },
      options: { dtype: 'f64' as DType },
      message: "cast: dtype must be one of f32, i32, bool, got 'f64'",
    },
  ],
});
