import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeIdx } from '../src/io/idx.js';
import { readIdx } from '../src/node.js';

const idx = (code: number, sizes: readonly number[], data: readonly number[]) =>
  Uint8Array.of(0, 0, code, sizes.length, ...sizes.flatMap((size) => [0, 0, size >> 8, size & 255]), ...data);

describe('idx', () => {
  it.each<[string, Uint8Array, unknown]>([
    ['u8', idx(8, [2, 2], [0, 1, 128, 255]), { data: Uint8Array.of(0, 1, 128, 255), shape: [2, 2] }],
    ['i8', idx(9, [2], [0x80, 0x7f]), { data: Int8Array.of(-128, 127), shape: [2] }],
    ['i16', idx(11, [2], [0xff, 0xfe, 1, 0]), { data: Int16Array.of(-2, 256), shape: [2] }],
    ['i32', idx(12, [1], [0xff, 0xff, 0xff, 0xfd]), { data: Int32Array.of(-3), shape: [1] }],
    ['f32', idx(13, [1], [0x3f, 0xc0, 0, 0]), { data: Float32Array.of(1.5), shape: [1] }],
    ['f64', idx(14, [1], [0xbf, 0xf8, 0, 0, 0, 0, 0, 0]), { data: Float64Array.of(-1.5), shape: [1] }],
    ['a scalar', idx(8, [], [7]), { data: Uint8Array.of(7), shape: [] }],
    ['nothing', idx(8, [0, 28], []), { data: new Uint8Array(0), shape: [0, 28] }],
  ])('reads %s', (_, bytes, wanted) => {
    expect(decodeIdx(bytes)).toEqual(wanted);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(decodeIdx(shifted.subarray(1))).toEqual(wanted);
  });

  it.each<[string, Uint8Array, string]>([
    ['empty', new Uint8Array(0), 'f: 0 bytes are too short'],
    [
      'an ArrayBuffer',
      new ArrayBuffer(4) as never,
      'f: the contents must be a Uint8Array, they are ArrayBuffer',
    ],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0), 'f: the file is compressed by gzip; unpack it first'],
    [
      'magic',
      Uint8Array.of(1, 2, 8, 0),
      'f: an IDX file starts with two zero bytes, this one with 0x01 0x02',
    ],
    ['type', idx(10, [1], [0]), 'f: element type 0x0a is not known to IDX'],
    ['sizes', Uint8Array.of(0, 0, 8, 2, 0, 0), 'f: the file ends at byte 6, within its 2 sizes'],
    ['cut', idx(8, [2, 3], [1, 2]), 'f: shape [2,3] asks for 18 bytes, the file has 14: it is cut short'],
    ['extra', idx(8, [1], [1, 2]), 'f: shape [1] asks for 9 bytes, the file has 10: 1 bytes are left over'],
    ['vast', Uint8Array.of(0, 0, 14, 2, ...new Array(8).fill(255)), 'it is cut short'],
  ])('refuses: %s', (_, bytes, message) => {
    expect(() => decodeIdx(bytes, 'f')).toThrow(message);
  });

  it('reads files, packed and plain', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-'));
    try {
      const bytes = idx(8, [2], [3, 4]);
      const [plain, packed, broken] = ['a', 'a.gz', 'b.gz'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await writeFile(plain, bytes);
      await writeFile(packed, gzipSync(bytes));
      await writeFile(broken, bytes);
      const wanted = { data: Uint8Array.of(3, 4), shape: [2] };
      expect(await readIdx(plain)).toEqual(wanted);
      expect(await readIdx(packed)).toEqual(wanted);
      await expect(readIdx(broken)).rejects.toThrow("b.gz: can't be unpacked by gzip");
      // A packed megabyte of zeros, more than a thousand times.
      const zeros = gzipSync(new Uint8Array(2 ** 20));
      await writeFile(broken, Buffer.concat(Array.from({ length: 1100 }, () => zeros)));
      await expect(readIdx(broken)).rejects.toThrow("b.gz: can't be unpacked by gzip (");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
