/**
 * Vector registers that V8 spills in the main loops of the tile kernels (products, convolutions): one spilled
 * accumulator halves a kernel's speed. A tile loop is an innermost loop whose multiply-adds gather in variables of its
 * own, four or more, and that does nothing else to numbers. Run by `npm run check`:
 *
 *   node scripts/spills.mjs [FILE.wasm ..]      default: build/weft.simd.wasm and, where the engine has it, relaxed
 *
 * Prints a table; the exit code is 1 if a loop spills that this engine is given. It can judge x64 and a Node whose V8
 * has the disassembler, and says so elsewhere. `node --experimental-wasm-revectorize scripts/spills.mjs` judges the code
 * that V8 makes with that flag.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import binaryen from 'binaryen';

/** Accumulators of a tile of 4 rows by 8 columns, and of 6: all that V8's 15 registers hold beside the operands. */
const SMALL = 8;
const LARGE = 12;
/** From this V8 on its register allocator keeps the large tile in registers; the self-test never chooses it before. */
const LARGE_FROM = 13;
/** From so many accumulators on, a tile is for registers of 256 bits: 5 or 6 rows by 16 columns. */
const WIDE = 20;
const REVECTORIZE = '--experimental-wasm-revectorize';
const revectorizes = process.execArgv.includes(REVECTORIZE);

/** What turns up in loops over elements, whose constants may well be spilled, but in no tile. */
const FOREIGN =
  /^(f32x4|f64x2)\.(sub|div|sqrt|nearest|floor|pmin|pmax|min|max|lt|le|gt|ge|eq|ne|abs|neg|convert)|^call/;

/** The binary's text format as nested arrays of words. */
function parse(bytes) {
  const module = binaryen.readBinaryWithFeatures(bytes, binaryen.Features.All);
  const text = module.emitText();
  module.dispose();
  const stack = [[]];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|;;[^\n]*|[()]|[^\s()"]+/g)) {
    if (token.startsWith(';;')) continue;
    if (token === '(') stack.push([]);
    else if (token === ')') {
      const done = stack.pop();
      stack.at(-1).push(done);
    } else stack.at(-1).push(token);
  }
  return stack[0][0];
}

function* walk(expression) {
  yield expression;
  for (const part of expression) if (Array.isArray(part)) yield* walk(part);
}

const headIs = (head) => (expression) => expression[0] === head;
const isMultiplyAdd = (e) =>
  e[0] === 'f32x4.relaxed_madd' ||
  (e[0] === 'f32x4.add' && e.slice(1).some((part) => part[0] === 'f32x4.mul'));

/** Accumulators and multiplications of each tile loop of a function, in the order of the text. */
function tileLoops(body) {
  const loops = [...walk(body)].filter(headIs('loop'));
  return loops.flatMap((loop) => {
    const inside = [...walk(loop)];
    if (inside.filter(headIs('loop')).length > 1 || inside.some(([head]) => FOREIGN.test(head))) return [];
    const gathered = inside.filter(
      ([head, , value]) => /^local\.(set|tee)$/.test(head) && isMultiplyAdd(value),
    );
    const accumulators = new Set(gathered.map(([, name]) => name)).size;
    const multiplies = inside.filter(([head]) => /^f32x4\.(mul|relaxed_madd)$/.test(head)).length;
    return accumulators >= 4 && multiplies === gathered.length ? [{ accumulators, multiplies }] : [];
  });
}

/** The functions with tile loops: index, exports that reach it, its loops. */
function tileFunctions(bytes) {
  const fields = parse(bytes).filter(Array.isArray);
  const functions = fields.filter(headIs('func'));
  const imports = fields.filter((field) => field[0] === 'import' && field.at(-1)[0] === 'func').length;
  const indexOf = new Map(functions.map(([, name], i) => [name, imports + i]));
  const callers = new Map();
  for (const body of functions) {
    for (const [, target] of [...walk(body)].filter(headIs('call'))) {
      if (!callers.has(target)) callers.set(target, new Set());
      callers.get(target).add(body[1]);
    }
  }
  const exported = new Map();
  for (const [, name, [kind, target]] of fields.filter(headIs('export'))) {
    if (kind === 'func') exported.set(target, [...(exported.get(target) ?? []), JSON.parse(name)]);
  }
  const reach = (name, seen = new Set()) => {
    if (seen.has(name)) return [];
    seen.add(name);
    return [
      ...(exported.get(name) ?? []),
      ...[...(callers.get(name) ?? [])].flatMap((one) => reach(one, seen)),
    ];
  };
  return functions.flatMap((body) => {
    const loops = tileLoops(body);
    const kernels = [...new Set(reach(body[1]))].sort();
    return loops.length > 0 ? [{ index: indexOf.get(body[1]), kernels, loops }] : [];
  });
}

/** Runs this Node and returns what it prints. */
function node(args) {
  const options = { encoding: 'utf8', maxBuffer: 1 << 29, env: { ...process.env, NODE_OPTIONS: '' } };
  const { stdout, status, stderr } = spawnSync(process.execPath, args, options);
  if (status !== 0) throw new Error(`spills: node ${args.join(' ')} failed\n${stderr}`);
  return stdout;
}

