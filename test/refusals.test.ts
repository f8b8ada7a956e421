import { describe, expect, it } from 'vitest';
import {
  apply,
  createInput,
  type DType,
  type Op,
  registry,
  type TensorType,
  type Value,
  WeftError,
} from '../src/index.js';
import { showShape } from '../src/shape.js';

type Given = TensorType | number | null;
interface Call {
  readonly inputs: readonly Given[];
  readonly options: unknown;
}

const DTYPES: readonly DType[] = ['f32', 'i32', 'bool'];
const OPTIONS = [
  Number.NaN,
  -1,
  0,
  1.5,
  'x',
  null,
  [],
  [1],
  [Number.NaN, 1],
  [-3, -3],
  [1, 1, 1, 1, 1],
  true,
  {},
];

/** A tensor of another rank, size or dtype, an empty one, and what is none. */
function* otherwise({ shape, dtype }: TensorType): Generator<Given> {
  yield null;
  yield 5;
  yield { shape: [], dtype };
  yield { shape: [1, ...shape], dtype };
  yield { shape: [...shape, 2], dtype };
  yield { shape: shape.slice(1), dtype };
  yield { shape: [3, 2, 2, 2, 2, 2, 2, 3], dtype };
  for (const [axis, size] of shape.entries())
    for (const other of [0, 1, size + 1]) yield { shape: shape.with(axis, other), dtype };
  for (const other of DTYPES) if (other !== dtype) yield { shape, dtype: other };
}

/** Calls that differ from an op's samples in one operand or one option. */
function* callsOf(op: Op): Generator<Call> {
  for (const sample of op.samples.slice(0, 4)) {
    const inputs = sample.inputs.map((one) => one && { shape: one.shape, dtype: one.dtype ?? 'f32' });
    const options = (sample.options ?? {}) as object;
    for (const [i, type] of inputs.slice(0, 4).entries())
      for (const other of otherwise(type ?? { shape: [2], dtype: 'f32' }))
        yield { inputs: inputs.with(i, other as TensorType), options: sample.options };
    for (const other of [undefined, null, {}, 3, 'x', { ...options, nonsense: 1 }])
      yield { inputs, options: other };
    for (const [key] of Object.entries(options))
      for (const value of [undefined, ...OPTIONS]) yield { inputs, options: { ...options, [key]: value } };
  }
}

const isTensor = (given: Given): given is TensorType => typeof given === 'object' && given !== null;

/** Records a call; what was thrown, if anything. */
function thrown(op: Op, { inputs, options }: Call): unknown {
  const values = inputs.map((one) => (isTensor(one) ? createInput(one.shape, one.dtype) : one));
  try {
    const outputs = apply(op, values as (Value | null)[], options);
    const counts = outputs.flatMap(({ shape }) => shape);
    return counts.every((size) => Number.isInteger(size) && size >= 0) ? null : 'a shape that is none';
  } catch (error) {
    return error;
  }
}

describe('what an op refuses', () => {
  it.each([...registry.values()].map((op) => [op.name, op] as const))(
    '%s says by an error that names it and the shape of each operand',
    (name, op) => {
      for (const call of callsOf(op)) {
        const error = thrown(op, call);
        if (error === null) continue;
        const where = JSON.stringify(call);
        expect(error, where).toBeInstanceOf(WeftError);
        const { message } = error as WeftError;
        expect(message.startsWith(`${name}: `), `${where}: ${message}`).toBe(true);
        // Of long lists a message shows the first.
        const operands = call.inputs.length > 8 ? [] : call.inputs.filter(isTensor);
        for (const { shape } of operands) expect(message, where).toContain(showShape(shape));
      }
    },
  );
});
