import { defineVariadicComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, text } from '../kinds.js';
import { f32, type KernelCall, type RefTensor, type Value } from '../op.js';
import { forEachOffset, showShape, sizeOf, stridesOf } from '../shape.js';
import { mul } from './binary.js';
import { type Equation, parseEquation } from './einsum_parse.js';
import { permute, reshape } from './layout.js';
import { matmul } from './matmul.js';
import { pad } from './pad.js';
import { sum } from './reduce.js';
import { slice } from './slice.js';

export interface EinsumOptions {
  /** As torch.einsum has it: `bij,bjk->bik`. */
  readonly equation: string;
}

export const einsumKinds: Kinds<EinsumOptions> = { equation: text };

interface Attrs {
  readonly equation: string;
}

/** A value whose axes have labels, each once. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

const without = (labels: readonly string[], others: readonly string[]): string[] =>
  labels.filter((label) => !others.includes(label));
const both = (labels: readonly string[], others: readonly string[]): string[] =>
  labels.filter((label) => others.includes(label));

const shaped = (value: Value, shape: readonly number[]): Value =>
  value.shape.length === shape.length && value.shape.every((size, axis) => size === shape[axis])
    ? value
    : reshape(value, { shape });

/** Its axes in the order of `labels`. */
function arrange({ value, labels: own }: Labelled, labels: readonly string[]): Value {
  if (own.every((label, axis) => label === labels[axis])) return value;
  return permute(value, { axes: labels.map((label) => own.indexOf(label)) });
}

/** Sums over every axis that is not among `wanted`. */
function keep({ value, labels }: Labelled, wanted: readonly string[]): Labelled {
  const dropped = without(labels, wanted);
  if (dropped.length === 0) return { value, labels };
  const axes = dropped.map((label) => labels.indexOf(label));
  return { value: sum(value, { axes }), labels: both(labels, wanted) };
}

/**
 * The diagonal of the last two axes, both n long: in a row of n (n + 1) elements, the n² and n zeros, its elements are
 * the first of every n + 1.
 */
function lastDiagonal(x: Value): Value {
  const n = x.shape.at(-1)!;
  const lead = x.shape.slice(0, -2);
  const none = lead.map(() => 0);
  const longer = pad(reshape(x, { shape: [...lead, n * n] }), { before: [...none, 0], after: [...none, n] });
  const rows = reshape(longer, { shape: [...lead, n, n + 1] });
  const first = slice(rows, { start: [...none, 0, 0], end: [...lead, n, 1] });
  return reshape(first, { shape: [...lead, n] });
}

/** An operand with each label once: axes of size 1 are left out, repeated labels become diagonals. */
function operand(value: Value, labels: readonly string[]): Labelled {
  const long = labels.filter((_, axis) => value.shape[axis] !== 1);
  let held: Labelled = {
    value: shaped(
      value,
      value.shape.filter((size) => size !== 1),
    ),
    labels: long,
  };
  for (;;) {
    const { labels: now } = held;
    const twice = now.find((label, axis) => now.indexOf(label) !== axis);
    if (twice === undefined) return held;
    const [first, second] = [now.indexOf(twice), now.lastIndexOf(twice)];
    const others = now.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
    const last = permute(held.value, { axes: [...others, first, second] });
    held = { value: lastDiagonal(last), labels: [...others.map((axis) => now[axis]!), twice] };
  }
}

/** The product of two operands, summed over the labels that nobody needs any more. */
function contract(a: Labelled, b: Labelled, needed: readonly string[], sizes: Equation['sizes']): Labelled {
  const left = keep(a, [...b.labels, ...needed]);
  const right = keep(b, [...a.labels, ...needed]);
  const shared = both(left.labels, right.labels);
  const batch = both(shared, needed);
  const summed = without(shared, needed);
  const rows = without(left.labels, right.labels);
  const columns = without(right.labels, left.labels);
  const size = (labels: readonly string[]) =>
    labels.reduce((product, label) => product * sizes.get(label)!, 1);
  const labels = [...batch, ...rows, ...columns];
  const shape = labels.map((label) => sizes.get(label)!);
  const [count, m, k, n] = [size(batch), size(rows), size(summed), size(columns)];
  if (summed.length === 0 || (rows.length === 0 && columns.length === 0)) {
    const p = shaped(arrange(left, [...batch, ...rows, ...summed]), [count, m, 1, k]);
    const q = shaped(arrange(right, [...batch, ...columns, ...summed]), [count, 1, n, k]);
    const product = mul(p, q);
    return { value: reshape(summed.length > 0 ? sum(product, { axes: 3 }) : product, { shape }), labels };
  }
  // The order that costs no copy, where the operand's axes lie so already.
  const lies = ({ labels: own }: Labelled, order: readonly string[]) =>
    own.every((l, axis) => l === order[axis]);
  const transposeA = lies(left, [...batch, ...summed, ...rows]);
  const transposeB = !lies(right, [...batch, ...summed, ...columns]);
  const p = arrange(left, transposeA ? [...batch, ...summed, ...rows] : [...batch, ...rows, ...summed]);
  const q = arrange(
    right,
    transposeB ? [...batch, ...columns, ...summed] : [...batch, ...summed, ...columns],
  );
  const lead = batch.length > 0 ? [count] : [];
  const product = matmul(
    shaped(p, [...lead, ...(transposeA ? [k, m] : [m, k])]),
    shaped(q, [...lead, ...(transposeB ? [n, k] : [k, n])]),
    { transposeA, transposeB },
  );
  return { value: shaped(product, shape), labels };
}

const shapesOf = (inputs: readonly { readonly shape: readonly number[] }[]) =>
  inputs.map(({ shape }) => shape);

/** Labels that are summed over. */
const summedOf = ({ output, sizes }: Equation): string[] => without([...sizes.keys()], output);

