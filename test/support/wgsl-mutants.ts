/** One read or write of a storage array in a shader. */
export interface ShaderAccess {
  readonly name: string;
  /** Line of the module, from 1. */
  readonly line: number;
  /** Where the module has the index, from its first character to one past its last. */
  readonly start: number;
  readonly end: number;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** One past the bracket that closes the one at `at`. */
function closing(code: string, at: number, open: string, close: string): number {
  for (let depth = 0, i = at; i < code.length; i++) {
    if (code[i] === open) depth++;
    else if (code[i] === close && --depth === 0) return i + 1;
  }
  throw new Error(`'${open}' at ${at} is not closed`);
}

/** Bodies of a module's functions, by name. */
function functionsOf(code: string): Map<string, Span> {
  const spans = [...code.matchAll(/\bfn\s+(\w+)\s*\(/g)].map(({ 1: name, 0: head, index }) => {
    const parameters = closing(code, index + head.length - 1, '(', ')');
    const start = code.indexOf('{', parameters);
    return [name!, { start, end: closing(code, start, '{', '}') }] as const;
  });
  return new Map(spans);
}

/** The bodies of a function and of all that it calls. */
function reached(code: string, entry: string): Span[] {
  const functions = functionsOf(code);
  const names = new Set([entry]);
  for (const name of names) {
    const { start, end } = functions.get(name)!;
    for (const [word] of code.slice(start, end).matchAll(/\w+/g)) if (functions.has(word)) names.add(word);
  }
  return [...names].map((name) => functions.get(name)!);
}

/** Reads and writes of storage arrays in a kernel and in what it calls. */
export function shaderAccesses(code: string, entry: string): ShaderAccess[] {
  const storage = [...code.matchAll(/var<storage,\s*\w+>\s+(\w+)\s*:/g)].map(({ 1: name }) => name!);
  const access = new RegExp(`\\b(${storage.join('|')})\\s*\\[`, 'g');
  return reached(code, entry).flatMap(({ start, end }) =>
    [...code.slice(start, end).matchAll(access)].map(({ 0: head, 1: name, index }) => {
      const bracket = start + index + head.length - 1;
      const line = code.slice(0, bracket).split('\n').length;
      return { name: name!, line, start: bracket + 1, end: closing(code, bracket, '[', ']') - 1 };
    }),
  );
}

/** The module with one index one further on. */
export function shiftShader(code: string, { start, end }: ShaderAccess): string {
  return `${code.slice(0, start)}(${code.slice(start, end)}) + 1${code.slice(end)}`;
}
