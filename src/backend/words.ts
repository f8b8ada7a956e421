import type { DType, TypedArray } from '../dtype.js';
import { fail } from '../errors.js';

/** The words that a GPU keeps for `data`. */
export function toWords(data: TypedArray, dtype: DType): Float32Array | Int32Array | Uint32Array {
  if (dtype === 'f32') return data instanceof Float32Array ? data : new Float32Array(data);
  if (dtype === 'bool' && data instanceof Uint8Array)
    return Uint32Array.from(data, (value) => (value === 0 ? 0 : 1));
  if (dtype === 'i32' && (data instanceof Int32Array || data instanceof Uint8Array)) {
    return data instanceof Int32Array ? data : new Int32Array(data);
  }
  return fail('webgpu', `a ${data.constructor.name} can't be written as ${dtype}`);
}

/** Node's WebGPU takes no shared memory. */
export const unshared = (words: Float32Array | Int32Array | Uint32Array) =>
  (words.buffer instanceof ArrayBuffer ? words : words.slice()) as Float32Array<ArrayBuffer>;

export function fromWords(bytes: ArrayBuffer, dtype: DType, length: number): TypedArray {
  if (dtype === 'f32') return new Float32Array(bytes, 0, length);
  if (dtype === 'i32') return new Int32Array(bytes, 0, length);
  return Uint8Array.from(new Uint32Array(bytes, 0, length));
}
