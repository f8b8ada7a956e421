import { fail } from '../errors.js';
import { type Backend, createGraph, gradient, gradientOps, type HostTensor, type Op } from '../index.js';
import { dot, dotSize, evaluator, record, recorded } from './evaluate.js';
import type { Finding, InputFinding } from './result.js';
import { generatorOf, inputName, sampleInputs } from './samples.js';

/** Largest difference of the two inner products, relative to the sum of their absolute terms, in double precision. */
const ADJOINT_TOLERANCE = 1e-12;

/**
 * ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for every input in which the op is linear, other optional inputs left out; for an op of any number
 * of inputs, for all of them together.
 */
export async function checkAdjoint(op: Op, sample: number, reference: Backend): Promise<InputFinding[]> {
  const given = sampleInputs(op, sample);
  if (op.linear.length === 0) return [];
  if (op.variadic) {
    const all = given.flatMap((tensor, index) => (tensor?.dtype === 'f32' ? [index] : []));
    return all.length === 0
      ? []
      : [{ index: 0, worst: null, ...(await adjointOf(op, sample, given, all, reference)) }];
  }
  const linear = op.linear.filter((index) => given[index]?.dtype === 'f32');
  const tensors = given.map((tensor, index) =>
    op.optional.has(op.inputs[index]!) && !linear.includes(index) ? null : tensor,
  );
  const findings: InputFinding[] = [];
  for (const index of linear) {
    findings.push({ index, worst: null, ...(await adjointOf(op, sample, tensors, [index], reference)) });
  }
  return findings;
}

async function adjointOf(
  op: Op,
  sample: number,
  tensors: readonly (HostTensor | null)[],
  indices: readonly number[],
  reference: Backend,
): Promise<Finding> {
  const generator = generatorOf(`${op.name}/${sample}/adjoint/${indices.join()}`);
  const { values, inputs, data, output, random } = await record(recorded(op, sample), tensors, generator);
  const seed = random(output.shape);
  const wrt = indices.map((index) => values[index]!);
  const transposed = gradient(output, wrt, gradientOps, seed).map(
    (own, i) =>
      own ?? fail(op.name, `is linear in '${inputName(op, indices[i]!)}', but passes no gradient to it`),
  );
  const run = await evaluator(createGraph({ inputs, outputs: [output, ...transposed] }), reference);
  try {
    const [image, ...preimages] = await run.run(data);
    const y = data.at(-1)!;
    const x = wrt.map((value) => data[inputs.indexOf(value)]!);
    const sum = (f: typeof dot) => x.reduce((total, part, i) => total + f(part, preimages[i]!), 0);
    const [left, right] = [dot(image!, y), sum(dot)];
    const terms = Math.max(dotSize(image!, y), sum(dotSize));
    const error = terms === 0 ? 0 : Math.abs(left - right) / terms;
    const ok = error <= ADJOINT_TOLERANCE;
    const problem = ok ? null : `⟨A x, y⟩ is ${left}, ⟨x, Aᵀ y⟩ is ${right}`;
    return { error, tolerance: ADJOINT_TOLERANCE, problem };
  } finally {
    run.free();
  }
}
