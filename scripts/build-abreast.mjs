/**
 * Reads assembly/curves.ts, whose functions are straight lines, and writes build/abreast.ts: each function once more for four
 * vectors, line by line for all four, so that no vector's chain of instructions waits for itself. A constant is read once for
 * the four, and for the line behind too.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
const LANES = [0, 1, 2, 3];
/** Variables for constants: as many as two lines in a row read. */
const NAMES = ['k', 'l', 'm'];
const CONSTANT = /constant\(\w+, [^()]+\)/g;

/** A function's lines: what each computes, and the variable that gets it; the result's is `result`. */
function linesOf(name, body) {
  return body
    .split(';')
    .map((text) => text.trim())
    .filter(Boolean)
    .map((text) => {
      const [, declares, variable, value] = /^(?:(const|let) )?(\w+) = (.+)$/.exec(text) ?? [];
      if (variable === 'x') throw new Error(`curves.ts: ${name}: 'x' is the argument`);
      if (NAMES.includes(variable)) throw new Error(`curves.ts: ${name}: '${variable}' is for constants`);
      if (variable) return { declares: Boolean(declares), variable, value };
      const [, result] = /^return (.+)$/.exec(text) ?? [];
      if (!result) throw new Error(`curves.ts: ${name}: '${text}' is no straight line`);
      return { declares: true, variable: 'result', value: result };
    });
}

/** An expression with other variables. */
const renamed = (text, names) => text.replace(/\b[a-z]\w*\b(?![(.])/gi, (word) => names.get(word) ?? word);

/** Its lines with those of the functions that they call, whose variables get names of their own. */
function inlined(name, functions, given = new Map([['x', 'x']]), prefix = '') {
  const names = new Map(given);
  const lines = functions.get(name);
  for (const { variable } of lines) if (!names.has(variable)) names.set(variable, prefix + variable);
  return lines.flatMap(({ declares, variable, value }) => {
    const own = names.get(variable);
    const [, callee, argument] = /^(\w+)\((\w+)\)$/.exec(value) ?? [];
    if (!functions.has(callee)) {
      const [nested] = [...functions.keys()].filter((other) =>
        new RegExp(`(?<![.\\w])${other}\\(`).test(value),
      );
      if (nested) throw new Error(`curves.ts: ${name}: ${nested}() must be the whole of a line`);
      return [{ declares, variable: own, value: renamed(value, names) }];
    }
    const inner = `${own}_${callee}_`;
    const made = inlined(callee, functions, new Map([['x', names.get(argument)]]), inner);
    return [...made, { declares, variable: own, value: `${inner}result` }];
  });
}

/** The four vectors' code. */
function abreast(name, functions) {
  const lines = inlined(name, functions);
  const varying = new Map([['x', 0], ...lines.map(({ variable }) => [variable, 0])]);
  const ofLane = (text, lane) =>
    renamed(text, new Map([...varying.keys()].map((variable) => [variable, `${variable}${lane}`])));
  const code = [
    ...LANES.map((lane) => `const x${lane} = v128.load(from, ${16 * lane});`),
    ...NAMES.map((name) => `let ${name} = x0;`),
  ];
  // Constants by their variables, few and written anew: what a line computes must be computed before the next line's are read.
  let held = new Map();
  for (const { declares, variable, value } of lines) {
    const reads = new Set(value.match(CONSTANT));
    const kept = [...held].filter(([read]) => reads.has(read));
    const free = NAMES.filter((name) => !kept.some(([, own]) => own === name));
    held = new Map(kept);
    if (reads.size > NAMES.length)
      throw new Error(`curves.ts: ${name}: '${value}' reads more than ${NAMES.length} constants`);
    for (const read of reads) {
      if (held.has(read)) continue;
      held.set(read, free.shift());
      code.push(`${held.get(read)} = ${read};`);
    }
    const lifted = value.replace(CONSTANT, (read) => held.get(read));
    for (const lane of LANES) {
      const to = ofLane(variable, lane);
      code.push(`${declares ? 'let ' : ''}${to} = ${ofLane(lifted, lane)};`);
    }
  }
  code.push(...LANES.map((lane) => `v128.store(to, result${lane}, ${16 * lane});`));
  return [
    '// @ts-ignore: decorator',
    '@inline',
    `export function ${name}Abreast(from: usize, to: usize): void {`,
    ...code.map((line) => `  ${line}`),
    '}',
  ].join('\n');
}

/** What assembly/curves.ts says, four abreast. */
export function abreastOf(source) {
  const functions = new Map();
  for (const [, name, body] of source.matchAll(
    /^export function (\w+)\(x: v128\): v128 \{\n([\s\S]*?)\n\}/gm,
  ))
    functions.set(name, linesOf(name, body));
  const tables = [...source.matchAll(/^export const ([A-Z]+): usize = memory\.data/gm)].map(
    ([, name]) => name,
  );
  return [
    '// Written by scripts/build-abreast.mjs from assembly/curves.ts.',
    `import { ${tables.join(', ')} } from '../assembly/curves';`,
    "import { constant, fma } from '../assembly/simd';",
    '',
    [...functions.keys()].map((name) => abreast(name, functions)).join('\n\n'),
    '',
  ].join('\n');
}

/** Writes build/abreast.ts. */
export async function buildAbreast() {
  const text = abreastOf(await readFile(join(root, 'assembly/curves.ts'), 'utf8'));
  await mkdir(join(root, 'build'), { recursive: true });
  const file = join(root, 'build/abreast.ts');
  const beside = `${file}.${process.pid}.tmp`;
  await writeFile(beside, text);
  await rename(beside, file);
}
