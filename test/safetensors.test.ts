import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../src/dtype.js';
import { decodeSafetensors, encodeSafetensors } from '../src/io/safetensors.js';
import { readBytes } from '../src/node/files.js';
import { readSafetensors, writeFileAtomic, writeSafetensors } from '../src/node.js';

const golden = fileURLToPath(new URL('./golden/numpy.safetensors', import.meta.url));

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

const tensors: fc.Arbitrary<HostTensor> = shapes.chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  const exactly = { minLength: length, maxLength: length };
  return fc.oneof(
    fc.float32Array(exactly).map((data) => ({ data, shape, dtype: 'f32' as const })),
    fc.int32Array(exactly).map((data) => ({ data, shape, dtype: 'i32' as const })),
    fc.uint8Array({ ...exactly, max: 1 }).map((data) => ({ data, shape, dtype: 'bool' as const })),
  );
});

/** A file with this header and so many bytes of data. */
function file(header: unknown, dataBytes = 0, length?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  it('gives back what was written', () => {
    const files = fc.record({
      tensors: fc.dictionary(
        fc.string().filter((name) => name !== '__metadata__'),
        tensors,
        { noNullPrototype: true },
      ),
      metadata: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
    });
    fc.assert(
      fc.property(files, (wanted) => {
        const bytes = encodeSafetensors(wanted.tensors, wanted.metadata);
        expect(decodeSafetensors(bytes)).toEqual(wanted);
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
      }),
    );
  });

  it('never fails other than by an error that names the file', () => {
    const whole = encodeSafetensors({ a: { data: Float32Array.of(1, 2), shape: [2], dtype: 'f32' } });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, end) => {
        const bytes = whole.slice(0, end);
        if (at < end) bytes[at] = byte;
        try {
          decodeSafetensors(bytes, 'model.st');
        } catch (error) {
          expect((error as Error).name).toBe('WeftError');
          expect((error as Error).message).toMatch(/^model\.st: /);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads what the Python package writes', async () => {
    const { tensors, metadata } = await readSafetensors(golden, { narrow: true });
    expect(metadata).toEqual({ format: 'np', text: 'ä "quoted"' });
    const f32 = (shape: number[], ...values: number[]) => ({
      data: Float32Array.from(values),
      shape,
      dtype: 'f32',
    });
    const i32 = (shape: number[], ...values: number[]) => ({
      data: Int32Array.from(values),
      shape,
      dtype: 'i32',
    });
    expect(tensors).toEqual({
      f32: f32([2, 3], 1.5, -2.25, 0, 3e38, 1e-40, -0),
      f64: f32([2], 0.1, Number.NEGATIVE_INFINITY),
      f16: f32([5], 1, -0.333251953125, 65504, 2 ** -24, Number.POSITIVE_INFINITY),
      bf16: f32([3], 1, -3.140625, 3.3895313892515355e38),
      i32: i32([2], -2147483648, 2147483647),
      i64: i32([2, 1], -2147483648, 7),
      u8: i32([3], 0, 1, 255),
      bool: { data: Uint8Array.of(1, 0, 1), shape: [3], dtype: 'bool' },
      scalar: f32([], 42),
      empty: f32([2, 0, 3]),
    });
    await expect(readSafetensors(golden)).rejects.toThrow("tensor 'f64': F64 would lose digits as f32");
  });

  it('reads a view that does not start at an aligned byte', () => {
    const bytes = encodeSafetensors({ a: { data: Float32Array.of(1.5), shape: [1], dtype: 'f32' } });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeSafetensors(shifted.subarray(3)).tensors.a?.data).toEqual(Float32Array.of(1.5));
  });

  it('reads all whole numbers that fit', () => {
    const dtypes = { I8: 1, I16: 2, I32: 4, I64: 8, U8: 1, U16: 2, U32: 4, U64: 8 };
    for (const [dtype, bytes] of Object.entries(dtypes)) {
      const two = file({ a: entry(0, 2 * bytes, [2], dtype) }, 2 * bytes);
      two.fill(dtype.startsWith('I') ? 0xff : 0, -2 * bytes, -bytes);
      two[two.length - bytes] = 0x7f;
      const least = dtype.startsWith('I') ? -1 : 0;
      expect(decodeSafetensors(two).tensors.a).toEqual({
        data: Int32Array.of(least, 0x7f),
        shape: [2],
        dtype: 'i32',
      });
    }
  });

  it('reads long texts and shared memory', () => {
    const text = 'a"\\{'.repeat(5_000_000);
    const bytes = encodeSafetensors({}, { text });
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    expect(decodeSafetensors(shared).metadata.text === text).toBe(true);
  });

  const int64 = file({ a: entry(0, 8, [1], 'I64') }, 8);
  int64[int64.length - 1] = 1;
  const bool = file({ a: entry(0, 1, [1], 'BOOL') }, 1);
  bool[bool.length - 1] = 2;

  it.each<[string, Uint8Array, string]>([
    ['empty file', new Uint8Array(0), 'm: 0 bytes are too short'],
    [
      'header beyond the file',
      file('{}', 0, 99),
      'm: header ends at byte 107, the file has 10; it is cut short',
    ],
    ['huge header', file('{}', 0, 100_000_001), 'm: header of 100000001 bytes is over 100 MB'],
    ['no JSON', file('{"a'), 'm: header is not JSON'],
    ['no UTF-8', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff), 'm: header is not JSON'],
    ['no object', file([]), 'm: header is not a JSON object'],
    ['name twice', file('{"a":{"shape":[]},"\\u0061":{}}'), "m: header names 'a' twice"],
    ['metadata', file({ __metadata__: { k: 1 } }), "m: __metadata__ 'k' is not a string"],
    ['entry', file({ a: 1 }), "m: tensor 'a': its header entry is not an object"],
    ['no dtype', file({ a: { shape: [], data_offsets: [0, 4] } }, 4), "m: tensor 'a': dtype is missing"],
    ['unknown dtype', file({ a: entry(0, 4, [1], 'Q4') }, 4), "m: tensor 'a': dtype 'Q4' is not known"],
    ['inherited dtype', file({ a: entry(0, 4, [1], 'toString') }, 4), "dtype 'toString' is not known"],
    ['negative size', file({ a: entry(0, 4, [-1]) }, 4), "m: tensor 'a': shape [-1] must hold whole numbers"],
    [
      'deep shape',
      file(`{"a":{"dtype":"F32","shape":${'['.repeat(1e5)}${']'.repeat(1e5)},"data_offsets":[0,0]}}`),
      "m: tensor 'a': shape of lists or objects must hold whole numbers",
    ],
    ['huge shape', file({ a: entry(0, 4, [1e15, 1e15]) }, 4), "m: tensor 'a': shape [1000000000000000,"],
    ['offsets', file({ a: { dtype: 'F32', shape: [], data_offsets: [0] } }), 'must be two whole numbers'],
    ['negative offset', file({ a: entry(-4, 0, [1]) }), 'must be two whole numbers'],
    [
      'size mismatch',
      file({ a: entry(0, 4, [2]) }, 4),
      'shape [2] of F32 takes 8 bytes, data_offsets [0,4] give 4',
    ],
    [
      'beyond the data',
      file({ a: entry(0, 8) }, 4),
      "m: tensor 'a': data_offsets [0,8] lie beyond the 4 bytes",
    ],
    ['overlap', file({ a: entry(0, 8), b: entry(4, 12) }, 12), "m: tensor 'b': data_offsets [4,12] overlap"],
    [
      'gap',
      file({ a: entry(0, 4), b: entry(8, 12) }, 12),
      "m: tensor 'b': data_offsets [8,12] leave a gap from 4",
    ],
    ['left over', file({ a: entry(0, 4) }, 8), 'm: 4 bytes of data after the last tensor belong to none'],
    ['byte order mark', file('\ufeff{}'), 'm: header is not JSON'],
    [
      'an ArrayBuffer',
      new ArrayBuffer(9) as never,
      'm: the contents must be a Uint8Array, they are ArrayBuffer',
    ],
    [
      'large U32',
      file({ a: entry(0, 4, [1], 'U32') }, 4).map((byte, i, all) => (i === all.length - 1 ? 0x80 : byte)),
      "m: tensor 'a': element 0 is 2147483648, which does not fit an i32",
    ],
    ['large I64', int64, "m: tensor 'a': element 0 is 72057594037927936, which does not fit an i32"],
    ['bad BOOL', bool, "m: tensor 'a': element 0 of BOOL is 2, neither 0 nor 1"],
  ])('refuses: %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'm')).toThrow(message);
  });

  it('refuses to write what does not fit', () => {
    const tensor = { data: Float32Array.of(1), shape: [2], dtype: 'f32' } as const;
    expect(() => encodeSafetensors({ w: tensor })).toThrow("tensor 'w': shape [2] needs 2 elements, got 1");
    expect(() => encodeSafetensors({ __metadata__: { ...tensor, shape: [1] } })).toThrow(
      "named '__metadata__'",
    );
    const wide = { data: Float64Array.of(0.5), shape: [1], dtype: 'i32' } as const;
    expect(() => encodeSafetensors({ w: wide })).toThrow("tensor 'w': a Float64Array can't hold i32[1]");
    const bytes = { data: Uint8Array.of(7), shape: [1], dtype: 'u8' } as never;
    expect(() => encodeSafetensors({ w: bytes })).toThrow("tensor 'w': a Uint8Array can't hold u8[1]");
    expect(() => encodeSafetensors({ w: null as never })).toThrow("tensor 'w': is no tensor, it is null");
    // None of these could be read again, by Weft or by others.
    expect(() => encodeSafetensors({}, { epoch: 3 as never })).toThrow("metadata 'epoch' is not a string");
    expect(() => encodeSafetensors({}, { text: '\ud83d' })).toThrow("metadata 'text': ");
    expect(() => encodeSafetensors({ 'a\udc00': { ...tensor, shape: [1] } })).toThrow(
      '"a\\udc00" has half of a surrogate pair, at 1',
    );
  });

  it('reads large files in pieces, and replaces what a link leads to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-'));
    try {
      const path = join(folder, 'one');
      const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
      await writeFile(path, bytes);
      for (const most of [1, 7, 500, 999, 1000, 1001])
        expect(Uint8Array.from(await readBytes(path, most))).toEqual(bytes);
      const link = join(folder, 'latest.safetensors');
      await symlink(path, link);
      await writeSafetensors(link, {});
      expect((await lstat(link)).isSymbolicLink()).toBe(true);
      expect(await readSafetensors(path)).toEqual({ tensors: {}, metadata: {} });
      expect(await readdir(folder)).toEqual(['latest.safetensors', 'one']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('writes files whole or not at all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-'));
    try {
      const path = join(folder, 'm.safetensors');
      const w: HostTensor = { data: Float32Array.of(1, 2), shape: [2], dtype: 'f32' };
      await writeSafetensors(path, { w }, { epoch: '3' });
      expect(await readSafetensors(path)).toEqual({ tensors: { w }, metadata: { epoch: '3' } });
      const before = await readFile(path);
      await writeSafetensors(join(folder, 'runs/1/m.safetensors'), { w });
      expect((await readSafetensors(join(folder, 'runs/1/m.safetensors'))).tensors).toEqual({ w });
      await expect(writeSafetensors(path, { w: { ...w, shape: [3] } })).rejects.toThrow("tensor 'w'");
      const taken = join(folder, 'taken');
      await mkdir(taken);
      await expect(writeFileAtomic(taken, 'x')).rejects.toThrow(`${taken}: can't be written`);
      expect(await readFile(path)).toEqual(before);
      expect(await readdir(folder)).toEqual(['m.safetensors', 'runs', 'taken']);
      await expect(readSafetensors(join(folder, 'none'))).rejects.toThrow("none: can't be read");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
