import type {
  Backend,
  BackendCore,
  BackendInfo,
  HostState,
  Recovery,
  SharedMemory,
} from './backend/backend.js';
import {
  type CompiledFunction,
  type CompileHost,
  createCompiled,
  createCompiledGraph,
  createLeaf,
  type Traced,
} from './compile.js';
import { Contents } from './contents.js';
import { Creation } from './creation.js';
import { type DType, type HostTensor, type TypedArray, toHost } from './dtype.js';
import { fail } from './errors.js';
import { FaultMessages, Program } from './executor.js';
import { Gradients } from './gradients.js';
import { createInput, type Graph } from './graph.js';
import { HostParts } from './host-state.js';
import type { CheckNumerics } from './numerics.js';
import type { Side, Value } from './op.js';
import { copied } from './ops/gradient_ops.js';
import * as ops from './ops/index.js';
import { bytesOf } from './plan.js';
import { type Profile, type ProfileOptions, profile } from './profile.js';
import { Generator } from './random.js';
import type { Rates } from './rates.js';
import { type Compile, type Pairs, Runner } from './runner.js';
import { checkShape, type Shape } from './shape.js';
import { Sides } from './sides.js';
import { Store } from './store.js';
import { type GradientHook, Tensor } from './tensor.js';
import type { CompiledGraph, Trace } from './trace.js';
import type { Tuned, Tuning } from './tune.js';
import { Turns } from './turns.js';
import type { Weaving } from './weaving.js';

export interface DeviceSettings {
  readonly seed?: number;
  readonly checkNumerics?: CheckNumerics;
  readonly tuned?: Tuned | null;
}

/** Where tensors live and graphs run. Devices share nothing: open as many as you like. */
export class Device extends Creation {
  readonly #core: BackendCore;
  readonly #backend: Backend | null;
  readonly #weaving: Weaving | null;
  readonly #sides: Sides;
  /** What initial weights, dropout and random tensors are drawn from; it starts from the device's seed. */
  readonly generator: Generator;
  /** Set while a function is being traced. */
  trace: Trace | null = null;
  readonly #faults = new FaultMessages();
  readonly #store: Store;
  readonly #host: CompileHost;
  readonly #runner: Runner;
  readonly #parts: HostParts;
  readonly #recovery: Recovery | null;
  readonly #tuned: Tuned | null;
  readonly #gradients: Gradients;
  readonly #turns: Turns;
  readonly #contents: Contents;
  #disposed = false;

