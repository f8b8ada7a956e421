import {
  applyWith,
  type Backend,
  createGraph,
  createInput,
  FaultMessages,
  type Graph,
  type Op,
  ops,
  Program,
  type Value,
} from '../index.js';
import { sizeOf } from '../shape.js';
import type { Finding } from './result.js';
import { sampleInputs } from './samples.js';
import { attributesOf, type KernelCase, truthOf } from './truth.js';
import {
  type Bound,
  bits,
  doubles,
  otherwise,
  poison,
  type WordFormat,
  Workspace,
  withTail,
} from './workspace.js';

/**
 * Where the outputs go: memory of their own, the inputs that the op overwrites, or a copy of input number n that dies, so
 * that an op which may work in place does.
 */
type Target = 'own' | 'updates' | number;

/** A graph of one op, with the outputs' places among the buffers. */
interface Case {
  readonly graph: Graph;
  readonly buffers: readonly Bound[];
  readonly outputAt: readonly number[];
  readonly outputs: readonly Value[];
}

const copyOf = (value: Value): Value => ops.broadcastTo(value, { shape: value.shape });

/** The graph of one call, and what its buffers hold before and must hold afterwards. */
function layOut(kernelCase: KernelCase, target: Target, format: WordFormat): Case {
  const { op, inputs: tensors } = kernelCase;
  const values = tensors.map((tensor, i) => tensor && createInput(tensor.shape, tensor.dtype, op.inputs[i]));
  const inputs = values.filter((value) => value !== null);
  const operands = values.map((value, i) => (i === target ? copyOf(value!) : value));
  const made = applyWith(op, operands, attributesOf(kernelCase));
  const targets = target === 'updates' ? op.overwrites(values).map((index) => values[index]!) : [];
  const updates = targets.map((overwritten, k) => ({ target: overwritten, value: made[k]! }));
  const outputs = typeof target === 'number' ? made.map(copyOf) : made;
  const graph = createGraph(target === 'updates' ? { inputs, updates } : { inputs, outputs });
  const given = tensors
    .filter((tensor) => tensor !== null)
    .map((tensor, i): Bound => {
      const before = withTail(format.encode(tensor), format);
      const expected = targets.includes(inputs[i]!) ? null : before;
      const other = withTail(format.encode(otherwise(tensor)), format);
      return { name: `input '${inputs[i]!.label}'`, before, expected, other };
    });
  if (target === 'updates') {
    return { graph, buffers: given, outputAt: targets.map((value) => inputs.indexOf(value)), outputs: made };
  }
  const blank = made.map(({ shape, dtype }, i): Bound => {
    const zeros = format.encode({ shape, dtype: 'i32', data: new Int32Array(sizeOf(shape)) });
    const before = withTail(zeros.fill(format.unset(dtype)), format);
    return { name: `output ${i}`, before, expected: null, other: before };
  });
  const outputAt = made.map((_, i) => given.length + i);
  return { graph, buffers: [...given, ...blank], outputAt, outputs: made };
}

/**
 * Compares one output with the reference; where a bound on a finite number is infinite, anything may come out. The error
 * is the largest share of its bound that an element takes.
 */
function compare(name: string, actual: Float64Array, expected: Float64Array, bound: Float64Array): Finding {
  let worst = 0;
  let problem: string | null = null;
  for (let i = 0; i < expected.length; i++) {
    const [a, e, b] = [actual[i]!, expected[i]!, bound[i]!];
    const same = Object.is(a, e) || a === e || a === Math.fround(e) || (b === Infinity && Number.isFinite(e));
    const share = same ? 0 : b === 0 ? Number.MAX_VALUE : Math.abs(a - e) / b;
    const error = Number.isNaN(share) ? Number.MAX_VALUE : share;
    if (error > 1 && error > worst) {
      problem = `${name}[${i}] is ${a}, the reference has ${e}, allowed is a difference of ${b}`;
    }
    worst = Math.max(worst, error);
  }
  return { error: worst, tolerance: 1, problem };
}

