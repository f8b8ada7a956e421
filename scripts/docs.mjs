// Writes docs/ops.md from the op declarations and docs/ops-measured.json. With --check it only says whether both are up
// to date; with --measure it first makes the measurements anew, of all ops or of those named after it (`--measure a,b`).
// Run by `node scripts/run.mjs scripts/docs.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { groups, registry } from '../src/ops/index.ts';
import { measure, mismatches, textOf } from './docs-measure.mjs';
import { pageOf } from './docs-page.mjs';

const fileOf = (name) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
const PAGE = fileOf('ops.md');
const MEASURED = fileOf('ops-measured.json');
const UPDATE = 'node scripts/run.mjs scripts/docs.mjs';

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return '';
  }
}

const held = () => JSON.parse(read(MEASURED) || '{ "date": "", "devices": {}, "ops": {} }');

/** Measures the named ops, or all; what else the file holds of ops that there still are stays. */
async function update(names) {
  const unknown = names?.find((name) => !registry.has(name));
  if (unknown) throw new Error(`there is no op '${unknown}'`);
  const ops = names ? names.map((name) => registry.get(name)) : [...registry.values()];
  const found = await measure(ops);
  const before = held();
  if (names && JSON.stringify(before.devices) !== JSON.stringify(found.devices))
    throw new Error(`the other ops were measured on other devices: measure all with '${UPDATE} --measure'`);
  const kept = Object.entries(before.ops).filter(([name]) => names && registry.has(name));
  writeFileSync(MEASURED, textOf({ ...found, ops: { ...Object.fromEntries(kept), ...found.ops } }));
}

async function main([mode, names]) {
  if (mode === '--measure') await update(names?.split(','));
  const measured = held();
  const problems = mismatches([...registry.values()], measured);
  if (problems.length > 0) {
    const names = [...new Set(problems.map((problem) => problem.split("'")[1]))].filter((name) =>
      registry.has(name),
    );
    console.error(`docs/ops-measured.json is out of date: ${problems.join('; ')}`);
    console.error(`run '${UPDATE} --measure${names.length > 0 ? ` ${names.join(',')}` : ''}'`);
    return 1;
  }
  const text = pageOf({ groups, measured, update: UPDATE });
  if (mode !== '--check') {
    writeFileSync(PAGE, text);
    console.log(`docs: ${registry.size} ops`);
    return 0;
  }
  if (read(PAGE) === text) return 0;
  console.error(`docs/ops.md is out of date: run '${UPDATE}'`);
  return 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`docs: ${error.message}`);
  process.exitCode = 1;
}
