import type { BackendCore, DeviceBuffer } from './backend/backend.js';
import type { FaultMessages, Program } from './executor.js';
import { createGraph, type Graph, leavesOf, structureOf, type Update } from './graph.js';
import type { Value } from './op.js';
import type { Storage, Store } from './store.js';
import type { Tensor } from './tensor.js';
import { type Binding, CompiledGraph } from './trace.js';

/** Programs that are kept ready, by the structure of their graphs. */
const CACHED_PROGRAMS = 64;

/** Where an input's contents come from: the host anew for each run, memory of the device for all runs, or this buffer. */
export type Given = 'host' | 'kept' | DeviceBuffer;

/** Compiles a graph for a device. */
export type Compile = (graph: Graph, given: (input: Value) => Given) => Promise<Program>;

/** Tensors that get new contents, each with what it gets. */
export type Pairs = readonly (readonly [target: Tensor, contents: Tensor])[];

/** Compiles what was recorded, and runs it. */
export class Runner {
  readonly #backend: BackendCore;
  readonly #store: Store;
  readonly #faults: FaultMessages;
  readonly #keepsHistory: (value: Value) => boolean;
  readonly #compile: Compile;
  readonly #programs = new Map<string, Program>();
  /** Tensors that get new contents with the next program, and the value that their memory holds until then. */
  readonly #staged = new Map<Tensor, Value>();
  /** The program whose run is being prepared: where memory is short, it stays. */
  #current: Program | null = null;

  /** @param options.keepsHistory whether a gradient may have to pass through a value that was computed. */
  constructor(
    backend: BackendCore,
    store: Store,
    faults: FaultMessages,
    options: { readonly keepsHistory: (value: Value) => boolean; readonly compile: Compile },
  ) {
    this.#backend = backend;
    this.#store = store;
    this.#faults = faults;
    this.#keepsHistory = options.keepsHistory;
    this.#compile = options.compile;
  }

  /** Lets a tensor stand for new contents at once, which its memory gets with the next program. */
  stage(target: Tensor, contents: Value): void {
    if (!this.#staged.has(target)) this.#staged.set(target, target.value);
    target.replaceValue(contents);
  }

  /** Gives up what was staged. */
  unstage(): void {
    for (const [tensor, target] of this.#staged) tensor.replaceValue(target);
    this.#staged.clear();
  }

  /** Whether a tensor, or any, waits for its new contents. */
  hasStaged(target?: Tensor): boolean {
    return target ? this.#staged.has(target) : this.#staged.size > 0;
  }

  /**
   * Computes tensors that are not there yet and gives the first of each pair the contents of the second, in one program,
   * and staged contents their places. Where it fails, tensors are as they were, but for data errors: these are found when
   * updates may be made already.
   */
  async compute(tensors: readonly Tensor[], pairs: Pairs = []): Promise<void> {
    const staged = this.#takeStaged();
    const placed = new Set(staged.map(({ value }) => value));
    const unknown = (value: Value) => !this.#store.has(value) && !placed.has(value);
    const outputs = [...new Set(tensors.map(({ value }) => value))].filter(unknown);
    if (outputs.length === 0 && pairs.length === 0 && staged.length === 0) return;
    const updates = pairs.map(([target, contents]) => ({ target: target.value, value: contents.value }));
    let done = false;
    try {
      await this.#execute(outputs, [...updates, ...staged]);
      done = true;
    } finally {
      for (const [target] of pairs) target.changed();
      for (const { tensor, target, value, storage } of staged) {
        if (done) this.#adopt(value, storage);
        else if (tensor.value === value) tensor.replaceValue(target);
        tensor.changed();
      }
    }
  }

  #takeStaged() {
    if (this.#staged.size === 0) return [];
    const store = this.#store;
    const staged = [...this.#staged].flatMap(([tensor, target]) =>
      store.isValid(target) ? { tensor, target, value: tensor.value, storage: store.storageOf(target) } : [],
    );
    this.#staged.clear();
    return staged;
  }

  async #execute(outputs: readonly Value[], updates: readonly Update[]): Promise<void> {
    const store = this.#store;
    const roots = [...outputs, ...updates.map(({ value }) => value)];
    const inputs = [...new Set([...leavesOf(roots, store), ...updates.map(({ target }) => target)])];
    // Twice: what can't be read is found before anything is compiled, what is disposed meanwhile before it runs.
    const bind = () => inputs.map((value) => store.bufferOf(value));
    bind();
    const program = await this.#programFor(createGraph({ inputs, outputs, updates }));
    const results: Storage[] = [];
    try {
      this.#current = program;
      for (const value of outputs) results.push(store.allocate(value));
      const bound = bind();
      for (const { target } of updates) store.changed(store.storageOf(target));
      const running = program.run([...bound, ...results.map(({ buffer }) => buffer)]);
      if (running) await running;
      this.#faults.raise(this.#backend);
    } catch (error) {
      for (const storage of results) store.discard(storage);
      throw error;
    } finally {
      this.#current = null;
    }
    outputs.forEach((value, i) => {
      this.#adopt(value, results[i]!);
    });
  }

  #adopt(value: Value, storage: Storage): void {
    this.#store.adopt(value, storage);
    if (!this.#keepsHistory(value)) this.#store.forgetHistory(value);
  }

  async #programFor(graph: Graph): Promise<Program> {
    const key = structureOf(graph);
    const held = this.#programs.get(key);
    this.#programs.delete(key);
    const program =
      held ?? (await this.#withRoom(() => this.#compile(graph, (input) => this.#store.bufferOf(input))));
    this.#programs.set(key, program);
    if (this.#programs.size > CACHED_PROGRAMS) {
      const [oldest, evicted] = this.#programs.entries().next().value!;
      this.#programs.delete(oldest);
      evicted.dispose();
    }
    return program;
  }

  /** Gives back the programs that are kept only for speed. */
  evict(): boolean {
    const before = this.#programs.size;
    for (const [key, program] of this.#programs) {
      if (program === this.#current) continue;
      this.#programs.delete(key);
      program.dispose();
    }
    return this.#programs.size < before;
  }

  async #withRoom<T>(make: () => Promise<T>): Promise<T> {
    try {
      return await make();
    } catch (error) {
      if (!this.evict()) throw error;
      return make();
    }
  }

  /** A graph compiled with memory of its own. */
  build(graph: Graph, bindings: readonly Binding[]): Promise<CompiledGraph> {
    return this.#withRoom(async () => {
      const kept = new Set(graph.inputs.filter((_, i) => bindings[i]!.kind === 'storage'));
      const program = await this.#compile(graph, (input) => (kept.has(input) ? 'kept' : 'host'));
      const changed = (storage: Storage) => this.#store.changed(storage);
      const compiled = new CompiledGraph(this.#backend, this.#faults, program, graph, bindings, changed);
      this.#store.keep(compiled, compiled.memory);
      return compiled;
    });
  }
}
