import { fail } from '../errors.js';
import { showShape, sizeOf } from '../shape.js';
import { checkBytes } from './bytes.js';

export type IdxArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** What an idx file holds, row-major, in the type that it names. */
export interface IdxFile {
  readonly data: IdxArray;
  readonly shape: number[];
}

interface IdxType {
  readonly bytes: number;
  readonly make: (length: number) => IdxArray;
  readonly get: (view: DataView, offset: number) => number;
}

const TYPES: Readonly<Record<number, IdxType>> = {
  8: { bytes: 1, make: (n) => new Uint8Array(n), get: (view, at) => view.getUint8(at) },
  9: { bytes: 1, make: (n) => new Int8Array(n), get: (view, at) => view.getInt8(at) },
  11: { bytes: 2, make: (n) => new Int16Array(n), get: (view, at) => view.getInt16(at) },
  12: { bytes: 4, make: (n) => new Int32Array(n), get: (view, at) => view.getInt32(at) },
  13: { bytes: 4, make: (n) => new Float32Array(n), get: (view, at) => view.getFloat32(at) },
  14: { bytes: 8, make: (n) => new Float64Array(n), get: (view, at) => view.getFloat64(at) },
};

const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`;

/**
 * Reads the IDX format, in which MNIST is published: two zero bytes, the element type, the rank, the sizes as
 * big-endian 32-bit words, then the elements, big-endian. Compressed files must be unpacked before.
 * Raises a WeftError for a wrong magic number, an unknown type, and a file that is too short or too long.
 * @param name the file's name, for errors
 */
export function decodeIdx(bytes: Uint8Array, name = 'idx'): IdxFile {
  checkBytes(name, bytes);
  if (bytes.length < 4) fail(name, `${bytes.length} bytes are too short for an IDX file`);
  const [zero0, zero1, code, rank] = bytes as unknown as [number, number, number, number];
  if (zero0 === 0x1f && zero1 === 0x8b) fail(name, 'the file is compressed by gzip; unpack it first');
  if (zero0 !== 0 || zero1 !== 0) {
    fail(name, `an IDX file starts with two zero bytes, this one with ${hex(zero0)} ${hex(zero1)}`);
  }
  const type = TYPES[code] ?? fail(name, `element type ${hex(code)} is not known to IDX`);
  const start = 4 + 4 * rank;
  if (bytes.length < start) fail(name, `the file ends at byte ${bytes.length}, within its ${rank} sizes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const length = sizeOf(shape);
  const wanted = start + length * type.bytes;
  if (bytes.length !== wanted) {
    const fault = bytes.length < wanted ? 'it is cut short' : `${bytes.length - wanted} bytes are left over`;
    fail(name, `shape ${showShape(shape)} asks for ${wanted} bytes, the file has ${bytes.length}: ${fault}`);
  }
  if (code === 8) return { data: new Uint8Array(bytes.subarray(start)), shape };
  const data = type.make(length);
  for (let i = 0; i < length; i++) data[i] = type.get(view, start + i * type.bytes);
  return { data, shape };
}
