// Every check of the project in turn; the end names those that failed. Run by `npm run check`, which
// builds first.
import { spawnSync } from 'node:child_process';

const tsx = ['--import', 'tsx'];
const CHECKS = {
  'format and lint': ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'],
  imports: ['scripts/check-imports.mjs'],
  types: ['node_modules/typescript/bin/tsc', '--noEmit'],
  spills: ['scripts/spills.mjs'],
  tests: ['node_modules/vitest/vitest.mjs', 'run'],
  docs: [...tsx, 'scripts/docs.mjs', '--check'],
  systems: ['scripts/systems.mjs', '--check'],
  budgets: ['scripts/size.mjs'],
};

const failed = [];
for (const [name, args] of Object.entries(CHECKS)) {
  const start = performance.now();
  const { status, signal, error } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const ok = status === 0;
  if (!ok) failed.push(name);
  const outcome = ok ? 'ok' : `FAILED (${error?.message ?? signal ?? `exit code ${status}`})`;
  console.log(`check: ${name} ${outcome}, ${seconds} s`);
}
console.log(failed.length === 0 ? 'check: all ok' : `check: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