/** V8's machine code of every function, as lines, by index; empty where this Node can't print it. */
function machineCode(file) {
  const compile = `new WebAssembly.Module(require('node:fs').readFileSync(${JSON.stringify(file)}))`;
  const flags = ['--no-liftoff', '--no-wasm-lazy-compilation', '--print-wasm-code'];
  if (revectorizes) flags.push(REVECTORIZE);
  // Loops are told apart by the function that they are in.
  const inlining = /--((experimental-)?wasm-inlining) \(/.exec(node(['--v8-options']));
  if (inlining) flags.push(`--no-${inlining[1]}`);
  const stdout = node([...flags, '-e', compile]);
  const code = new Map();
  for (const part of stdout.split('--- WebAssembly code ---').slice(1)) {
    const index = /^index: (\d+)/m.exec(part);
    const lines = [...part.matchAll(/^0x[0-9a-f]+\s+([0-9a-f]+)\s+[0-9a-f]+\s+(.+)$/gm)];
    if (index)
      code.set(
        Number(index[1]),
        lines.map(([, at, text]) => ({ at: Number.parseInt(at, 16), text })),
      );
  }
  return code;
}

const MULTIPLY = /^v?(fmadd\d+ps|mulps)/;
const SPILL = /[xy]mm\d+.*\[r[bs]p|\[r[bs]p.*[xy]mm\d+/;

/**
 * Multiplications and stack accesses of vectors in each innermost loop that multiplies vectors. A range with a call is
 * none: interrupts, which save every register, are served out of line, behind a call, and jump back into a loop.
 */
function machineLoops(lines) {
  const calls = lines.filter(({ text }) => text.startsWith('call')).map(({ at }) => at);
  const loops = lines.flatMap(({ at, text }) => {
    const target = /^j\w+ .*<\+0x([0-9a-f]+)>/.exec(text);
    const start = target ? Number.parseInt(target[1], 16) : at;
    return start < at && !calls.some((call) => call >= start && call <= at) ? [{ start, end: at }] : [];
  });
  const innermost = loops.filter(
    (loop) => !loops.some((other) => other !== loop && other.start >= loop.start && other.end <= loop.end),
  );
  return innermost
    .map(({ start, end }) => {
      const inside = lines.filter(({ at }) => at >= start && at <= end);
      const count = (pattern) => inside.filter(({ text }) => pattern.test(text)).length;
      return { multiplies: count(MULTIPLY), spills: count(SPILL) };
    })
    .filter(({ multiplies }) => multiplies >= 4);
}

/**
 * Tile loops of a binary with the vector spills of their machine code; null where it can't be had.
 * @returns {{ kernels: string[], accumulators: number, spills: number }[] | null}
 */
export function findSpills(file) {
  const code = process.arch === 'x64' ? machineCode(file) : new Map();
  if (![...code.values()].some((lines) => lines.length > 0)) return null;
  return tileFunctions(readFileSync(file)).flatMap(({ index, kernels, loops }) => {
    const found = machineLoops(code.get(index) ?? []);
    if (found.length === 0)
      throw new Error(`spills: no loop in the machine code of function ${index}, ${kernels}`);
    return loops.map(({ accumulators, multiplies }) => {
      // V8 may unroll a loop some times, and more or less often than another one of the function.
      const times = found.map((loop) => loop.multiplies / multiplies);
      const least = Math.min(...times.filter(Number.isInteger));
      const same = found.filter((_, i) => times[i] === least || least === Number.POSITIVE_INFINITY);
      return { kernels, accumulators, spills: Math.max(...same.map(({ spills }) => spills)) };
    });
  });
}

/** Whether the engine may be given a loop with so many accumulators. */
export function isChosen(
  accumulators,
  relaxed,
  { v8, revectorized } = { v8: Number.parseInt(process.versions.v8, 10), revectorized: revectorizes },
) {
  if (accumulators <= SMALL) return true;
  const measured = relaxed && v8 >= LARGE_FROM;
  if (accumulators <= LARGE) return measured;
  return accumulators < WIDE || (measured && revectorized);
}

function main(files) {
  const with256 = revectorizes ? ', revectorized' : '';
  const engine = `Node ${process.versions.node}, V8 ${process.versions.v8}, ${process.arch}${with256}`;
  if (process.arch !== 'x64') {
    console.log(`spills: not judged: ${engine}; only x64's machine code is known to this script`);
    return 0;
  }
  let bad = 0;
  for (const file of files) {
    const relaxed = file.includes('relaxed');
    if (!WebAssembly.validate(readFileSync(file))) {
      console.log(`spills: ${file}: not judged: ${engine} doesn't take it`);
      continue;
    }
    const loops = findSpills(file);
    if (!loops) {
      console.log(`spills: not judged: this Node's V8 has no disassembler (${engine})`);
      return 0;
    }
    console.log(`${file}, ${engine}\naccumulators  spills  kernels`);
    for (const { kernels, accumulators, spills } of loops) {
      const chosen = isChosen(accumulators, relaxed);
      const verdict = spills === 0 ? '' : chosen ? '  SPILLS' : '  (not chosen on this engine)';
      if (verdict === '  SPILLS') bad++;
      console.log(
        `${String(accumulators).padStart(12)}  ${String(spills).padStart(6)}  ${kernels.join(' ')}${verdict}`,
      );
    }
  }
  console.log(bad === 0 ? 'spills: none where it counts' : `spills: ${bad} loops spill`);
  return bad === 0 ? 0 : 1;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const given = process.argv.slice(2);
  const own = ['simd', 'relaxed'].map((name) =>
    fileURLToPath(new URL(`../build/weft.${name}.wasm`, import.meta.url)),
  );
  process.exitCode = main(given.length > 0 ? given : own);
}
