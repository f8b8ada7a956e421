/**
 * Elementwise kernels as pieces of which the webgpu backend makes kernels, one for a whole chain. A shader says by a line
 * `//! element` what computes one element:
 *
 *   let i = linear_index(group, local, groups);
 *   if (i >= params.size) { return; }
 *   let x = x_values[i];                                                    an operand at the element's own place,
 *   let b = b_values[...];                                                  by strides, of `shape` and `bStrides`,
 *   let c = c_values[i / params.cInner % max(params.cCount, 1u)];           repeated; where cCount is 0, it is 0,
 *   let d = d_values[i * params.moves];                                     or its only element where moves is 0
 *   //! element
 *   let z = x * x;                        statements; they may read i, params, and other arrays at any place
 *   output[i] = z + b * params.a;         the last one, alone, stores
 *
 * Functions and structs that an element needs are collected once for all; they must not name params or a binding.
 */
import { fail } from './reflect-shader.mjs';

const wordsOf = (text) => new Set([...text.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)].map(([word]) => word));

/** Functions, structs and constants of a module, by name: they begin and end at the start of a line. */
function declarationsOf(wgsl) {
  const found = new Map();
  for (const [text, , name] of wgsl.matchAll(/^(fn|struct)\s+(\w+)[\s\S]*?^\}\n/gm)) found.set(name, text);
  for (const [text, name] of wgsl.matchAll(/^const\s+(\w+)[^;]*;\n/gm)) found.set(name, text);
  return found;
}

/** Storage bindings in order: name and element type. */
const bindingsOf = (wgsl) =>
  [...wgsl.matchAll(/@binding\((\d+)\)\s*var<storage,\s*(\w+)>\s*(\w+)\s*:\s*array<(\w+)>/g)].map(
    ([, , access, name, type]) => ({ access, name, type }),
  );

export class Elements {
  /** By kernel. */
  elements = new Map();
  /** By name. */
  declarations = new Map();
  #files = new Map();

  add(file, marked, reflected) {
    if (reflected.length !== 1) fail(file, 'a file with //! element must have one entry point');
    const [name, { info, struct }] = reflected[0];
    const where = `${file}: kernel ${name}`;
    const [head, tail] = marked.split(/^[ \t]*\/\/! element[ \t]*\n/m);
    const entry = head.slice(head.lastIndexOf(`fn ${name}(`));
    const lines = tail.slice(0, tail.indexOf('\n}')).split('\n');
    const store = /^\s*output\[i\] = (.*);$/.exec(lines.pop());
    if (!store) fail(where, `the last line of an element must be 'output[i] = ...;'`);
    if (!/if \(i >= params\.size\) \{\s*return;\s*\}/.test(entry))
      fail(where, `an element must be guarded by 'if (i >= params.size) { return; }'`);
    const code = [...lines.map((line) => line.trim()), store[1]].join('\n');
    const bindings = bindingsOf(marked);
    const output = bindings.pop();
    if (output?.name !== 'output' || info.access.length !== bindings.length + 1)
      fail(where, `'output' must be the last of its arrays, whose elements are scalars`);
    if (bindings.some(({ access }) => access !== 'read')) fail(where, 'an element writes one array, output');
    const loads = new Map(
      [...entry.matchAll(/^\s*let (\w+) = (\w+)\[(.*)\];$/gm)].map(([, as, array, at]) => [
        array,
        { as, at },
      ]),
    );
    const operands = bindings.map(({ name: array, type }) => {
      const load = loads.get(array);
      if (!load) return { name: array, type, at: 'any' };
      const { as, at } = load;
      const walked = ['rank', 'shape', `${as}Strides`].every((field) => field in struct.fields);
      const ways = {
        own: at === 'i',
        repeated: at === `i / params.${as}Inner % max(params.${as}Count, 1u)`,
        moving: at === 'i * params.moves',
        strides: walked,
      };
      const way = Object.keys(ways).find((key) => ways[key]);
      return { name: as, type, at: way ?? fail(where, `can't tell at which place '${array}' is read`) };
    });
    const needs = this.#collect(
      where,
      file,
      marked,
      code,
      new Set(['params', ...bindings.map((b) => b.name)]),
    );
    this.elements.set(name, { operands, code, result: output.type, needs });
  }

  /** Names of what `code` needs, and what that needs. */
  #collect(where, file, marked, code, forbidden) {
    const known = declarationsOf(marked);
    const needs = new Set([...wordsOf(code)].filter((word) => known.has(word)));
    for (const name of needs) {
      const text = known.get(name);
      for (const word of wordsOf(text)) {
        if (forbidden.has(word)) fail(where, `'${name}' names '${word}'; give it to the function instead`);
        if (known.has(word)) needs.add(word);
      }
      const before = this.declarations.get(name);
      if (before !== undefined && before !== text)
        fail(where, `'${name}' is declared otherwise in ${this.#files.get(name)}, rename one`);
      this.declarations.set(name, text);
      this.#files.set(name, file);
    }
    return [...needs];
  }
}
