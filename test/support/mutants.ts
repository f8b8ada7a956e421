import { applyWith } from '../../src/apply.js';
import { type Backend, type Op, ops, type Value } from '../../src/index.js';
import { sameShape, sizeOf } from '../../src/shape.js';
import { checkAdjoint, checkGradient, checkSecondOrder } from '../../src/verify/index.js';

/** What a wrong gradient is multiplied by. */
const FACTOR = 1.00001;

/** One deliberate fault in an op, and the check that found it. */
export interface Mutant {
  readonly op: string;
  readonly kind: 'backward' | 'wasm' | 'webgpu';
  /** The input whose gradient is wrong, or the kernel that is. */
  readonly target: string;
  /** The variant of the op that launches the kernel; null for a gradient. */
  readonly variant: string | null;
  /** What was changed. */
  readonly place: string;
  /** The check that failed and what it said; null: the mutant survived. */
  readonly killedBy: string | null;
}

const number = (value: number): Value => ops.full({ shape: [], value });

/** FACTOR - 1 of `grad`, or where it does not fit `input`, of its sum: a gradient where there is none. */
function stray(grad: Value, input: Value): Value {
  const base = sameShape(grad.shape, input.shape) ? grad : ops.sum(grad);
  return ops.broadcastTo(ops.mul(base, number(FACTOR - 1)), { shape: input.shape });
}

/** The op with the gradient of one of its inputs wrong: times 1.00001, or where its rule says zero, not zero. */
function withWrongRule(op: Op, index: number): Op {
  return {
    ...op,
    backward(at, node, grads) {
      const own = op.backward(at, node, grads);
      if (at !== index) return own;
      if (own) return ops.mul(own, number(FACTOR));
      const grad = grads.find((given) => given !== null);
      return grad ? stray(grad, node.inputs[at]!) : null;
    },
  };
}

const wrongIdentity = withWrongRule(ops.broadcastTo.op, 0);

/** A composition that takes one of its inputs through an identity whose gradient is wrong. */
function withWrongInput(op: Op, index: number): Op {
  const compose: Op['compose'] = (inputs, attrs) => {
    const { shape } = inputs[index]!;
    const [wrong] = applyWith(wrongIdentity, [inputs[index]!], { shape });
    return op.compose!(inputs.with(index, wrong!), attrs);
  };
  return { ...op, compose };
}

/** An op whose gradient with respect to input number `index` is wrong by a factor of 1.00001. */
const wrongGradient = (op: Op, index: number): Op =>
  op.compose ? withWrongInput(op, index) : withWrongRule(op, index);

/** Positions of the inputs that have a rule: of an op of any number of inputs, all that a sample has. */
function ruledInputs(op: Op): number[] {
  const most = Math.max(...op.samples.map(({ inputs }) => inputs.length));
  const given = (index: number) =>
    op.samples.some(({ inputs }) => inputs[index] && (inputs[index].dtype ?? 'f32') === 'f32');
  const positions = op.variadic ? most : op.inputs.length;
  return Array.from({ length: positions }, (_, index) => index).filter(
    (index) => op.differentiable(op.variadic ? 0 : index) && given(index),
  );
}

const CHECKS = { gradient: checkGradient, adjoint: checkAdjoint, 'second order': checkSecondOrder } as const;

/** Samples that give input number `index`, the smallest first: a check that fails looks at many elements. */
function samplesWith(op: Op, index: number): number[] {
  const size = (sample: number) =>
    op.samples[sample]!.inputs.reduce((sum, input) => sum + (input ? sizeOf(input.shape) : 0), 0);
  return [...op.samples.keys()]
    .filter((sample) => op.samples[sample]!.inputs[index])
    .sort((a, b) => size(a) - size(b));
}

/** {@link mutateRule} for every input that has a rule. */
export async function mutateRules(op: Op, reference: Backend): Promise<Mutant[]> {
  const mutants: Mutant[] = [];
  for (const index of ruledInputs(op)) mutants.push(await mutateRule(op, index, reference));
  return mutants;
}

/** Makes one gradient of an op wrong and runs the op's derived checks until one fails. */
async function mutateRule(op: Op, index: number, reference: Backend): Promise<Mutant> {
  const mutant = wrongGradient(op, index);
  const target = op.variadic ? `${op.inputs[0]}[${index}]` : op.inputs[index]!;
  const found = async (): Promise<string | null> => {
    for (const [name, check] of Object.entries(CHECKS)) {
      for (const sample of samplesWith(op, index)) {
        const findings = await check(mutant, sample, reference);
        const failed = findings.find(({ problem }) => problem !== null);
        if (failed) return `${name} of sample ${sample}: ${failed.problem}`;
      }
    }
    return null;
  };
  return {
    op: op.name,
    kind: 'backward',
    target,
    variant: null,
    place: `gradient times ${FACTOR}`,
    killedBy: await found(),
  };
}
