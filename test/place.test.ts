import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balance } from '../src/balance.js';
import { Network } from '../src/cut.js';
import { gradient } from '../src/gradient.js';
import { nodesOf, pin } from '../src/graph.js';
import {
  createGraph,
  createInput,
  type Graph,
  gradientOps,
  type Node,
  ops,
  structureOf,
  type Value,
} from '../src/index.js';
import { mergeEqual } from '../src/merge.js';
import type { Side } from '../src/op.js';
import { bytesOwner, type PlacementCosts, place } from '../src/place.js';
import { bytesOf } from '../src/plan.js';
import { rootsOf } from '../src/rewrite.js';
import { weave } from '../src/segments.js';
import { randomGraphs } from './support/random-graphs.js';

const nodesIn = (graph: Graph): Node[] =>
  nodesOf(rootsOf(graph), new Set(graph.inputs)).filter(({ op }) => !op.view);

/** What a placement costs, told over from what the costs mean. */
function costOf(graph: Graph, sides: ReadonlyMap<Node, Side>, costs: PlacementCosts): number {
  const given = new Set(graph.inputs);
  const updated = new Map(
    graph.updates.map(({ target, value }) => [target, bytesOwner(value, given)] as const),
  );
  const homeOf = (value: Value): Side | null => {
    if (!given.has(value)) return sides.get(value.node!)!;
    const contents = updated.get(value);
    return contents && !given.has(contents) ? sides.get(contents.node!)! : costs.origin(value);
  };
  const crossings = new Map<Value, Side>();
  const read = (value: Value, side: Side) => {
    const owner = bytesOwner(value, given);
    const home = homeOf(owner);
    if (home && home !== side) crossings.set(owner, side);
  };
  let total = 0;
  for (const [node, side] of sides) {
    total += Math.round(costs.compute(node, side));
    for (const value of node.inputs) if (value) read(value, side);
  }
  if (costs.results) for (const value of graph.outputs) read(value, costs.results);
  for (const [value, to] of crossings) {
    const bytes = bytesOf(value);
    if (bytes > 0) total += Math.round(costs.transfer(bytes, to));
  }
  return total;
}

/** The least that any placement costs. */
function leastCost(graph: Graph, costs: PlacementCosts): number {
  const nodes = nodesIn(graph);
  let least = Number.POSITIVE_INFINITY;
  for (let word = 0; word < 2 ** nodes.length; word++) {
    const sides = new Map(
      nodes.map((node, i) => [node, (word >> i) & 1 ? 'wasm' : 'webgpu'] as [Node, Side]),
    );
    least = Math.min(least, costOf(graph, sides, costs));
  }
  return least;
}

const side = fc.constantFrom<Side>('wasm', 'webgpu');

describe('a cut', () => {
  it('is the cheapest of all', () => {
    const edge = fc.tuple(fc.nat(6), fc.nat(6), fc.nat(9));
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 24 }), (edges) => {
        const net = new Network();
        for (let i = 0; i < 5; i++) net.vertex();
        for (const [from, to, capacity] of edges) net.add(from, to, capacity);
        const costOfCut = (inside: (vertex: number) => boolean) =>
          edges.reduce((sum, [from, to, capacity]) => sum + (inside(from) && !inside(to) ? capacity : 0), 0);
        const found = net.cut();
        expect([found[net.source], found[net.sink]]).toEqual([true, false]);
        let least = Number.POSITIVE_INFINITY;
        for (let word = 0; word < 32; word++)
          least = Math.min(
            least,
            costOfCut((vertex) => (vertex < 2 ? vertex === 0 : ((word >> (vertex - 2)) & 1) === 1)),
          );
        expect(costOfCut((vertex) => found[vertex]!)).toBe(least);
      }),
      { numRuns: 300 },
    );
  });

  it('says where there is none', () => {
    const net = new Network();
    net.add(net.source, net.sink, Number.POSITIVE_INFINITY);
    expect(() => net.cut()).toThrow('must not be parted');
  });
});

