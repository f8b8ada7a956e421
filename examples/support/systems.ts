import { mkdir, readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BackendKind, open } from 'weft';
import { writeFileAtomic } from 'weft/node';
import { type Claim, type Example, MissingData, type Run, type Size } from './example.js';
import { startProgress } from './progress.js';
import { judge, type SystemResult } from './report.js';

const FAMILIES = 'GPAMCTRD';

export interface SystemOptions {
  readonly size: Size;
  readonly backend: BackendKind;
  /** Of the wasm device; undefined leaves it to the device. */
  readonly threads: number | undefined;
  readonly seed: number;
  /** Where data sets lie that no package carries. */
  readonly data: string | undefined;
  /** The folder in which each system's pictures get one of their own. */
  readonly out: string;
  /** Leaves out what a system prints and how far it is. */
  readonly quiet?: boolean;
}

const examples = fileURLToPath(new URL('..', import.meta.url));
export const familyOf = (id: string) => id[0]!;
const placeOf = (id: string) => 1000 * FAMILIES.indexOf(familyOf(id)) + Number(id.slice(1));

/** Every system's folder by its id, in the order of the families. */
export async function systemFolders(): Promise<Map<string, string>> {
  const names = await readdir(examples);
  const found = names.flatMap((name): [string, string][] => {
    const id = /^([a-z]\d+)-/.exec(name)?.[1]?.toUpperCase();
    return id ? [[id, name]] : [];
  });
  return new Map(found.sort(([a], [b]) => placeOf(a) - placeOf(b)));
}

export async function loadSystem(folder: string): Promise<Example> {
  const { default: example } = (await import(`../${folder}/main.ts`)) as { default: Example };
  return example;
}

/** Runs one system on a device of its own; what it throws is its result's `error`. */
export async function runSystem(folder: string, options: SystemOptions): Promise<SystemResult> {
  const { size, backend, threads, seed } = options;
  const { id, title, run } = await loadSystem(folder);
  const device = await open(backend, { seed, threads });
  const claims: Claim[] = [];
  const pictures: string[] = [];
  const out = resolve(options.out, folder);
  const given: Run = {
    device,
    backend,
    size,
    seed,
    data: options.data,
    pick: (values) => (size === 'slice' ? (values.slice ?? values.fast) : values[size]),
    progress: (label, total) =>
      options.quiet ? { update() {}, stop() {} } : startProgress(`${id} ${label}`, total),
    print: (text) => {
      if (!options.quiet) console.log(text);
    },
    claim: (claim) => void claims.push(claim),
    async picture(name, picture) {
      await mkdir(out, { recursive: true });
      const path = join(out, `${name}.svg`);
      await writeFileAtomic(path, picture.svg());
      pictures.push(relative(process.cwd(), path));
    },
  };
  const start = performance.now();
  let error: unknown = null;
  try {
    await run(given);
  } catch (caught) {
    error = caught;
  } finally {
    device.dispose();
  }
  if (error !== null && !(error instanceof MissingData)) console.error(error);
  return {
    id,
    title,
    size,
    backend,
    seed,
    seconds: (performance.now() - start) / 1000,
    claims: claims.map((claim) => ({
      told: claim.told,
      reached: claim.reached,
      holds: judge(claim, size),
    })),
    pictures,
    error: error === null ? null : error instanceof Error ? error.message : String(error),
    missingData: error instanceof MissingData,
  };
}
