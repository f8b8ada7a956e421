import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fail, messageOf } from '../errors.js';

/** The folder of the package whose command runs: a checkout, or `node_modules/weft`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** Makes the folder of a file that is to be written in the end; an error at once where the file can't be. */
export async function expectWritable(file: string): Promise<void> {
  // Of a link, what it leads to is written.
  const folder = dirname(await realpath(file).catch(() => resolve(file)));
  let held = folder;
  while (!existsSync(held) && held !== dirname(held)) held = dirname(held);
  try {
    // What may be written is best learned by writing: rights tell little of mounts, and nothing to an administrator.
    // Before `mkdir`, which in Node never ends where a folder that is there takes none, as below /proc.
    await rmdir(await mkdtemp(join(held, '.weft-')));
    await mkdir(folder, { recursive: true });
  } catch (error) {
    fail(file, `can't be written (${messageOf(error)})`);
  }
  const there = await stat(file).catch(() => null);
  // The file is replaced, which a device or a pipe must not be.
  if (there && !there.isFile())
    fail(file, `can't be written (it is ${there.isDirectory() ? 'a folder' : 'no plain file'})`);
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

/** Whether an import failed because `name` is not installed. */
const isMissing = (error: unknown, name: string): boolean =>
  codeOf(error) === 'ERR_MODULE_NOT_FOUND' && (error as Error).message.includes(`'${name}`);

/** Imports an optional package; an error that says how to install it where it is missing. */
export async function importTool<T>(command: string, specifier: string): Promise<T> {
  const name = specifier.split('/')[0]!;
  try {
    return (await import(specifier)) as T;
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    return fail(command, `needs the npm package '${name}'; run 'npm install --save-dev ${name}'`);
  }
}

/** Imports a user's file; TypeScript by tsx where that is installed, else by Node itself where it can. */
export async function importFile(path: string): Promise<Record<string, unknown>> {
  if (!existsSync(path)) fail(path, 'there is no such file');
  const plain = /\.[cm]?ts$/.test(path) && !(await registerTsx());
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    // Node itself takes no TypeScript before 22.18, and no import of './x.js' where x.ts is meant.
    const tsxHelps = ['ERR_UNKNOWN_FILE_EXTENSION', 'ERR_MODULE_NOT_FOUND'].includes(String(codeOf(error)));
    if (!plain || !tsxHelps) throw error;
    const advice = "TypeScript needs the npm package 'tsx'; run 'npm install --save-dev tsx'";
    return fail(path, `${(error as Error).message}; ${advice}`);
  }
}

/** Lets Node import TypeScript by tsx; false where that is not installed. */
async function registerTsx(): Promise<boolean> {
  // In a variable so that bundlers leave the import alone.
  const specifier = 'tsx/esm/api';
  try {
    const { register } = (await import(specifier)) as { register(): unknown };
    register();
    return true;
  } catch (error) {
    if (!isMissing(error, 'tsx')) throw error;
    return false;
  }
}
