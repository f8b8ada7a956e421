import { Network } from './cut.js';
import { type Graph, nodesOf } from './graph.js';
import type { Node, Side, Value } from './op.js';
import { bytesOf } from './plan.js';
import { rootsOf } from './rewrite.js';

export const otherSide = (side: Side): Side => (side === 'wasm' ? 'webgpu' : 'wasm');

/** What placing a graph asks; times are in nanoseconds. */
export interface PlacementCosts {
  /** A node's time on a side; Infinity where it can't or must not run there. */
  compute(node: Node, side: Side): number;
  /** The time that bytes take to a side from the other. */
  transfer(bytes: number, to: Side): number;
  /** Where an input that no update changes lies at each run; null where it is on both sides once it was needed there. */
  origin(input: Value): Side | null;
  /** Where outputs are wanted; null if that doesn't matter. */
  readonly results: Side | null;
}

/** The value whose bytes a value is, through views. */
export function bytesOwner(value: Value, given: ReadonlySet<Value>): Value {
  let at = value;
  while (at.node?.op.view && !given.has(at)) at = at.node.inputs[0]!;
  return at;
}

/**
 * For each node but views, the side on which the sum of all computing times and all transfers is least: a value that is
 * read on the other side too goes there once, whoever reads it. An updated input lies where its new contents are computed, as
 * it will from the second run on. Such a sum over two sides is a cut, so the result is exact: nodes on the source's side run
 * on wasm, and an edge is what it costs to have its beginning there and its end on webgpu.
 *
 * @throws RangeError where something can run on neither side.
 */
export function place(graph: Graph, costs: PlacementCosts): Map<Node, Side> {
  const given = new Set(graph.inputs);
  const order = nodesOf(rootsOf(graph), given).filter(({ op }) => !op.view);
  const net = new Network();
  const vertexOf = new Map<Node, number>(order.map((node) => [node, net.vertex()]));
  const homes = homesOf(graph, given, { net, vertexOf, origin: costs.origin });
  const readers = new Map<Value, Set<number>>();
  const read = (value: Value, reader: number) => {
    const owner = bytesOwner(value, given);
    readers.set(owner, (readers.get(owner) ?? new Set()).add(reader));
  };
  for (const node of order) {
    const vertex = vertexOf.get(node)!;
    net.add(vertex, net.sink, Math.round(costs.compute(node, 'wasm')));
    net.add(net.source, vertex, Math.round(costs.compute(node, 'webgpu')));
    for (const value of node.inputs) if (value) read(value, vertex);
  }
  const wanted = costs.results && (costs.results === 'wasm' ? net.source : net.sink);
  if (wanted !== null) for (const value of graph.outputs) read(value, wanted);
  for (const [value, vertices] of readers) {
    const home = given.has(value) ? homes.get(value) : vertexOf.get(value.node!);
    if (home !== undefined) addTransfers(net, home, vertices, value, costs);
  }
  const onWasm = net.cut();
  return new Map(order.map((node) => [node, onWasm[vertexOf.get(node)!] ? 'wasm' : 'webgpu']));
}

/** The vertices of inputs that lie on one side; an updated one is bound to what computes its new contents. */
function homesOf(
  graph: Graph,
  given: ReadonlySet<Value>,
  {
    net,
    vertexOf,
    origin,
  }: { net: Network; vertexOf: ReadonlyMap<Node, number>; origin: PlacementCosts['origin'] },
): Map<Value, number> {
  const homes = new Map<Value, number>();
  for (const { target, value } of graph.updates) {
    const owner = bytesOwner(value, given);
    const maker = given.has(owner) ? undefined : vertexOf.get(owner.node!);
    if (maker !== undefined) homes.set(target, maker);
  }
  for (const input of graph.inputs) {
    const side = homes.has(input) ? null : origin(input);
    if (side) homes.set(input, side === 'wasm' ? net.source : net.sink);
  }
  return homes;
}

/** One upload where any reader of a value on wasm is on webgpu, one download where it is the other way round. */
function addTransfers(
  net: Network,
  home: number,
  readers: ReadonlySet<number>,
  value: Value,
  { transfer }: PlacementCosts,
): void {
  const bytes = bytesOf(value);
  const others = [...readers].filter((reader) => reader !== home);
  if (bytes === 0 || others.length === 0) return;
  const [uploaded, downloaded] = [net.vertex(), net.vertex()];
  net.add(home, uploaded, Math.round(transfer(bytes, 'webgpu')));
  net.add(downloaded, home, Math.round(transfer(bytes, 'wasm')));
  for (const reader of others) {
    net.add(uploaded, reader, Number.POSITIVE_INFINITY);
    net.add(reader, downloaded, Number.POSITIVE_INFINITY);
  }
}