async function runCase(
  kernelCase: KernelCase,
  backend: Backend,
  variant: string | null,
  target: Target,
): Promise<Finding> {
  const format = backend.kind === 'reference' ? doubles : bits;
  const { graph, buffers, outputAt, outputs } = layOut(kernelCase, target, format);
  poison(backend);
  const workspace = new Workspace(backend, format, buffers);
  const faults = new FaultMessages();
  const choose = {
    variant: ({ op }: { op: Op }) => (op === kernelCase.op ? (variant ?? undefined) : undefined),
  };
  try {
    const program = await Program.compile(graph, backend, faults, choose);
    try {
      if (backend.kind !== 'reference') await workspace.runOther(program);
      const first = await workspace.run(program);
      const damage = await workspace.damage(first);
      const second = await workspace.run(program);
      faults.raise(backend);
      const repeats = first.every((words, i) => words.every((word, k) => Object.is(word, second[i]![k])));
      const problem = damage ?? (repeats ? null : 'two runs on the same inputs differ');
      if (problem) return { error: Number.MAX_VALUE, tolerance: 1, problem };
      const actual = outputs.map(({ shape, dtype }, k) =>
        format.decode(first[outputAt[k]!]!.slice(0, sizeOf(shape)), dtype),
      );
      return judge(kernelCase, backend, outputs, actual);
    } finally {
      program.dispose();
    }
  } finally {
    workspace.free();
  }
}

function judge(
  kernelCase: KernelCase,
  backend: Backend,
  outputs: readonly Value[],
  actual: readonly Float64Array[],
): Finding {
  const { op, inputs } = kernelCase;
  const truth = truthOf(kernelCase, outputs);
  const { attrs, expected } = truth;
  const bounds = truth.boundsOn(backend.kind);
  const worst = outputs
    .map((_, k) =>
      compare(outputs.length > 1 ? `output ${k}` : 'output', actual[k]!, expected[k]!, bounds[k]!),
    )
    .reduce((a, b) => (b.error > a.error ? b : a));
  return { ...worst, ulps: backend.kind === 'reference' ? null : op.ulps(backend.kind, inputs, attrs) };
}

/**
 * Runs an op on a backend by one kernel variant (null: the reference, or a view) and holds it against `op.reference`
 * within the op's tolerance. Also checked: a run on other inputs leaves nothing behind, two runs give the same bits, no input changes but those that the op
 * overwrites, nothing is written outside the outputs. An op that overwrites, or may work in place, is also run so.
 */
export async function checkKernel(
  kernelCase: KernelCase,
  backend: Backend,
  variant: string | null,
): Promise<Finding> {
  const { op, inputs } = kernelCase;
  const reusable = backend.sharesRegions ? op.inPlace.filter((index) => inputs[index]) : [];
  const targets: Target[] = [
    'own',
    ...(op.overwrites(inputs).length > 0 ? (['updates'] as const) : []),
    ...reusable,
  ];
  let worst: Finding | null = null;
  for (const target of targets) {
    const finding = await runCase(kernelCase, backend, variant, target);
    const where =
      target === 'own' ? '' : target === 'updates' ? 'in place: ' : `in place of '${op.inputs[target]}': `;
    if (finding.problem) return { ...finding, problem: `${where}${finding.problem}` };
    if (!worst || finding.error > worst.error) worst = finding;
  }
  return worst!;
}

const calls = new WeakMap<Op, KernelCase[]>();

/** The call that an op's sample number `sample` describes. */
function sampleCase(op: Op, sample: number): KernelCase {
  const known = calls.get(op) ?? [];
  calls.set(op, known);
  known[sample] ??= { op, inputs: sampleInputs(op, sample), options: op.samples[sample]!.options };
  return known[sample];
}

/** {@link checkKernel} on an op's own sample. */
export async function checkForward(
  op: Op,
  sample: number,
  backend: Backend,
  variant: string | null,
): Promise<Finding> {
  return checkKernel(sampleCase(op, sample), backend, variant);
}

/** All variants, or the one that runs where none is named. */
export type VariantChoice = 'all' | 'chosen';

/** The kernel variants that take a call on this backend; null alone where there is no kernel. */
export function variantsTaking(
  kernelCase: KernelCase,
  backend: Pick<Backend, 'kind' | 'features'>,
  choice: VariantChoice = 'all',
): (string | null)[] {
  const { op, inputs } = kernelCase;
  const { kind, features } = backend;
  if (kind === 'reference' || op.view || op.compose) return [null];
  const attrs = attributesOf(kernelCase);
  if (choice === 'chosen') return [op.lower(kind, inputs, attrs, features)?.variant ?? null];
  return op.variants(kind).filter((name) => op.lower(kind, inputs, attrs, features, name));
}

/** {@link variantsTaking} for an op's own sample. */
export const variantsFor = (
  op: Op,
  sample: number,
  backend: Pick<Backend, 'kind' | 'features'>,
  choice: VariantChoice = 'all',
): (string | null)[] => variantsTaking(sampleCase(op, sample), backend, choice);
