import type { Graph } from './graph.js';
import type { Node, Turns } from './op.js';
import { bytesOf } from './plan.js';
import { rebuilt, rewrite } from './rewrite.js';

/**
 * What a part gives back at least, of all that an op reads of its tensors and in bytes: beside it a launch takes no time (a
 * mebibyte of gradients is 7 of Adam's traffic, 100 µs of a core, some of a large GPU).
 */
const LEAST_SHARE = 1 / 16;
const LEAST_BYTES = 2 ** 20;

/**
 * The graph with ops that go through many tensors in parts, each of which can run as soon as what it reads is computed, and
 * gives that memory back: an optimiser's step while the backward pass goes on. The graph itself where there is nothing large.
 *
 * @param order all its nodes, as they run while such an op is one.
 */
export function stagger(graph: Graph, order: readonly Node[]): Graph {
  const places = new Map(order.map((node, place) => [node, place]));
  return rewrite(graph, (node, operands) => {
    const turns = node.op.turns(operands, node.attrs);
    const lists = turns ? partsOf(node, turns, places) : [];
    return lists.length > 1 ? turns!.take(lists) : rebuilt(node, operands);
  });
}

/** Tensors in the order in which the last of their own inputs is computed, in lists. */
function partsOf({ inputs }: Node, { own }: Turns, places: ReadonlyMap<Node, number>): number[][] {
  const tensors = own.map((positions, tensor) => {
    const computed = positions.flatMap((at) => {
      const value = inputs[at]!;
      const place = value.node ? places.get(value.node) : undefined;
      return place === undefined ? [] : { place, bytes: bytesOf(value) };
    });
    const bytes = computed.reduce((sum, one) => sum + one.bytes, 0);
    return { tensor, bytes, place: Math.max(-1, ...computed.map(({ place }) => place)) };
  });
  const all = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  const least = Math.max(LEAST_BYTES, LEAST_SHARE * all);
  const lists: number[][] = [[]];
  let held = 0;
  for (const { tensor, bytes } of tensors.sort((a, b) => a.place - b.place)) {
    if (held >= least) {
      lists.push([]);
      held = 0;
    }
    lists.at(-1)!.push(tensor);
    held += bytes;
  }
  return lists;
}
