/**
 * Reads shaders/*.wgsl (read-shaders.mjs says how) and writes build/kernels.ts, WGSL texts and what the backends must
 * know of each kernel, build/elements.ts, the elementwise ones as pieces of kernels, and build/params.ts, every parameter
 * struct as an AssemblyScript class of the same layout.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as reflection from 'wgsl_reflect/wgsl_reflect.module.js';
import { readShaders } from './read-shaders.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

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
  /**
   * The aliases of f32, or vec4s of it, of which storage bindings are arrays, in operand order, '' for another type; left out
   * where there are none. The code converts what it reads, and writes through the alias, so that it may be one of f16.
   */
  readonly stored?: readonly string[];
  readonly workgroupSize: readonly [number, number, number];
  /** Its \`override\`s, which launches may give other values. */
  readonly constants?: readonly string[];
}
`;

const ELEMENTS = `
export interface ElementOperand {
  /** What \`code\` calls the element, or for \`any\` the array. */
  readonly name: string;
  readonly type: string;
  /**
   * Read at the element's own place; by the parameters \`shape\` and \`nameStrides\`; each \`nameInner\` times, \`nameCount\` in
   * turn; at its own place or 0, by \`moves\`; or by \`code\`, anywhere.
   */
  readonly at: 'own' | 'strides' | 'repeated' | 'moving' | 'any';
}

/** What computes one element of an elementwise kernel. */
export interface Element {
  /** As they are bound, without the output. */
  readonly operands: readonly ElementOperand[];
  /** Statements, and in the last line the expression of the result. */
  readonly code: string;
  readonly result: string;
  /** Keys of \`declarations\`. */
  readonly needs: readonly string[];
}
`;

const record = (name, type, entries) =>
  `export const ${name}: Readonly<Record<string, ${type}>> = {\n` +
  entries.map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`).join('') +
  '};\n';

/**
 * A record of WGSL texts that share declarations: each declaration once, and each text as a list of them, joined when it is
 * asked for.
 */
function textRecord(name, entries) {
  const pieces = new Map();
  const numberOf = (piece) => {
    if (!pieces.has(piece)) pieces.set(piece, pieces.size);
    return pieces.get(piece);
  };
  const texts = entries.map(([key, text]) => {
    const numbers = text.split(/\n(?=[^\s})])/).map(numberOf);
    return `  get ${JSON.stringify(key)}() { return join(${JSON.stringify(numbers)}); },\n`;
  });
  return (
    `const pieces: readonly string[] = ${JSON.stringify([...pieces.keys()], null, 1)};\n` +
    "const join = (numbers: readonly number[]): string => numbers.map((i) => pieces[i]).join('\\n');\n" +
    `export const ${name}: Readonly<Record<string, string>> = {\n${texts.join('')}};\n`
  );
}

/** Writes beside and renames, so that a reader never sees half a file; keeps a file that says the same. */
async function writeIfChanged(path, text) {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return false;
  const beside = `${path}.${process.pid}.tmp`;
  await writeFile(beside, text);
  await rename(beside, path);
  return true;
}

/**
 * Builds the files. Throws an Error that names file, kernel and what is wrong.
 * @param {{ shaders?: string, build?: string }} [options] folders; default: the repository's own
 * @returns {Promise<{ kernels: number, modules: number, changed: string[] }>}
 */
export async function buildShaders({ shaders = join(root, 'shaders'), build = join(root, 'build') } = {}) {
  const { modules, kernels, wasmParams, classes, elements } = await readShaders({
    folder: shaders,
    reflection,
  });
  const layouts = [
    HEAD + TYPES,
    record('kernels', 'KernelInfo', kernels),
    `/** Parameter structs of the kernels that only wasm has. */\n${record('wasmParams', 'KernelParams', wasmParams)}`,
  ].join('\n');
  await mkdir(build, { recursive: true });
  const changed = [];
  if (await writeIfChanged(join(build, 'kernels.ts'), layouts)) changed.push('kernels.ts');
  const whole = modules.filter(([name]) => !elements.elements.has(name));
  const pieces = modules.filter(([name]) => elements.elements.has(name));
  const texts = [
    HEAD,
    textRecord('modules', whole),
    `/** The texts of the kernels in elements.ts, for tools: no device compiles them. */\n${record('elementModules', 'string', pieces)}`,
  ];
  if (await writeIfChanged(join(build, 'shaders.ts'), texts.join('\n'))) changed.push('shaders.ts');
  const table = [
    HEAD + ELEMENTS,
    `/** Functions, structs and constants. */\n${record('declarations', 'string', [...elements.declarations])}`,
    `/** By kernel. */\n${record('elements', 'Element', [...elements.elements])}`,
  ];
  if (await writeIfChanged(join(build, 'elements.ts'), table.join('\n'))) changed.push('elements.ts');
  if (await writeIfChanged(join(build, 'params.ts'), `${HEAD}\n${classes}`)) changed.push('params.ts');
  return { kernels: kernels.length, modules: modules.length, changed };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { kernels, modules } = await buildShaders().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
  console.log(
    `build/kernels.ts, build/shaders.ts, build/elements.ts, build/params.ts: ${kernels} kernels in ${modules} modules`,
  );
}
