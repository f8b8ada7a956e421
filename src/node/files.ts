import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fail, messageOf } from '../errors.js';

const unzip = promisify(gunzip);

/** What Node reads at once: less than 2 GiB. */
const MOST_AT_ONCE = 2 ** 31 - 1;
/** What a packed file may come to: a few packed megabytes could fill all memory. */
const MOST_UNPACKED = 2 ** 30;

/**
 * A file's bytes; an error that names it where it can't be read.
 * @param most bytes that are asked for at once
 */
export async function readBytes(path: string, most = MOST_AT_ONCE): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      return size <= most ? await file.readFile() : await readPieces(file, size, most);
    } finally {
      await file.close();
    }
  } catch (error) {
    return fail(path, `can't be read (${messageOf(error)})`);
  }
}

async function readPieces(file: FileHandle, size: number, most: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let end = 0;
  while (end < size) {
    const { bytesRead } = await file.read(bytes, end, Math.min(size - end, most), end);
    if (bytesRead === 0) break;
    end += bytesRead;
  }
  return bytes.subarray(0, end);
}

/** A file's bytes; a name that ends in `.gz` is unpacked. */
export async function readPlain(path: string): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  if (!path.endsWith('.gz')) return bytes;
  try {
    return await unzip(bytes, { maxOutputLength: MOST_UNPACKED, chunkSize: 2 ** 20 });
  } catch (error) {
    return fail(path, `can't be unpacked by gzip (${messageOf(error)})`);
  }
}

/** Names in a folder, in ascending order; an error that names it where it can't be read. */
async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    return fail(folder, `can't be read as a folder (${messageOf(error)})`);
  }
}

/**
 * The path of each wanted file, whose first known name is taken. Where files are missing the error names them all, and
 * says where the original comes from.
 */
export async function findFiles(
  folder: string,
  wanted: readonly (readonly string[])[],
  origin: string,
): Promise<string[]> {
  const present = new Set(await listFolder(folder));
  const found = wanted.map((names) => names.find((name) => present.has(name)));
  const missing = wanted.filter((_, i) => found[i] === undefined).map((names) => names[0]);
  if (missing.length > 0) fail(folder, `${missing.join(', ')} missing; ${origin}`);
  return found.map((name) => join(folder, name!));
}