describe('place', () => {
  it('finds the least sum of computing and sending, for any graph and any costs', () => {
    const numbers = fc.array(fc.nat(40), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(
        randomGraphs,
        numbers,
        numbers,
        fc.tuple(fc.nat(20), fc.nat(20)),
        fc.array(fc.option(side), { minLength: 6, maxLength: 6 }),
        fc.option(side),
        ({ graph }, wasm, webgpu, [up, down], origins, results) => {
          const merged = mergeEqual(graph);
          const nodes = nodesIn(merged);
          if (nodes.length > 10) return;
          const times = { wasm, webgpu };
          const costs: PlacementCosts = {
            compute: (node, on) => times[on][nodes.indexOf(node) % 16]!,
            transfer: (bytes, to) => bytes / 8 + (to === 'webgpu' ? up : down),
            origin: (input) => origins[merged.inputs.indexOf(input) % 6]!,
            results,
          };
          const sides = place(merged, costs);
          expect([...sides.keys()]).toEqual(nodes);
          expect(costOf(merged, sides, costs)).toBe(leastCost(merged, costs));
        },
      ),
      { numRuns: 300 },
    );
  });

  const flat: Omit<PlacementCosts, 'compute'> = {
    transfer: () => 10,
    origin: () => 'wasm',
    results: 'wasm',
  };

  it('sends a value once, however many read it, and keeps what is not worth the way', () => {
    const x = createInput([4]);
    const y = ops.exp(x);
    const [a, b, c] = [ops.sin(y), ops.cos(y), ops.neg(y)];
    const graph = createGraph({ inputs: [x], outputs: [ops.add(ops.add(a, b), c)] });
    // The three together gain 24 on webgpu, and cost a way there and three, or with the sums one, back.
    const faster = new Set(['sin', 'cos', 'neg']);
    const compute = ({ op }: Node, on: Side) => (on === 'webgpu' && faster.has(op.name) ? 1 : 9);
    const named = (sides: ReadonlyMap<Node, Side>) =>
      Object.fromEntries([...sides].map(([{ op }, on]) => [op.name, on]));
    expect(named(place(graph, { ...flat, compute }))).toEqual({
      exp: 'webgpu',
      sin: 'webgpu',
      cos: 'webgpu',
      neg: 'webgpu',
      add: 'webgpu',
    });
    const slow = { ...flat, compute, transfer: () => 13 };
    expect(new Set(place(graph, slow).values())).toEqual(new Set(['wasm']));
  });

  it('lets an updated parameter lie where it is updated', () => {
    const [x, w] = [createInput([4]), createInput([4])];
    const graph = createGraph({ inputs: [x, w], updates: [{ target: w, value: ops.mul(x, w) }] });
    const compute = (_: Node, on: Side) => (on === 'webgpu' ? 1 : 20);
    // One way for x; none for w, though it was given on wasm.
    expect([...place(graph, { ...flat, compute }).values()]).toEqual(['webgpu']);
  });

  it('keeps what can run on one side only there, and says where nothing can', () => {
    const x = createInput([4]);
    const graph = createGraph({ inputs: [x], outputs: [ops.exp(ops.neg(x))] });
    const compute = ({ op }: Node, on: Side) =>
      on === 'wasm' && op.name === 'exp' ? Number.POSITIVE_INFINITY : 1;
    expect([...place(graph, { ...flat, compute }).values()].at(-1)).toBe('webgpu');
    expect(() => place(graph, { ...flat, compute: () => Number.POSITIVE_INFINITY })).toThrow(RangeError);
  });
});

describe('balance', () => {
  it('gives the other side so many of equal branches that both are done at the same time', () => {
    const x = createInput([4]);
    const sums = Array.from({ length: 6 }, (_, i) => ops.sin(ops.mul(x, ops.full({ shape: [], value: i }))));
    const graph = createGraph({ inputs: [x], outputs: sums });
    const times: Record<string, readonly [wasm: number, webgpu: number]> = { sin: [100, 280], mul: [2, 2] };
    const costs: PlacementCosts = {
      compute: ({ op }, on) => (times[op.name] ?? [1, 1])[on === 'wasm' ? 0 : 1],
      transfer: () => 3,
      origin: () => 'wasm',
      results: 'wasm',
    };
    const onWebgpu = (overlap: number) =>
      [...balance(graph, costs, overlap)].filter(([{ op }, on]) => op.name === 'sin' && on === 'webgpu')
        .length;
    expect([onWebgpu(1), onWebgpu(0)]).toEqual([1, 0]);
    times.sin = [100, 150];
    expect([onWebgpu(1), onWebgpu(0)]).toEqual([2, 0]);
    // Half of what both could gain is not worth it.
    times.sin = [100, 550];
    expect(onWebgpu(0.5)).toBe(0);
  });

  it('leaves alone what must be computed one after the other', () => {
    let y: Value = createInput([4]);
    const x = y;
    for (let i = 0; i < 6; i++) y = ops.sin(y);
    const graph = createGraph({ inputs: [x], outputs: [y] });
    const compute = (_: Node, on: Side) => (on === 'wasm' ? 100 : 110);
    const costs = { compute, transfer: () => 3, origin: () => null, results: null };
    expect(new Set(balance(graph, costs, 1).values())).toEqual(new Set(['wasm']));
  });
});

