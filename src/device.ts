import type { Backend, BackendInfo, HostState } from './backend/backend.js';
import {
  type CompiledFunction,
  createCompiled,
  createCompiledGraph,
  createLeaf,
  type Traced,
} from './compile.js';
import { Creation } from './creation.js';
import { DeviceParts, type DeviceSettings } from './device-parts.js';
import { type DType, type HostTensor, type TypedArray, toHost } from './dtype.js';
import { fail } from './errors.js';
import { createInput, type Graph } from './graph.js';
import type { Side, Value } from './op.js';
import * as ops from './ops/index.js';
import { type Profile, type ProfileOptions, profile } from './profile.js';
import type { Generator } from './random.js';
import type { Rates } from './rates.js';
import { tensorsIn } from './results.js';
import type { Pairs } from './runner.js';
import type { Shape } from './shape.js';
import { type GradientHook, Tensor } from './tensor.js';
import type { CompiledGraph, Trace } from './trace.js';
import type { Tuning } from './tune.js';
import type { Weaving } from './weaving.js';

/** Where tensors live and graphs run. Devices share nothing: open as many as you like. */
export class Device extends Creation {
  readonly #parts: DeviceParts;
  /** What initial weights, dropout and random tensors are drawn from; it starts from the device's seed. */
  readonly generator: Generator;
  /** Set while a function is being traced. */
  trace: Trace | null = null;

  /** What {@link open} makes of a backend. */
  constructor(engine: Backend | Weaving, settings: DeviceSettings = {}) {
    super();
    this.#parts = new DeviceParts(this, engine, settings);
    this.generator = this.#parts.generator;
  }

  /** Which backend computes, on what, with how many threads, and what is off and why. */
  get info(): BackendInfo {
    const { info } = this.#parts.core;
    return this.#parts.tuned ? { ...info, notes: [...info.notes, this.#parts.tuned.note] } : info;
  }

  /**
   * By which rates products' tiles are chosen on a webgpu device, to be kept as JSON for `open`; null where the adapter was not
   * measured, and on a device of two backends.
   */
  get tuning(): Tuning | null {
    return this.#parts.tuned?.tuning ?? null;
  }

  /** What kernels run by. @throws WeftError on a device of two backends. */
  get backend(): Backend {
    return this.#parts.backend ?? fail('backend', 'a woven device has two backends; open each for itself');
  }

  /** What a device of two backends decides by, as measured when it was opened or given then; null on others. */
  get rates(): Rates | null {
    return this.#parts.weaving?.rates ?? null;
  }

  /**
   * Runs `record`; what it records is computed on this backend of a device of two, whatever it costs, and so are the gradients of
   * that. On a device of this one backend nothing changes.
   *
   * @param record synchronous; a compiled function may call `on` inside.
   */
  on<T>(side: Side, record: () => T): T {
    return this.#parts.sides.on(side, record);
  }

  /** Live buffers and their bytes, programs' arenas included. */
  memory(): { readonly buffers: number; readonly bytes: number } {
    return this.#parts.core.memory();
  }

