import { checkHost, type DType, type HostTensor, type TypedArray } from '../dtype.js';
import { fail } from '../errors.js';
import { asRecord } from './json.js';

const BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** Bytes of one element of the format's `dtype`; unknown ones are an error. */
export function elementBytes(where: string, dtype: string): number {
  if (!Object.hasOwn(BYTES, dtype)) {
    fail(where, `dtype '${dtype}' is not known; ${Object.keys(BYTES).join(', ')} are`);
  }
  return BYTES[dtype]!;
}

/** `count` numbers by `get` of a little-endian view. */
function fill<A extends TypedArray>(array: A, get: (index: number) => number): A {
  for (let i = 0; i < array.length; i++) array[i] = get(i);
  return array;
}

/** A half-precision number from its 16 bits (IEEE 754 binary16). */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The elements of `bytes`, whose length fits the dtype. F64 is refused unless `narrow`. */
export function readElements(
  where: string,
  dtype: string,
  bytes: Uint8Array,
  narrow: boolean,
): { readonly data: TypedArray; readonly dtype: DType } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / elementBytes(where, dtype);
  const f32 = (get: (i: number) => number) => ({
    data: fill(new Float32Array(count), get),
    dtype: 'f32' as const,
  });
  const i32 = (get: (i: number) => number) => ({
    data: fill(new Int32Array(count), get),
    dtype: 'i32' as const,
  });
  const fitting = (i: number, value: number | bigint) => {
    if (BigInt(value) !== BigInt.asIntN(32, BigInt(value)))
      fail(where, `element ${i} is ${value}, which does not fit an i32`);
    return Number(value);
  };
  switch (dtype) {
    case 'F32':
      return f32((i) => view.getFloat32(4 * i, true));
    case 'F64':
      if (!narrow) fail(where, 'F64 would lose digits as f32; ask for it with { narrow: true }');
      return f32((i) => view.getFloat64(8 * i, true));
    case 'F16':
      return f32((i) => halfToNumber(view.getUint16(2 * i, true)));
    case 'BF16': {
      const data = new Float32Array(count);
      const words = new Uint32Array(data.buffer);
      for (let i = 0; i < count; i++) words[i] = view.getUint16(2 * i, true) << 16;
      return { data, dtype: 'f32' };
    }
    case 'I32':
      return i32((i) => view.getInt32(4 * i, true));
    case 'I16':
      return i32((i) => view.getInt16(2 * i, true));
    case 'I8':
      return i32((i) => view.getInt8(i));
    case 'I64':
      return i32((i) => fitting(i, view.getBigInt64(8 * i, true)));
    case 'U64':
      return i32((i) => fitting(i, view.getBigUint64(8 * i, true)));
    case 'U32':
      return i32((i) => fitting(i, view.getUint32(4 * i, true)));
    case 'U16':
      return i32((i) => view.getUint16(2 * i, true));
    case 'U8':
      return i32((i) => view.getUint8(i));
    default: {
      const bad = bytes.findIndex((byte) => byte > 1);
      if (bad >= 0) fail(where, `element ${bad} of BOOL is ${bytes[bad]}, neither 0 nor 1`);
      return { data: new Uint8Array(bytes), dtype: 'bool' };
    }
  }
}

/** A tensor's elements as the format stores them. */
export function bytesOf(
  where: string,
  tensor: HostTensor,
): { readonly dtype: string; readonly bytes: Uint8Array } {
  if (!asRecord(tensor)) fail(where, `is no tensor, it is ${tensor === null ? null : typeof tensor}`);
  checkHost(where, tensor);
  const { data, dtype } = tensor;
  if (dtype === 'bool') return { dtype: 'BOOL', bytes: Uint8Array.from(data) };
  const bytes = new Uint8Array(data.length * 4);
  const view = new DataView(bytes.buffer);
  if (dtype === 'i32') {
    data.forEach((value, i) => {
      view.setInt32(4 * i, value, true);
    });
    return { dtype: 'I32', bytes };
  }
  data.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  return { dtype: 'F32', bytes };
}
