import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);

const TARGETS = ['simd', 'relaxed'];
const SETTINGS = ['package.json', 'package-lock.json', 'scripts/build.mjs'];

/** The scripts of worker threads, by the name of their file in dist/, and what each is made of, its entry first. */
const WORKERS = {
  worker: ['src/backend/wasm/worker.ts', 'src/backend/wasm/crew.ts', 'src/backend/wasm/group.ts'],
  'data-worker': [
    'src/data/worker-script.ts',
    'src/data/worker-protocol.ts',
    'src/data/batch.ts',
    'src/data/sample.ts',
    'src/dtype.ts',
    'src/errors.ts',
    'src/shape.ts',
  ],
};

/** Public entry points, by the name of their file in dist/. */
const ENTRIES = {
  index: 'src/index.ts',
  node: 'src/node.ts',
  plot: 'src/plot/index.ts',
  verify: 'src/verify/index.ts',
  cli: 'src/cli/main.ts',
};

/** What each step reads and makes. A step runs when its inputs' hash changed or an output is gone. */
const STEPS = {
  shaders: {
    inputs: [
      'shaders',
      'scripts/build-shaders.mjs',
      'scripts/read-shaders.mjs',
      'scripts/read-elements.mjs',
      'scripts/reflect-shader.mjs',
      ...SETTINGS,
    ],
    outputs: ['build/kernels.ts', 'build/shaders.ts', 'build/elements.ts', 'build/params.ts'],
    run: async () => (await import('./build-shaders.mjs')).buildShaders(),
  },
  kernels: {
    inputs: [
      'assembly',
      'build/params.ts',
      'asconfig.json',
      'scripts/build-abreast.mjs',
      'scripts/pack-kernels.mjs',
      ...SETTINGS,
    ],
    outputs: [
      'build/abreast.ts',
      ...TARGETS.flatMap((target) => [`build/weft.${target}.wasm`, `build/${target}.ts`]),
    ],
    run: buildKernels,
  },
  worker: {
    inputs: [...Object.values(WORKERS).flat(), ...SETTINGS],
    outputs: Object.keys(WORKERS).flatMap((name) => [`build/weft.${name}.js`, `build/${name}.ts`]),
    run: () => Promise.all(Object.entries(WORKERS).map(([name, [entry]]) => buildWorker(name, entry))),
  },
  bundles: {
    inputs: [
      'src',
      ...Object.keys(WORKERS).map((name) => `build/${name}.ts`),
      'build/kernels.ts',
      'build/shaders.ts',
      'build/elements.ts',
      ...TARGETS.map((target) => `build/${target}.ts`),
      'scripts/read-shaders.mjs',
      'scripts/read-elements.mjs',
      'scripts/reflect-shader.mjs',
      'tsconfig.json',
      ...SETTINGS,
    ],
    outputs: ['dist/types/src/index.d.ts', ...Object.keys(ENTRIES).map((name) => `dist/${name}.js`)],
    run: buildBundles,
  },
};

function filesUnder(path) {
  if (!existsSync(at(path))) throw new Error(`build: ${path} is missing`);
  if (statSync(at(path)).isFile()) return [path];
  return readdirSync(at(path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesUnder)) {
    const data = readFileSync(at(path));
    hash.update(`${path.split(sep).join('/')} ${data.length}\n`).update(data);
  }
  return hash.digest('hex');
}

/** Writes beside and renames, so that a reader sees the old file or the new one. */
function writeAtomic(path, data) {
  const beside = `${path}.${process.pid}.tmp`;
  writeFileSync(beside, data);
  renameSync(beside, path);
}

/** Runs a tool's script under this Node; rejects with all that it printed. */
function tool(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`${name} failed (exit code ${code})\n${output}`));
      if (output.trim()) console.log(output.trimEnd());
      resolve();
    });
  });
}

async function buildKernels() {
  await (await import('./build-abreast.mjs')).buildAbreast();
  const { packKernels } = await import('./pack-kernels.mjs');
  await Promise.all(
    TARGETS.map(async (target) => {
      const file = `build/weft.${target}.wasm`;
      const beside = `build/weft.${target}.${process.pid}.wasm`;
      try {
        await tool(`asc (${target})`, [
          'node_modules/assemblyscript/bin/asc.js',
          '--target',
          target,
          '--outFile',
          beside,
        ]);
        writeAtomic(at(file), packKernels(readFileSync(at(beside))));
      } finally {
        rmSync(at(beside), { force: true });
      }
    }),
  );
  // One file each, so that a page loads the one it uses; gzipped, for base64 of plain bytes hardly compresses.
  for (const target of TARGETS) {
    const text = gzipSync(readFileSync(at(`build/weft.${target}.wasm`)), { level: 9 }).toString('base64');
    writeAtomic(at(`build/${target}.ts`), `export const binary =\n  '${text}';\n`);
  }
}

