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

/** The dtype that a host array is read as when none is said. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Int32Array) return 'i32';
  if (data instanceof Uint8Array) return 'bool';
  return 'f32';
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
