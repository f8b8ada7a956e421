import { f32, type TensorType } from '../op.js';
import { type Shape, showShape } from '../shape.js';
import { type Sizes, sequenceShapes } from './recurrent_sequence.js';

/** Shapes and options that every layer is tried on: steps, batch, hidden, reverse, lengths. */
export const sequenceCases: readonly {
  readonly sizes: Sizes;
  readonly reverse: boolean;
  readonly lengths?: readonly number[];
}[] = [
  { sizes: { steps: 0, batch: 2, hidden: 3 }, reverse: false },
  { sizes: { steps: 1, batch: 1, hidden: 1 }, reverse: false },
  { sizes: { steps: 3, batch: 2, hidden: 3 }, reverse: true },
  { sizes: { steps: 5, batch: 3, hidden: 4 }, reverse: false, lengths: [5, 1, 3] },
  { sizes: { steps: 4, batch: 5, hidden: 9 }, reverse: true, lengths: [2, 4, 1, 3, 4] },
];

/** The samples' inputs of these names, filled as `fill` says. */
export function sequenceSample<N extends string>(
  names: readonly N[],
  gates: number,
  { sizes, lengths }: (typeof sequenceCases)[number],
  fill: Partial<Record<NoInfer<N>, object>> = {},
) {
  const shapes = sequenceShapes(sizes, gates);
  const entries = names.map((name) => [name, { shape: shapes[name]!, ...fill[name] }] as const);
  const inputs = Object.fromEntries(entries) as Record<N, { shape: Shape }>;
  return lengths
    ? { ...inputs, lengths: { shape: shapes.lengths!, dtype: 'i32' as const, values: lengths } }
    : inputs;
}

/** Error cases of a layer op with these inputs, the first of which has the sizes. */
export function sequenceErrors<N extends string>(name: string, gates: number, names: readonly N[]) {
  const sizes = { steps: 3, batch: 2, hidden: 4 };
  const shapes = sequenceShapes(sizes, gates);
  const lead = names[0]!;
  const types = Object.fromEntries(names.map((key) => [key, f32(shapes[key]!)])) as Record<N, TensorType>;
  const given = showShape(shapes[lead]!);
  const parts = lead === 'projected' && gates > 1 ? `${gates} hidden` : 'hidden';
  const wrong = [3, 2, parts === 'hidden' ? 0 : 4 * gates + 1];
  const times = lead === 'projected' ? gates : 1;
  return [
    {
      types: { ...types, [lead]: f32([2, 4]) },
      message: `${name}: ${lead} must have 3 axes [steps, batch, ${parts}], it is [2,4]`,
    },
    {
      types: { ...types, [lead]: f32(wrong) },
      message: `${name}: the last axis of ${lead} must be ${times} times the hidden size, ${lead} is ${showShape(wrong)}`,
    },
    {
      types: { ...types, weightHidden: f32([4, 4 * gates + 1]) },
      message: `${name}: weightHidden must be ${showShape(shapes.weightHidden!)} for ${lead} ${given}, it is [4,${4 * gates + 1}]`,
    },
    {
      types: { ...types, lengths: { shape: [3], dtype: 'i32' as const } },
      message: `${name}: lengths must be [2] for ${lead} ${given}, it is [3]`,
    },
    { types: { ...types, lengths: f32([2]) }, message: `${name}: lengths must be i32, it is f32[2]` },
    {
      types: { ...types, h0: { shape: [2, 4], dtype: 'i32' as const } },
      message: `${name}: h0 must be f32, it is i32[2,4]`,
    },
  ];
}
