import { fail } from '../../errors.js';

/** Pages of 64 KiB that 32-bit addresses reach. */
export const MAX_PAGES = 65536;

const HEADER_BYTES = 8;
const IMPORT_SECTION = 2;
/** Kinds of imports; the rest is a table. */
const FUNCTION = 0;
const MEMORY = 2;
const GLOBAL = 3;
const HAS_MAXIMUM = 1;
const SHARED = 2;

/** A module's bytes, whatever holds them. */
export const bytesOf = (source: BufferSource): Uint8Array<ArrayBuffer> => {
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(source) ? source : new Uint8Array(source);
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
};

/** Reads a module's bytes in order. */
class Reader {
  at: number;

  constructor(
    readonly bytes: Uint8Array,
    at: number,
  ) {
    this.at = at;
  }

  byte(): number {
    return this.bytes[this.at++] ?? fail('wasm', 'a module ends too early');
  }

  /** An unsigned LEB128 number. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  skipName(): void {
    const length = this.number();
    this.at += length;
  }
}

function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb128(Math.floor(value / 128))];
}

/** Reads limits: flags, least, most where the flags say so. */
function limitsAt(reader: Reader): { readonly minimum: number } {
  const flags = reader.number();
  const minimum = reader.number();
  if (flags & HAS_MAXIMUM) reader.number();
  return { minimum };
}

/** What the memory that a module imports is declared as: where its limits lie; null where it imports none. */
function importedMemory(module: Uint8Array, content: number) {
  const reader = new Reader(module, content);
  for (let left = reader.number(); left > 0; left--) {
    reader.skipName();
    reader.skipName();
    const kind = reader.byte();
    const start = reader.at;
    if (kind === MEMORY) return { start, ...limitsAt(reader), end: reader.at };
    if (kind === FUNCTION) reader.number();
    else if (kind === GLOBAL) reader.at += 2;
    else {
      reader.byte();
      limitsAt(reader);
    }
  }
  return null;
}

/**
 * The same module with its imported memory declared shared, of at most `maximum` pages: one binary serves one thread
 * and several, for its code is the same (WebAssembly core specification, binary format of imports and limits; threads
 * proposal). A module that imports no memory stays as it is.
 */
export function withSharedMemory(module: Uint8Array<ArrayBuffer>, maximum: number): Uint8Array<ArrayBuffer> {
  const reader = new Reader(module, HEADER_BYTES);
  while (reader.at < module.length) {
    const start = reader.at;
    const id = reader.byte();
    const length = reader.number();
    const content = reader.at;
    reader.at += length;
    if (id !== IMPORT_SECTION) continue;
    const memory = importedMemory(module, content);
    if (!memory) return module;
    const section = [
      ...module.subarray(content, memory.start),
      ...[HAS_MAXIMUM | SHARED, ...leb128(memory.minimum), ...leb128(maximum)],
      ...module.subarray(memory.end, reader.at),
    ];
    const head = [...module.subarray(0, start), id, ...leb128(section.length), ...section];
    const result = new Uint8Array(head.length + module.length - reader.at);
    result.set(head);
    result.set(module.subarray(reader.at), head.length);
    return result;
  }
  return module;
}
