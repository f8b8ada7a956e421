import type { CompileOptions } from './assemble.js';
import type { Backend, Losable, OnLost } from './backend/backend.js';
import type { RecoverOptions } from './backend/recovery/options.js';
import { type Sides, WovenBackend, type WovenCore } from './backend/woven.js';
import { balance } from './balance.js';
import { fail } from './errors.js';
import type { FaultMessages, Program } from './executor.js';
import { attrsText, type Graph, nodesOf } from './graph.js';
import { measureNode } from './measure.js';
import type { BackendKind, Node, Side, Value } from './op.js';
import { registry } from './ops/index.js';
import type { PlacementCosts } from './place.js';
import { bytesOf } from './plan.js';
import { computeTime, type GivenRates, type Rates, ratesOf, transferTime } from './rates.js';
import { rootsOf } from './rewrite.js';
import type { Given } from './runner.js';
import { showShape } from './shape.js';
import { compileWoven } from './weave.js';

/** How graphs are parted between the backends of a woven device. */
export interface WeaveOptions {
  /** Used instead of what is measured when the device is opened. */
  readonly rates?: GivenRates;
  /**
   * What is measured: `'rates'` (default), once, when the device is opened, some hundred milliseconds; `'ops'`, besides, every
   * kind of node by itself on both sides before it is first placed, which finds better places and makes compiling slower.
   */
  readonly measure?: 'rates' | 'ops';
  /**
   * Where ops run, by name, or by what a function says of each node of a graph; others run where they cost least.
   * `device.on` says it of what is recorded in a scope, and comes first.
   */
  readonly place?: Readonly<Record<string, Side>> | ((node: Node) => Side | undefined);
}

type Chosen = (node: Node) => Side | undefined;

/** How the two are opened: webgpu on this device of the caller's where it is given. */
export interface SideOpeners {
  wasm(): Promise<Backend>;
  webgpu(lost?: OnLost, device?: GPUDevice): Promise<Backend & Losable>;
}

/** What `open` takes, as far as it is about both. */
interface WovenOptions {
  readonly weave?: WeaveOptions;
  /** For ops beyond Weft's own. */
  readonly kernels?: readonly unknown[];
  readonly webgpu?: { readonly device?: GPUDevice; readonly adapter?: GPUAdapter };
  readonly recover?: boolean | RecoverOptions;
}

/** Two backends as one device: where nodes run, and their programs. */
export class Weaving {
  /** Nanoseconds of nodes by op, types, attributes and side, as they were measured. */
  readonly #measured = new Map<string, number>();

  private constructor(
    readonly backend: WovenCore,
    readonly rates: Rates,
    readonly chosen: Chosen,
    readonly measuresOps: boolean,
  ) {}

  static async open(
    kinds: readonly BackendKind[],
    start: SideOpeners,
    { weave = {}, kernels = [], webgpu, recover }: WovenOptions,
  ): Promise<Weaving> {
    checkKinds(kinds);
    const { rates, place: given = {}, measure = 'rates' } = weave;
    if (measure !== 'rates' && measure !== 'ops')
      fail('open', `weave.measure must be 'rates' or 'ops', got '${String(measure)}'`);
    const chosen = typeof given === 'function' ? given : byName(given, kernels.length > 0);
    const sides = (lost?: OnLost, device?: GPUDevice) => openSides(kinds, start, lost, device);
    const backend = recover
      ? await (await import('./backend/recovery/woven.js')).recoverWoven(sides, recover, webgpu)
      : new WovenBackend(await sides());
    try {
      return new Weaving(backend, await ratesOf(backend.sides, rates), chosen, measure === 'ops');
    } catch (error) {
      backend.dispose();
      throw error;
    }
  }

  compile(
    graph: Graph,
    given: (input: Value) => Given,
    faults: FaultMessages,
    options: CompileOptions,
  ): Promise<Program> {
    const placement = async (merged: Graph) => {
      if (this.measuresOps) await this.#measure(merged);
      return balance(merged, this.#costs(given), this.rates.overlap);
    };
    return compileWoven(graph, this.backend, faults, placement, options);
  }

  async #measure(graph: Graph): Promise<void> {
    for (const node of nodesOf(rootsOf(graph), new Set(graph.inputs))) {
      for (const side of node.op.view ? [] : (['wasm', 'webgpu'] as const)) {
        const key = keyOf(node, side);
        if (this.#measured.has(key) || this.#time(node, side) === Number.POSITIVE_INFINITY) continue;
        this.#measured.set(key, await measureNode(node, this.backend.sides[side]));
      }
    }
  }

  #costs(given: (input: Value) => Given): PlacementCosts {
    const { upload, download } = this.rates;
    const times = new Map<Node, Record<Side, number>>();
    const timesOf = (node: Node): Record<Side, number> => {
      const known = times.get(node) ?? { wasm: this.#time(node, 'wasm'), webgpu: this.#time(node, 'webgpu') };
      times.set(node, known);
      return known;
    };
    return {
      compute: (node, side) => timesOf(node)[side],
      transfer: (bytes, to) => transferTime(bytes, to === 'webgpu' ? upload : download),
      origin: (input) => this.#originOf(given(input)),
      results: 'wasm',
    };
  }

  /** Where an input is at the beginning of each run; null where it stays on whatever side needs it. */
  #originOf(given: Given): Side | null {
    if (given === 'host') return 'wasm';
    return given === 'kept' ? null : this.backend.homeOf(given);
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
    if (!runs) return Number.POSITIVE_INFINITY;
    const measured = this.measuresOps ? this.#measured.get(keyOf(node, side)) : undefined;
    return measured ?? computeTime(node, lowered.launches.length, this.rates[side]);
  }
}

/** What a node's time on a side depends on. */
const keyOf = ({ op, inputs, attrs }: Node, side: Side): string =>
  `${side} ${op.name}(${inputs.map((value) => value && `${value.dtype}${showShape(value.shape)}`).join()})${attrsText(attrs)}`;

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

async function openSides(
  kinds: readonly BackendKind[],
  start: SideOpeners,
  lost?: OnLost,
  device?: GPUDevice,
): Promise<Sides> {
  const needed = (kind: Side) => (error: Error) =>
    fail('open', `['${kinds.join("', '")}'] needs both, and ${kind} can't be opened: ${error.message}`);
  const wasm = await start.wasm().catch(needed('wasm'));
  try {
    return { wasm, webgpu: await start.webgpu(lost, device).catch(needed('webgpu')) };
  } catch (error) {
    wasm.dispose();
    throw error;
  }
}

function checkKinds(kinds: readonly BackendKind[]): void {
  const both = kinds.length === 2 && kinds.includes('wasm') && kinds.includes('webgpu');
  if (!both)
    fail(
      'open',
      `can weave 'webgpu' and 'wasm', each once; got [${kinds.map((kind) => `'${kind}'`).join(', ')}]`,
    );
}
