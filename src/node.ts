import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
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
