import { randomUUID } from 'node:crypto';
import { access, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostTensor } from './dtype.js';
import { fail, messageOf } from './errors.js';
import { type CsvFile, type CsvOptions, decodeCsv } from './io/csv.js';
import { decodeIdx, type IdxFile } from './io/idx.js';
import {
  type DecodeOptions,
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
} from './io/safetensors.js';
import { readBytes, readPlain } from './node/files.js';
import type { Picture } from './plot/picture.js';
import { type CheckpointOptions, type CheckpointParts, checkpoint, restore } from './train/index.js';

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
 * something fails. Where `path` is a link, the file that it leads to is replaced; folders
 * that are missing are made.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const beside = `${target}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(target), { recursive: true });
    const file = await open(beside, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, target);
  } catch (error) {
    // The first error is the one that tells.
    await rm(beside, { force: true }).catch(() => {});
    fail(path, `can't be written (${messageOf(error)})`);
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

/** Writes the states of parts, by `train.checkpoint`, as one file; one that is there stays whole until the new one is. */
export async function saveCheckpoint(path: string, parts: CheckpointParts): Promise<void> {
  const { tensors, metadata } = await checkpoint(parts);
  await writeSafetensors(path, tensors, metadata);
}

/** Takes up what `saveCheckpoint` wrote, by `train.restore`: errors name file, part and tensor, and change nothing. */
export async function loadCheckpoint(path: string, parts: CheckpointParts): Promise<void> {
  await restore(parts, await readSafetensors(path), { file: path });
}

/** What `train.fit` takes as `checkpoint`: one file, which each save replaces whole or not at all. */
export function checkpointTo(path: string, options: Omit<CheckpointOptions, 'save'> = {}): CheckpointOptions {
  return { ...options, save: ({ tensors, metadata }) => writeSafetensors(path, tensors, metadata) };
}

/** What `train.fit` takes as `resume`; null where there is no file yet, and the run is a new one. */
export async function readCheckpoint(path: string): Promise<(SafetensorsFile & { name: string }) | null> {
  try {
    await access(path);
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null;
    fail(path, `can't be read (${messageOf(error)})`);
  }
  return { ...(await readSafetensors(path)), name: path };
}

/** Reads an IDX file (the format of MNIST); a name that ends in `.gz` is unpacked first. */
export async function readIdx(path: string): Promise<IdxFile> {
  return decodeIdx(await readPlain(path), path);
}

/** Reads a table of numbers and labels in UTF-8; errors name the file, the line and the column. See `io.decodeCsv`. */
export async function readCsv(path: string, options?: CsvOptions): Promise<CsvFile> {
  const bytes = await readPlain(path);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // Labels that differ by what can't be decoded would become one.
    return fail(path, 'is not in UTF-8; save it so');
  }
  return decodeCsv(text, path, options);
}

/**
 * Writes a picture of `weft/plot` by {@link writeFileAtomic}, as SVG or as PNG as the path's ending says.
 * @param scale pixels of a PNG for each of the picture's own, default 2
 */
export async function savePicture(path: string, picture: Picture, { scale = 2 } = {}): Promise<void> {
  const ending = /\.(svg|png)$/i.exec(path)?.[1]?.toLowerCase();
  if (!ending) fail(path, 'must end in .svg or .png, which says what is written');
  await writeFileAtomic(path, ending === 'svg' ? picture.svg() : await picture.png({ scale }));
}
