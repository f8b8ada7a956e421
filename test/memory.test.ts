import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../src/assemble.js';
import type { Backend, Command, Location, PrepareRequest } from '../src/backend/backend.js';
import { openReference } from '../src/backend/reference.js';
import { openWasm } from '../src/backend/wasm/index.js';
import { openWebGPU } from '../src/backend/webgpu/index.js';
import {
  createGraph,
  createInput,
  FaultMessages,
  type Node,
  ops,
  Program,
  type Value,
} from '../src/index.js';
import { type Lifetime, placeBlocks } from '../src/memory.js';
import { type PlanOptions, plan } from '../src/plan.js';
import { separate } from '../src/rewrite.js';
import { sizeOf } from '../src/shape.js';
import { evaluate, type RandomGraph, randomGraphs } from './support/random-graphs.js';

const wasm = await openWasm({ binary: 'simd', tile: '4x8' });
const webgpu = await openWebGPU();
afterAll(() => {
  wasm.dispose();
  webgpu.dispose();
});

const lifetimes = fc.array(
  fc
    .tuple(fc.nat(5000), fc.nat(20), fc.nat(10))
    .map(([bytes, first, length]): Lifetime => ({ bytes, first, last: first + length })),
  { maxLength: 40 },
);

describe('placeBlocks', () => {
  const options = fc.record({
    alignment: fc.constantFrom(4, 64, 256),
    maxRegionBytes: fc.constantFrom(Number.POSITIVE_INFINITY, 4096),
    pairs: fc.array(fc.tuple(fc.nat(39), fc.nat(39)), { maxLength: 30 }),
  });

  it('never lets blocks that live at the same time share bytes', () => {
    fc.assert(
      fc.property(lifetimes, options, (blocks, { alignment, maxRegionBytes, pairs }) => {
        const conflicts = pairs.filter(([a, b]) => a !== b && a < blocks.length && b < blocks.length);
        const { regions, placements, peakBytes, lowerBound } = placeBlocks(blocks, {
          alignment,
          conflicts,
          maxRegionBytes,
        });
        const end = (i: number) => placements[i]!.offset + Math.max(blocks[i]!.bytes, 1);
        blocks.forEach((block, i) => {
          expect(placements[i]!.offset % alignment).toBe(0);
          expect(end(i)).toBeLessThanOrEqual(regions[placements[i]!.region]!);
          blocks.slice(0, i).forEach((other, j) => {
            const together = block.first <= other.last && other.first <= block.last;
            if (!together || placements[i]!.region !== placements[j]!.region) return;
            expect(end(i) <= placements[j]!.offset || end(j) <= placements[i]!.offset).toBe(true);
          });
        });
        for (const [a, b] of conflicts) expect(placements[a]!.region).not.toBe(placements[b]!.region);
        expect(peakBytes).toBe(regions.reduce((a, b) => a + b, 0));
        expect(peakBytes).toBeGreaterThanOrEqual(lowerBound);
        regions.forEach((bytes, region) => {
          const alone = blocks.some(
            (block, i) => placements[i]!.region === region && block.bytes > maxRegionBytes,
          );
          if (!alone) expect(bytes).toBeLessThanOrEqual(maxRegionBytes);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('reuses the bytes of a block that is gone', () => {
    const chain = Array.from({ length: 10 }, (_, step) => ({ bytes: 1000, first: step, last: step + 1 }));
    const { peakBytes, lowerBound } = placeBlocks(chain, { alignment: 4 });
    expect(peakBytes).toBe(2000);
    expect(lowerBound).toBe(2000);
  });

  it('gives nothing for nothing', () => {
    expect(placeBlocks([], { alignment: 64 })).toEqual({
      regions: [],
      placements: [],
      peakBytes: 0,
      lowerBound: 0,
    });
  });
});

/** Words of memory that remember whose elements they hold: [the value whose bytes they are, element]. */
interface Place {
  readonly space: string;
  readonly word: number;
}

class SymbolicMemory {
  readonly #words = new Map<string, readonly [unknown, number]>();

  /** Words `start` to `end` of `content`, of which `place` holds the first. */
  write({ space, word }: Place, content: unknown, start: number, end: number): void {
    for (let i = start; i < end; i++) this.#words.set(`${space} ${word + i}`, [content, i]);
  }

  holds({ space, word }: Place, content: unknown, start: number, end: number): boolean {
    return Array.from({ length: end - start }, (_, i) =>
      this.#words.get(`${space} ${word + start + i}`),
    ).every((held, i) => held !== undefined && held[0] === content && held[1] === start + i);
  }

  copy(source: Place, target: Place, length: number): void {
    const held = Array.from({ length }, (_, i) => this.#words.get(`${source.space} ${source.word + i}`));
    held.forEach((word, i) => {
      if (word !== undefined) this.#words.set(`${target.space} ${target.word + i}`, word);
      else this.#words.delete(`${target.space} ${target.word + i}`);
    });
  }
}

/** Words of a block: what stands for a kernel's 4096. */
const BLOCK = 2;

/** How many elements a node computes by one flat launch. */
function elements(node: Node): number | null {
  const { op, inputs, attrs, outputs } = node;
  const launches = op.view ? [] : op.lower('wasm', inputs, attrs, new Set(['simd']))!.launches;
  const flat = launches.length === 1 && launches[0]!.flat && op.overwrites(inputs).length === 0;
  return flat ? sizeOf(outputs[0]!.shape) : null;
}

/** Walks a plan with its blocks placed, and expects every operand to be there, whole, when it is read. */
function followPlan(random: RandomGraph, options: PlanOptions): void {
  const graph = separate(random.graph);
  const { order, spans, tiles, buffers, bufferOf, copies } = plan(graph, options);
  const blocks = buffers.filter(({ external }) => external === null);
  const { placements } = placeBlocks(blocks, { alignment: 4 });
  const memory = new SymbolicMemory();
  const at = (index: number): Place => {
    const buffer = buffers[index]!;
    if (buffer.external !== null) return { space: `external ${buffer.external}`, word: 0 };
    const { region, offset } = placements[blocks.indexOf(buffer)]!;
    return { space: `arena ${region}`, word: offset / 4 };
  };
  const placeOf = (value: Value, start: number): Place => {
    const tile = tiles.get(value);
    return tile === undefined ? at(bufferOf.get(value)!) : { space: `tile ${tile}`, word: -start };
  };
  const content = new Map<Value, Value>();
  const contentOf = (value: Value) => content.get(value) ?? value;
  const expectHeld = (value: Value, place: Place, start = 0, end = sizeOf(value.shape)) =>
    expect(memory.holds(place, contentOf(value), start, end)).toBe(true);
  /** Elements `start` to `end` of what a node computes, or all of it. */
  const run = (node: Node, start: number, end: number) => {
    node.inputs.forEach((value, index) => {
      if (!value) return;
      // An op that overwrites finds its input where it leaves its output.
      const output = node.op.overwrites(node.inputs).indexOf(index);
      const place = placeOf(output >= 0 ? node.outputs[output]! : value, start);
      if (sizeOf(value.shape) === sizeOf(node.outputs[0]!.shape)) expectHeld(value, place, start, end);
      else expectHeld(value, place);
    });
    for (const value of node.outputs)
      memory.write(placeOf(value, start), value, start, Math.min(end, sizeOf(value.shape)));
  };
  for (const value of graph.inputs) memory.write(at(bufferOf.get(value)!), value, 0, sizeOf(value.shape));
  for (let step = 0; step <= order.length; step++) {
    for (const { from, to, bytes } of copies.get(step) ?? []) memory.copy(at(from), at(to), bytes / 4);
    const node = order[step];
    if (!node) continue;
    if (node.op.view) content.set(node.outputs[0]!, contentOf(node.inputs[0]!));
    const { first, last } = spans[step]!;
    if (step < last) continue;
    const launches = order.slice(first, last + 1).filter(({ op }) => !op.view);
    const most = Math.max(0, ...launches.flatMap(({ outputs }) => outputs.map(({ shape }) => sizeOf(shape))));
    const size = first < last ? BLOCK : Math.max(most, 1);
    for (let start = 0; start < most; start += size) {
      for (const launch of launches) run(launch, start, Math.min(start + size, most));
    }
  }
  graph.outputs.forEach((value, i) => {
    expectHeld(value, at(graph.inputs.length + i));
  });
  const updates = new Map(graph.updates.map(({ target, value }) => [target, value]));
  for (const target of graph.inputs) expectHeld(updates.get(target) ?? target, at(bufferOf.get(target)!));
}

describe('plan', () => {
  it.each([
    { how: 'in place', options: { inPlace: true } },
    { how: 'never in place', options: { inPlace: false } },
    { how: 'block by block', options: { inPlace: true, elements } },
  ])('keeps every value until it is last read, $how', ({ options }) => {
    fc.assert(
      fc.property(randomGraphs, (random) => followPlan(random, options)),
      { numRuns: 400 },
    );
  });
});

/** A reference device on which, as on a GPU, no launch may read and write the same region. */
function openSplit(): Backend {
  const inner = openReference();
  return {
    ...inner,
    alignment: 256,
    sharesRegions: false,
    prepare(request) {
      request.commands.forEach(expectDisjointRegions);
      return inner.prepare(request);
    },
  };
}

function expectDisjointRegions(command: Command): void {
  if (command.kind !== 'evaluate') return;
  const region = (at: Location) =>
    at.kind === 'arena' ? `region ${at.region}` : at.kind === 'external' ? at.index : null;
  const written = command.outputs.map(region);
  const overwritten = (at: Location) =>
    command.outputs.some((output) => JSON.stringify(output) === JSON.stringify(at));
  for (const input of command.inputs) {
    if (input && !overwritten(input.at)) expect(written).not.toContain(region(input.at));
  }
}

/** Runs a graph twice, the second time from what the first left, and compares everything with plain evaluation. */
async function expectProgram({ graph, data }: RandomGraph, backend: Backend): Promise<void> {
  const program = await Program.compile(graph, backend, new FaultMessages());
  const buffers = [...graph.inputs, ...graph.outputs].map(({ shape }) =>
    backend.allocate(4 * sizeOf(shape), 'x'),
  );
  try {
    expect(program.memory.peakBytes).toBeGreaterThanOrEqual(program.memory.lowerBound);
    data.forEach((values, i) => {
      backend.write(buffers[i]!, values, 'f32');
    });
    let before: readonly Float64Array[] = data;
    for (let run = 0; run < 2; run++) {
      program.run(buffers);
      const expected = evaluate(graph, before);
      before = expected.inputs;
      const all = [...expected.inputs, ...expected.outputs];
      const held = await Promise.all(buffers.map((buffer, i) => backend.read(buffer, 'f32', all[i]!.length)));
      held.forEach((values, i) => {
        // Adding zero makes -0 and 0 alike.
        expect(Array.from(values, (value) => value + 0)).toEqual(Array.from(all[i]!, (value) => value + 0));
      });
    }
  } finally {
    program.dispose();
    for (const buffer of buffers) buffer.free();
  }
}

describe('Program', () => {
  it.each([
    { name: 'the reference', backend: openReference(), numRuns: 300 },
    { name: 'the reference without shared regions', backend: openSplit(), numRuns: 300 },
    { name: 'wasm', backend: wasm, numRuns: 300 },
    { name: 'webgpu', backend: webgpu, numRuns: 25 },
  ])('computes random graphs on $name as plain evaluation does', async ({ backend, numRuns }) => {
    const { buffers } = backend.memory();
    await fc.assert(
      fc.asyncProperty(randomGraphs, (random) => expectProgram(random, backend)),
      { numRuns },
    );
    expect(backend.memory().buffers).toBe(buffers);
  });

  it('lays what the launches of one node write side by side, by however many they are', () => {
    const parts = 600;
    const x = createInput([parts, 2]);
    const outputs = [ops.concat(ops.split(x, { size: 1 }).map((part) => ops.flip(part, { axes: [1] })))];
    const { request } = assemble(createGraph({ inputs: [x], outputs }), webgpu, new FaultMessages());
    expect(request.commands.length).toBe(3 * parts);
    expect(request.regions.length).toBe(2);
  });

  it('knows the size of its memory before it runs', async () => {
    const requests: PrepareRequest[] = [];
    const split = openSplit();
    const spy: Backend = {
      ...split,
      prepare(request) {
        requests.push(request);
        return split.prepare(request);
      },
    };
    await fc.assert(
      fc.asyncProperty(randomGraphs, async ({ graph }) => {
        const program = await Program.compile(graph, spy, new FaultMessages());
        const { regions } = requests.at(-1)!;
        expect(regions.reduce((a, b) => a + b, 0)).toBe(program.memory.peakBytes);
      }),
      { numRuns: 50 },
    );
  });
});
