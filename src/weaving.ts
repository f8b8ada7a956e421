import type { Backend, DeviceBuffer } from './backend/backend.js';
import { type Sides, WovenBackend, type WovenBuffer } from './backend/woven.js';
import { fail } from './errors.js';
import type { CompileOptions, FaultMessages, Program } from './executor.js';
import type { Graph } from './graph.js';
import type { BackendKind, Node, Side, Value } from './op.js';
import { registry } from './ops/index.js';
import { type PlacementCosts, place } from './place.js';
import { bytesOf } from './plan.js';
import { computeTime, type GivenRates, type Rates, ratesOf, transferTime } from './rates.js';
import type { Given } from './runner.js';
import { compileWoven } from './weave.js';

/** How graphs are parted between the backends of a woven device. */
export interface WeaveOptions {
  /** Used instead of what is measured when the device is opened. */
  readonly rates?: GivenRates;
  /**
   * Where ops run, by name, or by what a function says of each node of a graph; others run where they cost least.
   * `device.on` says it of what is recorded in a scope, and comes first.
   */
  readonly place?: Readonly<Record<string, Side>> | ((node: Node) => Side | undefined);
}

type Chosen = (node: Node) => Side | undefined;

/** Two backends as one device: where nodes run, and their programs. */
export class Weaving {
  private constructor(
    readonly backend: WovenBackend,
    readonly rates: Rates,
    readonly chosen: Chosen,
  ) {}

  /**
   * @param start opens one backend.
   * @param own whether there are ops beyond Weft's.
   */
  static async open(
    kinds: readonly BackendKind[],
    { rates, place: given = {} }: WeaveOptions,
    start: (kind: Side) => Promise<Backend>,
    own: boolean,
  ): Promise<Weaving> {
    checkKinds(kinds);
    const chosen = typeof given === 'function' ? given : byName(given, own);
    const opened: Backend[] = [];
    try {
      for (const kind of ['wasm', 'webgpu'] as const) {
        const backend = await start(kind).catch((error: Error) =>
          fail('open', `['${kinds.join("', '")}'] needs both, and ${kind} can't be opened: ${error.message}`),
        );
        opened.push(backend);
      }
      const sides: Sides = { wasm: opened[0]!, webgpu: opened[1]! };
      return new Weaving(new WovenBackend(sides), await ratesOf(sides, rates), chosen);
    } catch (error) {
      for (const backend of opened) backend.dispose();
      throw error;
    }
  }

  compile(
    graph: Graph,
    given: (input: Value) => Given,
    faults: FaultMessages,
    options: CompileOptions,
  ): Promise<Program> {
    // Merged graphs keep the inputs.
    const costs = this.#costs(given);
    return compileWoven(graph, this.backend, faults, (merged) => place(merged, costs), options);
  }

  #costs(given: (input: Value) => Given): PlacementCosts {
    const { upload, download } = this.rates;
    return {
      compute: (node, side) => this.#time(node, side),
      transfer: (bytes, to) => transferTime(bytes, to === 'webgpu' ? upload : download),
      origin: (input) => originOf(given(input)),
      results: 'wasm',
    };
  }

  /** What a node takes on a side; Infinity where it has no kernel, its tensors no room, or where it was put on the other. */
  #time(node: Node, side: Side): number {
    const { op, inputs, outputs, attrs } = node;
    const { features, maxBufferBytes } = this.backend.sides[side];
    const wanted = node.on ?? this.chosen(node);
    const lowered = op.lower(side, inputs, attrs, features);
    const bytes = Math.max(0, ...[...inputs, ...outputs].map((value) => (value ? bytesOf(value) : 0)));
    const runs = lowered !== null && bytes <= maxBufferBytes;
    if (wanted === side && !runs) fail(op.name, `can't run on ${side}, where it was put`);
    if (wanted && wanted !== side) return Number.POSITIVE_INFINITY;
    return runs ? computeTime(node, lowered.launches.length, this.rates[side]) : Number.POSITIVE_INFINITY;
  }
}

/** Checks which ops are named: of those beyond Weft's own nothing is known. */
function byName(given: Readonly<Record<string, Side>>, own: boolean): Chosen {
  const placed = new Map(Object.entries(given));
  for (const [name, side] of placed) {
    if (!own && !registry.has(name)) fail('open', `place names an op '${name}', which there is not`);
    if (registry.get(name)?.compose)
      fail('open', `place: ${name} is composed of other ops; name those, or record it in device.on()`);
    if (side !== 'wasm' && side !== 'webgpu')
      fail('open', `place.${name} must be 'wasm' or 'webgpu', got '${String(side)}'`);
  }
  return ({ op }) => placed.get(op.name);
}

/** Where an input is at the beginning of each run; null where it stays on whatever side needs it. */
function originOf(given: Given): Side | null {
  if (given === 'host') return 'wasm';
  if (given === 'kept') return null;
  const { fresh } = given as DeviceBuffer as WovenBuffer;
  if (fresh.webgpu) return fresh.wasm ? null : 'webgpu';
  return 'wasm';
}

function checkKinds(kinds: readonly BackendKind[]): void {
  const both = kinds.length === 2 && kinds.includes('wasm') && kinds.includes('webgpu');
  if (!both)
    fail(
      'open',
      `can weave 'webgpu' and 'wasm', each once; got [${kinds.map((kind) => `'${kind}'`).join(', ')}]`,
    );
}
