/**
 * Unrolls what a shader writes as loops of the build: WGSL compilers unroll few loops by themselves, and registers have no
 * index. A line of its own each, nested at will; A and B are whole numbers, or expressions of them and of names in scope.
 *
 *   #for i in A..B      what follows up to its #end once for i = A .. B - 1
 *   #for s in up down   the same once for each word, or of several names: #for s, n in up 1, down 2
 *   #if EXPRESSION      kept where it is not 0 (or false)
 *   #else
 *   #end
 *
 * `$i` becomes the value of i, `$(2 * i + 1)` that of an expression; behind a point, 0..3 become x, y, z, w.
 */
import { fail } from './reflect-shader.mjs';

const DIRECTIVE = /^\s*#(for|if|else|end)\b\s*(.*?)\s*$/;

/** Whether a line is for this pass. */
export const isDirective = (line) => DIRECTIVE.test(line);

/** The value of an expression of whole numbers and the names of `scope`. */
function evaluate(file, expression, scope) {
  const known = (name) => (Object.hasOwn(scope, name) ? String(scope[name]) : name);
  const filled = expression.replace(/[A-Za-z_]\w*/g, known).trim();
  if (/^[A-Za-z_]\w*$/.test(filled) && Object.hasOwn(scope, expression.trim())) return filled;
  if (!/^[\d\s()+*/%<>=!&|?:-]+$/.test(filled))
    fail(file, `can't work out '${expression.trim()}', it may hold whole numbers and names of #for`);
  let value;
  try {
    value = Number(new Function(`return ${filled};`)());
  } catch {
    fail(file, `can't work out '${expression.trim()}'`);
  }
  if (!Number.isInteger(value)) fail(file, `'${expression.trim()}' is ${value}, no whole number`);
  return value;
}

/** The values that a #for line runs through. */
function valuesOf(file, names, list, scope) {
  const range = /^(.+)\.\.(.+)$/.exec(list);
  if (!range)
    return names.length === 1 ? list.split(/\s+/) : list.split(',').map((one) => one.trim().split(/\s+/));
  const [first, end] = [range[1], range[2]].map((side) => evaluate(file, side, scope));
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

const PLACE = /(\.?)\$(?:([A-Za-z_]\w*|\d+)|\(((?:[^()]|\([^()]*\))*)\))/g;

const fill = (file, line, scope) =>
  line.replace(PLACE, (_, point, name, expression) => {
    const value = evaluate(file, name ?? expression, scope);
    return point + (point && typeof value === 'number' ? 'xyzw'[value] : value);
  });

/** Where the block that opens at `lines[at]` has its #else (or null) and its #end. */
function blockAt(file, lines, at) {
  let depth = 0;
  let otherwise = null;
  for (let i = at; i < lines.length; i++) {
    const kind = DIRECTIVE.exec(lines[i])?.[1];
    if (kind === 'for' || kind === 'if') depth++;
    else if (kind === 'else' && depth === 1) otherwise = i;
    else if (kind === 'end' && --depth === 0) return { otherwise, end: i };
  }
  return fail(file, `no #end for '${lines[at].trim()}'`);
}

function expandLines(file, lines, scope) {
  const out = [];
  for (let at = 0; at < lines.length; at++) {
    const [, kind, rest] = DIRECTIVE.exec(lines[at]) ?? [];
    if (kind === undefined) {
      out.push(lines[at].includes('$') ? fill(file, lines[at], scope) : lines[at]);
      continue;
    }
    if (kind === 'else' || kind === 'end') fail(file, `'${lines[at].trim()}' closes nothing`);
    const { otherwise, end } = blockAt(file, lines, at);
    const body = lines.slice(at + 1, otherwise ?? end);
    if (kind === 'if') {
      const kept = evaluate(file, rest, scope) ? body : lines.slice((otherwise ?? end) + 1, end);
      out.push(...expandLines(file, kept, scope));
    } else {
      const [, name, list] =
        /^([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)\s+in\s+(.+)$/.exec(rest) ??
        fail(file, `can't read '${lines[at].trim()}', write #for i in 0..4`);
      const names = name.split(/\s*,\s*/);
      for (const value of valuesOf(file, names, list, scope)) {
        const bound = Object.fromEntries(names.map((one, i) => [one, [value].flat()[i]]));
        out.push(...expandLines(file, body, { ...scope, ...bound }));
      }
    }
    at = end;
  }
  return out;
}

/** A shader without directives. Throws an Error that names the file. */
export const expandShader = (file, text) => expandLines(file, text.split('\n'), {}).join('\n');
