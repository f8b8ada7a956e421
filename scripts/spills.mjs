/**
 * Vector registers that V8 spills in the main loops of the tile kernels (products, convolutions): one spilled
 * accumulator halves a kernel's speed. A tile loop is an innermost loop whose multiply-adds gather in variables of its
 * own, four or more, and that does nothing else to numbers. Run by `npm run check`:
 *
 *   node scripts/spills.mjs [FILE.wasm ..]      default: build/weft.simd.wasm and, where the engine has it, relaxed
 *
 * Prints a table; the exit code is 1 if a loop spills that this engine is given. It can judge x64 and a Node whose V8
 * has the disassembler, and says so elsewhere. Where V8 can join vectors to 256 bits, it judges that code too, by running
 * itself with --experimental-wasm-revectorize, as it may be run by hand.
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

// A loop that reads a vector or more for each product reuses nothing and is no tile of registers. V8 before LARGE_FROM
// reads all vectors of such a step before it multiplies the first, more than the registers hold; that is no fault of the
// loop, and is told but not counted. Since LARGE_FROM these loops are held to the same rule as tiles.

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

/** Accumulators, multiplications and reads of each tile loop of a function, in the order of the text. */
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
    const reads = inside.filter(([head]) => /^(v128|f32)\.load/.test(head)).length;
    return accumulators >= 4 && multiplies === gathered.length ? [{ accumulators, multiplies, reads }] : [];
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
const READ = /^v?\w+ [xy]mm\d+,.*\[(?!r[bs]p)/;
/** Vectors of 128 bits that V8 joined in an instruction; a number that is spread over a vector is one read of any width. */
const halves = (text) => (/ymm/.test(text) && !/broadcast/.test(text) ? 2 : 1);
const SPILL = /[xy]mm\d+.*\[r[bs]p|\[r[bs]p.*[xy]mm\d+/;
const JUMP = /^j\w+ .*<\+0x([0-9a-f]+)>/;
const LEAVES = /^(jmp|ret|int3|ud2)/;
const CALL = /^call/;

/** The basic blocks of a function, each with the blocks that follow it. */
function blocksOf(lines) {
  const targetOf = ({ text }) => {
    const jump = JUMP.exec(text);
    return jump ? Number.parseInt(jump[1], 16) : undefined;
  };
  const targets = new Set(lines.map(targetOf));
  const blocks = [];
  for (const [i, line] of lines.entries()) {
    const before = lines[i - 1];
    if (!before || targets.has(line.at) || JUMP.test(before.text) || LEAVES.test(before.text))
      blocks.push({ lines: [], next: [] });
    blocks.at(-1).lines.push(line);
  }
  const starts = new Map(blocks.map((block) => [block.lines[0].at, block]));
  for (const [i, block] of blocks.entries()) {
    const last = block.lines.at(-1);
    // A call at the end raises a trap: nothing follows it.
    const ends = LEAVES.test(last.text) || CALL.test(last.text);
    block.next = [starts.get(targetOf(last)), ends ? undefined : blocks[i + 1]].filter(Boolean);
  }
  return blocks;
}

/** The innermost loops of a function, each as a set of blocks: V8 lays the blocks of a loop in no order of their own. */
function innermostLoops(blocks) {
  const before = new Map(blocks.map((block) => [block, []]));
  for (const block of blocks) for (const next of block.next) before.get(next).push(block);
  const loops = new Map();
  const seen = new Set();
  const open = new Set();
  const visit = (block) => {
    seen.add(block);
    open.add(block);
    for (const next of block.next) {
      if (!seen.has(next)) visit(next);
      else if (open.has(next)) {
        // Back to the loop's head: all that leads here without passing the head is in the loop.
        const inside = loops.get(next) ?? new Set([next]);
        loops.set(next, inside);
        for (const found = [block]; found.length > 0; ) {
          const one = found.pop();
          if (inside.has(one)) continue;
          inside.add(one);
          found.push(...before.get(one));
        }
      }
    }
    open.delete(block);
  };
  for (const block of blocks) if (!seen.has(block)) visit(block);
  return [...loops]
    .filter(([head, inside]) => ![...loops.keys()].some((other) => other !== head && inside.has(other)))
    .map(([, inside]) => inside);
}

/**
 * Multiplications, reads and stack accesses of vectors in each innermost loop that multiplies vectors. A block with a
 * call serves an interrupt, for which it saves every register: it isn't counted.
 */
function machineLoops(lines) {
  return innermostLoops(blocksOf(lines))
    .map((loop) => {
      const inside = [...loop]
        .filter((block) => !block.lines.some(({ text }) => CALL.test(text)))
        .flatMap((block) => block.lines);
      const count = (pattern, weight = () => 1) =>
        inside.filter(({ text }) => pattern.test(text)).reduce((sum, { text }) => sum + weight(text), 0);
      return { multiplies: count(MULTIPLY, halves), reads: count(READ, halves), spills: count(SPILL) };
    })
    .filter(({ multiplies }) => multiplies > 0);
}

/**
 * Tile loops of a binary with the vector spills of their machine code; null where it can't be had.
 * @returns {{ kernels: string[], accumulators: number, spills: number, streams: boolean }[] | null}
 */
export function findSpills(file) {
  const code = process.arch === 'x64' ? machineCode(file) : new Map();
  if (![...code.values()].some((lines) => lines.length > 0)) return null;
  return tileFunctions(readFileSync(file)).flatMap(({ index, kernels, loops }) => {
    const found = machineLoops(code.get(index) ?? []);
    return loops.map(({ accumulators, multiplies, reads }) => {
      // V8 may unroll a loop some times: it is known by what it reads for each multiplication.
      const unrolled = found.filter((loop) => loop.multiplies % multiplies === 0);
      const distance = (loop) =>
        Math.abs(loop.reads * multiplies - reads * loop.multiplies) / loop.multiplies;
      const least = Math.min(...unrolled.map(distance));
      const same = unrolled.filter((loop) => distance(loop) === least);
      if (same.length === 0) {
        throw new Error(
          `spills: no loop of ${multiplies} multiplications in the machine code of function ${index}, ${kernels}`,
        );
      }
      const spills = Math.max(...same.map((loop) => loop.spills));
      return { kernels, accumulators, spills, streams: reads >= multiplies };
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

/** Whether there are tiles to choose from for the kernels that a loop is part of, by names such as conv2d_f32__6x8. */
const isTile = (kernels) => kernels.every((name) => /__|_sequence/.test(name));

/** What is said of a loop that spills. */
function verdictOn(kernels, accumulators, streams, relaxed) {
  const old = Number.parseInt(process.versions.v8, 10) < LARGE_FROM;
  if (streams && old) return '(no tile: a read for each product)';
  if (!isTile(kernels)) return old ? `(V8 before ${LARGE_FROM} has no other kernel: not counted)` : 'SPILLS';
  return isChosen(accumulators, relaxed) ? 'SPILLS' : '(not chosen on this engine)';
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
    for (const { kernels, accumulators, spills, streams } of loops) {
      const verdict = spills > 0 ? `  ${verdictOn(kernels, accumulators, streams, relaxed)}` : '';
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
  const joins = !revectorizes && node(['--v8-options']).includes(REVECTORIZE);
  if (joins) {
    const args = [REVECTORIZE, fileURLToPath(import.meta.url), ...given];
    process.exitCode ||= spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
  }
}