function reference(inputs: readonly RefTensor[], { equation }: Attrs): Float64Array {
  const parsed = parseEquation(equation, shapesOf(inputs));
  const { output, sizes } = parsed;
  const summed = summedOf(parsed);
  const sizesOf = (labels: readonly string[]) => labels.map((label) => sizes.get(label)!);
  // A label's stride: the sum of those of its axes that are longer than 1.
  const strides = inputs.map(({ shape }, i) => {
    const own = stridesOf(shape);
    return (label: string) =>
      parsed.inputs[i]!.reduce(
        (total, name, axis) => total + (name === label && shape[axis] !== 1 ? own[axis]! : 0),
        0,
      );
  });
  const stridesFor = (labels: readonly string[]) => strides.map((of) => labels.map(of));
  const y = new Float64Array(sizeOf(sizesOf(output)));
  forEachOffset(sizesOf(output), stridesFor(output), (n, starts) => {
    const from = [...starts];
    forEachOffset(sizesOf(summed), stridesFor(summed), (_, offsets) => {
      y[n]! += inputs.reduce((product, { data }, i) => product * data[from[i]! + offsets[i]!]!, 1);
    });
  });
  return y;
}

// At most as many roundings as terms are summed, and one for each product, on any term's way.
const tolerance = {
  ulps({ types, attrs }: KernelCall<string, Attrs>) {
    const inputs = Object.values(types).filter((type) => type !== null);
    const parsed = parseEquation(attrs.equation, shapesOf(inputs));
    const terms = summedOf(parsed).reduce((product, label) => product * parsed.sizes.get(label)!, 1);
    return terms + 2 * inputs.length;
  },
  magnitude: 'absolute',
} as const;

const sample = (equation: string, ...shapes: readonly (readonly number[])[]) => ({
  inputs: shapes.map((shape) => ({ shape })),
  options: { equation },
});

const error = (equation: string, shapes: readonly (readonly number[])[], message: string) => ({
  types: shapes.map((shape) => f32(shape)),
  options: { equation },
  message: `einsum: ${message}`,
});

/**
 * Sums of products by Einstein's convention, as torch.einsum: one term of letters per input, the letters that the output
 * lacks are summed over; repeated letters in one term are its diagonal; an ellipsis stands for axes that broadcast; without
 * an arrow the output has the letters that stand once, in alphabetical order. Inputs are contracted from left to right.
 */
export const einsum = defineVariadicComposition({
  name: 'einsum',
  summary: 'y = sums of products over the letters that the output lacks',
  kinds: einsumKinds,
  attributes(options: EinsumOptions | undefined, types): Attrs {
    const equation = options?.equation ?? fail('einsum', 'needs options { equation }');
    types.forEach(({ dtype, shape }, i) => {
      if (dtype !== 'f32') fail('einsum', `inputs[${i}] must be f32, it is ${dtype}${showShape(shape)}`);
    });
    parseEquation(equation, shapesOf(types));
    return { equation };
  },
  compose(inputs, { equation }) {
    const { inputs: terms, output, sizes } = parseEquation(equation, shapesOf(inputs));
    const operands = inputs.map((value, i) => operand(value, terms[i]!));
    const whole = operands.reduce((a, b, i) => {
      const later = operands.slice(i + 1).flatMap(({ labels }) => labels);
      return contract(a, b, [...output, ...later], sizes);
    });
    const left = keep(whole, output);
    return reshape(arrange(left, both(output, left.labels)), {
      shape: output.map((label) => sizes.get(label)!),
    });
  },
  reference,
  samples: [
    sample('ij,jk->ik', [3, 5], [5, 7]),
    sample('bij,kj->bki', [2, 3, 5], [4, 5]),
    sample('i,i', [7], [7]),
    sample('ii->i', [5, 5]),
    sample('bijij,b->', [2, 3, 4, 3, 4], [2]),
    sample('i,j,k->kij', [3], [4], [5]),
    sample('...ij,...jk', [2, 1, 3, 4], [5, 4, 2]),
    {
      // Sums of halves and quarters are exact in any order.
      inputs: [
        [3, 4],
        [4, 5],
        [5, 2],
      ].map((shape) => ({ shape, values: [0.5, -1.25, 2, 0.75, -0.25, 1.5, -2.5] })),
      options: { equation: 'ab,bc,cd->ad' },
    },
    sample('ij,jk->i', [3, 1], [5, 4]),
  ],
  errors: [
    error('ij,jk', [[2, 3]], "equation 'ij,jk' is for 2 operands, there are 1"),
    error(
      'ij,jk->ik',
      [
        [2, 3],
        [4, 5],
      ],
      "'j' stands for 3 and for 4, inputs[0] is [2,3], inputs[1] is [4,5]",
    ),
    error('ii', [[2, 3]], "inputs[0] repeats 'i' with different sizes, it is [2,3]"),
    error('ijk', [[2, 3]], "'ijk' does not fit the axes of inputs[0], which is [2,3]"),
    error('i1->i', [[2, 3]], "operand 'i1' holds '1'; letters and one ellipsis are allowed"),
    error('...i...', [[2, 3]], "operand '...i...' has more than one ellipsis"),
    error('ij->ik', [[2, 3]], "output 'k' stands for no axis of the inputs in 'ij->ik'"),
    error('ij->ii', [[2, 3]], "output 'i' stands twice in 'ij->ii'"),
    error('i->i->i', [[2]], "equation 'i->i->i' has more than one arrow"),
    {
      types: [{ shape: [2], dtype: 'i32' }],
      options: { equation: 'i' },
      message: 'einsum: inputs[0] must be f32, it is i32[2]',
    },
  ],
  tolerance: { wasm: tolerance, webgpu: tolerance },
});
