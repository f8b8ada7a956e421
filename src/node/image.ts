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

/** What is used of the npm package @jsquash/jpeg. */
interface Jpeg {
  init(module: WebAssembly.Module, options: { readonly printErr: (text: string) => void }): Promise<void>;
  default(
    bytes: Uint8Array,
  ): Promise<{ readonly data: Uint8ClampedArray; readonly width: number; readonly height: number }>;
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
  const jpeg = await importPackage<Jpeg>('@jsquash/jpeg', '@jsquash/jpeg/decode.js', where);
  const require = createRequire(import.meta.url);
  const wasm = await readFile(require.resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'));
  const said: string[] = [];
  await jpeg.init(new WebAssembly.Module(wasm), { printErr: (text) => said.push(text) });
  return async (bytes) => {
    said.length = 0;
    const image = await jpeg.default(bytes).catch((error) => {
      throw new Error(said.join('; ') || messageOf(error));
    });
    // libjpeg fills what is missing with grey and only says so.
    if (said.length > 0) throw new Error(said.join('; '));
    return { ...image, channels: 4 };
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