describe('segments', () => {
  const placed = (graph: Graph, on: (node: Node) => Side) =>
    weave(graph, new Map(nodesIn(graph).map((node) => [node, on(node)])));
  const shown = (graph: Graph, on: (node: Node) => Side) =>
    placed(graph, on).segments.map(
      ({ side: at, graph: part }) =>
        `${at}: ${nodesIn(part)
          .map(({ op }) => op.name)
          .join(' ')}`,
    );

  it('are as few as the changes of side, and independent branches stand side by side', () => {
    const x = createInput([4]);
    const branch = (f: (x: Value) => Value) => f(f(f(x)));
    const graph = createGraph({ inputs: [x], outputs: [ops.mul(branch(ops.sin), branch(ops.cos))] });
    const on = ({ op }: Node): Side => (op.name === 'sin' ? 'webgpu' : 'wasm');
    expect(shown(graph, on)).toEqual(['webgpu: sin sin sin', 'wasm: cos cos cos', 'wasm: mul']);
    expect(shown(graph, () => 'wasm')).toEqual(['wasm: sin sin sin cos cos cos mul']);
  });

  it('compute first what the other side waits for', () => {
    const x = createInput([4]);
    const first = ops.exp(x);
    const graph = createGraph({ inputs: [x], outputs: [ops.neg(first), ops.sin(ops.cos(x))] });
    const on = ({ op }: Node): Side => (op.name === 'neg' ? 'wasm' : 'webgpu');
    expect(shown(graph, on)).toEqual(['webgpu: exp', 'webgpu: cos sin', 'wasm: neg']);
  });

  it('send a value once, and only values that are read on the other side', () => {
    const x = createInput([4]);
    const y = ops.exp(x);
    const flat = ops.reshape(y, { shape: [2, 2] });
    const graph = createGraph({ inputs: [x], outputs: [ops.add(ops.neg(y), ops.sin(y)), ops.cos(flat)] });
    const { segments } = placed(graph, ({ op }) => (op.name === 'exp' ? 'webgpu' : 'wasm'));
    expect(segments.map(({ sends }) => sends.length)).toEqual([1, 0]);
    expect(segments.map(({ waits }) => waits.length)).toEqual([0, 1]);
  });
});

describe('where a node was recorded', () => {
  it('tells graphs apart, and equal nodes for two sides are not merged', () => {
    const x = createInput([4]);
    const [a, b] = [ops.exp(x), ops.exp(x)];
    const graph = createGraph({ inputs: [x], outputs: [a, b] });
    const before = structureOf(graph);
    expect(nodesIn(mergeEqual(graph))).toHaveLength(1);
    pin([b], new Set([x]), 'webgpu');
    expect(structureOf(graph)).not.toBe(before);
    expect(nodesIn(mergeEqual(graph)).map(({ on }) => on)).toEqual([undefined, 'webgpu']);
  });

  it('is where its gradient is computed', () => {
    const x = createInput([4]);
    const y = ops.tanh(x);
    pin([y], new Set([x]), 'webgpu');
    const z = ops.sum(ops.sin(y));
    const [grad] = gradient(z, [x], gradientOps);
    const sides = nodesOf([grad!], new Set([x])).map(({ op, on }) => `${op.name} ${on ?? ''}`);
    expect(sides.filter((text) => text.startsWith('tanh'))).toEqual(['tanh webgpu', 'tanhBackward webgpu']);
    expect(sides.filter((text) => text.startsWith('cos'))).toEqual(['cos ']);
  });
});
