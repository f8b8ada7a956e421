import { randomUUID } from 'node:crypto';
import { access, open, readFile, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { HostTensor } from './dtype.js';
import { fail } from './errors.js';
import { decodeIdx, type IdxFile } from './io/idx.js';
import {
  type DecodeOptions,
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
} from './io/safetensors.js';
import type { Picture } from './plot/picture.js';

import { type CheckpointOptions, type CheckpointParts, checkpoint, restore } from './train/index.js';

const unzip = promisify(gunzip);
const why = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    return fail(path, `can't be read (${why(error)})`);
  }
}

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
    // The first error is the one that tells.
    await rm(beside, { force: true }).catch(() => {});
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
    fail(path, `can't be read (${why(error)})`);
  }
  return { ...(await readSafetensors(path)), name: path };
}

/** Reads an IDX file (the format of MNIST); a name that ends in `.gz` is unpacked first. */
export async function readIdx(path: string): Promise<IdxFile> {
  const bytes = await readBytes(path);
  if (!path.endsWith('.gz')) return decodeIdx(bytes, path);
  let plain: Uint8Array;
  try {
    plain = await unzip(bytes);
  } catch (error) {
    return fail(path, `can't be unpacked by gzip (${why(error)})`);
  }
  return decodeIdx(plain, path);
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
