/**
 * Runs the systems of the courses: each is a folder here, named by its id.
 *
 *   npm run example -- G1 M1 | G (a family) | all
 *     [--fast | --slice] [--backend wasm|webgpu|reference] [--threads N] [--seed 1,2,3] [--data FOLDER] [--out runs]
 *     [--json FILE] | --list
 */
import { mkdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BackendKind } from 'weft';
import { writeFileAtomic } from 'weft/node';
import { passed, resultTable, type SystemResult } from './support/report.js';
import { familyOf, loadSystem, runSystem, type SystemOptions, systemFolders } from './support/systems.js';

const USAGE =
  'npm run example -- ID... | all [--fast | --slice] [--backend wasm|webgpu|reference] [--threads N] [--seed 1,2,3]\n' +
  '  [--data FOLDER] [--out runs] [--json FILE] | --list';
const BACKENDS: readonly BackendKind[] = ['wasm', 'webgpu', 'reference'];

interface Options extends Omit<SystemOptions, 'seed'> {
  readonly wanted: readonly string[];
  readonly list: boolean;
  readonly seeds: readonly number[];
  readonly json: string | undefined;
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: flag,
      fast: flag,
      slice: flag,
      help: flag,
      backend: { ...text, default: 'wasm' },
      threads: text,
      seed: { ...text, default: '1' },
      data: text,
      out: { ...text, default: 'runs' },
      json: text,
    },
  });
  if (values.help || (positionals.length === 0 && !values.list)) {
    console.log(USAGE);
    process.exit(values.help ? 0 : 2);
  }
  const whole = (name: string, value: string, least: number) => {
    const number = Number(value);
    if (value !== '' && Number.isInteger(number) && number >= least) return number;
    throw new RangeError(`--${name} takes whole numbers of at least ${least}, got '${value}'`);
  };
  const backend = BACKENDS.find((kind) => kind === values.backend);
  if (!backend)
    throw new RangeError(`--backend must be one of ${BACKENDS.join(', ')}, got '${values.backend}'`);
  if (values.fast && values.slice) throw new RangeError('--fast and --slice exclude each other');
  return {
    wanted: positionals,
    list: values.list,
    size: values.fast ? 'fast' : values.slice ? 'slice' : 'full',
    backend,
    threads: values.threads === undefined ? undefined : whole('threads', values.threads, 1),
    seeds: values.seed.split(',').map((seed) => whole('seed', seed, 0)),
    data: values.data,
    out: values.out,
    json: values.json,
  };
}

/** The folders that ids, families or 'all' name. */
function choose(wanted: readonly string[], all: ReadonlyMap<string, string>): string[] {
  const ids = wanted.flatMap((word) => {
    const name = word.toUpperCase();
    const found = [...all.keys()].filter((id) => name === 'ALL' || id === name || familyOf(id) === name);
    if (found.length === 0) throw new RangeError(`there is no example '${word}'; --list shows all`);
    return found;
  });
  return [...new Set(ids)].map((id) => all.get(id)!);
}

/** Of the last full runs, which docs/systems.md shows. */
async function heldResults(): Promise<SystemResult[]> {
  const text = await readFile(new URL('../docs/systems.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { results: SystemResult[] }).results;
}

function statusOf(results: readonly SystemResult[]): string {
  if (results.length === 0) return 'no full run';
  if (results.some(({ missingData }) => missingData)) return 'needs data: --data FOLDER';
  const claims = results.flatMap((result) => result.claims);
  const judged = claims.filter(({ holds }) => holds !== null);
  const seconds = results.reduce((sum, one) => sum + one.seconds, 0) / results.length;
  const verdict = results.every(passed)
    ? `all ${judged.length} hold`
    : `${judged.filter(({ holds }) => holds).length} of ${judged.length} hold`;
  return `${verdict}, ${seconds.toFixed(1)} s`;
}

async function main(): Promise<void> {
  const options = readOptions();
  const all = await systemFolders();
  if (options.list) {
    const held = await heldResults();
    for (const [id, folder] of all) {
      const { title } = await loadSystem(folder);
      console.log(`${id.padEnd(4)} ${title.padEnd(62)} ${statusOf(held.filter((one) => one.id === id))}`);
    }
    return;
  }
  // Now, not after an hour, it shows where nothing can be written.
  for (const folder of [options.out, ...(options.json ? [dirname(options.json)] : [])])
    await mkdir(folder, { recursive: true });
  const results: SystemResult[] = [];
  for (const folder of choose(options.wanted, all)) {
    for (const seed of options.seeds) {
      const out = options.seeds.length > 1 ? join(options.out, `seed-${seed}`) : options.out;
      const result = await runSystem(folder, { ...options, out, seed });
      results.push(result);
      console.log(`\n${resultTable(result)}\n`);
    }
  }
  if (options.json !== undefined) {
    const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
    await writeFileAtomic(options.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  }
  const failed = results.filter((result) => !passed(result) && !result.missingData);
  const missing = results.filter(({ missingData }) => missingData);
  if (results.length > 1) {
    const rest = missing.length > 0 ? `, ${missing.length} without their data` : '';
    console.log(`${results.length - failed.length - missing.length} of ${results.length} hold${rest}`);
  }
  if (failed.length > 0 || (results.length === 1 && missing.length > 0)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`example: ${(error as Error).message}`);
  process.exitCode = 2;
}
