import type { Graph } from './graph.js';
import type { Node, Side } from './op.js';
import { type PlacementCosts, place } from './place.js';
import { type Woven, weave } from './segments.js';

/** How often the interval of weights is halved. */
const HALVINGS = 12;
/** Weights by which nodes that cost the same are told apart: equal branches go to the other side one by one. */
const UNEVEN = 0.2;
/** What must be gained at least, 15 %: rates are estimates, and those of a GPU that is busy vary. */
const WORTH = 0.85;

/**
 * Where nodes run so that the whole is done soonest. `place` gives the least work; but both sides can work at once, so more work
 * on the one that would wait may end earlier. Weighing the work of the sides differently gives, cut by cut, placements from
 * all on one side to all on the other (the Lagrange multiplier of the longer of two times); those on the way to equal work are
 * tried, and the one whose segments end first is taken.
 *
 * @param overlap which share of the time that both could work at once they gain by it: 0 where they share processors.
 */
export function balance(graph: Graph, costs: PlacementCosts, overlap: number): ReadonlyMap<Node, Side> {
  const least = place(graph, costs);
  if (overlap <= 0) return least;
  let best = { sides: least, time: WORTH * timeOf(graph, least, costs, overlap) };
  const consider = (weight: number): ReadonlyMap<Node, Side> => {
    const sides = place(graph, weighted(costs, weight));
    const time = timeOf(graph, sides, costs, overlap);
    if (time < best.time) best = { sides, time };
    return sides;
  };
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const weight = (low + high) / 2;
    const work = workOf(consider(weight), costs);
    // The more wasm's work weighs, the more of it goes to webgpu.
    if (work.wasm > work.webgpu) low = weight;
    else high = weight;
  }
  return best.sides;
}

function workOf(sides: ReadonlyMap<Node, Side>, costs: PlacementCosts): Record<Side, number> {
  const work = { wasm: 0, webgpu: 0 };
  for (const [node, side] of sides) work[side] += costs.compute(node, side);
  return work;
}

/** Costs with wasm's work counted by `weight` and webgpu's by the rest, each node's a little off. */
function weighted(costs: PlacementCosts, weight: number): PlacementCosts {
  const numbers = new Map<Node, number>();
  const uneven = (node: Node): number => {
    if (!numbers.has(node)) numbers.set(node, numbers.size + 1);
    // Multiples of the golden ratio fill an interval evenly.
    return 1 + UNEVEN * ((numbers.get(node)! * 0.618034) % 1);
  };
  return {
    ...costs,
    compute: (node, side) =>
      side === 'wasm'
        ? 2 * weight * costs.compute(node, side) * uneven(node)
        : 2 * (1 - weight) * costs.compute(node, side),
  };
}

/** When the segments of a placement are done, by the costs. */
function timeOf(
  graph: Graph,
  sides: ReadonlyMap<Node, Side>,
  costs: PlacementCosts,
  overlap: number,
): number {
  const woven = weave(graph, sides);
  const alone = runTime(woven, graph, costs, false);
  return alone - overlap * (alone - runTime(woven, graph, costs, true));
}

/** Replays the order of a woven program on two clocks, or as if each waited for the other. */
function runTime({ segments, needs }: Woven, graph: Graph, costs: PlacementCosts, atOnce: boolean): number {
  const clock = { wasm: 0, webgpu: 0 };
  const arrivals = new Map<unknown, number>();
  const meet = () => {
    if (!atOnce) clock.wasm = clock.webgpu = Math.max(clock.wasm, clock.webgpu);
  };
  for (const { slot, side } of needs) {
    const home = costs.origin(graph.inputs[slot.index]!);
    if (home && home !== side) clock.wasm += costs.transfer(slot.bytes, side);
  }
  for (const { side, nodes, sends, waits } of segments) {
    const work = nodes.reduce((sum, node) => sum + costs.compute(node, side), 0);
    const ready =
      side === 'webgpu' ? clock.wasm : Math.max(0, ...waits.map((slot) => arrivals.get(slot) ?? 0));
    clock[side] = Math.max(clock[side], ready) + work;
    for (const { bytes } of side === 'wasm' ? sends : []) clock.wasm += costs.transfer(bytes, 'webgpu');
    if (side === 'webgpu')
      for (const slot of sends) arrivals.set(slot, clock.webgpu + costs.transfer(slot.bytes, 'wasm'));
    meet();
  }
  return Math.max(clock.wasm, clock.webgpu);
}
