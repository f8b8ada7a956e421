import type { Graph } from './graph.js';
import type { Node, Side } from './op.js';
import { type PlacementCosts, place } from './place.js';
import { type Woven, weave } from './segments.js';

/** How often an interval of weights is halved where its two ends place nodes differently. */
const HALVINGS = 7;
/** Weights by which nodes that cost the same are told apart: equal branches go to the other side one by one. */
const UNEVEN = 0.2;
/** What must be gained at least, 15 %: rates are estimates, and those of a GPU that is busy vary. */
const WORTH = 0.85;

/**
 * Where nodes run so that the whole is done soonest. `place` gives the least work; but both sides can work at once, so more work
 * on the one that would wait may end earlier. Weighing the work of the sides differently gives, cut by cut, placements from
 * all on one side to all on the other (the Lagrange multiplier of the longer of two times); the one whose segments end first
 * is taken.
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
  const between = (low: Tried, high: Tried, halvings: number): void => {
    if (halvings === 0 || equal(low.sides, high.sides)) return;
    const weight = (low.weight + high.weight) / 2;
    const middle = { weight, sides: consider(weight) };
    between(low, middle, halvings - 1);
    between(middle, high, halvings - 1);
  };
  const ends = [0.02, 0.98].map((weight) => ({ weight, sides: consider(weight) }));
  between(ends[0]!, ends[1]!, HALVINGS);
  return best.sides;
}

interface Tried {
  readonly weight: number;
  readonly sides: ReadonlyMap<Node, Side>;
}

function equal(a: ReadonlyMap<Node, Side>, b: ReadonlyMap<Node, Side>): boolean {
  for (const [node, side] of a) if (b.get(node) !== side) return false;
  return true;
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
