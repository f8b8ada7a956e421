import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ByteTensor, checkIndex, type Dataset } from '../data/sample.js';
import type { HostTensor } from '../dtype.js';
import { fail, messageOf } from '../errors.js';
import type { ImageMode } from '../io/pixels.js';
import { readBytes } from './files.js';
import { ImageDecoder } from './image.js';

const EXTENSIONS = /\.(png|jpe?g)$/i;

export interface ImageFolderOptions {
  /** Default RGB. */
  readonly mode?: ImageMode;
}

/** A file and the place of its class. */
export interface ImageFile {
  readonly path: string;
  readonly label: number;
}

/** Images in a folder per class. Each is read and decoded when it is asked for. */
export class ImageFolder implements Dataset<ByteTensor | HostTensor> {
  readonly #decoder = new ImageDecoder();

  constructor(
    /** Names of the classes' folders, in ascending order. */
    readonly classes: readonly string[],
    readonly samples: readonly ImageFile[],
    readonly mode: ImageMode,
  ) {}

  get length(): number {
    return this.samples.length;
  }

  /** The label of each sample, as a stratified split wants them. */
  get targets(): Int32Array {
    return Int32Array.from(this.samples, ({ label }) => label);
  }

  /** An image u8 [channels, height, width] and its label, i32 []. */
  async get(index: number): Promise<(ByteTensor | HostTensor)[]> {
    checkIndex('ImageFolder', index, this.length);
    const { path, label } = this.samples[index]!;
    const image = await this.#decoder.decode(await readBytes(path), path, this.mode);
    return [image, { data: Int32Array.of(label), shape: [], dtype: 'i32' }];
  }
}

/** Names in a folder in ascending order, and which of them are folders or links to one. */
async function entriesOf(folder: string) {
  try {
    const entries = (await readdir(folder, { withFileTypes: true })).map(async (entry) => {
      const { name } = entry;
      if (!entry.isSymbolicLink()) return { name, isFolder: entry.isDirectory() };
      const target = await stat(join(folder, name)).catch(() => null);
      return { name, isFolder: target?.isDirectory() ?? false };
    });
    return (await Promise.all(entries)).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    return fail(folder, `can't be read as a folder (${messageOf(error)})`);
  }
}

/** Paths of the images in a folder and below it, in ascending order. */
async function imagesBelow(folder: string): Promise<string[]> {
  const entries = await entriesOf(folder);
  const lists = await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isFolder) return imagesBelow(path);
      return EXTENSIONS.test(entry.name) ? [path] : [];
    }),
  );
  return lists.flat();
}

/**
 * A folder with a folder of PNG and JPEG images for each class, as torchvision's ImageFolder: `root/cat/1.jpg`. Classes are
 * the folders' names in ascending order. Only names are read now; an image is decoded when its sample is asked for.
 * Raises a WeftError for a folder without classes, and for classes without images.
 */
export async function readImageFolder(
  folder: string,
  { mode = 'RGB' }: ImageFolderOptions = {},
): Promise<ImageFolder> {
  const classes = (await entriesOf(folder)).filter((entry) => entry.isFolder).map(({ name }) => name);
  if (classes.length === 0) fail(folder, 'has no folders; each class needs one, which holds its images');
  const lists = await Promise.all(classes.map((name) => imagesBelow(join(folder, name))));
  const empty = classes.filter((_, i) => lists[i]!.length === 0);
  if (empty.length > 0) fail(folder, `no .png, .jpg or .jpeg file in ${empty.join(', ')}`);
  const samples = lists.flatMap((paths, label) => paths.map((path) => ({ path, label })));
  return new ImageFolder(classes, samples, mode);
}
