import type { BenchCase } from '../case.js';
import type { CaseInputs } from '../inputs.js';

export type PeerName =
  | 'tfjs-wasm'
  | 'tfjs-cpu'
  | 'ort-web'
  | 'jax-js'
  | 'ort-node'
  | 'tfjs-webgpu'
  | 'ort-webgpu'
  | 'jax-webgpu';

/** One case, ready to run on a peer: operands uploaded in the peer's own best layout, code compiled. */
export interface Prepared {
  /** Makes the peer's backend the active one, where that is a global state of the peer. Not timed. */
  enter?(): void;
  /**
   * One complete execution, until the result exists in the peer's memory (for a step: one training step) or, with `finish`,
   * until the GPU has been given the work.
   */
  run(): void | Promise<void>;
  /** Waits until the GPU has done all that it was given. */
  finish?(): Promise<void>;
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

interface PeerFacts {
  /** The module here that adapts it; it imports packages that only `install.ts` installs. */
  readonly module: string;
  /** The npm package whose version is told. */
  readonly package: string;
  /** What of the machine it runs on, so which of Weft's backends it is held against. */
  readonly backend: 'wasm' | 'webgpu';
}

/** Every peer. */
export const PEERS: Readonly<Record<PeerName, PeerFacts>> = {
  'tfjs-wasm': { module: 'tfjs', package: '@tensorflow/tfjs-backend-wasm', backend: 'wasm' },
  'tfjs-cpu': { module: 'tfjs', package: '@tensorflow/tfjs-backend-cpu', backend: 'wasm' },
  'ort-web': { module: 'ort', package: 'onnxruntime-web', backend: 'wasm' },
  'jax-js': { module: 'jax', package: '@jax-js/jax', backend: 'wasm' },
  'ort-node': { module: 'ort-node', package: 'onnxruntime-node', backend: 'wasm' },
  'tfjs-webgpu': { module: 'tfjs-webgpu', package: '@tensorflow/tfjs-backend-webgpu', backend: 'webgpu' },
  'ort-webgpu': { module: 'ort-webgpu', package: 'onnxruntime-web', backend: 'webgpu' },
  'jax-webgpu': { module: 'jax', package: '@jax-js/jax', backend: 'webgpu' },
};

export const PEER_NAMES = Object.keys(PEERS) as readonly PeerName[];

/**
 * What refuses a case that takes longer than six seconds an execution at `gflops`, the peer's rate on the like. With
 * warm-up, check and samples it would hold everyone up for a minute.
 */
export function refuseAbove(gflops: number, c: BenchCase): void {
  const seconds = c.flops / gflops / 1e9;
  if (seconds > 6)
    throw new RangeError(`not run: at about ${gflops} GFLOP/s it takes ${seconds.toFixed(0)} s`);
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
