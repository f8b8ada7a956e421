import { fail } from './errors.js';
import { checkShape, type Shape, showShape, sizeOf } from './shape.js';

/**
 * Element types. On the wasm and webgpu devices every element takes one 32-bit word (a bool is 0 or 1);
 * the reference device holds every element as an f64.
 */
export type DType = 'f32' | 'i32' | 'bool';

/** Host arrays that hold a tensor's elements. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

export const BYTES_PER_ELEMENT = 4;

/** A zeroed host array for `length` elements of `dtype`; `wide` keeps f32 values in double precision. */
export function hostArray(dtype: DType, length: number, wide = false): TypedArray {
  if (dtype === 'i32') return new Int32Array(length);
  if (dtype === 'bool') return new Uint8Array(length);
  return wide ? new Float64Array(length) : new Float32Array(length);
}

const DTYPES: Readonly<Record<string, DType>> = {
  Float32Array: 'f32',
  Float64Array: 'f32',
  Int32Array: 'i32',
  Uint8Array: 'bool',
};

/** What kind of array `data` is, whichever frame or worker it comes from. */
const kindOf = (data: unknown): string =>
  ArrayBuffer.isView(data) ? (data as unknown as Uint8Array)[Symbol.toStringTag] : typeof data;

/** The dtype that a host array is read as when none is said. */
function dtypeOf(where: string, data: TypedArray): DType {
  const kinds = Object.keys(DTYPES).join(', ');
  return DTYPES[kindOf(data)] ?? fail(where, `data must be numbers or a ${kinds}, it is a ${kindOf(data)}`);
}

/** A view of `length` device words as numbers of `dtype`; a bool is read as its word. */
export function dtypeBuffer(
  dtype: DType,
  memory: ArrayBuffer,
  offset: number,
  length: number,
): Float32Array | Int32Array {
  return dtype === 'f32' ? new Float32Array(memory, offset, length) : new Int32Array(memory, offset, length);
}

/** A tensor in host memory, row-major: `data` holds as many elements as the product of `shape`'s sizes. */
export interface HostTensor {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * Refuses host data whose length or kind of array does not fit its shape and dtype: f32 takes a Float32Array or a
 * Float64Array, i32 an Int32Array, bool a Uint8Array of zeros and ones.
 */
export function checkHost(where: string, { data, shape, dtype }: HostTensor): void {
  checkShape(where, shape);
  if (dtypeOf(where, data) !== dtype) fail(where, `a ${kindOf(data)} can't hold ${dtype}${showShape(shape)}`);
  if (data.length !== sizeOf(shape)) {
    fail(where, `shape ${showShape(shape)} needs ${sizeOf(shape)} elements, got ${data.length}`);
  }
  const wrong = dtype === 'bool' ? data.findIndex((value) => value > 1) : -1;
  if (wrong >= 0)
    fail(where, `bool holds 0 and 1, element ${wrong} is ${data[wrong]}; copy numbers into a Float32Array`);
}

/** Refuses a number that a tensor of `dtype` can't hold: i32 takes whole numbers of 32 bits, bool 0 and 1. */
export function expectHeld(where: string, value: number, dtype: DType): void {
  if (dtype === 'i32' && (value | 0) !== value) fail(where, `${value} is not an i32`);
  if (dtype === 'bool' && value !== 0 && value !== 1) fail(where, `${value} is not a bool, which is 0 or 1`);
}

/** Host data as a checked tensor; numbers in a list must be exact in `dtype`, f32 apart. */
export function toHost(
  where: string,
  data: TypedArray | readonly number[] | HostTensor,
  shape?: Shape,
  dtype?: DType,
): HostTensor {
  const host = describeData(where, data, shape, dtype);
  checkHost(where, host);
  return host;
}

function describeData(
  where: string,
  data: TypedArray | readonly number[] | HostTensor,
  shape?: Shape,
  dtype?: DType,
): HostTensor {
  if (Array.isArray(data)) {
    const numbers = data as readonly number[];
    return {
      data: fromNumbers(where, numbers, dtype ?? 'f32'),
      shape: shape ?? [data.length],
      dtype: dtype ?? 'f32',
    };
  }
  if (typeof data === 'object' && data && 'data' in data) return data;
  const array = data as TypedArray;
  return { dtype: dtype ?? dtypeOf(where, array), data: array, shape: shape ?? [array.length] };
}

function fromNumbers(where: string, numbers: readonly number[], dtype: DType): TypedArray {
  const array = hostArray(dtype, numbers.length, true);
  array.set(numbers);
  const wrong = numbers.findIndex((value, i) => !Object.is(array[i], value) && array[i] !== value);
  if (wrong >= 0) fail(where, `element ${wrong} is ${numbers[wrong]}, which ${dtype} can't hold`);
  return array;
}
