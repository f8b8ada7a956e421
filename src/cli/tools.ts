import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fail } from '../errors.js';

/** The folder of the package whose command runs: a checkout, or `node_modules/weft`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
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

/** Reads a text file, or an error that names it. */
export const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: Error) => fail(path, `can't be read (${error.message})`));

/** Imports a user's file; TypeScript by tsx where that is installed, else by Node itself where it can. */
export async function importFile(path: string): Promise<Record<string, unknown>> {
  if (!existsSync(path)) fail(path, 'there is no such file');
  const url = pathToFileURL(path).href;
  if (/\.[cm]?ts$/.test(path)) await registerTsx();
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    if (codeOf(error) !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    return fail(path, "TypeScript needs the npm package 'tsx'; run 'npm install --save-dev tsx'");
  }
}

async function registerTsx(): Promise<void> {
  // In a variable so that bundlers leave the import alone.
  const specifier = 'tsx/esm/api';
  try {
    const { register } = (await import(specifier)) as { register(): unknown };
    register();
  } catch (error) {
    if (!isMissing(error, 'tsx')) throw error;
  }
}