/** A worker's script as text, for workers that are made without a file. */
async function buildWorker(name, entry) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    // Keeps `require` as it is, which tells Node from a page; other formats put a function in its place.
    format: 'cjs',
    target: 'es2022',
    platform: 'neutral',
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  });
  const text = outputFiles[0].text.trim();
  writeAtomic(at(`build/weft.${name}.js`), `${text}\n`);
  writeAtomic(at(`build/${name}.ts`), `export const worker =\n  ${JSON.stringify(text)};\n`);
}

/**
 * What src/index.ts exports as namespaces. Each is a file of its own, which the bundled index only names: esbuild would
 * make an object of a namespace, and no bundler could leave out what of it a page does not use.
 */
const NAMESPACES = Object.fromEntries(
  ['data', 'io', 'nn', 'optim', 'train'].map((name) => [name, `src/${name}/index.ts`]),
);
const namespaces = {
  name: 'namespaces',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/\w+\/index\.js$/ }, ({ path, importer }) => {
      const name = path.split('/')[1];
      if (!(name in NAMESPACES) || importer !== at('src/index.ts')) return null;
      // The index lies in a chunk, for the other entries import it too.
      return { path: `../${name}.js`, external: true };
    });
  },
};

async function bundle(folder) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { ...ENTRIES, ...NAMESPACES },
    plugins: [namespaces],
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    external: ['node:*', 'webgpu', 'echarts', 'fast-png'],
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  });
  for (const { path, contents } of outputFiles) {
    const file = join(folder, relative(at('dist'), path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents, { mode: path.endsWith(`${sep}cli.js`) ? 0o755 : 0o644 });
  }
  if (!readFileSync(join(folder, 'cli.js'), 'utf8').startsWith('#!/usr/bin/env node')) {
    throw new Error(
      `build: ${ENTRIES.cli} must start with '#!/usr/bin/env node', it becomes the 'weft' command`,
    );
  }
}

/** Declarations of everything that the entry points reach; dist/types mirrors src/ and build/. */
async function declare(folder) {
  const config = at('build', `tsconfig.${process.pid}.json`);
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
    outDir: join(folder, 'types'),
  };
  const files = Object.values(ENTRIES).map((file) => at(file));
  writeFileSync(config, JSON.stringify({ extends: '../tsconfig.json', compilerOptions, files, include: [] }));
  try {
    await tool('tsc (declarations)', ['node_modules/typescript/bin/tsc', '-p', config]);
  } finally {
    rmSync(config, { force: true });
  }
}

/** The files that package.json's exports map and bin name must exist in `folder`, which becomes dist/. */
function checkExports(folder) {
  const { exports, bin } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  for (const target of [...leaves(exports), ...leaves(bin)].map((path) => path.replace(/^\.\//, ''))) {
    const path = target.startsWith('dist/') ? join(folder, target.slice('dist/'.length)) : at(target);
    if (!existsSync(path.replace(/\*.*$/, '')))
      throw new Error(`build: package.json names ${target}, which is not made`);
  }
}

const leaves = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(leaves));

async function buildBundles() {
  const folder = at('build', `dist.${process.pid}`);
  const old = `${folder}.old`;
  try {
    await Promise.all([bundle(folder), declare(folder)]);
    for (const name of Object.keys(WORKERS))
      copyFileSync(at(`build/weft.${name}.js`), join(folder, `${name}.js`));
    mkdirSync(join(folder, 'wasm'));
    for (const target of TARGETS)
      copyFileSync(at(`build/weft.${target}.wasm`), join(folder, 'wasm', `weft.${target}.wasm`));
    checkExports(folder);
    if (existsSync(at('dist'))) renameSync(at('dist'), old);
    renameSync(folder, at('dist'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

function readStamp() {
  const path = at('build', '.stamp');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

/**
 * Brings build/ up to date, and dist/ too if asked: shaders, CPU kernels, bundles and declarations, each
 * only when what it reads changed since the stamp in build/.stamp. The caller holds the build lock.
 */
export async function build({ bundles = false } = {}) {
  mkdirSync(at('build'), { recursive: true });
  for (const [name, step] of Object.entries(STEPS)) {
    if (name === 'bundles' && !bundles) continue;
    const hash = hashOf(step.inputs);
    if (readStamp()[name] === hash && step.outputs.every((path) => existsSync(at(path)))) continue;
    const start = performance.now();
    await step.run();
    writeAtomic(at('build', '.stamp'), JSON.stringify({ ...readStamp(), [name]: hash }));
    console.log(`weft: built ${name} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}
