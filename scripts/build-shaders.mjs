/**
 * Reads shaders/*.wgsl and writes build/kernels.ts (WGSL texts and what the backends must know of each kernel) and
 * build/params.ts (every parameter struct as an AssemblyScript class of the same layout). Refuses shaders that a device
 * with WebGPU's guaranteed limits would refuse.
 *
 *   #include "common/indexing"                         the text of shaders/common/indexing.wgsl, once
 *   //! kernel neg_f32 = -x                            one module per such line: KERNEL and EXPRESSION are replaced
 *   //! kernel equal_i32 = a == b | T=i32 | R=u32      and so are the identifiers T and R
 *   //! params pad2d_f32 pad3d_f32 : PadParams         kernels that only wasm has take this struct of the file
 *
 * A file without kernel lines is one module; every `@compute fn` in it is a kernel. A kernel's bindings are group 0,
 * 0..n-1 its storage buffers in operand order and n its parameter struct, a uniform.
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fail, reflectModule, reflectStructs } from './reflect-shader.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Replaces each include line by the file it names, the second time by nothing. */
async function expandIncludes(folder, file, text, seen = new Set()) {
  const lines = [];
  for (const line of text.split(/\r?\n/)) {
    const name = /^\s*#include\s+"([^"]+)"\s*$/.exec(line)?.[1];
    if (name === undefined) {
      if (/^\s*#/.test(line)) fail(file, `can't read '${line.trim()}', write #include "common/name"`);
      lines.push(line);
      continue;
    }
    if (seen.has(name)) continue;
    seen.add(name);
    const source = await readFile(join(folder, `${name}.wgsl`), 'utf8').catch(() =>
      fail(file, `unknown include '${name}', there is no ${name}.wgsl in the shader folder`),
    );
    lines.push(await expandIncludes(folder, `${name}.wgsl`, source, seen));
  }
  return lines.join('\n');
}

const declarations = (text, what) =>
  [...text.matchAll(/^[ \t]*\/\/!(.*)$/gm)].filter(
    ([, body]) => /^\s*params\b/.test(body) === (what === 'params'),
  );

/** The kernel lines of a template: name, expression and further identifiers to replace. */
function kernelLines(file, text) {
  return declarations(text, 'kernel').map(([line, body]) => {
    const match = /^\s*kernel\s+([A-Za-z_]\w*)\s*=\s*(\S.*?)\s*$/.exec(body);
    if (!match) fail(file, `can't read '${line.trim()}', write //! kernel name = expression | T=f32`);
    const [expression, ...rest] = match[2].split(/\s+\|\s+(?=[A-Za-z_]\w*\s*=[^=])/);
    const words = rest.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at).trim(), entry.slice(at + 1).trim()];
    });
    return { name: match[1], expression, words: Object.fromEntries(words) };
  });
}

/** The structs that kernels without WGSL take, as [kernel, struct name]. */
function paramsLines(file, text) {
  return declarations(text, 'params').flatMap(([line, body]) => {
    const match = /^\s*params\s+([A-Za-z_][\w\s]*?)\s*:\s*([A-Za-z_]\w*)\s*$/.exec(body);
    if (!match) fail(file, `can't read '${line.trim()}', write //! params kernel other_kernel : Struct`);
    return match[1].split(/\s+/).map((name) => [name, match[2]]);
  });
}

const replaceWords = (text, words) =>
  text.replace(/\b[A-Za-z_]\w*\b/g, (word) => (Object.hasOwn(words, word) ? words[word] : word));

/** The modules of one file, as [name, WGSL]. */
function instantiate(file, text) {
  const lines = kernelLines(file, text);
  const tidy = (wgsl) =>
    wgsl
      .replace(/^[ \t]*(\/\/.*)?\n/gm, '')
      .trimEnd()
      .concat('\n');
  if (lines.length === 0) return [[basename(file, '.wgsl'), tidy(text), null]];
  const body = tidy(text);
  return lines.map(({ name, expression, words }) => {
    const filled = replaceWords(body, { KERNEL: name, EXPRESSION: expression });
    return [name, replaceWords(filled, words), name];
  });
}

/** An AssemblyScript class of the struct's layout; what WGSL leaves out is padding by name. */
function mirror({ name, bytes, fields }) {
  const lines = [];
  let offset = 0;
  let pads = 0;
  const padTo = (end) => {
    for (; offset < end; offset += 4) lines.push(`  _pad${pads++}: u32;`);
  };
  for (const [field, { offset: start, type, length }] of Object.entries(fields)) {
    padTo(start);
    for (let i = 0; i < length; i++) lines.push(`  ${length === 1 ? field : `${field}${i}`}: ${type};`);
    offset += 4 * length;
  }
  padTo(bytes);
  const names = lines.map((line) => line.trim().split(':')[0]);
  const twice = names.find((field, i) => names.indexOf(field) !== i);
  if (twice) fail(`struct ${name}`, `two fields become '${twice}' in AssemblyScript, rename one`);
  return `@unmanaged export class ${name} {\n${lines.join('\n')}\n}\n`;
}

