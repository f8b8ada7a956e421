import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readShaders } from '../../scripts/read-shaders.mjs';
import { fail } from '../errors.js';
import { type KernelSet, open } from '../index.js';
import { writeFileAtomic } from '../node.js';
import { compileKernels } from './assemblyscript.js';
import { importTool, packageRoot } from './tools.js';

const HELP = `usage: weft kernels --shaders FOLDER [--assembly FILE] --out FILE [options]

Builds kernels of your own into one file of plain data, which exports \`kernels\` for open(kind, { kernels: [kernels] }).

  --shaders FOLDER     *.wgsl: kernels, and the parameter structs of both languages; needs the npm package wgsl_reflect
  --assembly FILE      AssemblyScript whose exported functions are kernels; needs the npm package assemblyscript
  --params FILE        where the parameter structs are written as AssemblyScript classes (default: params.ts beside
                       --assembly)
  --out FILE           the result, .ts, .js or .mjs
  --name NAME          what messages call the kernels (default: the name of the folder of --out)
  --memory-base BYTES  where constants of the wasm module lie, below 65536 (default: 32768); two sets on one device
                       must not overlap
  --help

WGSL may say #include "weft/common/indexing", AssemblyScript may import from 'weft/assembly/simd',
'weft/assembly/functions' and 'weft/assembly/walk'.`;

const OPTIONS = {
  shaders: { type: 'string' },
  assembly: { type: 'string' },
  params: { type: 'string' },
  out: { type: 'string' },
  name: { type: 'string' },
  'memory-base': { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** `weft kernels`: shaders and AssemblyScript become one file of plain data. */
export async function kernels(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const { shaders, assembly, out } = values;
  if (!shaders) fail('--shaders', 'name the folder of the WGSL files, which declare the parameter structs');
  if (!out || !/\.(ts|m?js)$/.test(out)) fail('--out', 'name the file to write, .ts, .js or .mjs');
  const base = Number(values['memory-base'] ?? 32768);
  if (!Number.isInteger(base) || base < 0 || base >= 65536 || base % 16 !== 0)
    fail('--memory-base', `must be a multiple of 16 below 65536, got '${values['memory-base']}'`);
  const read = await shaderTables(shaders);
  let wasm: KernelSet['wasm'];
  if (assembly) {
    const params = values.params ?? join(dirname(assembly), 'params.ts');
    await writeFileAtomic(params, `// Written by 'weft kernels' from the WGSL.\n\n${read.classes}`);
    wasm = await compileKernels(assembly, base);
  }
  const name = values.name ?? dirname(resolve(out)).split(/[\\/]/).at(-1)!;
  const set = {
    name,
    modules: Object.fromEntries(read.modules),
    kernels: Object.fromEntries(read.kernels),
    wasmParams: Object.fromEntries(read.wasmParams),
    wasm,
  };
  // A device refuses what does not fit: names, imports, kernels without a struct.
  (await open('wasm', { kernels: [set] })).dispose();
  await writeFileAtomic(out, sourceOf(set, out.endsWith('.ts')));
  const parts = [`${read.kernels.length} WGSL kernels`, ...(wasm ? ['wasm for simd and relaxed simd'] : [])];
  console.log(`${out}: '${name}', ${parts.join(', ')}`);
  return 0;
}

async function shaderTables(folder: string) {
  const reflection = await importTool('weft kernels', 'wgsl_reflect/wgsl_reflect.module.js');
  const library = join(packageRoot(), 'shaders');
  try {
    return await readShaders({ folder, library, reflection });
  } catch (error) {
    return fail(folder, (error as Error).message);
  }
}

/** The set as a module, one line for each module, kernel and binary. */
function sourceOf(set: KernelSet, typed: boolean): string {
  const entries = (record: object) =>
    Object.entries(record)
      .map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`)
      .join('');
  const fields = Object.entries(set).flatMap(([field, value]) => {
    if (value === undefined || Object.keys(value).length === 0) return [];
    return typeof value === 'string'
      ? [`  ${field}: ${JSON.stringify(value)},\n`]
      : [`  ${field}: {\n${entries(value)}  },\n`];
  });
  const type = typed ? "import type { KernelSet } from 'weft';\n\n" : '';
  const head = `// Written by 'weft kernels'.\n${type}`;
  return `${head}export const kernels${typed ? ': KernelSet' : ''} = {\n${fields.join('')}};\n`;
}
