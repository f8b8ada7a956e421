/**
 * Reads a folder of shaders, *.wgsl: what `npm run build` does with Weft's own and `weft kernels` with a user's. Refuses
 * shaders that a device with WebGPU's guaranteed limits would refuse.
 *
 *   #include "common/indexing"                         the text of common/indexing.wgsl in the folder, once
 *   #include "weft/common/indexing"                    for a user: that of Weft's own
 *   //! kernel neg_f32 = -x                            one module per such line: KERNEL and EXPRESSION are replaced
 *   //! kernel equal_i32 = a == b | T=i32 | R=u32      and so are the identifiers T and R
 *   //! kernel product_f32__8x8 | ROWS=8               without an expression
 *   #for i in 0..ROWS                                  unrolled by the build, as expand-shader.mjs says
 *   //! variant __wide | WIDE=1                        the file once more, WIDE replaced, its kernels called name__wide
 *   alias y_stored = f32;                              what a binding is an array of: f16, where a device says so
 *   //! params pad2d_f32 pad3d_f32 : PadParams         kernels that only wasm has take this struct of the file
 *   //! element                                        what follows in the entry point computes one element: read-elements.mjs
 *
 * A file without kernel lines is one module; every `@compute fn` in it is a kernel. One with params lines and without
 * a `@compute fn` only declares structs. A kernel's bindings are group 0, 0..n-1 its storage buffers in operand order
 * and n its parameter struct, a uniform.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expandShader, isDirective } from './expand-shader.mjs';
import { Elements } from './read-elements.mjs';
import { fail, reflectModule, reflectStructs } from './reflect-shader.mjs';

/**
 * Replaces each include line by the file it names, the second time by nothing. A name that starts with `weft/` is looked
 * for in `library`, the others in `folder`.
 */
async function expandIncludes({ folder, library }, file, text, seen = new Set()) {
  const lines = [];
  for (const line of text.split(/\r?\n/)) {
    const name = /^\s*#include\s+"([^"]+)"\s*$/.exec(line)?.[1];
    if (name === undefined) {
      if (/^\s*#/.test(line) && !isDirective(line))
        fail(file, `can't read '${line.trim()}', write #include "common/name"`);
      lines.push(line);
      continue;
    }
    if (seen.has(name)) continue;
    seen.add(name);
    const shared = library !== undefined && name.startsWith('weft/');
    const path = shared ? join(library, name.slice('weft/'.length)) : join(folder, name);
    const source = await readFile(`${path}.wgsl`, 'utf8').catch(() =>
      fail(file, `unknown include '${name}', there is no ${name}.wgsl in the shader folder`),
    );
    const inner = shared ? { folder: library } : { folder, library };
    lines.push(await expandIncludes(inner, `${name}.wgsl`, source, seen));
  }
  return lines.join('\n');
}

const declarations = (text, what) =>
  [...text.matchAll(/^[ \t]*\/\/!(.*)$/gm)].filter(
    ([, body]) => (/^\s*(params|variant|element)\b/.exec(body)?.[1] ?? 'kernel') === what,
  );

/** Identifiers to replace, written as `A=1`. */
const wordsOf = (entries) =>
  Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at).trim(), entry.slice(at + 1).trim()];
    }),
  );

/** The variant lines: what they add to names, and identifiers to replace; one that adds nothing where there are none. */
function variantLines(file, text) {
  const lines = declarations(text, 'variant').map(([line, body]) => {
    const match = /^\s*variant\s*(__\w+)?((?:\s*\|\s*[A-Za-z_]\w*\s*=[^|]*)*)$/.exec(body);
    if (!match) fail(file, `can't read '${line.trim()}', write //! variant __suffix | A=1`);
    return { suffix: match[1] ?? '', words: wordsOf(match[2].split('|').slice(1)) };
  });
  return lines.length === 0 ? [{ suffix: '', words: {} }] : lines;
}

