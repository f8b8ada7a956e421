import type { Backend, DeviceBuffer } from './backend/backend.js';
import type { DType, HostTensor, TypedArray } from './dtype.js';
import { fail } from './errors.js';
import type { FaultMessages, Program } from './executor.js';
import type { Graph } from './graph.js';
import type { Value } from './op.js';
import { bytesOf } from './plan.js';
import { sameShape, type Shape, showShape, sizeOf } from './shape.js';
import type { Tensor } from './tensor.js';

/** Memory of one tensor on the device. Its version grows each time its contents change. */
export interface Storage {
  readonly buffer: DeviceBuffer;
  version: number;
  disposed: boolean;
}

/** Where the contents of a graph's leaf come from. */
export type Source =
  | { readonly kind: 'stored'; readonly storage: Storage; readonly version: number }
  /** Not on the device yet. */
  | { readonly kind: 'host'; readonly data: TypedArray }
  /** An output of a compiled function, there until the function runs again. */
  | { readonly kind: 'run'; readonly buffer: DeviceBuffer; readonly run: number; readonly owner: CompiledGraph }
  /** An argument of the function that is being traced. */
  | { readonly kind: 'argument'; readonly index: number }
  /** Drawn anew before each run: a seed, a learning rate. */
  | { readonly kind: 'feed'; readonly draw: () => TypedArray };

/** What a function does while it is traced. */
export interface Trace {
  /** Gradients made inside the function; they don't outlive it. */
  readonly grads: Map<Tensor, Tensor | null>;
  /** For each tensor that the function updates, the value that it had before. */
  readonly updated: Map<Tensor, Value>;
  /** What the function read besides tensors; a change of one asks for a new trace. */
  readonly guards: (() => boolean)[];
}

/** What an input of a compiled graph is bound to at each run. */
export type Binding =
  | { readonly kind: 'argument'; readonly index: number }
  | { readonly kind: 'feed'; readonly draw: () => TypedArray }
  | { readonly kind: 'storage'; readonly storage: Storage; readonly label: string };

/** An argument of a run: host data, or a buffer of the device. */
export type Argument = HostTensor | { readonly buffer: DeviceBuffer; readonly shape: Shape; readonly dtype: DType };

/** A program with its own input and output buffers: what a compiled function or an embedder's graph runs by. */
export class CompiledGraph {
  /** Counts runs: outputs belong to the run that made them. */
  run = 0;
  readonly program: Program;
  readonly outputs: readonly DeviceBuffer[];
  readonly #backend: Backend;
  readonly #faults: FaultMessages;
  readonly #inputs: readonly Value[];
  readonly #bindings: readonly Binding[];
  /** Buffers for host data, one per argument or feed, allocated at the first use. */
  readonly #own: (DeviceBuffer | undefined)[] = [];
  readonly #externals: DeviceBuffer[];
  readonly #written: readonly Storage[];

  constructor(
    backend: Backend,
    faults: FaultMessages,
    program: Program,
    graph: Graph,
    bindings: readonly Binding[],
  ) {
    this.program = program;
    this.#backend = backend;
    this.#faults = faults;
    this.#inputs = graph.inputs.map(({ shape, dtype }) => ({ shape, dtype, node: null, index: 0 }));
    this.#bindings = bindings;
    this.outputs = graph.outputs.map((value) => backend.allocate(bytesOf(value), 'an output of a compiled function'));
    this.#externals = [...new Array<DeviceBuffer>(bindings.length), ...this.outputs];
    const targets = new Set(graph.updates.map(({ target }) => target));
    this.#written = bindings.flatMap((binding, i) =>
      binding.kind === 'storage' && targets.has(graph.inputs[i]!) ? [binding.storage] : [],
    );
  }

  /** Runs once. The contents of `outputs` and of updated storages are new afterwards. */
  execute(args: readonly Argument[]): void {
    this.#bindings.forEach((binding, i) => {
      this.#externals[i] = this.#bind(binding, i, args);
    });
    this.run++;
    this.program.run(this.#externals);
    for (const storage of this.#written) storage.version++;
    this.#faults.raise(this.#backend);
  }

  #bind(binding: Binding, i: number, args: readonly Argument[]): DeviceBuffer {
    if (binding.kind === 'feed') return this.#upload(i, binding.draw());
    if (binding.kind === 'storage') {
      if (binding.storage.disposed) fail('compile', `${binding.label}, which the function reads, was disposed`);
      return binding.storage.buffer;
    }
    const argument = args[binding.index]!;
    if ('data' in argument) return this.#upload(i, argument.data);
    if (this.#written.some(({ buffer }) => buffer === argument.buffer)) {
      fail('compile', `argument ${binding.index} is a tensor that the function updates; pass a clone()`);
    }
    return argument.buffer;
  }

  #upload(i: number, data: TypedArray): DeviceBuffer {
    const value = this.#inputs[i]!;
    if (data.length !== sizeOf(value.shape)) {
      fail('compile', `input ${i} needs ${sizeOf(value.shape)} elements for ${showShape(value.shape)}, got ${data.length}`);
    }
    this.#own[i] ??= this.#backend.allocate(bytesOf(value), 'an input of a compiled function');
    this.#backend.write(this.#own[i], data, value.dtype);
    return this.#own[i];
  }

  dispose(): void {
    this.program.dispose();
    for (const buffer of [...this.outputs, ...this.#own]) buffer?.free();
    this.run++;
  }
}

/** Whether two lists of tensors agree in number, shapes and dtypes. */
export function sameTypes(
  a: readonly { readonly shape: Shape; readonly dtype: DType }[],
  b: readonly { readonly shape: Shape; readonly dtype: DType }[],
): boolean {
  return a.length === b.length && a.every((type, i) => type.dtype === b[i]!.dtype && sameShape(type.shape, b[i]!.shape));
}
