import binaryen from 'binaryen';

/** An s-expression of WebAssembly's text format: its head word and the expressions in it. */
export interface Expression {
  readonly words: readonly string[];
  readonly parts: readonly Expression[];
}

/** The text format of a binary as a tree. */
export function parseModule(bytes: Uint8Array): Expression {
  const module = binaryen.readBinaryWithFeatures(bytes, binaryen.Features.All);
  try {
    return parseText(module.emitText());
  } finally {
    module.dispose();
  }
}

function parseText(text: string): Expression {
  type Open = { words: string[]; parts: Open[] };
  const root: Open = { words: [], parts: [] };
  const stack = [root];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|;;[^\n]*|[()]|[^\s()"]+/g)) {
    if (token.startsWith(';;')) continue;
    if (token === '(') {
      const open: Open = { words: [], parts: [] };
      stack.at(-1)!.parts.push(open);
      stack.push(open);
    } else if (token === ')') stack.pop();
    else stack.at(-1)!.words.push(token);
  }
  return root.parts[0]!;
}

/** Everything in an expression, itself included. */
function* walk(expression: Expression): Generator<Expression, void> {
  yield expression;
  for (const part of expression.parts) yield* walk(part);
}

const is = (head: string) => (expression: Expression) => expression.words[0] === head;

/** The loops that hold no other loop. */
export const innermostLoops = (expression: Expression): Expression[] =>
  [...walk(expression)].filter((part) => is('loop')(part) && [...walk(part)].filter(is('loop')).length === 1);

export const contains = (expression: Expression, head: string): boolean =>
  [...walk(expression)].some(is(head));

/** How often an instruction occurs. */
export const countOf = (expression: Expression, head: string): number =>
  [...walk(expression)].filter(is(head)).length;

/** The names under which a module exports functions. */
export const functionExports = (module: Expression): string[] =>
  module.parts
    .filter((part) => is('export')(part) && part.parts[0]!.words[0] === 'func')
    .map(({ words }) => JSON.parse(words[1]!) as string);
