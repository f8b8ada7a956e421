import { readFileSync } from 'node:fs';
import { fail } from '../../src/errors.js';
import type { BenchCase } from '../case.js';
import type { CaseInputs } from '../inputs.js';

export type PeerName = 'tfjs-wasm' | 'tfjs-cpu' | 'ort-web' | 'jax-js' | 'ort-node';

/** One case, ready to run on a peer: operands uploaded in the peer's own best layout, code compiled. */
export interface Prepared {
  /** Makes the peer's backend the active one, where that is a global state of the peer. Not timed. */
  enter?(): void;
  /** One complete execution, until the result exists in the peer's memory (for a step: one training step). */
  run(): void | Promise<void>;
  /**
   * The results in Weft's layout (NCHW, OIHW), row-major, one after another, for comparison. A step gives the losses of the
   * first `STEP_LOSSES` steps from the initial parameters instead, an optimiser the parameters after as many steps; both
   * leave the training there.
   */
  output(): Promise<ArrayLike<number>>;
  dispose(): void;
}

/** Another engine, on one thread, under the name that results carry. */
export interface Peer {
  readonly name: PeerName;
  readonly version: string;
  /** Whether the peer takes part in a case; always where it doesn't say. */
  joins?(c: BenchCase): boolean;
  /** Throws where an execution takes so long that nobody would wait. */
  refuse?(c: BenchCase): void;
  /**
   * Rejects with the peer's own message where the peer can't do the case. Inputs are `caseInputs(c, seed)`.
   */
  prepare(c: BenchCase, inputs: CaseInputs): Promise<Prepared>;
}

/** What the module of a peer exports. */
export interface PeerModule {
  open(name: PeerName): Promise<Peer>;
}

/**
 * Every peer, with the module that adapts it. The modules import packages that only `install.ts` installs.
 */
const MODULES: Readonly<Record<PeerName, string>> = {
  'tfjs-wasm': './tfjs.ts',
  'tfjs-cpu': './tfjs.ts',
  'ort-web': './ort.ts',
  'jax-js': './jax.ts',
  'ort-node': './ort-node.ts',
};

export const PEERS = Object.keys(MODULES) as readonly PeerName[];

/** Loads and starts a peer. {@link import('./install.ts').installPeers} must have run. */
export async function openPeer(name: PeerName): Promise<Peer> {
  const file = MODULES[name];
  if (!file) fail('openPeer', `there is no peer '${name}', choose from ${PEERS.join(', ')}`);
  const module = (await import(new URL(file, import.meta.url).href)) as PeerModule;
  return module.open(name);
}

/**
 * What refuses a case that takes longer than six seconds an execution at `gflops`, the peer's rate on the like. With
 * warm-up, check and samples it would hold everyone up for a minute.
 */
export function refuseAbove(gflops: number, c: BenchCase): void {
  const seconds = c.flops / gflops / 1e9;
  if (seconds > 6)
    throw new RangeError(`not run: at about ${gflops} GFLOP/s it takes ${seconds.toFixed(0)} s`);
}

/** The version of an installed package of this folder. */
export function installedVersion(packageName: string): string {
  const file = new URL(`./node_modules/${packageName}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** The tensor with its axes in the order `axes`, row-major: `permute(nchw, shape, [0, 2, 3, 1])` is NHWC. */
export function permute(data: Float32Array, shape: readonly number[], axes: readonly number[]): Float32Array {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const out = new Float32Array(data.length);
  let next = 0;
  const walk = (depth: number, offset: number): void => {
    const axis = axes[depth];
    if (axis === undefined) {
      out[next++] = data[offset]!;
      return;
    }
    for (let i = 0; i < shape[axis]!; i++) walk(depth + 1, offset + i * strides[axis]!);
  };
  walk(0, 0);
  return out;
}
