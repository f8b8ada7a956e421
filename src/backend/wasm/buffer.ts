import { BYTES_PER_ELEMENT, type DType, dtypeBuffer, type TypedArray } from '../../dtype.js';
import { fail } from '../../errors.js';
import type { DeviceBuffer } from '../backend.js';

/** A block of one wasm memory. */
export class WasmBuffer implements DeviceBuffer {
  #free: (() => void) | null;
  /** What its contents are known by: another number after every change. */
  stamp = 0;

  constructor(
    /** The backend whose memory it lies in. */
    readonly owner: object,
    readonly address: number,
    readonly bytes: number,
    readonly label: string,
    free: () => void,
  ) {
    this.#free = free;
  }

  get freed(): boolean {
    return this.#free === null;
  }

  free(): void {
    this.#free?.();
    this.#free = null;
  }
}

/** `buffer` as one of `owner` that is still there, or an error. */
export function ownBuffer(buffer: DeviceBuffer | undefined, owner: object): WasmBuffer {
  if (!(buffer instanceof WasmBuffer) || buffer.owner !== owner) {
    return fail('wasm', 'a buffer of another device is used; copy it through the host with read and write');
  }
  return buffer.freed ? fail('wasm', `buffer '${buffer.label}' is used after it was freed`) : buffer;
}

/** The view of a buffer's first `length` words, as `dtype` keeps them. */
export function wordsOf(
  memory: WebAssembly.Memory,
  buffer: WasmBuffer,
  dtype: DType,
  length: number,
  what: 'write' | 'read',
): Float32Array | Int32Array {
  const bytes = length * BYTES_PER_ELEMENT;
  if (bytes > buffer.bytes) {
    const way = what === 'write' ? 'into' : 'from';
    fail('wasm', `${what} of ${bytes} bytes ${way} buffer '${buffer.label}' of ${buffer.bytes}`);
  }
  return dtypeBuffer(dtype, memory.buffer, buffer.address, length);
}

/** Puts host data into words; a bool becomes 0 or 1. */
export function setWords(words: Float32Array | Int32Array, data: TypedArray, dtype: DType): void {
  const takes =
    dtype === 'f32' || data instanceof Uint8Array || (dtype === 'i32' && data instanceof Int32Array);
  if (!takes) fail('wasm', `a ${data.constructor.name} can't be written as ${dtype}`);
  words.set(data);
  if (dtype !== 'bool') return;
  for (let i = 0; i < words.length; i++) words[i] = Number(words[i] !== 0);
}
