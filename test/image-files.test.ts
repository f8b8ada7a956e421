import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataLoader, transformed, transforms } from '../src/data/index.js';
import type { ImageMode } from '../src/io/index.js';
import { decodeImage as decodeInPage } from '../src/io/index.js';
import { ImageDecoder } from '../src/node/image.js';
import { decodeImage, readImageFolder } from '../src/node.js';

interface Golden {
  readonly height: number;
  readonly width: number;
  readonly files: Record<string, Record<'file' | 'RGB' | 'L' | 'RGBA', string>>;
}
const golden = JSON.parse(readFileSync(new URL('./golden/images.json', import.meta.url), 'utf8')) as Golden;
const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const fileOf = (name: string) => bytes(golden.files[name]!.file);

describe('decodeImage', () => {
  const cases = Object.keys(golden.files).flatMap((name) =>
    (
      [
        ['RGB', 3],
        ['L', 1],
        ['RGBA', 4],
      ] as const
    ).map(([mode, channels]) => ({ name, mode, channels })),
  );
  it.each(cases)('reads $name as $mode, as Pillow does', async ({ name, mode, channels }) => {
    const { data, shape, dtype } = await decodeImage(fileOf(name), name, { mode });
    expect({ shape, dtype }).toEqual({ shape: [channels, golden.height, golden.width], dtype: 'u8' });
    expect([...data]).toEqual([...bytes(golden.files[name]![mode])]);
  });

  it.each([
    ['rgb.png', 3],
    ['rgba.png', 4],
    ['grey.png', 1],
    ['grey-alpha.png', 2],
    ['palette-alpha.png', 4],
    ['rgb.jpg', 3],
    ['grey.jpg', 1],
  ])('keeps the channels of %s if asked to', async (name, channels) => {
    const { data, shape } = await decodeImage(fileOf(name), name, { mode: 'unchanged' });
    expect(shape).toEqual([channels, golden.height, golden.width]);
    const mode = { 1: 'L', 3: 'RGB', 4: 'RGBA' }[channels];
    if (mode) expect([...data]).toEqual([...bytes(golden.files[name]![mode as 'L'])]);
  });

  it('takes the upper half of 16 bits', async () => {
    const data = Uint16Array.of(0, 0x1234, 0xffff, 0x80ff);
    const file = encode({ width: 2, height: 2, data, depth: 16, channels: 1 });
    expect([...(await decodeImage(file, 'deep.png', { mode: 'L' })).data]).toEqual([0, 0x12, 0xff, 0x80]);
  });

  const cut = (name: string, length: number) => fileOf(name).subarray(0, length);
  const changed = (name: string, at: number) => {
    const file = fileOf(name);
    file[at]! ^= 0x55;
    return file;
  };
  it.each<[string, () => Uint8Array, string]>([
    [
      'a JPEG cut short in its pixels',
      () => cut('rgb.jpg', fileOf('rgb.jpg').length - 40),
      "a.img: can't be decoded as JPEG (",
    ],
    ['a JPEG cut short in its tables', () => cut('rgb.jpg', 200), "a.img: can't be decoded as JPEG ("],
    ['a PNG cut short', () => cut('rgb.png', 150), "a.img: can't be decoded as PNG ("],
    ['a PNG with a changed byte', () => changed('rgb.png', 80), "a.img: can't be decoded as PNG ("],
    [
      'a text',
      () => new TextEncoder().encode('GIF89a'),
      'a.img: is neither PNG nor JPEG; it starts with the bytes 47 49 46 38',
    ],
    [
      'nothing',
      () => new Uint8Array(0),
      'a.img: is neither PNG nor JPEG; it starts with the bytes of an empty file',
    ],
  ])('names %s', async (_, file, message) => {
    await expect(decodeImage(file(), 'a.img')).rejects.toThrow(message);
    // A damaged file leaves the decoder whole.
    expect((await decodeImage(fileOf('rgb.jpg'))).shape).toEqual([3, 11, 13]);
  });

  it('reads a JPEG after any number of damaged ones', async () => {
    const decoder = new ImageDecoder();
    for (let i = 0; i < 300; i++)
      await expect(decoder.decode(cut('rgb.jpg', 200), 'cut.jpg')).rejects.toThrow('cut.jpg: ');
    const { data } = await decoder.decode(fileOf('rgb.jpg'), 'a.jpg');
    expect([...data]).toEqual([...bytes(golden.files['rgb.jpg']!.RGB)]);
  });

  it('tells damaged JPEGs from whole ones, with several at once and in several decoders', async () => {
    const [one, other] = [new ImageDecoder(), new ImageDecoder()];
    const whole = fileOf('rgb.jpg');
    const damaged = cut('rgb.jpg', whole.length - 40);
    await one.decode(whole, 'whole.jpg');
    await other.decode(whole, 'whole.jpg');
    const files = [whole, damaged, whole, damaged, whole];
    for (const decoder of [one, other]) {
      const results = await Promise.allSettled(files.map((file, i) => decoder.decode(file, `${i}.jpg`)));
      expect(results.map(({ status }) => status === 'fulfilled')).toEqual(
        files.map((file) => file === whole),
      );
    }
  });

  it('names an image that is too large for memory', async () => {
    const file = fileOf('rgb.jpg');
    const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
    file.fill(0xfe, frame + 5, frame + 9);
    await expect(decodeImage(file, 'huge.jpg')).rejects.toThrow(
      "huge.jpg: can't be decoded as JPEG (the image is too large)",
    );
  });

  it('names an interlaced PNG of few bits, which the package garbles', async () => {
    const file = fileOf('bits.png');
    file[28] = 1;
    await expect(decodeImage(file, 'laced.png')).rejects.toThrow(
      "laced.png: can't be decoded as PNG (interlaced with samples of",
    );
  });

  it('refuses an unknown mode, and in Node the one of pages', async () => {
    await expect(decodeImage(fileOf('rgb.png'), 'a.png', { mode: 'CMYK' as ImageMode })).rejects.toThrow(
      'a.png: mode must be RGB, L, RGBA or unchanged, got CMYK',
    );
    await expect(decodeInPage(fileOf('rgb.png'), 'a.png')).rejects.toThrow(
      'a.png: images are decoded by a page; in Node take decodeImage of weft/node',
    );
  });
});

