import { fail } from '../errors.js';
import { type Shape, showShape } from '../shape.js';

/** An equation read against the operands' shapes. Every axis has a label: a letter, or `.3` for an ellipsis's. */
export interface Equation {
  /** Of each operand's axes, in order. */
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** Letters, and at most one ellipsis, of one side of an operand. */
function lettersOf(term: string, where: string): string[] {
  const tokens = term.match(/\.\.\.|./g) ?? [];
  for (const token of tokens) {
    if (token !== '...' && !/[A-Za-z]/.test(token))
      fail('einsum', `${where} '${term}' holds '${token}'; letters and one ellipsis are allowed`);
  }
  if (tokens.filter((token) => token === '...').length > 1)
    fail('einsum', `${where} '${term}' has more than one ellipsis`);
  return [...tokens];
}

/** Labels of the last `count` axes that ellipses stand for, counted from the right: operands align there. */
const ellipsis = (count: number): string[] => Array.from({ length: count }, (_, i) => `.${count - i}`);

/** One label per axis of an operand. */
function axesOf(term: readonly string[], shape: Shape, position: number): string[] {
  const letters = term.filter((token) => token !== '...').length;
  const rest = shape.length - letters;
  if (rest < 0 || (rest > 0 && letters === term.length)) {
    const named = term.join('') || 'nothing';
    fail('einsum', `'${named}' does not fit the axes of inputs[${position}], which is ${showShape(shape)}`);
  }
  return term.flatMap((token) => (token === '...' ? ellipsis(rest) : [token]));
}

/** Sizes by label: an axis of size 1 is repeated where another operand's has more. */
function sizesOf(inputs: readonly (readonly string[])[], shapes: readonly Shape[]): Map<string, number> {
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const size = shapes[i]![axis]!;
      if (shapes[i]![labels.indexOf(label)] !== size)
        fail(
          'einsum',
          `inputs[${i}] repeats '${label}' with different sizes, it is ${showShape(shapes[i]!)}`,
        );
      const held = sizes.get(label) ?? 1;
      if (held !== 1 && size !== 1 && held !== size) {
        const all = shapes.map((shape, k) => `inputs[${k}] is ${showShape(shape)}`).join(', ');
        fail('einsum', `'${label}' stands for ${held} and for ${size}, ${all}`);
      }
      sizes.set(label, held === 1 ? size : held);
    });
  });
  return sizes;
}

/** What an equation without an arrow gives: the ellipsis, then the letters that stand once, in order. */
function implicit(inputs: readonly (readonly string[])[], dots: readonly string[]): string[] {
  const all = inputs.flat().filter((label) => !label.startsWith('.'));
  const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label));
  return [...dots, ...once.sort()];
}

/** Reads an equation such as `bij,bjk->bik`, `ii`, `...i,...i->...`; spaces don't count. */
export function parseEquation(equation: string, shapes: readonly Shape[]): Equation {
  const sides = equation.replace(/\s+/g, '').split('->');
  if (sides.length > 2) fail('einsum', `equation '${equation}' has more than one arrow`);
  const terms = sides[0]!.split(',').map((term) => lettersOf(term, 'operand'));
  if (terms.length !== shapes.length)
    fail('einsum', `equation '${equation}' is for ${terms.length} operands, there are ${shapes.length}`);
  const inputs = terms.map((term, i) => axesOf(term, shapes[i]!, i));
  const sizes = sizesOf(inputs, shapes);
  const dots = ellipsis(
    Math.max(0, ...inputs.map((labels) => labels.filter((l) => l.startsWith('.')).length)),
  );
  if (sides[1] === undefined) return { inputs, sizes, output: implicit(inputs, dots) };
  const output = lettersOf(sides[1], 'output').flatMap((token) => (token === '...' ? dots : [token]));
  for (const label of output) {
    if (!sizes.has(label))
      fail('einsum', `output '${label}' stands for no axis of the inputs in '${equation}'`);
    if (output.indexOf(label) !== output.lastIndexOf(label))
      fail('einsum', `output '${label}' stands twice in '${equation}'`);
  }
  return { inputs, sizes, output };
}
