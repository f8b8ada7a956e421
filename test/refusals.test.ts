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

/** Options that take fractions; every other number is whole. */
const FRACTIONS =
  'alpha beta correction deviation delta divisorOverride dropout end eps high k labelSmoothing low margin max ' +
  'maxVal mean min minVal negativeSlope p rate scale scaleFactor start step threshold value';

/** What no option of an op is, whatever its type: TypeScript says so of each. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  always: [
    Number.NaN,
    [Number.NaN],
    {},
    () => 1,
    Symbol.iterator,
    1n,
    [[]],
    new Float32Array(2),
    new Date(0),
  ],
  whole: ['1', [1.5], 1.5, true, '', 'x'],
  number: ['1', '0.1', '', true],
  flag: [0, 1, 'true', 'false', '', null, [true], [1]],
  word: [0, 1, true, '', 'X', ['mean']],
};

const isTensor = (given: Given): given is TensorType => typeof given === 'object' && given !== null;

/** Records a call; what was thrown, if anything. */
function thrown(op: Op, { inputs, options }: Call): unknown {
  const values = inputs.map((one) => (isTensor(one) ? createInput(one.shape, one.dtype) : one));
  try {
    const outputs = apply(op, values as (Value | null)[], options);
    const counts = outputs.flatMap(({ shape }) => shape);
    if (!counts.every((size) => Number.isInteger(size) && size >= 0)) return 'a shape that is none';
    const attrs = op.attributes(values as (Value | null)[], options);
    const none = (value: unknown): boolean =>
      Array.isArray(value) ? value.some(none) : value === undefined || Number.isNaN(value);
    const unset = Object.entries(attrs).find(([, value]) => none(value));
    return unset ? `attribute ${unset[0]} is ${unset[1]}` : null;
  } catch (error) {
    return error;
  }
}

/** What an option of this kind must not be, told by what its words take. */
function wrongFor(name: string, { fits }: Op['kinds'][string]): readonly unknown[] {
  const takesNull = fits(null) ? [] : [null];
  const of = (key: string) => [...WRONG.always!, ...takesNull, ...WRONG[key]!];
  if (fits(true)) return of('flag');
  if (
    !fits(1) &&
    !fits([1]) &&
    !fits([
      [1, 1],
      [1, 1],
    ])
  )
    return of('word');
  return of(FRACTIONS.split(' ').includes(name) && (fits(1.5) || fits([1.5])) ? 'number' : 'whole');
}

describe('what an op refuses', () => {
  it.each([...registry.values()].map((op) => [op.name, op] as const))(
    '%s takes options of their kinds alone',
    (name, op) => {
      for (const sample of op.samples.slice(0, 2)) {
        const inputs = sample.inputs.map((one) => one && { shape: one.shape, dtype: one.dtype ?? 'f32' });
        for (const [key, kind] of Object.entries(op.kinds)) {
          for (const value of wrongFor(key, kind)) {
            // An equation is any string.
            if (key === 'equation' && typeof value === 'string') continue;
            const error = thrown(op, { inputs, options: { ...(sample.options as object), [key]: value } });
            const where = `${name} { ${key}: ${String(value)} }`;
            expect(error, where).toBeInstanceOf(WeftError);
            expect((error as WeftError).message, where).toContain(
              `${name}: ${key} must be ${kind.words}, got `,
            );
          }
        }
      }
    },
  );

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
