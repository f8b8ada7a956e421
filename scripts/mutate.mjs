// The mutation check: makes each op's gradients and kernels wrong on purpose, one at a time, and shows that its checks
// fail. Run by `node scripts/run.mjs scripts/mutate.mjs`; docs/mutation.md says what is changed.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openReference } from '../src/backend/reference.ts';
import { registry } from '../src/index.ts';
import {
  kernelFamilies,
  kernelUses,
  mutateKernel,
  wasmWorkshop,
  webgpuWorkshop,
} from '../test/support/kernel-mutants.ts';
import { mutateRules } from '../test/support/mutants.ts';
import { swiftShaderEnvironment } from './chromium.mjs';

const HELP = `usage: node scripts/run.mjs scripts/mutate.mjs [options]

Multiplies the gradient of each input of each op by 1.00001, and shifts single indices of each kernel by one element:
the op's own checks must fail. Exit code 1 if a gradient stays unnoticed, or every shift of a kernel.

  --op LIST     ops, separated by commas (default: all)
  --kind LIST   backward, wasm, webgpu, separated by commas (default: all)
  --least N     shifts of each kernel that are tried in any case (default: 3)
  --every       every shift of each kernel: some ten minutes
  --quick       all gradients, and of each family of kernels one that is tried until a shift is noticed
  --json FILE   also write every mutant as JSON
  --help`;

const KINDS = ['backward', 'wasm', 'webgpu'];
const BINARY = new URL('../build/weft.simd.wasm', import.meta.url);

function parse() {
  const options = {
    op: { type: 'string' },
    kind: { type: 'string', default: KINDS.join() },
    least: { type: 'string', default: '3' },
    every: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  };
  const { values } = parseArgs({ options });
  const list = (text) => text.split(',').map((word) => word.trim());
  const kinds = list(values.kind);
  const wrong = kinds.find((kind) => !KINDS.includes(kind));
  if (wrong !== undefined) throw new Error(`--kind takes ${KINDS.join(', ')}, not '${wrong}'`);
  const names = values.op === undefined ? [...registry.keys()] : list(values.op);
  const ops = names.map((name) => {
    if (!registry.has(name)) throw new Error(`there is no op '${name}'`);
    return registry.get(name);
  });
  const least = values.every ? Number.MAX_SAFE_INTEGER : values.quick ? 1 : Number(values.least);
  if (!Number.isInteger(least) || least < 1)
    throw new Error(`--least takes a whole number, not '${values.least}'`);
  return { ...values, kinds, ops, least };
}

/** Runs this script again in the environment in which Node finds the software GPU; null where it is set already. */
async function onSoftwareGpu() {
  if (process.env.WEFT_ADAPTER === 'system') return null;
  const env = await swiftShaderEnvironment();
  if (!env.VK_DRIVER_FILES || env.VK_DRIVER_FILES === process.env.VK_DRIVER_FILES) return null;
  const args = [...process.execArgv, ...process.argv.slice(1)];
  return spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;
}

const killed = ({ killedBy }) => killedBy !== null;

/** Every mutant of the chosen ops, kernel by kernel. */
async function run({ kinds, ops, least, quick }) {
  const workshops = [
    ...(kinds.includes('wasm') ? [await wasmWorkshop(new Uint8Array(readFileSync(BINARY)))] : []),
    ...(kinds.includes('webgpu') ? [await webgpuWorkshop()] : []),
  ];
  const families = kernelFamilies();
  const seen = new Set();
  const isNew = (kind, kernel) => {
    const key = `${kind} ${families.get(kernel) ?? kernel}`;
    return !seen.has(key) && seen.add(key);
  };
  const reference = openReference();
  const groups = [];
  for (const [i, op] of ops.entries()) {
    process.stderr.write(`\r\x1b[K${i + 1}/${ops.length} ${op.name}`);
    if (kinds.includes('backward')) {
      for (const mutant of await mutateRules(op, reference)) groups.push([mutant]);
    }
    for (const workshop of workshops) {
      for (const use of kernelUses(op, workshop)) {
        if (quick && !isNew(workshop.kind, use.kernel)) continue;
        groups.push(await mutateKernel(use, workshop, { least }));
      }
    }
  }
  process.stderr.write('\r\x1b[K');
  for (const workshop of workshops) workshop.dispose();
  return groups;
}

/** Share of the gradients, or of the kernels, whose mutants were noticed; of kernels, also that of all shifts. */
function share(groups, op, kind) {
  const own = groups.filter(([mutant]) => mutant.op === op.name && mutant.kind === kind);
  if (own.length === 0) return '–';
  const found = `${own.filter((mutants) => mutants.some(killed)).length}/${own.length}`;
  const all = own.flat();
  return kind === 'backward' ? found : `${found} (${all.filter(killed).length}/${all.length})`;
}

/** Each place that was changed, with the ops that were tried on it, and whether one of them noticed. */
function placesOf(mutants) {
  const places = new Map();
  for (const mutant of mutants) {
    const { kind, op, target, place } = mutant;
    const key = kind === 'backward' ? `${kind} ${op} ${target}` : `${kind} ${target} ${place}`;
    const held = places.get(key) ?? { mutant, found: false, ops: new Set() };
    places.set(key, held);
    held.found ||= killed(mutant);
    held.ops.add(op);
  }
  return places;
}

function report({ ops, kinds }, groups) {
  const rows = [
    ['op', ...kinds],
    ...ops.map((op) => [op.name, ...kinds.map((kind) => share(groups, op, kind))]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
  const places = placesOf(groups.flat());
  const unnoticed = [...places.values()].filter(({ found }) => !found);
  if (unnoticed.length > 0) console.log('\nnoticed by no op and no variant that was tried:');
  for (const { mutant, ops: users } of unnoticed)
    console.log(`  ${mutant.kind} ${mutant.target}: ${mutant.place} (${[...users].join(', ')})`);
  const failures = groups.filter((mutants) => !mutants.some(killed)).map(([first]) => first);
  console.log();
  for (const kind of kinds) {
    const all = groups.flat().filter((mutant) => mutant.kind === kind);
    const own = [...places.values()].filter(({ mutant }) => mutant.kind === kind);
    const found = own.filter((place) => place.found).length;
    const which = kind === 'backward' ? '' : `, in ${found} of ${own.length} places by some op`;
    console.log(`${kind}: ${all.filter(killed).length} of ${all.length} mutants noticed${which}`);
  }
  for (const { op, kind, target } of failures)
    console.log(`FAILED: ${op}, ${kind}, ${target}: nothing was noticed`);
  return failures;
}

async function main() {
  const options = parse();
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const elsewhere = options.kinds.includes('webgpu') ? await onSoftwareGpu() : null;
  if (elsewhere !== null) return elsewhere;
  const groups = await run(options);
  const failures = report(options, groups);
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ mutants: groups.flat() })}\n`);
  return failures.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`mutate: ${error.message}`);
  process.exitCode = 1;
}