  /** What {@link open} makes of a backend. */
  constructor(engine: Backend | Weaving, settings: DeviceSettings = {}) {
    super();
    const { seed = 0, checkNumerics = null, tuned = null } = settings;
    if (checkNumerics !== null && checkNumerics !== 'nan' && checkNumerics !== 'nonfinite')
      fail('open', `checkNumerics must be 'nan' or 'nonfinite', got '${String(checkNumerics)}'`);
    this.#weaving = 'rates' in engine ? engine : null;
    this.#backend = 'rates' in engine ? null : engine;
    const backend: BackendCore = 'rates' in engine ? engine.backend : engine;
    this.#core = backend;
    this.#sides = new Sides(this.#weaving ? null : backend.info.backend);
    this.generator = new Generator(seed);
    this.#store = new Store(backend, () => this.#runner.evict());
    this.#runner = new Runner(backend, this.#store, this.#faults, {
      keepsHistory: (value) => this.#gradients.leadTo(value),
      compile: this.#compiler(engine, checkNumerics),
    });
    this.#parts = new HostParts(this.generator, () => {
      this.#runner.unstage();
      this.#gradients.forgetLosses();
    });
    this.#tuned = tuned;
    this.#gradients = new Gradients(this, this.#store);
    this.#recovery = backend.recovery ?? null;
    if (this.#recovery) this.#recovery.host = this.#parts;
    this.#turns = new Turns(this.#recovery, () => this.#refuseDisposed('device'));
    this.#contents = new Contents({
      core: backend,
      store: this.#store,
      runner: this.#runner,
      gradients: this.#gradients,
      faults: this.#faults,
      turns: this.#turns,
    });
    this.#host = {
      device: this,
      store: this.#store,
      runner: this.#runner,
      enqueue: (work) =>
        this.#turns.take(async () => {
          if (this.#runner.hasStaged()) await this.#runner.compute([]);
          return work();
        }),
    };
  }

  #compiler(engine: Backend | Weaving, checkNumerics: CheckNumerics | null): Compile {
    const options = { checkNumerics, copied };
    return 'rates' in engine
      ? (graph, given) => engine.compile(graph, given, this.#faults, options)
      : (graph, given) => {
          const kept = (input: Value) => given(input) === 'kept';
          return Program.compile(graph, engine, this.#faults, { ...options, kept });
        };
  }

  /** Which backend computes, on what, with how many threads, and what is off and why. */
  get info(): BackendInfo {
    const { info } = this.#core;
    return this.#tuned ? { ...info, notes: [...info.notes, this.#tuned.note] } : info;
  }

  /**
   * By which rates products' tiles are chosen on a webgpu device, to be kept as JSON for `open`; null where the adapter was not
   * measured, and on a device of two backends.
   */
  get tuning(): Tuning | null {
    return this.#tuned?.tuning ?? null;
  }

  /** What kernels run by. @throws WeftError on a device of two backends. */
  get backend(): Backend {
    return this.#backend ?? fail('backend', 'a woven device has two backends; open each for itself');
  }

  /** What a device of two backends decides by, as measured when it was opened or given then; null on others. */
  get rates(): Rates | null {
    return this.#weaving?.rates ?? null;
  }

  /**
   * Runs `record`; what it records is computed on this backend of a device of two, whatever it costs, and so are the gradients of
   * that. On a device of this one backend nothing changes.
   *
   * @param record synchronous; a compiled function may call `on` inside.
   */
  on<T>(side: Side, record: () => T): T {
    return this.#sides.on(side, record);
  }

  /** Live buffers and their bytes, programs' arenas included. */
  memory(): { readonly buffers: number; readonly bytes: number } {
    return this.#core.memory();
  }

  /**
   * A tensor with a copy of host data: numbers (f32 unless said otherwise), a Float32Array (f32), an Int32Array (i32) or
   * a Uint8Array of zeros and ones (bool).
   */
  tensor(data: TypedArray | readonly number[] | HostTensor, shape?: Shape, dtype?: DType): Tensor {
    this.#refuseDisposed('tensor');
    const host = toHost('tensor', data, shape, dtype);
    const value = createInput(host.shape, host.dtype);
    this.#store.upload(value, host);
    return new Tensor(this, value);
  }

  /**
   * A tensor over the caller's `GPUBuffer`, without a copy, on a webgpu device: what the caller writes there is what it holds.
   * The buffer stays the caller's to destroy, after the tensor is no longer used.
   *
   * @param buffer of this device's `GPUDevice`, of a multiple of 16 bytes, with the usages STORAGE, COPY_SRC and COPY_DST; its
   * elements are f32, i32, or for `bool` u32 of 0 and 1.
   * @throws WeftError where the buffer is too small, lacks a usage, is mapped or belongs to another device.
   */
  async fromGPUBuffer(buffer: GPUBuffer, shape: Shape, dtype: DType = 'f32'): Promise<Tensor> {
    this.#refuseDisposed('fromGPUBuffer');
    this.#refuseWhileTracing('fromGPUBuffer');
    checkShape('fromGPUBuffer', shape);
    if (dtype !== 'f32' && dtype !== 'i32' && dtype !== 'bool')
      fail('fromGPUBuffer', `dtype must be f32, i32 or bool, got '${String(dtype)}'`);
    const value = createInput(shape, dtype);
    this.#store.hold(value, await this.#shared('fromGPUBuffer').adopt(buffer, bytesOf(value)));
    return new Tensor(this, value);
  }

  /** The `GPUBuffer` that holds a tensor, computed before if it has to be: see `Tensor.gpuBuffer`. */
  gpuBuffer(tensor: Tensor): Promise<GPUBuffer> {
    this.#refuseWhileTracing('gpuBuffer');
    const shared = this.#shared('gpuBuffer');
    return this.#turns.take(async () => {
      await this.#runner.compute([tensor], []);
      return shared.bufferOf(this.#store.bufferOf(tensor.value));
    });
  }

  #shared(where: string): SharedMemory {
    return (
      this.#core.shared ?? fail(where, `a ${this.#core.kind} device has no GPU buffers; open a webgpu device`)
    );
  }

  /** A small input whose contents are drawn now, or, inside a compiled function, before each of its runs. */
  feed(shape: Shape, dtype: DType, draw: () => TypedArray): Tensor {
    if (!this.trace) {
      this.#recovery?.begin();
      return this.tensor(draw(), shape, dtype);
    }
    return createLeaf(this.#host, shape, dtype, { kind: 'feed', draw });
  }

  /** Reads something that is not a tensor; a compiled function is traced again when it reads otherwise. */
  observe<T>(read: () => T): T {
    const seen = read();
    this.trace?.guards.push(() => Object.is(read(), seen));
    return seen;
  }

  /** Notes a new tensor: a scope frees what was made in it. */
  created(tensor: Tensor): void {
    this.#sides.created(tensor.value);
    if (!this.trace) this.#store.created(tensor.value);
  }

  /** Gives a tensor whose memory changed a value that stands for its new contents: see `Tensor.changed`. */
  renew(tensor: Tensor): void {
    this.#contents.renew(tensor);
  }

  /** Notes that a tensor wants gradients. */
  watch(tensor: Tensor): void {
    this.#gradients.watch(tensor);
  }

  /** A tensor of its own with the same values: see `Tensor.clone`. */
  clone(tensor: Tensor): Tensor {
    // The op of a copy that is no view: a value of its own from the start.
    return new Tensor(this, ops.broadcastTo(tensor.value, { shape: tensor.shape }), tensor.label);
  }

  /** Records the gradients of a loss: see `Tensor.backward`. */
  backward(loss: Tensor, seed?: Tensor): void {
    // A gradient is bound to where its value is, not by the scope in which it is asked for.
    this.#sides.anywhere(() => this.#gradients.differentiate(loss, seed));
  }

  /** Notes what is called with the gradient of a value when `backward()` has it: see `Tensor.registerHook`. */
  hookGradient(value: Value, hooks: ReadonlySet<GradientHook>): void {
    this.#gradients.hook(value, hooks);
  }

  /** Computes tensors now, all in one program. */
  realize(tensors: readonly Tensor[]): Promise<void> {
    this.#refuseWhileTracing('realize');
    return this.#turns.take(() => this.#runner.compute(tensors, []));
  }

  /** All elements of a tensor, row-major, computed before if it has to be: see `Tensor.data`. */
  read(tensor: Tensor): Promise<TypedArray> {
    this.#refuseWhileTracing('data');
    return this.#contents.read(tensor);
  }

  /**
   * Gives tensors new contents. Outside a compiled function this runs now, together with the losses whose backward() was
   * called, so that these can still be read; inside, it becomes part of the function.
   */
  update(pairs: Pairs): Promise<void> {
    return this.#contents.update(pairs, this.trace);
  }

  /**
   * Gives tensors new contents from now on, which are computed with whatever runs next: what a layer does in `forward`
   * with its running statistics. Nothing has to be awaited; no gradient may be asked of such a tensor.
   */
  stage(pairs: Pairs): void {
    this.#contents.stage(pairs, this.trace);
  }

  /**
   * Makes a snapshot, of a device that was opened with `recover`: what its tensors go back to when the GPU is lost. The
   * copies are made on the GPU between what was asked for before and what comes after, which need not wait.
   *
   * @param state what the program needs to know to go on from here: comes back as `recovered.state`.
   * @returns when the copy has arrived and is the one to go back to.
   */
  async snapshot(state?: unknown): Promise<void> {
    this.#refuseWhileTracing('snapshot');
    const recovery = this.#recovery;
    if (!recovery) {
      if (this.#weaving || this.info.backend === 'webgpu')
        fail('snapshot', 'open the device with { recover: true }');
      return;
    }
    const { arrived } = await this.#turns.take(async () => {
      await this.#runner.compute([]);
      const arrived = recovery.snapshot(state);
      // Its turn to be reported comes when the caller has it.
      arrived.catch(() => {});
      return { arrived };
    });
    await arrived;
  }

  /** Lets something that belongs to tensors, but is kept by the host, go back to a snapshot with them. */
  keep(part: HostState): void {
    if (this.#recovery) this.#parts.keep(part);
  }

  #refuseWhileTracing(what: string): void {
    if (this.trace)
      fail(what, "a compiled function can't read tensors while it is traced; return them instead");
  }

  #refuseDisposed(where: string): void {
    if (this.#disposed) fail(where, 'the device was disposed; open a new one');
  }

  /** Replaces the contents of a tensor made from data, in place: what loading weights does. */
  async write(target: Tensor, contents: HostTensor): Promise<void> {
    this.#refuseWhileTracing('write');
    await this.#contents.write(target, contents);
  }

  /** Frees the memory of a tensor, which can't be used afterwards: see `Tensor.dispose`. */
  release(tensor: Tensor): void {
    const { shape, dtype, label } = tensor;
    this.#store.dispose(tensor.value);
    // The handle is no more; what was recorded from a value that was never stored can still be computed.
    const value = createInput(shape, dtype, label);
    this.#store.set(value, { kind: 'lost', why: 'was disposed' });
    tensor.replaceValue(value);
  }

  /**
   * Runs `work`, then frees the memory of every tensor made in the meantime, except those that it returns, also inside
   * lists and records. Scopes may be nested; two at the same time must not overlap otherwise.
   */
  async scope<T>(work: () => T | Promise<T>): Promise<T> {
    const scope = this.#store.openScope();
    let kept: Tensor[] = [];
    try {
      const result = await work();
      kept = tensorsIn(result);
      await this.realize(kept);
      return result;
    } finally {
      await this.#turns.last;
      const values = kept.map(({ value }) => value);
      this.#store.closeScope(scope, values);
    }
  }

  /** Runs `make`; the tensors that it makes are freed by no scope, as what an optimiser keeps between steps. */
  outsideScopes<T>(make: () => T): T {
    return this.#store.outsideScopes(make);
  }

  /**
   * Compiles a function of tensors. It is called once per combination of argument shapes, to record what it does; from
   * then on a call is one replay of that record. Updates made inside (optimizer.step()) are part of it; gradients made
   * inside don't outlive it. What it returns is valid until its next run.
   *
   * @param fn synchronous; besides its arguments it may use any tensor, and `device.observe` for what else it reads.
   */
  compile<A extends readonly Tensor[], R extends Traced>(fn: (...args: A) => R): CompiledFunction<A, R> {
    return createCompiled(this.#host, fn);
  }

  /** Compiles a graph that was built by hand; `run` takes one argument per input and returns the outputs. */
  compileGraph(graph: Graph): Promise<{
    readonly compiled: CompiledGraph;
    run(...args: readonly (Tensor | HostTensor)[]): Promise<Tensor[]>;
  }> {
    return createCompiledGraph(this.#host, graph);
  }

  /**
   * Where the time goes: runs `work` again and again, such as `() => step(x, y)`, with a clock around each launch, until the
   * clock is fine enough for what it measured. `String(profile)` is a table, `profile.traceEvents()` what chrome://tracing
   * reads. Copies between buffers aren't timed on webgpu.
   *
   * @throws WeftError on webgpu devices without `timestamp-query`.
   */
  profile(work: () => unknown, options?: ProfileOptions): Promise<Profile> {
    this.#refuseWhileTracing('profile');
    return profile(this.#core, work, options);
  }

  /** Gives all memory back. Neither the device nor its tensors can be used afterwards. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#runner.evict();
    this.#store.releaseAll();
    this.#core.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The tensors in a result, also inside lists and plain records. */
function tensorsIn(result: unknown): Tensor[] {
  if (result instanceof Tensor) return [result];
  if (Array.isArray(result)) return result.flatMap(tensorsIn);
  const plain = typeof result === 'object' && result && Object.getPrototypeOf(result) === Object.prototype;
  return plain ? Object.values(result).flatMap(tensorsIn) : [];
}
