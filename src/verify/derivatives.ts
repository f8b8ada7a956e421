import {
  apply,
  type Backend,
  createInput,
  gradient,
  gradientOps,
  type HostTensor,
  type Op,
  ops,
  WeftError,
} from '../index.js';
import { checkDerivatives, type Mode } from './differences.js';
import { recorded, slopeOf } from './evaluate.js';
import type { InputFinding } from './result.js';
import { generatorOf, inputName, sampleInputs } from './samples.js';

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
  return { index, error: own ? 1 : 0, tolerance: 0, problem, worst: null };
}

/** How many outputs of a sample are floats: what is not has no derivatives. */
function floatOutputs(op: Op, sample: number, tensors: readonly (HostTensor | null)[]): number {
  const inputs = tensors.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const outputs = apply(op, inputs, op.samples[sample]!.options);
  return outputs.slice(0, outputs.length - op.saves).filter(({ dtype }) => dtype === 'f32').length;
}

/** Findings whose problems say of what they are. */
const named = (findings: readonly InputFinding[], what: string): InputFinding[] =>
  findings.map((finding) => ({ ...finding, problem: finding.problem && `${what}: ${finding.problem}` }));

/** The gradient of a sample of an op with respect to each input that has one, against central differences in f64. */
export async function checkGradient(
  op: Op,
  sample: number,
  reference: Backend,
  mode: Mode = 'directional',
): Promise<InputFinding[]> {
  const tensors = sampleInputs(op, sample);
  const wrt = differentiable(op, tensors);
  const floats = floatOutputs(op, sample, tensors);
  if (wrt.length === 0 || floats === 0) return [];
  if (op.stopsGradient) return wrt.map((index) => stopped(op, sample, tensors, index));
  const generator = generatorOf(`${op.name}/${sample}/gradient`);
  const findings = await checkDerivatives(mode, reference, recorded(op, sample), tensors, wrt, generator);
  // A rule must also be right where the loss depends on one of several outputs alone.
  for (let only = 0; floats > 1 && only < floats; only++) {
    const own = await checkDerivatives(mode, reference, recorded(op, sample, only), tensors, wrt, generator);
    findings.push(...named(own, `of output ${only} alone`));
  }
  return findings;
}

/**
 * The gradients of each gradient, against central differences of it. Not applicable, and empty, where a rule on the way
 * is declared absent.
 */
export async function checkSecondOrder(
  op: Op,
  sample: number,
  reference: Backend,
  mode: Mode = 'directional',
): Promise<InputFinding[]> {
  const tensors = sampleInputs(op, sample);
  const wrt = differentiable(op, tensors);
  if (wrt.length === 0 || op.stopsGradient || floatOutputs(op, sample, tensors) === 0) return [];
  const findings: InputFinding[] = [];
  for (const first of wrt) {
    const slope = slopeOf(recorded(op, sample), first);
    const generator = generatorOf(`${op.name}/${sample}/second-order/${first}`);
    try {
      const second = await checkDerivatives(mode, reference, slope, tensors, wrt, generator);
      findings.push(...named(second, `d/d${inputName(op, first)}`));
    } catch (error) {
      const absent =
        error instanceof WeftError && /^\w+: has no gradient with respect to '/.test(error.message);
      if (!absent) throw error;
    }
  }
  return findings;
}
