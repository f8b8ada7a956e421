import { fail } from '../errors.js';
import {
  apply,
  type Backend,
  createGraph,
  createInput,
  type Generator,
  gradient,
  gradientOps,
  type HostTensor,
  type Op,
  ops,
  type Value,
  WeftError,
} from '../index.js';
import { showShape } from '../shape.js';
import {
  type Doubles,
  dot,
  dotSize,
  evaluator,
  type Recorded,
  randomVector,
  record,
  recorded,
} from './evaluate.js';
import type { Finding, InputFinding } from './result.js';
import { generatorOf, inputName, sampleInputs } from './samples.js';

/** Largest relative difference of an analytic and a numeric derivative, both in double precision. */
export const GRADIENT_TOLERANCE = 1e-7;

/**
 * Half the distance of the two points of a central difference. Richardson's step (h and h / 2) leaves an error of
 * h^4 f⁗' / 480, about 1e-15 f⁗', and rounding contributes 1e-16 f / h: both stay below 1e-10 for the functions here,
 * and a step does not reach over a kink that samples keep 0.0025 away from.
 */
const STEP = 1e-3;

/**
 * Compares, for each input position in `wrt`, the derivative of ⟨f(inputs), c⟩ along a random direction, as `gradient`
 * gives it, with a central difference. `reference` is the f64 device.
 */
export async function checkDerivatives(
  reference: Backend,
  f: Recorded,
  tensors: readonly (HostTensor | null)[],
  wrt: readonly number[],
  generator: Generator,
): Promise<InputFinding[]> {
  const { values, inputs, data, output, random } = record(f, tensors, generator);
  const weighted = ops.mul(output, random(output.shape));
  const loss = ops.sum(weighted);
  const gradients = gradient(
    loss,
    wrt.map((index) => values[index]!),
    gradientOps,
  );
  const analytic = await evaluator(
    createGraph({ inputs, outputs: gradients.filter((g) => g !== null) }),
    reference,
  );
  const forward = await evaluator(createGraph({ inputs, outputs: [loss, weighted] }), reference);
  try {
    const found = await analytic.run(data);
    const [, terms] = await forward.run(data);
    const size = terms!.reduce((total, value) => total + Math.abs(value), 0);
    const largest = data.flatMap((values) => [...values]).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const least = Math.max(1e-4 * size, 1e-8 * largest, Number.MIN_VALUE);
    const findings: InputFinding[] = [];
    for (const [k, index] of wrt.entries()) {
      const place = inputs.indexOf(values[index]!);
      const direction = randomVector(data[place]!.length, generator);
      const numeric = await centralDifference(
        data,
        place,
        direction,
        async (shifted) => (await forward.run(shifted))[0]![0]!,
      );
      const own = gradients[k] ? found.shift()! : new Float64Array(direction.length);
      findings.push({ index, ...judge(dot(own, direction), numeric, dotSize(own, direction), least) });
    }
    return findings;
  } finally {
    analytic.free();
    forward.free();
  }
}

/** (4 D(h / 2) - D(h)) / 3 with D the central difference along `direction` in input number `place`. */
async function centralDifference(
  data: readonly Doubles[],
  place: number,
  direction: Doubles,
  f: (data: readonly Doubles[]) => Promise<number>,
): Promise<number> {
  const at = (step: number) =>
    f(
      data.with(
        place,
        data[place]!.map((value, i) => value + step * direction[i]!),
      ),
    );
  const slope = async (step: number) => ((await at(step)) - (await at(-step))) / (2 * step);
  return (4 * (await slope(STEP / 2)) - (await slope(STEP))) / 3;
}

/**
 * Relative to the value, or to a thousandth of the sum of absolute terms where they cancel, but never to less than
 * `least`. That is what roundings of 2^-53 can feign: a few of the function's own absolute terms, divided by the step, are
 * 1e-12 of these, and a few of the inputs, in a function whose result cancels to nothing, are 1e-15 of these.
 */
function judge(analytic: number, numeric: number, terms: number, least: number): Finding {
  const scale = Math.max(Math.abs(analytic), Math.abs(numeric), 1e-3 * terms, least);
  const ratio = Math.abs(analytic - numeric) / scale;
  const error = Number.isNaN(ratio) ? Number.MAX_VALUE : ratio;
  const ok = error <= GRADIENT_TOLERANCE;
  const problem = ok
    ? null
    : `the gradient gives ${analytic} along a random direction, central differences ${numeric}`;
  return { error, tolerance: GRADIENT_TOLERANCE, problem };
}

