import type { DType } from './dtype.js';
import { fail } from './errors.js';
import type { Attrs, Node, Side, Value } from './op.js';
import { checkShape, type Shape, showShape } from './shape.js';

/** An input of a graph: a tensor that is there before the graph runs. */
export function createInput(shape: Shape, dtype: DType = 'f32', label?: string): Value {
  checkShape('createInput', shape);
  return { shape, dtype, node: null, index: 0, label };
}

/** After a run, what `target` (an input) holds is what `value` was computed to be. */
export interface Update {
  readonly target: Value;
  readonly value: Value;
}

/** What is to be computed: plain data over Values. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly updates: readonly Update[];
}

/** Puts a graph together and checks it: everything that the outputs and updates need must be computed or an input. */
export function createGraph(parts: {
  readonly inputs: readonly Value[];
  readonly outputs?: readonly Value[];
  readonly updates?: readonly Update[];
}): Graph {
  const { inputs, outputs = [], updates = [] } = parts;
  const known = new Set(inputs);
  const targets = new Set<Value>();
  for (const { target, value } of updates) {
    if (targets.has(target)) fail('createGraph', `two updates have the target ${describe(target)}`);
    targets.add(target);
    if (!known.has(target)) fail('createGraph', `an update's target ${describe(target)} is not an input`);
    if (showShape(target.shape) !== showShape(value.shape) || target.dtype !== value.dtype) {
      fail('createGraph', `an update puts ${describe(value)} into ${describe(target)}`);
    }
  }
  const roots = [...outputs, ...updates.map(({ value }) => value)];
  for (const value of leavesOf(roots, known)) {
    if (!known.has(value)) fail('createGraph', `${describe(value)} is neither computed nor an input`);
  }
  return { inputs, outputs, updates };
}

const describe = (value: Value): string =>
  `${value.label ?? 'a value'} ${value.dtype}${showShape(value.shape)}`;

/** A set of values that is only asked. */
export interface Stops {
  has(value: Value): boolean;
}

/** The nodes that compute what a node reads. `stops` are values to be taken as given. */
export const makersOf = ({ inputs }: Node, stops: Stops): Node[] =>
  inputs.flatMap((value) => (value?.node && !stops.has(value) ? value.node : []));

/**
 * The nodes that `roots` need, each after what it reads. `stops` are values to be taken as given. `needs` may put the nodes
 * that must come before one into another order, and name further ones, and may close no circle.
 */
export function nodesOf(
  roots: readonly Value[],
  stops: Stops = new Set(),
  needs: (node: Node) => readonly Node[] = (node) => makersOf(node, stops),
): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  for (const root of roots) {
    if (!root.node || stops.has(root)) continue;
    const stack: { node: Node; next: Iterator<Node> }[] = [];
    const open = (node: Node) => {
      state.set(node, 'open');
      stack.push({ node, next: needs(node).values() });
    };
    if (!state.has(root.node)) open(root.node);
    while (stack.length > 0) {
      const { node, next } = stack.at(-1)!;
      const step = next.next();
      if (step.done) {
        state.set(node, 'done');
        order.push(node);
        stack.pop();
      } else if (!state.has(step.value)) {
        open(step.value);
      }
    }
  }
  return order;
}

/** The values without a node, or in `stops`, that `roots` reach. */
export function leavesOf(roots: readonly Value[], stops: Stops): Value[] {
  const leaves = new Set<Value>();
  const visit = (value: Value | null) => {
    if (value && (!value.node || stops.has(value))) leaves.add(value);
  };
  roots.forEach(visit);
  for (const node of nodesOf(roots, stops)) node.inputs.forEach(visit);
  return [...leaves];
}

/** Says where the nodes behind `values`, up to `stops`, run: those of which nothing was said before. */
export function pin(values: readonly Value[], stops: Stops, side: Side): void {
  for (const node of nodesOf(values, stops)) (node as { on?: Side }).on ??= side;
}

/**
 * A text that two graphs share exactly when they compute the same from inputs of the same types: what a cache of
 * programs is asked by.
 */
export function structureOf({ inputs, outputs, updates }: Graph): string {
  const names = new Map<Value, string>();
  inputs.forEach((value, i) => {
    names.set(value, `i${i}`);
  });
  const lines = inputs.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`);
  const name = (value: Value | null) => (value ? names.get(value)! : '-');
  const roots = [...outputs, ...updates.map(({ value }) => value)];
  nodesOf(roots, new Set(inputs)).forEach((node, n) => {
    node.outputs.forEach((value, k) => {
      if (!names.has(value)) names.set(value, `${n}.${k}`);
    });
    lines.push(
      `${node.op.name}(${node.inputs.map(name).join()})${attrsText(node.attrs)}${node.on ?? ''}${node.called ?? ''}`,
    );
  });
  lines.push(
    `=${outputs.map(name).join()}`,
    `!${updates.map((u) => `${name(u.target)}<${name(u.value)}`).join()}`,
  );
  return lines.join(';');
}

/** Attributes as a text that no others share: JSON alone writes infinities as null and -0 as 0. */
export const attrsText = (attrs: Attrs): string => JSON.stringify(attrs, writeNumber);

const writeNumber = (_: string, value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? `${Object.is(value, -0) ? '-0' : value}`
    : value;