  /**
   * A tensor with a copy of host data: numbers (f32 unless said otherwise), a Float32Array (f32), an Int32Array (i32) or
   * a Uint8Array of zeros and ones (bool).
   */
  tensor(data: TypedArray | readonly number[] | HostTensor, shape?: Shape, dtype?: DType): Tensor {
    this.#parts.refuseDisposed('tensor');
    const host = toHost('tensor', data, shape, dtype);
    const value = createInput(host.shape, host.dtype);
    this.#parts.store.upload(value, host);
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
    this.#parts.refuseDisposed('fromGPUBuffer');
    this.#refuseWhileTracing('fromGPUBuffer');
    return new Tensor(this, await this.#parts.buffers.adopt(buffer, shape, dtype));
  }

  /** The `GPUBuffer` that holds a tensor, computed before if it has to be: see `Tensor.gpuBuffer`. */
  gpuBuffer(tensor: Tensor): Promise<GPUBuffer> {
    this.#refuseWhileTracing('gpuBuffer');
    return this.#parts.buffers.of(tensor);
  }

  /** A small input whose contents are drawn now, or, inside a compiled function, before each of its runs. */
  feed(shape: Shape, dtype: DType, draw: () => TypedArray): Tensor {
    if (!this.trace) {
      this.#parts.recovery?.begin();
      return this.tensor(draw(), shape, dtype);
    }
    return createLeaf(this.#parts.compileHost, shape, dtype, { kind: 'feed', draw });
  }

  /** Reads something that is not a tensor; a compiled function is traced again when it reads otherwise. */
  observe<T>(read: () => T): T {
    const seen = read();
    this.trace?.guards.push(() => Object.is(read(), seen));
    return seen;
  }

  /** Notes a new tensor: a scope frees what was made in it. */
  created(tensor: Tensor): void {
    this.#parts.sides.created(tensor.value);
    if (!this.trace) this.#parts.store.created(tensor.value);
  }

  /** Gives a tensor whose memory changed a value that stands for its new contents: see `Tensor.changed`. */
  renew(tensor: Tensor): void {
    this.#parts.contents.renew(tensor);
  }

  /** Notes that a tensor wants gradients. */
  watch(tensor: Tensor): void {
    this.#parts.gradients.watch(tensor);
  }

  /** A tensor of its own with the same values: see `Tensor.clone`. */
  clone(tensor: Tensor): Tensor {
    // The op of a copy that is no view: a value of its own from the start.
    return new Tensor(this, ops.broadcastTo(tensor.value, { shape: tensor.shape }), tensor.label);
  }

  /** Records the gradients of a loss: see `Tensor.backward`. */
  backward(loss: Tensor, seed?: Tensor): void {
    // A gradient is bound to where its value is, not by the scope in which it is asked for.
    this.#parts.sides.anywhere(() => this.#parts.gradients.differentiate(loss, seed));
  }

  /** Notes what is called with the gradient of a value when `backward()` has it: see `Tensor.registerHook`. */
  hookGradient(value: Value, hooks: ReadonlySet<GradientHook>): void {
    this.#parts.gradients.hook(value, hooks);
  }

  /** Computes tensors now, all in one program. */
  realize(tensors: readonly Tensor[]): Promise<void> {
    this.#refuseWhileTracing('realize');
    return this.#parts.turns.take(() => this.#parts.runner.compute(tensors, []));
  }

  /** All elements of a tensor, row-major, computed before if it has to be: see `Tensor.data`. */
  read(tensor: Tensor): Promise<TypedArray> {
    this.#refuseWhileTracing('data');
    return this.#parts.contents.read(tensor);
  }

  /**
   * Gives tensors new contents. Outside a compiled function this runs now, together with the losses whose backward() was
   * called, so that these can still be read; inside, it becomes part of the function.
   */
  update(pairs: Pairs): Promise<void> {
    return this.#parts.contents.update(pairs, this.trace);
  }

  /**
   * Gives tensors new contents from now on, which are computed with whatever runs next: what a layer does in `forward`
   * with its running statistics. Nothing has to be awaited; no gradient may be asked of such a tensor.
   */
  stage(pairs: Pairs): void {
    this.#parts.contents.stage(pairs, this.trace);
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
    await this.#parts.snapshots.take(state);
  }

  /** Lets something that belongs to tensors, but is kept by the host, go back to a snapshot with them. */
  keep(part: HostState): void {
    if (this.#parts.recovery) this.#parts.hostParts.keep(part);
  }

  #refuseWhileTracing(what: string): void {
    if (this.trace)
      fail(what, "a compiled function can't read tensors while it is traced; return them instead");
  }

  /** Replaces the contents of a tensor made from data, in place: what loading weights does. */
  async write(target: Tensor, contents: HostTensor): Promise<void> {
    this.#refuseWhileTracing('write');
    await this.#parts.contents.write(target, contents);
  }

  /** Frees the memory of a tensor, which can't be used afterwards: see `Tensor.dispose`. */
  release(tensor: Tensor): void {
    const { shape, dtype, label } = tensor;
    this.#parts.store.dispose(tensor.value);
    // The handle is no more; what was recorded from a value that was never stored can still be computed.
    const value = createInput(shape, dtype, label);
    this.#parts.store.set(value, { kind: 'lost', why: 'was disposed' });
    tensor.replaceValue(value);
  }

  /**
   * Runs `work`, then frees the memory of every tensor made in the meantime, except those that it returns, also inside
   * lists and records. Scopes may be nested; two at the same time must not overlap otherwise.
   */
  async scope<T>(work: () => T | Promise<T>): Promise<T> {
    const scope = this.#parts.store.openScope();
    let kept: Tensor[] = [];
    try {
      const result = await work();
      kept = tensorsIn(result);
      await this.realize(kept);
      return result;
    } finally {
      await this.#parts.turns.last;
      const values = kept.map(({ value }) => value);
      this.#parts.store.closeScope(scope, values);
    }
  }

  /** Runs `make`; the tensors that it makes are freed by no scope, as what an optimiser keeps between steps. */
  outsideScopes<T>(make: () => T): T {
    return this.#parts.store.outsideScopes(make);
  }

  /**
   * Compiles a function of tensors. It is called once per combination of argument shapes, to record what it does; from
   * then on a call is one replay of that record. Updates made inside (optimizer.step()) are part of it; gradients made
   * inside don't outlive it. What it returns is valid until its next run.
   *
   * @param fn synchronous; besides its arguments it may use any tensor, and `device.observe` for what else it reads.
   */
  compile<A extends readonly Tensor[], R extends Traced>(fn: (...args: A) => R): CompiledFunction<A, R> {
    return createCompiled(this.#parts.compileHost, fn);
  }

  /** Compiles a graph that was built by hand; `run` takes one argument per input and returns the outputs. */
  compileGraph(graph: Graph): Promise<{
    readonly compiled: CompiledGraph;
    run(...args: readonly (Tensor | HostTensor)[]): Promise<Tensor[]>;
  }> {
    return createCompiledGraph(this.#parts.compileHost, graph);
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
    return profile(this.#parts.core, work, options);
  }

  /** Gives all memory back. Neither the device nor its tensors can be used afterwards. */
  dispose(): void {
    this.#parts.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
