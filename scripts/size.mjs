// Sizes of two apps built on dist/, minified and gzipped, and of each wasm binary, gzipped, against the budgets in
// package.json ("weft": {"budgets"}).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { weft } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const APPS = {
  open: `import { open } from './dist/index.js'; globalThis.app = () => open('wasm');`,
  all: `import * as weft from './dist/index.js'; globalThis.app = weft;`,
};

/** Bytes of everything that the app can load, and of what it loads before its first `import()`. */
async function measure(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root, sourcefile: 'app.js' },
    absWorkingDir: root,
    outdir: 'app',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    external: ['node:*', 'webgpu'],
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
    write: false,
  });
  const bytes = new Map(
    outputFiles.map(({ path, contents }) => [
      path.slice(root.length),
      gzipSync(contents, { level: 9 }).length,
    ]),
  );
  const first = new Set();
  const visit = (file) => {
    if (first.has(file) || !bytes.has(file)) return;
    first.add(file);
    for (const one of metafile.outputs[file].imports) if (one.kind === 'import-statement') visit(one.path);
  };
  visit(Object.keys(metafile.outputs).find((file) => metafile.outputs[file].entryPoint === 'app.js'));
  const sum = (files) => [...files].reduce((total, file) => total + bytes.get(file), 0);
  return { total: sum(bytes.keys()), first: sum(first) };
}

let over = 0;

function judge(name, budgetName, bytes, what) {
  const budget = weft?.budgets?.[budgetName];
  if (!Number.isFinite(budget))
    throw new Error(`size: package.json has no number "weft.budgets.${budgetName}"`);
  if (bytes > budget) over++;
  const verdict = bytes > budget ? `OVER the budget of ${budget}` : `within ${budget}`;
  console.log(`size: ${name}: ${bytes} bytes ${what}, ${verdict}`);
}

for (const [name, contents] of Object.entries(APPS)) {
  const { total, first } = await measure(contents);
  judge(name, name, total, `min+gzip (${first} before the first import())`);
}
for (const name of ['simd', 'relaxed']) {
  const binary = readFileSync(new URL(`../build/weft.${name}.wasm`, import.meta.url));
  judge(`weft.${name}.wasm`, 'wasm', gzipSync(binary, { level: 9 }).length, 'gzip');
}
process.exitCode = over === 0 ? 0 : 1;
