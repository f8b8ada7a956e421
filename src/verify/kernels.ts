import {
  attrsText,
  type Backend,
  createGraph,
  type HostTensor,
  type Node,
  nodesOf,
  type Value,
} from '../index.js';
import { type Doubles, evaluator } from './evaluate.js';
import { checkKernel, type VariantChoice, variantsTaking } from './forward.js';
import type { Finding } from './result.js';
import type { KernelCase } from './truth.js';

/** A finding about one kernel call of a graph. */
export interface KernelsFinding extends Finding {
  readonly op: string;
  readonly variant: string | null;
}

const hostOf = ({ shape, dtype }: Value, data: Doubles): HostTensor => {
  const Kind = dtype === 'f32' ? Float32Array : dtype === 'i32' ? Int32Array : Uint8Array;
  return { shape, dtype, data: Kind.from(data) };
};

/** Every value that `outputs` need, computed in f64, by value, and every kernel call that is made on the way, but each only once. */
export async function evaluateAll(
  inputs: readonly Value[],
  data: readonly Doubles[],
  outputs: readonly Value[],
  reference: Backend,
) {
  const nodes = nodesOf(outputs, new Set(inputs));
  const values = nodes.flatMap((node) => node.outputs);
  const run = await evaluator(createGraph({ inputs, outputs: values }), reference);
  try {
    const results = await run.run(data);
    const known = new Map<Value, Doubles>();
    inputs.forEach((value, i) => {
      known.set(value, data[i]!);
    });
    values.forEach((value, i) => {
      known.set(value, results[i]!);
    });
    return { calls: callsOf(nodes, known), known };
  } finally {
    run.free();
  }
}

/** The calls of other shapes or attributes, with the values that the f64 reference has there, rounded to what a device holds. */
function callsOf(nodes: readonly Node[], known: ReadonlyMap<Value, Doubles>): KernelCase[] {
  const calls = new Map<string, KernelCase>();
  for (const { op, attrs, inputs } of nodes) {
    const types = inputs.map((value) => value && [value.dtype, value.shape]);
    const key = `${op.name}${attrsText(attrs)}${JSON.stringify(types)}`;
    if (op.view || calls.has(key)) continue;
    const tensors = inputs.map((value) => value && hostOf(value, known.get(value)!));
    calls.set(key, { op, inputs: tensors, options: undefined, attrs });
  }
  return [...calls.values()];
}

/**
 * Holds every kernel call that a graph makes on a device to its own bound: each op, in every variant that takes the call
 * or the chosen one.
 */
export async function checkKernels(
  { calls }: Pick<Awaited<ReturnType<typeof evaluateAll>>, 'calls'>,
  backend: Backend,
  choice: VariantChoice = 'all',
): Promise<KernelsFinding[]> {
  const findings: KernelsFinding[] = [];
  for (const call of calls) {
    for (const variant of variantsTaking(call, backend, choice)) {
      findings.push({ op: call.op.name, variant, ...(await checkKernel(call, backend, variant)) });
    }
  }
  return findings;
}
