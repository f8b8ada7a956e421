// In which order the nodes of a graph run.
import { type Graph, makersOf, nodesOf } from './graph.js';
import { listAt } from './lists.js';
import type { Node, Value } from './op.js';
import { rootsOf } from './rewrite.js';
import { sizeOf } from './shape.js';

/**
 * Each node after what it reads; an update after the other readers of what it overwrites, where possible. What is wanted,
 * and what an op of any number of inputs needs, comes by levels, of equal ones what is smaller first: so a backward pass computes
 * the gradients of a layer's parameters, and lets go what only they read, before it goes on.
 */
export function ordered(graph: Graph): { order: Node[]; after: (node: Node) => readonly Node[] } {
  const stops = new Set(graph.inputs);
  const roots = rootsOf(graph);
  const readers = new Map<Value, Node[]>();
  /** By node, how many lie on the longest way to it. */
  const levels = new Map<Node, number>();
  for (const node of nodesOf(roots, stops)) {
    levels.set(node, 1 + Math.max(0, ...makersOf(node, stops).map((maker) => levels.get(maker)!)));
    for (const input of new Set(node.inputs)) if (input) listAt(readers, input).push(node);
  }
  const waits = new Map<Node, Set<Node>>();
  for (const { target, value } of graph.updates) {
    const node = computing(value, stops);
    if (!node) continue;
    const inputs = node.op.overwrites(node.inputs).map((index) => node.inputs[index]!);
    const later = comingAfter(node, stops, readers, waits);
    const held = waits.get(node) ?? new Set();
    for (const value of [target, ...inputs])
      for (const reader of readers.get(value) ?? []) if (!later.has(reader)) held.add(reader);
    waits.set(node, held);
  }
  const after = (node: Node) => [...(waits.get(node) ?? [])];
  const sooner = (a: Node, b: Node) => levels.get(a)! - levels.get(b)! || elementsOf(a) - elementsOf(b);
  const needs = (node: Node) => {
    const earlier = [...makersOf(node, stops), ...after(node)];
    return node.op.variadic ? earlier.sort(sooner) : earlier;
  };
  const computed = roots.filter((value) => value.node && !stops.has(value));
  computed.sort((a, b) => sooner(a.node!, b.node!));
  return { order: nodesOf(computed, stops, needs), after };
}

/** Elements of all that a node computes. */
const elementsOf = ({ outputs }: Node): number => outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** The node whose bytes a value is, past views; null for what is given. */
function computing(value: Value, stops: ReadonlySet<Value>): Node | null {
  let at = value;
  while (at.node?.op.view && !stops.has(at)) at = at.node.inputs[0]!;
  return stops.has(at) ? null : at.node;
}

/** A node and all that come after it, by what they read and wait for. */
function comingAfter(
  first: Node,
  stops: ReadonlySet<Value>,
  readers: ReadonlyMap<Value, readonly Node[]>,
  waits: ReadonlyMap<Node, ReadonlySet<Node>>,
): Set<Node> {
  const waiting = new Map<Node, Node[]>();
  for (const [node, earlier] of waits) for (const one of earlier) listAt(waiting, one).push(node);
  const found = new Set<Node>([first]);
  for (const node of found) {
    for (const value of node.outputs)
      if (!stops.has(value)) for (const reader of readers.get(value) ?? []) found.add(reader);
    for (const later of waiting.get(node) ?? []) found.add(later);
  }
  return found;
}
