import fc from 'fast-check';
import { createGraph, createInput, type Graph, ops, structureOf, type Value } from '../../src/index.js';
import type { RefTensor } from '../../src/op.js';
import { sameShape, sizeOf } from '../../src/shape.js';

/** A node's op and operands, as numbers that are taken modulo what there is. */
type Choice = readonly [op: number, first: number, second: number, third: number];

interface Recipe {
  readonly nodes: readonly Choice[];
  readonly outputs: readonly number[];
  readonly updates: readonly (readonly [target: number, value: number])[];
  /** Values that were computed before. */
  readonly given: readonly number[];
}

export interface RandomGraph {
  readonly graph: Graph;
  /** Whole numbers for each input: every op here is exact on them, on every device. */
  readonly data: readonly Float64Array[];
  /** What fast-check shows of a counterexample. */
  readonly [fc.toStringMethod]: () => string;
}

const HYPER = [1, 0, 1, 1, 0];

/** min(4, max(-4, Σ a b)) everywhere: a product, which needs temporary memory on wasm. */
function dotted(a: Value, b: Value): Value {
  const product = ops.matmul(ops.reshape(a, { shape: [1, -1] }), ops.reshape(b, { shape: [-1, 1] }));
  const scalar = ops.reshape(ops.clamp(product, { min: -4, max: 4 }), { shape: [] });
  return ops.broadcastTo(scalar, { shape: a.shape });
}

/** The elements in order, and where they were: two outputs, of which one may be given and the other not. */
function placed(flat: Value): readonly Value[] {
  const [sorted, places] = ops.sort(flat, { axis: 0 }) as readonly [Value, Value];
  return [ops.cast(places, { dtype: 'f32' }), sorted];
}

/** Grows a list of values by one op: views, ops that may work in place, ops that overwrite, ops with two outputs. */
function grow(values: Value[], hyper: Value, [op, first, second, third]: Choice): void {
  const a = values[first % values.length]!;
  const alike = values.filter(({ shape }) => sameShape(shape, a.shape));
  const [b, c] = [alike[second % alike.length]!, alike[third % alike.length]!];
  const half = Math.ceil(sizeOf(a.shape) / 2);
  const flat = ops.reshape(a, { shape: [-1] });
  const kinds: readonly (() => readonly Value[])[] = [
    () => [ops.add(a, b)],
    () => [ops.maximum(a, b)],
    () => [ops.sub(a, b)],
    () => [ops.neg(a)],
    () => [ops.relu(a)],
    () => [flat],
    () => [ops.reshape(flat, { shape: sizeOf(a.shape) % 2 === 0 ? [2, -1] : [1, -1] })],
    () => [ops.detach(a)],
    () => [ops.permute(a, { axes: a.shape.map((_, axis) => a.shape.length - 1 - axis) })],
    () => [ops.slice(flat, { start: [0], end: [half] })],
    () => [ops.concat([flat, ops.reshape(b, { shape: [-1] })], { axis: 0 })],
    () => [ops.broadcastTo(ops.max(a, { keepDims: true }), { shape: a.shape })],
    () => [dotted(a, b)],
    () => ops.sgdUpdate([hyper, null, a, b]),
    () => ops.sgdUpdate([hyper, ops.reshape(c, { shape: [1, -1] }), a, b]),
    () => placed(flat),
  ];
  values.push(...kinds[op % kinds.length]!());
}

function build({ nodes, outputs, updates, given }: Recipe): RandomGraph {
  const shapes = [[2, 3], [2, 3], [2, 3], [6], [3]];
  const data = shapes.map((shape, i) =>
    Float64Array.from({ length: sizeOf(shape) }, (_, k) => ((7 * i + 5 * k) % 9) - 4),
  );
  const inputs = shapes.map((shape, i) => createInput(shape, 'f32', `input ${i}`));
  const hyper = createInput([HYPER.length]);
  const values = [...inputs];
  for (const choice of nodes) grow(values, hyper, choice);
  const targets = new Map<Value, Value>();
  for (const [target, value] of updates) {
    const input = inputs[target % inputs.length]!;
    // From the last value on, so that what overwrites is often what updates.
    const fitting = values.filter(({ shape }) => sameShape(shape, input.shape)).reverse();
    targets.set(input, fitting[value % fitting.length]!);
  }
  const all = [...data, Float64Array.from(HYPER)];
  const leaves = [...inputs, hyper];
  const computed = values.filter(({ node }) => node);
  const severalOutputs = computed.filter(({ node }) => node!.outputs.length > 1);
  const known = new Set<Value>();
  for (const i of given) {
    const list = i % 3 > 0 && severalOutputs.length > 0 ? severalOutputs : computed;
    if (list.length > 0) known.add(list[i % list.length]!);
  }
  const { outputs: found } = evaluate({ inputs: leaves, outputs: [...known], updates: [] }, all);
  // Other numbers than what would be computed: what is given is read, never made anew.
  const other = found.map((numbers) => numbers.map((x) => x + 1));
  const graph = createGraph({
    inputs: [...leaves, ...known],
    outputs: outputs.map((index) => values[values.length - 1 - (index % values.length)]!),
    updates: [...targets].map(([target, value]) => ({ target, value })),
  });
  return {
    graph,
    data: [...all, ...other],
    [fc.toStringMethod]: () => structureOf(graph).replaceAll(';', '\n'),
  };
}

const choice = fc.tuple(fc.nat(15), fc.nat(40), fc.nat(40), fc.nat(40));

/** Graphs of up to a dozen nodes over a few small inputs, with outputs and updates of any of their values, some of which are given. */
export const randomGraphs: fc.Arbitrary<RandomGraph> = fc
  .record<Recipe>({
    nodes: fc.array(choice, { maxLength: 12 }),
    outputs: fc.array(fc.nat(30), { maxLength: 4 }),
    updates: fc.array(fc.tuple(fc.nat(4), fc.nat(6)), { maxLength: 4 }),
    given: fc.array(fc.nat(30), { maxLength: 2 }),
  })
  .map(build);

/** What a graph computes, node by node, nothing shared: its outputs, and its inputs after the updates. */
export function evaluate(
  graph: Graph,
  data: readonly Float64Array[],
): { outputs: Float64Array[]; inputs: Float64Array[] } {
  const known = new Map<Value, Float64Array>(graph.inputs.map((value, i) => [value, data[i]!]));
  const compute = (value: Value): Float64Array => {
    const { node } = value;
    if (!known.has(value)) {
      const inputs = node!.inputs.map(
        (input): RefTensor | null => input && { ...input, data: compute(input) },
      );
      node!.op.reference(inputs, node!.attrs, node!.outputs).forEach((result, i) => {
        if (!known.has(node!.outputs[i]!)) known.set(node!.outputs[i]!, result);
      });
    }
    return known.get(value)!;
  };
  const updated = new Map(graph.updates.map(({ target, value }) => [target, compute(value).slice()]));
  return {
    outputs: graph.outputs.map((value) => compute(value).slice()),
    inputs: graph.inputs.map((value, i) => updated.get(value) ?? data[i]!.slice()),
  };
}
