import { afterAll, describe, expect, it } from 'vitest';
import { openReference } from '../src/backend/reference.js';
import { nodesOf } from '../src/graph.js';
import { createGraph, type HostTensor, type Node, type Value } from '../src/index.js';
import { sizeOf } from '../src/shape.js';
import { evaluator } from '../src/verify/evaluate.js';
import { checkKernel, variantsTaking } from '../src/verify/index.js';
import { openDevices } from './support/devices.js';
import { type GoldenCase, goldenFiles, goldenGraph } from './support/golden.js';

/**
 * Both sides compute in f64 and add in different orders: at most a few hundred terms here, 2^-53 of the largest number
 * on the way each. Numbers on the way are within a few hundred of the largest result.
 */
const TOLERANCE = 1e-11;

const reference = openReference();
const devices = await openDevices();
afterAll(() => {
  for (const { backend } of devices) backend.dispose();
});

/** Every value of a case's graph, computed in f64. */
async function evaluate({ inputs, data, outputs }: ReturnType<typeof goldenGraph>) {
  const nodes = nodesOf(outputs, new Set());
  const values = nodes.flatMap((node) => node.outputs);
  const run = await evaluator(createGraph({ inputs, outputs: values }), reference);
  try {
    const results = await run.run(data);
    const known = new Map<Value, Float64Array>();
    inputs.forEach((value, i) => {
      known.set(value, data[i]!);
    });
    values.forEach((value, i) => {
      known.set(value, results[i]!);
    });
    return { nodes, known };
  } finally {
    run.free();
  }
}

function expectEqual(golden: GoldenCase, outputs: readonly Value[], known: ReadonlyMap<Value, Float64Array>) {
  golden.expected.forEach(({ name, shape, data }, k) => {
    const value = outputs[k]!;
    const where = `${golden.name}: ${name}`;
    expect(value.shape, where).toEqual(shape);
    const largest = data.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
    known.get(value)!.forEach((x, i) => {
      const wanted = data[i]!;
      const same =
        Object.is(x, wanted) || x === wanted || Math.abs(x - wanted) <= TOLERANCE * Math.max(largest, 1e-3);
      if (!same) expect.fail(`${where}[${i}] is ${x}, PyTorch has ${wanted}`);
    });
  });
}

const hostOf = ({ shape, dtype }: Value, data: Float64Array): HostTensor => {
  const Kind = dtype === 'f32' ? Float32Array : dtype === 'i32' ? Int32Array : Uint8Array;
  return { shape, dtype, data: Kind.from(data) };
};

/** Every kernel call of the case, on every device, within the op's own bound. */
async function expectKernels(nodes: readonly Node[], known: ReadonlyMap<Value, Float64Array>) {
  const seen = new Set<string>();
  for (const node of nodes) {
    const { op, attrs } = node;
    const inputs = node.inputs.map((value) => value && hostOf(value, known.get(value)!));
    const key = JSON.stringify([op.name, attrs, node.inputs.map((value) => value?.shape)]);
    if (op.view || seen.has(key)) continue;
    seen.add(key);
    if (inputs.some((tensor) => tensor && sizeOf(tensor.shape) === 0)) continue;
    for (const { name, backend } of devices) {
      const call = { op, inputs, options: undefined, attrs };
      for (const variant of variantsTaking(call, backend)) {
        const { problem } = await checkKernel(call, backend, variant);
        if (problem) expect.fail(`${op.name} on ${name}, ${variant}: ${problem}`);
      }
    }
  }
}

describe.each(goldenFiles())('PyTorch $torch, $family', ({ cases }) => {
  it.each(cases.map((golden, i) => ({ title: `${i}: ${golden.name}`, golden })))(
    '$title',
    async ({ golden }) => {
      const graph = goldenGraph(golden);
      const { nodes, known } = await evaluate(graph);
      expectEqual(golden, graph.outputs, known);
      await expectKernels(nodes, known);
    },
  );
});