const HEAD = '// Written by scripts/build-shaders.mjs from shaders/*.wgsl.\n';

const TYPES = `
export interface KernelField {
  /** Bytes from the start of the parameter struct. */
  readonly offset: number;
  readonly type: 'u32' | 'i32' | 'f32';
  /** Number of 4-byte scalars, one after the other. */
  readonly length: number;
}

export interface KernelParams {
  /** Name of the parameter struct. */
  readonly params: string;
  readonly paramsBytes: number;
  readonly fields: Readonly<Record<string, KernelField>>;
}

export interface KernelInfo extends KernelParams {
  /** Key of \`modules\`. */
  readonly module: string;
  /** How each storage binding, in operand order, is used. The next binding is the parameter struct. */
  readonly access: readonly ('read' | 'read_write')[];
  readonly workgroupSize: readonly [number, number, number];
}
`;

const record = (name, type, entries) =>
  `export const ${name}: Readonly<Record<string, ${type}>> = {\n` +
  entries.map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`).join('') +
  '};\n';

/** Writes beside and renames, so that a reader never sees half a file; keeps a file that says the same. */
async function writeIfChanged(path, text) {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return false;
  const beside = `${path}.${process.pid}.tmp`;
  await writeFile(beside, text);
  await rename(beside, path);
  return true;
}

/**
 * Builds both files. Throws an Error that names file, kernel and what is wrong.
 * @param {{ shaders?: string, build?: string }} [options] folders; default: the repository's own
 * @returns {Promise<{ kernels: number, modules: number, changed: string[] }>}
 */
export async function buildShaders({ shaders = join(root, 'shaders'), build = join(root, 'build') } = {}) {
  const modules = new Map();
  const kernels = new Map();
  const structs = new Map();
  const add = (file, name, struct, info) => {
    const where = `${file}: kernel ${name}`;
    const known = kernels.get(name);
    if (known) fail(where, `there is a kernel of this name in ${known.file} already`);
    kernels.set(name, { file, struct, info });
    const other = structs.get(struct.name);
    if (other && JSON.stringify(other.struct) !== JSON.stringify(struct)) {
      fail(where, `struct ${struct.name} has another layout in ${other.file}, rename one`);
    }
    structs.set(struct.name, { file, struct });
  };
  const files = (await readdir(shaders)).filter((name) => name.endsWith('.wgsl')).sort();
  for (const file of files) {
    const text = await expandIncludes(shaders, file, await readFile(join(shaders, file), 'utf8'));
    const instances = instantiate(file, text);
    for (const [module, wgsl, only] of instances) {
      for (const [name, { info, struct }] of reflectModule(file, module, wgsl, only))
        add(file, name, struct, info);
      if (modules.has(module))
        fail(file, `there is a module '${module}' already, rename the file or the kernel`);
      modules.set(module, wgsl);
    }
    for (const [name, struct] of reflectStructs(file, instances[0][1], paramsLines(file, text)))
      add(file, name, struct, null);
  }
  const infos = [...kernels].filter(([, { info }]) => info).map(([name, { info }]) => [name, info]);
  const others = [...kernels]
    .filter(([, { info }]) => !info)
    .map(([name, { struct }]) => [
      name,
      { params: struct.name, paramsBytes: struct.bytes, fields: struct.fields },
    ]);
  const table = [
    HEAD + TYPES,
    record('modules', 'string', [...modules]),
    record('kernels', 'KernelInfo', infos),
    `/** Parameter structs of the kernels that only wasm has. */\n${record('wasmParams', 'KernelParams', others)}`,
  ].join('\n');
  const classes = [HEAD, ...[...structs.values()].map(({ struct }) => mirror(struct))].join('\n');
  await mkdir(build, { recursive: true });
  const changed = [];
  if (await writeIfChanged(join(build, 'kernels.ts'), table)) changed.push('kernels.ts');
  if (await writeIfChanged(join(build, 'params.ts'), classes)) changed.push('params.ts');
  return { kernels: infos.length, modules: modules.size, changed };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { kernels, modules } = await buildShaders().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
  console.log(`build/kernels.ts, build/params.ts: ${kernels} kernels in ${modules} modules`);
}
