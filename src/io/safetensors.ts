import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { showShape, sizeOf } from '../shape.js';
import { checkBytes } from './bytes.js';
import { asRecord, findRepeatedKey } from './json.js';
import { bytesOf, elementBytes, readElements } from './safetensors-types.js';

/** The format's own limit on the header, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const METADATA = '__metadata__';

export interface SafetensorsFile {
  readonly tensors: Record<string, HostTensor>;
  readonly metadata: Record<string, string>;
}

export interface DecodeOptions {
  /** Narrow F64 tensors to f32; without it they are an error, because digits would be lost. */
  readonly narrow?: boolean;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The bytes of a safetensors file that holds `tensors` in the order given: f32 as F32, i32 as I32, bool as
 * BOOL. Raises a WeftError where a tensor's data doesn't fit its shape. Format:
 * https://huggingface.co/docs/safetensors
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const where = 'encodeSafetensors';
  const header: [string, unknown][] = [];
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== 'string') fail(where, `metadata '${key}' is not a string`);
    checkText(where, key);
    checkText(`${where}: metadata '${key}'`, text);
  }
  if (Object.keys(metadata).length > 0) header.push([METADATA, metadata]);
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (name === METADATA)
      fail(where, `a tensor may not be named '${METADATA}', the format keeps that for itself`);
    checkText(where, name);
    const { dtype, bytes } = bytesOf(`${where}: tensor '${name}'`, tensor);
    header.push([name, { dtype, shape: tensor.shape, data_offsets: [offset, offset + bytes.length] }]);
    parts.push(bytes);
    offset += bytes.length;
  }
  const text = new TextEncoder().encode(
    `{${header.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`)}}`,
  );
  const headerBytes = Math.ceil(text.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES)
    fail(where, `the header would take ${headerBytes} bytes, the format allows 100 MB`);
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(text, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + text.length, LENGTH_BYTES + headerBytes);
  let position = LENGTH_BYTES + headerBytes;
  for (const part of parts) {
    file.set(part, position);
    position += part.length;
  }
  return file;
}

/** Refuses half of a surrogate pair, which no reader takes as text. */
function checkText(where: string, text: string): void {
  const half = /\p{Surrogate}/u.exec(text);
  if (half)
    fail(
      where,
      `${JSON.stringify(text.slice(0, 40))} has half of a surrogate pair, at ${half.index}: no text`,
    );
}

/**
 * Reads the bytes of a safetensors file. F32 stays, F16 and BF16 are widened to f32, F64 is narrowed to f32
 * on request; I8 to I64 and U8 to U64 become i32 where every value fits; BOOL becomes bool. Every way
 * in which a file can be cut short or lie raises a WeftError that names the file and the tensor.
 * @param name the file's name, for errors
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  name = 'safetensors',
  options: DecodeOptions = {},
): SafetensorsFile {
  const { header, data } = split(bytes, name);
  const metadata = readMetadata(header.get(METADATA), name);
  const entries = [...header]
    .filter(([key]) => key !== METADATA)
    .map(([key, value]) => readEntry(key, value, name));
  checkLayout(entries, data.length, name);
  const tensors = Object.fromEntries(
    entries.map((entry) => {
      const where = `${name}: tensor '${entry.name}'`;
      const elements = readElements(
        where,
        entry.dtype,
        data.subarray(entry.begin, entry.end),
        options.narrow === true,
      );
      return [entry.name, { ...elements, shape: entry.shape }];
    }),
  );
  return { tensors, metadata };
}

function split(bytes: Uint8Array, name: string): { header: Map<string, unknown>; data: Uint8Array } {
  checkBytes(name, bytes);
  if (bytes.length < LENGTH_BYTES) fail(name, `${bytes.length} bytes are too short for a safetensors file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    fail(name, `header of ${length} bytes is over 100 MB; not a safetensors file?`);
  const end = LENGTH_BYTES + Number(length);
  if (end > bytes.length)
    fail(name, `header ends at byte ${end}, the file has ${bytes.length}; it is cut short`);
  let text: string;
  let parsed: unknown;
  try {
    // A copy: TextDecoder takes no shared memory. A byte order mark is no part of JSON.
    const coded = bytes.slice(LENGTH_BYTES, end);
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(coded);
    parsed = JSON.parse(text);
  } catch (error) {
    return fail(name, `header is not JSON (${(error as Error).message})`);
  }
  const record = asRecord(parsed) ?? fail(name, 'header is not a JSON object');
  const repeated = findRepeatedKey(text);
  if (repeated !== null) fail(name, `header names '${repeated}' twice`);
  return { header: new Map(Object.entries(record)), data: bytes.subarray(end) };
}

function readMetadata(value: unknown, name: string): Record<string, string> {
  if (value === undefined) return {};
  const record = asRecord(value) ?? fail(name, `${METADATA} is not an object`);
  for (const [key, text] of Object.entries(record)) {
    if (typeof text !== 'string') fail(name, `${METADATA} '${key}' is not a string`);
  }
  return record as Record<string, string>;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** A value as messages show it, unless it is nested, perhaps too deep to be shown. */
function shown(value: unknown): string {
  const isDeep = (one: unknown) => typeof one === 'object' && one !== null;
  const deep = Array.isArray(value) ? value.some(isDeep) : isDeep(value);
  return deep ? 'of lists or objects' : JSON.stringify(value);
}

function readEntry(name: string, value: unknown, file: string): Entry {
  const where = `${file}: tensor '${name}'`;
  const record = asRecord(value) ?? fail(where, 'its header entry is not an object');
  const { dtype, shape, data_offsets: offsets } = record;
  if (typeof dtype !== 'string') fail(where, 'dtype is missing or not a string');
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return fail(where, `shape ${shown(shape)} must hold whole numbers that are not negative`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail(where, `data_offsets ${shown(offsets)} must be two whole numbers that are not negative`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = sizeOf(shape) * elementBytes(where, dtype as string);
  if (!Number.isSafeInteger(bytes)) fail(where, `shape ${showShape(shape)} is too large`);
  if (end - begin !== bytes) {
    fail(
      where,
      `shape ${showShape(shape)} of ${dtype} takes ${bytes} bytes, ` +
        `data_offsets [${begin},${end}] give ${end - begin}`,
    );
  }
  return { name, dtype: dtype as string, shape: shape as number[], begin, end };
}

/** The tensors must cover the data without gaps and without sharing a byte. */
function checkLayout(entries: readonly Entry[], length: number, file: string): void {
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of sorted) {
    const where = `${file}: tensor '${name}'`;
    if (end > length)
      fail(
        where,
        `data_offsets [${begin},${end}] lie beyond the ${length} bytes of data; the file is cut short`,
      );
    if (begin < position)
      fail(where, `data_offsets [${begin},${end}] overlap another tensor, which ends at ${position}`);
    if (begin > position) fail(where, `data_offsets [${begin},${end}] leave a gap from ${position}`);
    position = end;
  }
  if (position !== length)
    fail(file, `${length - position} bytes of data after the last tensor belong to none`);
}
