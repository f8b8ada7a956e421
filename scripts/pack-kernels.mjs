/**
 * The same code in a binary that compresses better. Deflate finds what was written before, byte for byte and within
 * 32 KiB, and kernels are alike across families, but for their place and the numbers of their locals. So
 * - each function follows the one of those left that has most in common with the few before it;
 * - locals of a type begin at one number in every function, after unused ones, and each takes the number that the code
 *   before has where it is the same. Engines leave out unused locals when they compile.
 */
import { gzipSync } from 'node:zlib';
import binaryen from 'binaryen';

/** So many instructions in a row are one gram of likeness: the measure that does best differs from binary to binary. */
const GRAMS = [4, 5];
/** So many functions back likeness counts, each step less by FADE grams. */
const REACH = 24;
const FADE = 1;
/** Lengths of the runs of instructions by which numbers are found: the longer a run, the more of them it has. */
const RUNS = [3, 6, 12, 24, 48, 96];
/** The first number of a type's locals where the types before it, and the parameters, need fewer; in this order. */
const STARTS = { i32: 0, i64: 0, f32: 48, f64: 0, v128: 64 };

/**
 * The functions in the text of a binary, an instruction a line, and the lines before them. `letters` has a character for
 * each instruction, the same for those that differ only in a local of the same type, `uses` the name of each one's local.
 */
function read(text) {
  const before = [];
  const functions = [];
  const alphabet = new Map();
  const letterOf = (word) => {
    if (!alphabet.has(word)) alphabet.set(word, String.fromCharCode(alphabet.size));
    return alphabet.get(word);
  };
  let one;
  for (const line of text.trimEnd().split('\n').slice(0, -1)) {
    if (line.startsWith(' (func ')) {
      const params = [...line.matchAll(/\(param (\$\d+) (\w+)\)/g)].map(([, name, type]) => [name, type]);
      one = {
        head: line,
        params: params.map(([name]) => name),
        types: new Map(params),
        code: [],
        letters: '',
        uses: [],
      };
      functions.push(one);
    } else if (!one) before.push(line);
    else if (line !== ' )') {
      const [, name, type] = /^ {2}\(local (\$\d+) (\w+)\)$/.exec(line) ?? [];
      if (name) {
        one.types.set(name, type);
        continue;
      }
      const [, access, local] = /^ *(local\.\w+) (\$\d+)$/.exec(line) ?? [];
      one.code.push(line);
      // Labels have names in the text, and none in the binary.
      one.letters += letterOf(
        access ? `${access} ${one.types.get(local)}` : line.trim().replace(/ \$[a-z]\S*/, ''),
      );
      one.uses.push(local);
    }
  }
  return { before, functions };
}

/** Every run of `size` letters. */
const runsOf = (letters, size) =>
  Array.from({ length: Math.max(0, letters.length - size + 1) }, (_, i) => letters.slice(i, i + size));

/** How many grams each two functions have in common. */
function likeness(functions, size) {
  const holders = new Map();
  for (const [index, { letters }] of functions.entries()) {
    for (const gram of new Set(runsOf(letters, size))) {
      const list = holders.get(gram);
      if (list) list.push(index);
      else holders.set(gram, [index]);
    }
  }
  const shared = functions.map(() => new Float64Array(functions.length));
  for (const list of holders.values()) {
    for (const a of list) for (const b of list) shared[a][b]++;
  }
  return shared;
}

/** The functions, like ones together, from the longest on. */
function orderOf(functions, size) {
  const shared = likeness(functions, size);
  const left = new Set(functions.keys());
  const order = [];
  const alike = (candidate) => {
    let best = -Infinity;
    for (let back = 0; back < Math.min(REACH, order.length); back++) {
      best = Math.max(best, shared[order.at(-1 - back)][candidate] - FADE * back);
    }
    return best;
  };
  const length = (index) => functions[index].letters.length;
  let next = [...left].reduce((most, index) => (length(index) > length(most) ? index : most));
  while (next >= 0) {
    order.push(next);
    left.delete(next);
    let best = -Infinity;
    next = -1;
    for (const candidate of left) {
      const value = alike(candidate);
      if (value > best) [best, next] = [value, candidate];
    }
  }
  return order.map((index) => functions[index]);
}

/** How often each local stands where the code before has a number: [local, number] pairs, the most frequent first. */
function wishesOf({ letters, uses }, known) {
  const wishes = new Map();
  for (const size of RUNS) {
    for (const [at, run] of runsOf(letters, size).entries()) {
      known.get(run)?.forEach((number, i) => {
        if (number === undefined) return;
        const wish = `${uses[at + i]} ${number}`;
        wishes.set(wish, (wishes.get(wish) ?? 0) + 1);
      });
    }
  }
  return [...wishes]
    .sort(([, a], [, b]) => b - a)
    .map(([wish]) => {
      const [name, number] = wish.split(' ');
      return [name, Number(number)];
    });
}

/**
 * The local at each number of a function: parameters, then those of each type, by the wishes and then by use. Adds the
 * numbers to what is `known`, by runs of letters.
 */
function numberLocals(one, known) {
  const { params, types, letters, uses } = one;
  const wishes = wishesOf(one, known);
  const locals = [...params];
  const numbers = new Map(params.map((name, number) => [name, number]));
  const count = (name) => uses.filter((use) => use === name).length;
  for (const [type, start] of Object.entries(STARTS)) {
    const names = [...types.keys()].filter((name) => types.get(name) === type && !params.includes(name));
    if (names.length === 0) continue;
    const first = Math.max(start, locals.length);
    const end = first + names.length;
    const place = (name, number) => {
      locals[number] = name;
      numbers.set(name, number);
    };
    for (const [name, number] of wishes) {
      const isFree = number >= first && number < end && !locals[number];
      if (isFree && !numbers.has(name) && names.includes(name)) place(name, number);
    }
    const rest = names.filter((name) => !numbers.has(name)).sort((a, b) => count(b) - count(a));
    for (let number = first; number < end; number++) if (!locals[number]) place(rest.shift(), number);
  }
  for (const size of RUNS) {
    for (const [at, run] of runsOf(letters, size).entries()) {
      known.set(
        run,
        uses.slice(at, at + size).map((name) => numbers.get(name)),
      );
    }
  }
  return locals;
}

/** The functions' text, locals by their numbers. Unused ones have the type before, so that a type is one group. */
function* write(functions) {
  const known = new Map();
  for (const one of functions) {
    const { head, params, types, code } = one;
    yield head;
    let type = 'i32';
    for (const name of Array.from(numberLocals(one, known)).slice(params.length)) {
      type = types.get(name) ?? type;
      yield `  (local ${name ?? ''} ${type})`;
    }
    yield* code;
    yield ' )';
  }
}

/** Binary of a module in text form. */
function assemble(lines) {
  const module = binaryen.parseText(lines.join('\n'));
  try {
    module.setFeatures(binaryen.Features.All);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** The binary in the form that compresses best. */
export function packKernels(binary) {
  const module = binaryen.readBinaryWithFeatures(binary, binaryen.Features.All);
  const { before, functions } = read(module.emitStackIR());
  module.dispose();
  const packed = (candidate) => gzipSync(candidate, { level: 9 }).length;
  return GRAMS.map((size) => assemble([...before, ...write(orderOf(functions, size)), ')'])).reduce(
    (best, next) => (packed(next) < packed(best) ? next : best),
  );
}
