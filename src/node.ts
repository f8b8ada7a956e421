import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { HostTensor } from './dtype.js';
import { fail } from './errors.js';
import { type CsvFile, type CsvOptions, decodeCsv } from './io/csv.js';
import { decodeIdx, type IdxFile } from './io/idx.js';
import {
  type DecodeOptions,
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
} from './io/safetensors.js';
import { readBytes, readPlain, why } from './node/files.js';

export { type CifarSets, type ImageSets, readCifar10, readCifar100, readMnist } from './node/datasets.js';
export { decodeImage } from './node/image.js';
export {
  type ImageFile,
  ImageFolder,
  type ImageFolderOptions,
  readImageFolder,
} from './node/image-folder.js';

/**
 * Writes `data` so that whoever opens `path` finds the old file or the new one, whole, after a crash too: a
 * temporary file beside it, flushed to the disk, then renamed. The temporary file is removed where
 * something fails.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(beside, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    fail(path, `can't be written (${why(error)})`);
  }
}

/** Reads a safetensors file; errors name the file and the tensor. See `decodeSafetensors` for the dtypes. */
export async function readSafetensors(path: string, options?: DecodeOptions): Promise<SafetensorsFile> {
  return decodeSafetensors(await readBytes(path), path, options);
}

/** Writes a safetensors file by {@link writeFileAtomic}. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

/** Reads an IDX file (the format of MNIST); a name that ends in `.gz` is unpacked first. */
export async function readIdx(path: string): Promise<IdxFile> {
  return decodeIdx(await readPlain(path), path);
}

/** Reads a table of numbers and labels; errors name the file, the line and the column. See `io.decodeCsv`. */
export async function readCsv(path: string, options?: CsvOptions): Promise<CsvFile> {
  return decodeCsv(new TextDecoder().decode(await readPlain(path)), path, options);
}