/** The kernel lines of a template: name, expression and further identifiers to replace. */
function kernelLines(file, text) {
  return declarations(text, 'kernel').map(([line, body]) => {
    const match = /^\s*kernel\s+([A-Za-z_]\w*)\s*(?:=\s*(\S.*?)|(\|.*?))\s*$/.exec(body);
    if (!match) fail(file, `can't read '${line.trim()}', write //! kernel name = expression | T=f32`);
    const [expression, ...rest] = ` ${match[2] ?? match[3]}`.split(/\s+\|\s+(?=[A-Za-z_]\w*\s*=[^=])/);
    return { name: match[1], expression: expression.trim(), words: wordsOf(rest) };
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

const MARK = /^[ \t]*\/\/! element[ \t]*$/m;

/** The modules of one file, as [name, WGSL, the kernel of a template]; the mark of an element stays. */
function instantiate(file, text) {
  const lines = kernelLines(file, text);
  const tidy = (wgsl) =>
    wgsl
      .replace(/^[ \t]*(\/\/(?!! element).*)?\n/gm, '')
      .trimEnd()
      .concat('\n');
  const body = tidy(text);
  const expand = (wgsl, words) => expandShader(file, replaceWords(wgsl, words));
  return variantLines(file, text).flatMap(({ suffix, words: own }) => {
    if (lines.length === 0) {
      const named = body.replace(/(@compute[^{]*?\bfn\s+)([A-Za-z_]\w*)/g, `$1$2${suffix}`);
      return [[basename(file, '.wgsl') + suffix, expand(named, own), null]];
    }
    return lines.map(({ name, expression, words }) => {
      const filled = replaceWords(body, { KERNEL: name + suffix, EXPRESSION: expression });
      return [name + suffix, expand(filled, { ...own, ...words }), name + suffix];
    });
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

/** Kernels and structs by name, each once. */
class Collection {
  kernels = new Map();
  structs = new Map();

  add(file, name, struct, info) {
    const where = `${file}: kernel ${name}`;
    const known = this.kernels.get(name);
    if (known) fail(where, `there is a kernel of this name in ${known.file} already`);
    this.kernels.set(name, { file, struct, info });
    const other = this.structs.get(struct.name);
    if (other && JSON.stringify(other.struct) !== JSON.stringify(struct)) {
      fail(where, `struct ${struct.name} has another layout in ${other.file}, rename one`);
    }
    this.structs.set(struct.name, { file, struct });
  }
}

/**
 * Modules, kernels and parameter structs of all files of `folder`. Throws an Error that names file, kernel and what is
 * wrong. `reflection` is the module wgsl_reflect, `library` the folder of Weft's own shaders.
 */
export async function readShaders({ folder, library, reflection }) {
  const modules = new Map();
  const elements = new Elements();
  const found = new Collection();
  const files = (await readdir(folder)).filter((name) => name.endsWith('.wgsl')).sort();
  for (const file of files) {
    const text = await expandIncludes({ folder, library }, file, await readFile(join(folder, file), 'utf8'));
    const declared = paramsLines(file, text);
    const instances = instantiate(file, text);
    for (const [module, marked, only] of instances) {
      if (declared.length > 0 && !marked.includes('@compute')) continue;
      const wgsl = marked.replace(MARK, '').replace(/^\n/gm, '');
      const reflected = reflectModule(reflection, file, module, wgsl, only);
      for (const [name, { info, struct }] of reflected) found.add(file, name, struct, info);
      // What is read by name from a library runs as it is written.
      if (library === undefined && MARK.test(marked)) elements.add(file, marked, reflected);
      if (modules.has(module))
        fail(file, `there is a module '${module}' already, rename the file or the kernel`);
      modules.set(module, wgsl);
    }
    for (const [name, struct] of reflectStructs(
      reflection,
      file,
      instances[0][1].replace(MARK, ''),
      declared,
    ))
      found.add(file, name, struct, null);
  }
  const kernels = [...found.kernels].filter(([, { info }]) => info).map(([name, { info }]) => [name, info]);
  const wasmParams = [...found.kernels]
    .filter(([, { info }]) => !info)
    .map(([name, { struct }]) => [
      name,
      { params: struct.name, paramsBytes: struct.bytes, fields: struct.fields },
    ]);
  const classes = [...found.structs.values()].map(({ struct }) => mirror(struct)).join('\n');
  return { modules: [...modules], kernels, wasmParams, classes, elements };
}
