import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fail, messageOf } from '../errors.js';
import { type DecodedImage, type ImageMode, type Pixels, toImage } from '../io/pixels.js';

/** What is used of the npm package fast-png. */
interface Png {
  decode(bytes: Uint8Array, options: { readonly checkCrc: boolean }): DecodedPng;
  convertIndexedToRgb(png: DecodedPng): Uint8Array;
}
interface DecodedPng {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array;
  readonly depth: number;
  readonly channels: number;
  readonly palette?: readonly (readonly number[])[];
}

/** What is used of the npm package @jsquash/jpeg: its codec, a wasm module that each call makes an instance of. */
type MakeJpegCodec = (options: {
  readonly instantiateWasm: (
    imports: WebAssembly.Imports,
    take: (instance: WebAssembly.Instance) => void,
  ) => unknown;
  readonly printErr: (text: string) => void;
}) => Promise<JpegCodec>;
interface JpegCodec {
  decode(
    bytes: Uint8Array,
    preserveOrientation: boolean,
  ): { readonly data: Uint8ClampedArray; readonly width: number; readonly height: number } | null;
}

/** Decodes files of one kind; throws what is wrong with one. */
type Decoder = (bytes: Uint8Array) => Pixels | Promise<Pixels>;

/** Imports an optional package; an error that says how to install it. */
async function importPackage<T>(name: string, specifier: string, where: string): Promise<T> {
  try {
    return (await import(specifier)) as T;
  } catch (error) {
    return fail(
      where,
      `decoding it needs the npm package '${name}' (${messageOf(error)}); run 'npm install ${name}'`,
    );
  }
}

async function pngDecoder(where: string): Promise<Decoder> {
  const png = await importPackage<Png>('fast-png', 'fast-png', where);
  return (bytes) => {
    // Of the header: bits of a sample at byte 24, how it is interlaced at byte 28.
    if (bytes[24]! < 8 && bytes[28] === 1)
      throw new Error(`interlaced with samples of ${bytes[24]} bits, which fast-png does not read`);
    const image = png.decode(bytes, { checkCrc: true });
    const { width, height, depth } = image;
    if (image.palette) {
      const channels = image.palette[0]!.length;
      return { width, height, channels, data: png.convertIndexedToRgb(image) };
    }
    return { width, height, channels: image.channels, data: bytesOf(image, depth) };
  };
}

/** Samples of 1, 2, 4, 8 or 16 bits, in rows of whole bytes, as samples of 8 bits. */
function bytesOf({ data, width, height, channels }: DecodedPng, depth: number): Uint8Array {
  if (depth === 8) return Uint8Array.from(data);
  if (depth === 16) return Uint8Array.from(data, (value) => value >> 8);
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  const most = 2 ** depth - 1;
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * rowBytes + (bit >> 3)]!;
    return ((byte >> (8 - depth - (bit & 7))) & most) * (255 / most);
  });
}

async function jpegDecoder(where: string): Promise<Decoder> {
  const path = '@jsquash/jpeg/codec/dec/mozjpeg_dec';
  const { default: make } = await importPackage<{ default: MakeJpegCodec }>(
    '@jsquash/jpeg',
    `${path}.js`,
    where,
  );
  const require = createRequire(import.meta.url);
  const wasm = new WebAssembly.Module(await readFile(require.resolve(`${path}.wasm`)));
  const said: string[] = [];
  const start = () =>
    make({
      instantiateWasm(imports, take) {
        const instance = new WebAssembly.Instance(wasm, imports);
        take(instance);
        return instance.exports;
      },
      printErr: (text) => said.push(text),
    });
  let codec = await start();
  const decode = async (bytes: Uint8Array): Promise<Pixels> => {
    said.length = 0;
    try {
      const image = codec.decode(bytes, false);
      // libjpeg fills what is missing with grey and only says so.
      if (image && said.length === 0) return { ...image, channels: 4 };
    } catch (error) {
      // What is no Error is an exception of C++: there was no memory.
      if (said.length === 0) said.push(error instanceof Error ? error.message : 'the image is too large');
    }
    const why = said.join('; ') || 'no reason is given';
    // A codec that failed may fail on whatever comes next.
    codec = await start();
    throw new Error(why);
  };
  // One file after the other: what is said is about the one under way.
  let last: Promise<unknown> = Promise.resolve();
  return (bytes) => {
    const next = last.then(() => decode(bytes));
    last = next.catch(() => {});
    return next;
  };
}

const PNG = [0x89, 0x50, 0x4e, 0x47];
const JPEG = [0xff, 0xd8, 0xff];
const startsWith = (bytes: Uint8Array, start: readonly number[]) =>
  start.every((byte, i) => bytes[i] === byte);

/** Number of colour components that a JPEG's frame header (SOF) says; null where there is none. */
function jpegComponents(bytes: Uint8Array): number | null {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    // C4, C8 and CC among C0 to CF are tables, not frames.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return bytes[at + 9]!;
    at += 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
  }
  return null;
}

/** Decodes PNG by fast-png and JPEG by @jsquash/jpeg, each imported when the first file of its kind comes. */
export class ImageDecoder {
  #png: Promise<Decoder> | undefined;
  #jpeg: Promise<Decoder> | undefined;

  /** The pixels of a file; a WeftError that names it where it is damaged or of another kind. */
  async decode(bytes: Uint8Array, name: string, mode: ImageMode = 'RGB'): Promise<DecodedImage> {
    const isJpeg = startsWith(bytes, JPEG);
    if (!isJpeg && !startsWith(bytes, PNG)) {
      const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0'));
      fail(
        name,
        `is neither PNG nor JPEG; it starts with the bytes ${start.join(' ') || 'of an empty file'}`,
      );
    }
    this.#png ??= isJpeg ? undefined : pngDecoder(name);
    this.#jpeg ??= isJpeg ? jpegDecoder(name) : undefined;
    const decoder = await (isJpeg ? this.#jpeg! : this.#png!);
    let pixels: Pixels;
    try {
      pixels = await decoder(bytes);
    } catch (error) {
      return fail(name, `can't be decoded as ${isJpeg ? 'JPEG' : 'PNG'} (${messageOf(error)})`);
    }
    const isGrey = isJpeg && mode === 'unchanged' && jpegComponents(bytes) === 1;
    return toImage(name, pixels, isJpeg && mode === 'unchanged' ? (isGrey ? 'L' : 'RGB') : mode);
  }
}

/**
 * The pixels of a PNG or JPEG file, as bytes [channels, height, width]. Needs the npm package fast-png or @jsquash/jpeg.
 * Raises a WeftError that names the file where it is damaged or of another kind.
 * @param name the file's name, for errors
 */
export const decodeImage = (
  bytes: Uint8Array,
  name = 'image',
  { mode = 'RGB' }: { readonly mode?: ImageMode } = {},
): Promise<DecodedImage> => new ImageDecoder().decode(bytes, name, mode);
