import {
  type Backend,
  createGraph,
  createInput,
  type Generator,
  gradient,
  gradientOps,
  type HostTensor,
  ops,
} from '../index.js';
import { sizeOf } from '../shape.js';
import { type Doubles, dot, dotSize, evaluator, type Recorded, randomVector, record } from './evaluate.js';
import type { Disagreement, InputFinding } from './result.js';

/** Largest relative difference of an analytic and a numeric derivative, both in double precision. */
export const GRADIENT_TOLERANCE = 1e-7;

/**
 * Half the distance of the two points of a central difference. Richardson's step (h and h / 2) leaves an error of
 * h^4 f⁗' / 480, about 1e-15 f⁗', and rounding contributes 1e-16 f / h: both stay below 1e-10 for the functions here,
 * and a step does not reach over a kink that samples keep 0.0025 away from.
 */
const STEP = 1e-3;

/** Coordinates that are looked at to say where a gradient is wrong. */
const MOST_COORDINATES = 512;

/** Runs of a function and of its gradient on one set of inputs. */
type Run = (data: readonly Doubles[]) => Promise<Doubles[]>;

/** (4 D(h / 2) - D(h)) / 3 with D the central difference of `f` along `direction` in input number `place`. */
async function centralDifference(
  data: readonly Doubles[],
  place: number,
  direction: (i: number) => number,
  f: (data: readonly Doubles[]) => Promise<Doubles>,
): Promise<Doubles> {
  const at = (step: number) =>
    f(
      data.with(
        place,
        data[place]!.map((value, i) => value + step * direction(i)),
      ),
    );
  const slope = async (step: number) => {
    const [right, left] = [await at(step), await at(-step)];
    return right.map((value, i) => (value - left[i]!) / (2 * step));
  };
  const [near, far] = [await slope(STEP / 2), await slope(STEP)];
  return near.map((value, i) => (4 * value - far[i]!) / 3);
}

/** The relative difference of two derivatives; not a number counts as the largest. */
function difference(analytic: number, numeric: number, least: number): number {
  if (Object.is(analytic, numeric)) return 0;
  const scale = Math.max(Math.abs(analytic), Math.abs(numeric), least);
  const ratio = Math.abs(analytic - numeric) / scale;
  return Number.isNaN(ratio) ? Number.MAX_VALUE : ratio;
}

/**
 * What roundings of 2^-53 can feign: a few of the function's own absolute terms, divided by the step, are 1e-12 of these,
 * and a few of the inputs, in a function whose result cancels to nothing, are 1e-15 of these. A derivative is never held
 * to more than the tolerance of this.
 */
function leastScale(terms: Doubles, data: readonly Doubles[]): number {
  const size = terms.reduce((total, value) => total + Math.abs(value), 0);
  const largest = data.reduce((most, values) => values.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0);
  return Math.max(1e-4 * size, 1e-8 * largest, Number.MIN_VALUE);
}

const coordinateOf = (shape: readonly number[], index: number): number[] => {
  let rest = index;
  return shape
    .toReversed()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .reverse();
};

const say = ({ coordinate, output, analytic, numeric }: Disagreement): string => {
  const of = output
    ? `output [${output.join()}] with respect to element [${coordinate.join()}]`
    : `[${coordinate.join()}]`;
  return `the gradient at ${of} is ${analytic}, central differences give ${numeric}`;
};

/**
 * Compares, for each input position in `wrt`, the derivative of ⟨f(inputs), c⟩ along a random direction, as `gradient`
 * gives it, with a central difference; where they differ, says at which element most. `reference` is the f64 device.
 */
export async function checkDirections(
  reference: Backend,
  f: Recorded,
  tensors: readonly (HostTensor | null)[],
  wrt: readonly number[],
  generator: Generator,
  tolerance = GRADIENT_TOLERANCE,
): Promise<InputFinding[]> {
  const { values, inputs, data, output, random } = await record(f, tensors, generator);
  const weighted = ops.mul(output, random(output.shape));
  const loss = ops.sum(weighted);
  const gradients = gradient(
    loss,
    wrt.map((index) => values[index]!),
    gradientOps,
  );
  const given = gradients.filter((own) => own !== null);
  const analytic = await evaluator(createGraph({ inputs, outputs: given }), reference);
  const forward = await evaluator(createGraph({ inputs, outputs: [loss, weighted] }), reference);
  try {
    const found = await analytic.run(data);
    const [, terms] = await forward.run(data);
    const least = leastScale(terms!, data);
    const scalar = async (shifted: readonly Doubles[]) => (await forward.run(shifted))[0]!;
    const findings: InputFinding[] = [];
    for (const [k, index] of wrt.entries()) {
      const place = inputs.indexOf(values[index]!);
      const direction = randomVector(data[place]!.length, generator);
      const [numeric] = await centralDifference(data, place, (i) => direction[i]!, scalar);
      const own = gradients[k] ? found.shift()! : new Float64Array(direction.length);
      const along = dot(own, direction);
      // Where terms cancel, a thousandth of them is what the difference is held to.
      const error = difference(along, numeric!, Math.max(1e-3 * dotSize(own, direction), least));
      if (error <= tolerance) {
        findings.push({ index, error, tolerance, problem: null, worst: null });
        continue;
      }
      const { shape } = values[index]!;
      const worst = await locate(own, data, place, shape, scalar, least, generator);
      const overall = `along a random direction it is ${along}, numerically ${numeric}`;
      findings.push({ index, error, tolerance, problem: `${say(worst)}; ${overall}`, worst });
    }
    return findings;
  } finally {
    analytic.free();
    forward.free();
  }
}