describe('readImageFolder', () => {
  let root: string;
  const put = async (path: string, data: Uint8Array) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), data);
  };
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'weft-images-'));
    await put('set/dog/2.jpg', fileOf('rgb.jpg'));
    await put('set/dog/1.PNG', fileOf('palette.png'));
    await put('set/cat/more/9.jpeg', fileOf('grey.jpg'));
    await put('set/cat/b.png', fileOf('rgba.png'));
    await put('set/cat/notes.txt', new Uint8Array(3));
    await put('set/readme.md', new Uint8Array(3));
    await put('damaged/cat/1.jpg', fileOf('rgb.jpg').subarray(0, 300));
    await put('empty/cat/notes.txt', new Uint8Array(3));
    await put('empty/dog/1.png', fileOf('rgb.png'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('finds classes and files in ascending order, and decodes when it is asked', async () => {
    const folder = await readImageFolder(join(root, 'set'));
    expect(folder.classes).toEqual(['cat', 'dog']);
    expect(folder.samples.map(({ path }) => path.slice(root.length + 5))).toEqual([
      'cat/b.png',
      'cat/more/9.jpeg',
      'dog/1.PNG',
      'dog/2.jpg',
    ]);
    expect([...folder.targets]).toEqual([0, 0, 1, 1]);
    const [image, label] = await folder.get(3);
    expect(label).toEqual({ data: Int32Array.of(1), shape: [], dtype: 'i32' });
    expect([...image!.data]).toEqual([...bytes(golden.files['rgb.jpg']!.RGB)]);
    await expect(folder.get(4)).rejects.toThrow('ImageFolder: index 4 is outside its 4 samples');
  });

  it('follows links to folders', async () => {
    await mkdir(join(root, 'linked'));
    await symlink(join(root, 'set/cat'), join(root, 'linked/tiger'));
    await symlink(join(root, 'nowhere'), join(root, 'linked/gone'));
    const folder = await readImageFolder(join(root, 'linked'));
    expect(folder.classes).toEqual(['tiger']);
    expect(folder.samples.map(({ path }) => path.slice(root.length + 8))).toEqual([
      'tiger/b.png',
      'tiger/more/9.jpeg',
    ]);
  });

  it('gives batches through a transform', async () => {
    const folder = await readImageFolder(join(root, 'set'), { mode: 'L' });
    const { compose, resize, toTensor } = transforms;
    const loader = new DataLoader(transformed(folder, compose([resize([6, 5]), toTensor()])), {
      batchSize: 4,
      prefetch: 1,
    });
    for await (const [x, y] of loader) {
      expect(x!.shape).toEqual([4, 1, 6, 5]);
      expect([...y!.data]).toEqual([0, 0, 1, 1]);
    }
  });

  it('says what is wrong', async () => {
    const damaged = await readImageFolder(join(root, 'damaged'));
    await expect(damaged.get(0)).rejects.toThrow(
      `${join(root, 'damaged/cat/1.jpg')}: can't be decoded as JPEG (`,
    );
    await expect(readImageFolder(join(root, 'empty'))).rejects.toThrow(
      `${join(root, 'empty')}: no .png, .jpg or .jpeg file in cat`,
    );
    await expect(readImageFolder(join(root, 'set/dog'))).rejects.toThrow(
      'has no folders; each class needs one',
    );
    await expect(readImageFolder(join(root, 'none'))).rejects.toThrow(
      `${join(root, 'none')}: can't be read as a folder (`,
    );
  });
});