/** Positions of the inputs of a sample that carry a gradient. */
function differentiable(op: Op, tensors: readonly (HostTensor | null)[]): number[] {
  const carries = (tensor: HostTensor | null, index: number) =>
    tensor?.dtype === 'f32' && op.differentiable(op.variadic ? 0 : index);
  return tensors.flatMap((tensor, index) => (carries(tensor, index) ? [index] : []));
}

/** For an op that holds gradients back: whether it does. */
function stopped(
  op: Op,
  sample: number,
  tensors: readonly (HostTensor | null)[],
  index: number,
): InputFinding {
  const inputs = tensors.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const output = recorded(op, sample)(inputs);
  const [own] = gradient(output, [inputs[index]!], gradientOps, ops.full({ shape: output.shape, value: 1 }));
  const problem = own ? 'is declared to stop gradients, but passes one on' : null;
  return { index, error: own ? 1 : 0, tolerance: 0, problem };
}

/** How many outputs of a sample are floats: what is not has no derivatives. */
function floatOutputs(op: Op, sample: number, tensors: readonly (HostTensor | null)[]): number {
  const inputs = tensors.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const outputs = apply(op, inputs, op.samples[sample]!.options);
  return outputs.slice(0, outputs.length - op.saves).filter(({ dtype }) => dtype === 'f32').length;
}

/** The gradient of a sample of an op with respect to each input that has one, against central differences in f64. */
export async function checkGradient(op: Op, sample: number, reference: Backend): Promise<InputFinding[]> {
  const tensors = sampleInputs(op, sample);
  const wrt = differentiable(op, tensors);
  const floats = floatOutputs(op, sample, tensors);
  if (wrt.length === 0 || floats === 0) return [];
  if (op.stopsGradient) return wrt.map((index) => stopped(op, sample, tensors, index));
  const generator = generatorOf(`${op.name}/${sample}/gradient`);
  const findings = await checkDerivatives(reference, recorded(op, sample), tensors, wrt, generator);
  // A rule must also be right where the loss depends on one of several outputs alone.
  for (let only = 0; floats > 1 && only < floats; only++) {
    const own = await checkDerivatives(reference, recorded(op, sample, only), tensors, wrt, generator);
    const named = own.map((finding) => ({
      ...finding,
      problem: finding.problem && `of output ${only} alone: ${finding.problem}`,
    }));
    findings.push(...named);
  }
  return findings;
}

/**
 * The gradients of each gradient, against central differences of it. Not applicable, and empty, where a rule on the way
 * is declared absent.
 */
export async function checkSecondOrder(op: Op, sample: number, reference: Backend): Promise<InputFinding[]> {
  const tensors = sampleInputs(op, sample);
  const wrt = differentiable(op, tensors);
  if (wrt.length === 0 || op.stopsGradient || floatOutputs(op, sample, tensors) === 0) return [];
  const findings: InputFinding[] = [];
  for (const first of wrt) {
    const slope: Recorded = (inputs, random) => {
      const output = recorded(op, sample)(inputs);
      const [own] = gradient(output, [inputs[first]!], gradientOps, random(output.shape));
      return own ?? ops.full({ shape: [], value: 0 });
    };
    const generator = generatorOf(`${op.name}/${sample}/second-order/${first}`);
    try {
      const second = await checkDerivatives(reference, slope, tensors, wrt, generator);
      findings.push(
        ...second.map((finding) => ({
          ...finding,
          problem: finding.problem && `d/d${inputName(op, first)}: ${finding.problem}`,
        })),
      );
    } catch (error) {
      const absent =
        error instanceof WeftError && /^\w+: has no gradient with respect to '/.test(error.message);
      if (!absent) throw error;
    }
  }
  return findings;
}

/**
 * Checks the gradient of any function of graph values: builds it, differentiates it by reverse mode and compares with
 * central differences in double precision. `reference` is a device opened as 'reference'; `inputs` are where to look.
 *
 * @returns one finding per f32 input; `problem` is null where analytic and numeric derivative agree within 1e-7.
 */
export async function gradcheck(
  reference: Backend,
  f: (...inputs: Value[]) => Value,
  inputs: readonly HostTensor[],
): Promise<InputFinding[]> {
  if (reference.kind !== 'reference') fail('gradcheck', `needs the reference device, not ${reference.kind}`);
  const wrt = inputs.flatMap(({ dtype }, index) => (dtype === 'f32' ? [index] : []));
  const run: Recorded = (values) => f(...(values as Value[]));
  const shapes = inputs.map(({ shape }) => showShape(shape)).join();
  return checkDerivatives(reference, run, inputs, wrt, generatorOf(`gradcheck ${shapes}`));
}