/** The element at which a gradient is furthest from central differences, of those that are looked at. */
async function locate(
  own: Doubles,
  data: readonly Doubles[],
  place: number,
  shape: readonly number[],
  f: (data: readonly Doubles[]) => Promise<Doubles>,
  least: number,
  generator: Generator,
): Promise<Disagreement> {
  const size = own.length;
  const looked = generator.permutation(size).subarray(0, MOST_COORDINATES);
  let worst = { error: -1, at: 0, numeric: 0 };
  for (const at of looked) {
    const [numeric] = await centralDifference(data, place, (i) => Number(i === at), f);
    const error = difference(own[at]!, numeric!, least);
    if (error > worst.error) worst = { error, at, numeric: numeric! };
  }
  return { coordinate: coordinateOf(shape, worst.at), analytic: own[worst.at]!, numeric: worst.numeric };
}

/** One random direction per input, or every element of the Jacobian. */
export type Mode = 'directional' | 'full';

/** Elements of the largest Jacobian that a check of an op's samples works out; a larger one keeps a direction. */
const MOST_ELEMENTS = 65_536;

/** {@link checkDirections}, or {@link checkJacobian} where it is asked for and no Jacobian is larger than 65,536. */
export function checkDerivatives(
  mode: Mode,
  ...rest: Parameters<typeof checkDirections>
): Promise<InputFinding[]> {
  const [, f, tensors, wrt] = rest;
  if (mode === 'directional') return checkDirections(...rest);
  const inputs = tensors.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const outputs = sizeOf(f(inputs, (shape) => createInput(shape)).shape);
  const largest = Math.max(...wrt.map((index) => sizeOf(tensors[index]!.shape)));
  return outputs * largest > MOST_ELEMENTS ? checkDirections(...rest) : checkJacobian(...rest);
}

/** The entry of a Jacobian, of one input's, that is furthest from central differences. */
async function furthest(
  data: readonly Doubles[],
  place: number,
  outputs: Run,
  {
    entry,
    shape,
    output,
    least,
  }: {
    /** What the gradient has in a row (of the output) and a column (of the input). */
    readonly entry: (row: number, column: number) => number;
    readonly shape: readonly number[];
    readonly output: { readonly shape: readonly number[] };
    readonly least: number;
  },
): Promise<{ error: number; worst: Disagreement | null }> {
  let error = 0;
  let worst: Disagreement | null = null;
  for (let column = 0; column < data[place]!.length; column++) {
    const numeric = await centralDifference(
      data,
      place,
      (i) => Number(i === column),
      async (shifted) => (await outputs(shifted))[0]!,
    );
    for (const [row, value] of numeric.entries()) {
      const off = difference(entry(row, column), value, least);
      if (off <= error) continue;
      error = off;
      worst = {
        coordinate: coordinateOf(shape, column),
        output: coordinateOf(output.shape, row),
        analytic: entry(row, column),
        numeric: value,
      };
    }
  }
  return { error, worst };
}

/** Like {@link checkDirections}, for every element of the Jacobian: each output by each element of each input. */
export async function checkJacobian(
  reference: Backend,
  f: Recorded,
  tensors: readonly (HostTensor | null)[],
  wrt: readonly number[],
  generator: Generator,
  tolerance = GRADIENT_TOLERANCE,
): Promise<InputFinding[]> {
  const { values, inputs, data, output, random } = await record(f, tensors, generator);
  const seed = random(output.shape);
  const seedAt = data.length - 1;
  const gradients = gradient(
    output,
    wrt.map((index) => values[index]!),
    gradientOps,
    seed,
  );
  const given = gradients.filter((own) => own !== null);
  const analytic = await evaluator(createGraph({ inputs, outputs: given }), reference);
  const forward = await evaluator(createGraph({ inputs, outputs: [output] }), reference);
  try {
    const outputs: Run = (shifted) => forward.run(shifted);
    const [result] = await outputs(data);
    const least = leastScale(result!, data.slice(0, seedAt));
    const rows: Doubles[][] = [];
    for (let row = 0; row < sizeOf(output.shape); row++) {
      const oneHot = new Float64Array(sizeOf(output.shape));
      oneHot[row] = 1;
      rows.push(await analytic.run(data.with(seedAt, oneHot)));
    }
    const findings: InputFinding[] = [];
    let place = 0;
    for (const [k, index] of wrt.entries()) {
      const own = gradients[k] ? place++ : null;
      const entry = (row: number, column: number) => (own === null ? 0 : rows[row]![own]![column]!);
      const at = inputs.indexOf(values[index]!);
      const { error, worst } = await furthest(data, at, outputs, {
        entry,
        shape: values[index]!.shape,
        output,
        least,
      });
      const ok = error <= tolerance;
      findings.push({ index, error, tolerance, problem: ok ? null : say(worst!), worst: ok ? null : worst });
    }
    return findings;
  } finally {
    analytic.free();
    forward.free();
  }
}
