import type { BackendCore, DeviceBuffer, Packed } from './backend/backend.js';
import { checkHost, type HostTensor, type TypedArray } from './dtype.js';
import { fail } from './errors.js';
import type { FaultMessages, Program } from './executor.js';
import type { Graph } from './graph.js';
import type { TensorType, Value } from './op.js';
import { bytesOf } from './plan.js';
import { type Shape, sameShape, showShape } from './shape.js';
import type { Storage } from './store.js';
import type { Tensor } from './tensor.js';

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
export type Argument =
  | HostTensor
  | { readonly buffer: DeviceBuffer; readonly shape: Shape; readonly dtype: DType };

type DType = TensorType['dtype'];

/** The memory of a compiled graph: its program, and buffers for outputs and for host data. */
class GraphMemory {
  readonly outputs: readonly DeviceBuffer[];
  readonly #backend: BackendCore;
  readonly #program: Program;
  readonly #buffers: DeviceBuffer[] = [];
  /** One per argument or feed that came as host data, allocated at the first use. */
  readonly #uploads: (DeviceBuffer | undefined)[] = [];
  #feeds: Packed | null = null;

  /** Takes the program over: frees it, too, where the outputs find no room. */
  constructor(backend: BackendCore, program: Program, graph: Graph) {
    this.#backend = backend;
    this.#program = program;
    try {
      this.outputs = graph.outputs.map((value) => this.#allocate(value, 'an output of a compiled function'));
    } catch (error) {
      this.free();
      throw error;
    }
  }

  #allocate(type: TensorType, label: string): DeviceBuffer {
    const buffer = this.#backend.allocate(bytesOf(type), label, true);
    this.#buffers.push(buffer);
    return buffer;
  }

  /** The buffer of input `i`, filled with host data. */
  upload(i: number, type: TensorType, data: TypedArray): DeviceBuffer {
    this.#uploads[i] ??= this.#allocate(type, 'an input of a compiled function');
    this.#backend.write(this.#uploads[i], data, type.dtype);
    return this.#uploads[i];
  }

  /** The buffers of what is drawn before each run, filled: on webgpu parts of one, by one write. */
  feed(feeds: readonly { readonly index: number; readonly type: TensorType }[], data: readonly TypedArray[]) {
    if (!this.#backend.pack || feeds.length < 2)
      return feeds.map(({ index, type }, k) => this.upload(index, type, data[k]!));
    this.#feeds ??= this.#backend.pack(
      feeds.map(({ type }) => ({ bytes: bytesOf(type), dtype: type.dtype })),
      'what changes with each run',
    );
    this.#feeds.write(data);
    return this.#feeds.parts;
  }

  free(): void {
    this.#program.dispose();
    this.#feeds?.free();
    for (const buffer of this.#buffers) buffer.free();
  }
}

/** A program with its own input and output buffers: what a compiled function or an embedder's graph runs by. */
export class CompiledGraph {
  /** Counts runs: outputs belong to the run that made them. */
  run = 0;
  readonly program: Program;
  readonly memory: GraphMemory;
  #disposed = false;
  readonly #backend: BackendCore;
  readonly #faults: FaultMessages;
  readonly #inputs: readonly TensorType[];
  readonly #bindings: readonly Binding[];
  readonly #feeds: readonly { readonly index: number; readonly type: TensorType; draw(): TypedArray }[];
  readonly #externals: DeviceBuffer[];
  readonly #written: readonly Storage[];
  readonly #changed: (storage: Storage) => void;

  /** @param changed is told of each storage that a run updates. */
  constructor(
    backend: BackendCore,
    faults: FaultMessages,
    program: Program,
    graph: Graph,
    bindings: readonly Binding[],
    changed: (storage: Storage) => void,
  ) {
    this.#changed = changed;
    this.program = program;
    this.memory = new GraphMemory(backend, program, graph);
    this.#backend = backend;
    this.#faults = faults;
    // Types, not values: what the graph was recorded from can be freed.
    this.#inputs = graph.inputs.map(({ shape, dtype }) => ({ shape, dtype }));
    this.#bindings = bindings;
    this.#feeds = bindings.flatMap((binding, index) =>
      binding.kind === 'feed' ? { index, type: this.#inputs[index]!, draw: binding.draw } : [],
    );
    this.#externals = [...new Array<DeviceBuffer>(bindings.length), ...this.memory.outputs];
    const targets = new Set(graph.updates.map(({ target }) => target));
    this.#written = bindings.flatMap((binding, i) =>
      binding.kind === 'storage' && targets.has(graph.inputs[i]!) ? [binding.storage] : [],
    );
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * Runs once. The contents of `memory.outputs` and of updated storages are new afterwards; with an encoder, once the caller
   * has submitted it.
   */
  async execute(args: readonly Argument[], encoder: GPUCommandEncoder | null = null): Promise<void> {
    if (this.#disposed) fail('compile', 'the function was disposed while this call waited for its turn');
    this.#bindings.forEach((binding, i) => {
      if (binding.kind !== 'feed') this.#externals[i] = this.#bind(binding, i, args);
    });
    this.#backend.recovery?.begin();
    // Feeds count the runs, so they are drawn when all the rest is known to fit.
    const drawn = this.#feeds.map(({ draw }) => draw());
    this.memory.feed(this.#feeds, drawn).forEach((buffer, k) => {
      this.#externals[this.#feeds[k]!.index] = buffer;
    });
    this.run++;
    for (const storage of this.#written) this.#changed(storage);
    if (encoder) {
      this.program.encode(encoder, this.#externals);
      return;
    }
    const running = this.program.run(this.#externals);
    if (running) await running;
    this.#faults.raise(this.#backend);
  }

  #bind(binding: Exclude<Binding, { kind: 'feed' }>, i: number, args: readonly Argument[]): DeviceBuffer {
    if (binding.kind === 'storage') {
      if (binding.storage.disposed)
        fail('compile', `${binding.label}, which the function reads, was disposed`);
      const { lost } = binding.storage.buffer;
      if (lost) fail('compile', `${binding.label}, which the function reads, ${lost}`);
      return binding.storage.buffer;
    }
    const argument = args[binding.index]!;
    if ('data' in argument) {
      checkHost(`compile: argument ${binding.index}`, argument);
      return this.memory.upload(i, this.#inputs[i]!, argument.data);
    }
    if (this.#written.some(({ buffer }) => buffer === argument.buffer)) {
      fail('compile', `argument ${binding.index} is a tensor that the function updates; pass a clone()`);
    }
    return argument.buffer;
  }

  dispose(): void {
    this.#disposed = true;
    this.run++;
    this.memory.free();
  }
}

/** Whether two lists of tensors agree in number, shapes and dtypes. */
export function sameTypes(a: readonly TensorType[], b: readonly TensorType[]): boolean {
  return (
    a.length === b.length &&
    a.every((type, i) => type.dtype === b[i]!.dtype && sameShape(type.shape, b[i]!.shape))
  );
}

/** Dtypes and shapes of a list of tensors, for messages. */
export const showTypes = (types: readonly TensorType[]): string =>
  types.map(({ shape, dtype }) => `${dtype}${showShape(shape)}`).join(', ');
