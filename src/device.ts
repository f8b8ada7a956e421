import type { Backend, BackendInfo, DeviceBuffer } from './backend/backend.js';
import type { WasmOptions } from './backend/wasm/index.js';
import type { WebGPUOptions } from './backend/webgpu/index.js';
import { type DType, dtypeOf, type HostTensor, hostArray, type TypedArray } from './dtype.js';
import { fail } from './errors.js';
import { FaultMessages, Program } from './executor.js';
import { gradient } from './gradient.js';
import { createGraph, createInput, type Graph, leavesOf, structureOf } from './graph.js';
import type { BackendKind, TensorType, Value } from './op.js';
import { gradientOps } from './ops/gradient_ops.js';
import * as ops from './ops/index.js';
import { bytesOf } from './plan.js';
import { Generator } from './random.js';
import { checkShape, sameShape, type Shape, showShape, sizeOf } from './shape.js';
import { describe, Tensor } from './tensor.js';
import { type Argument, type Binding, CompiledGraph, type Source, type Storage, sameTypes, type Trace } from './trace.js';

export interface DeviceOptions {
  /** Seed of the device's generator: initial weights and dropout follow from it. Default 0. */
  readonly seed?: number;
  readonly wasm?: WasmOptions;
  readonly webgpu?: WebGPUOptions;
}

/** Programs that the lazy way of working keeps ready, by the structure of their graphs. */
const CACHED_PROGRAMS = 64;

/** What a compiled function may return. */
export type Traced = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>> | undefined | void;

export type CompiledFunction<R> = ((...args: readonly (Tensor | HostTensor)[]) => Promise<R>) & {
  /** Compiles for arguments of these shapes and dtypes, if that was not done yet, without running. */
  prepare(...types: readonly TensorType[]): Promise<CompiledGraph>;
  /** The programs compiled so far, one per combination of argument shapes and of what the function observed. */
  programs(): readonly CompiledGraph[];
  dispose(): void;
};

/** Opens a device: `wasm` (CPU), `webgpu`, or `reference` (f64, slow, exact). */
export async function open(kind: BackendKind = 'wasm', options: DeviceOptions = {}): Promise<Device> {
  if (kind === 'reference') {
    const { openReference } = await import('./backend/reference.js');
    return new Device(openReference(), options.seed);
  }
  if (kind === 'wasm') {
    const { openWasm } = await import('./backend/wasm/index.js');
    return new Device(await openWasm(options.wasm), options.seed);
  }
  if (kind !== 'webgpu') fail('open', `no backend '${String(kind)}'; there are wasm, webgpu and reference`);
  const { openWebGPU } = await import('./backend/webgpu/index.js');
  return new Device(await openWebGPU(options.webgpu), options.seed);
}

/** Where tensors live and graphs run. Devices share nothing: open as many as you like. */
export class Device {
  readonly backend: Backend;
  readonly generator: Generator;
  /** Set while a function is being traced. */
  trace: Trace | null = null;
  readonly #faults = new FaultMessages();
  readonly #sources = new WeakMap<Value, Source>();
  readonly #programs = new Map<string, Program>();
  /** Leaves whose tensors want gradients. */
  readonly #watched = new WeakMap<Value, WeakRef<Tensor>>();
  /** Scalars whose backward() was called and that an update must compute before it changes what they depend on. */
  #losses: WeakRef<Tensor>[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #scope: Set<Storage> | null = null;
  readonly #forgotten = new FinalizationRegistry<Storage>((storage) => this.#free(storage));

  constructor(backend: Backend, seed = 0) {
    this.backend = backend;
    this.generator = new Generator(seed);
  }

  get info(): BackendInfo {
    return this.backend.info;
  }

  /** Live buffers and their bytes, programs' arenas included. */
  memory(): { readonly buffers: number; readonly bytes: number } {
    return this.backend.memory();
  }

  /** A tensor from host data. It is copied to the device when it is first needed, so leave `data` unchanged. */
  tensor(data: TypedArray | readonly number[] | HostTensor, shape?: Shape, dtype?: DType): Tensor {
    const host = toHost(data, shape, dtype);
    checkShape('tensor', host.shape);
    if (host.data.length !== sizeOf(host.shape)) {
      fail('tensor', `shape ${showShape(host.shape)} needs ${sizeOf(host.shape)} elements, got ${host.data.length}`);
    }
    return this.#leaf(host.shape, host.dtype, { kind: 'host', data: host.data });
  }

  full(shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
    return new Tensor(this, ops.full({ shape, value, dtype }));
  }

  zeros(shape: Shape): Tensor {
    return this.full(shape, 0);
  }

  ones(shape: Shape): Tensor {
    return this.full(shape, 1);
  }

  /** A small input whose contents are drawn now, or, inside a compiled function, before each of its runs. */
  feed(shape: Shape, dtype: DType, draw: () => TypedArray): Tensor {
    return this.#leaf(shape, dtype, this.trace ? { kind: 'feed', draw } : { kind: 'host', data: draw() });
  }

  /** Reads something that is not a tensor; a compiled function is traced again when it reads otherwise. */
  observe<T>(read: () => T): T {
    const seen = read();
    this.trace?.guards.push(() => read() === seen);
    return seen;
  }

  #leaf(shape: Shape, dtype: DType, source: Source, label?: string): Tensor {
    const value = createInput(shape, dtype, label);
    this.#sources.set(value, source);
    return new Tensor(this, value, label);
  }

  /** Notes that a leaf's tensor wants gradients. */
  watch(tensor: Tensor): void {
    this.#watched.set(tensor.value, new WeakRef(tensor));
  }

  clone(tensor: Tensor): Tensor {
    // The op of a copy that is no view: a value of its own from the start.
    return new Tensor(this, ops.broadcastTo(tensor.value, { shape: tensor.shape }), tensor.label);
  }

  backward(loss: Tensor, seed?: Tensor): void {
    const leaves = leavesOf([loss.value], new Set()).flatMap((value) => {
      const tensor = this.#watched.get(value)?.deref();
      return tensor?.requiresGrad ? [{ value, tensor }] : [];
    });
    if (leaves.length === 0) fail('backward', `no tensor with requiresGrad leads to ${describe(loss)}`);
    const wrt = leaves.map(({ value }) => value);
    gradient(loss.value, wrt, gradientOps, seed?.value).forEach((grad, i) => {
      if (!grad) return;
      const { tensor } = leaves[i]!;
      const total = tensor.grad ? ops.add(tensor.grad.value, grad) : grad;
      tensor.grad = new Tensor(this, total, tensor.label && `${tensor.label}.grad`);
    });
    if (!this.trace) this.#losses.push(new WeakRef(loss));
  }

  /** Computes tensors now, all in one program. */
  async realize(tensors: readonly Tensor[]): Promise<void> {
    this.#refuseWhileTracing('realize');
    await this.#enqueue(() => this.#compute(tensors, []));
  }

  async read(tensor: Tensor): Promise<TypedArray> {
    this.#refuseWhileTracing('data');
    return this.#enqueue(async () => {
      await this.#compute([tensor], []);
      const source = this.#sources.get(tensor.value)!;
      if (source.kind === 'host') return source.data.slice();
      const data = await this.backend.read(this.#bufferOf(tensor.value, source), tensor.dtype, sizeOf(tensor.shape));
      this.#faults.raise(this.backend);
      return data;
    });
  }

  /**
   * Gives tensors new contents. Outside a compiled function this runs now, together with the losses whose backward() was
   * called, so that these can still be read; inside, it becomes part of the function.
   */
  update(pairs: readonly (readonly [target: Tensor, contents: Tensor])[]): Promise<void> {
    for (const [target, contents] of pairs) {
      if (!sameShape(target.shape, contents.shape) || target.dtype !== contents.dtype) {
        fail('update', `can't put ${describe(contents)} into ${describe(target)}`);
      }
      if (target.value.node && !this.trace?.updated.has(target)) {
        fail('update', `${describe(target)} was computed; only tensors made from data can be updated`);
      }
    }
    const { trace } = this;
    if (!trace) return this.#enqueue(() => this.#compute(this.#pendingLosses(), pairs));
    const values = pairs.map(([, contents]) => contents.value);
    pairs.forEach(([target], i) => {
      if (!trace.updated.has(target)) trace.updated.set(target, target.value);
      target.replaceValue(values[i]!);
    });
    return Promise.resolve();
  }

  #pendingLosses(): Tensor[] {
    const losses = this.#losses.map((reference) => reference.deref()).filter((loss) => loss !== undefined);
    this.#losses = [];
    return losses;
  }

  /** Work on the device happens in the order in which it was asked for. */
  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  #refuseWhileTracing(what: string): void {
    if (this.trace) fail(what, 'a compiled function can\'t read tensors while it is traced; return them instead');
  }

  async #compute(tensors: readonly Tensor[], pairs: readonly (readonly [Tensor, Tensor])[]): Promise<void> {
    const wanted = tensors.filter(({ value }) => !this.#sources.has(value));
    const outputs = [...new Set(wanted.map(({ value }) => value))];
    if (outputs.length === 0 && pairs.length === 0) return;
    const updates = pairs.map(([target, contents]) => ({ target: target.value, value: contents.value }));
    const roots = [...outputs, ...updates.map(({ value }) => value)];
    const inputs = [...new Set([...leavesOf(roots, this.#stops()), ...updates.map(({ target }) => target)])];
    const bound = inputs.map((value) => this.#store(value));
    const graph = createGraph({ inputs, outputs, updates });
    const program = await this.#programFor(graph);
    const results = outputs.map((value) => this.#allocate(bytesOf(value), 'a tensor'));
    program.run([...bound, ...results.map(({ buffer }) => buffer)]);
    outputs.forEach((value, i) => {
      this.#sources.set(value, this.#own(value, results[i]!));
    });
    for (const [target] of pairs) this.#renew(target);
    this.#faults.raise(this.backend);
  }

  #stops() {
    return { has: (value: Value) => this.#sources.has(value) };
  }

  async #programFor(graph: Graph): Promise<Program> {
    const key = structureOf(graph);
    const held = this.#programs.get(key);
    this.#programs.delete(key);
    const program = held ?? (await Program.compile(graph, this.backend, this.#faults));
    this.#programs.set(key, program);
    if (this.#programs.size > CACHED_PROGRAMS) {
      const [oldest, evicted] = this.#programs.entries().next().value!;
      this.#programs.delete(oldest);
      evicted.dispose();
    }
    return program;
  }

  #allocate(bytes: number, label: string): Storage {
    const storage: Storage = { buffer: this.backend.allocate(bytes, label), version: 0, disposed: false };
    this.#scope?.add(storage);
    return storage;
  }

  /** Ties a storage to the value that it holds: when nobody can reach the value any more, the memory comes back. */
  #own(value: Value, storage: Storage): Source {
    this.#forgotten.register(value, storage, storage);
    return { kind: 'stored', storage, version: storage.version };
  }

  #free(storage: Storage): void {
    if (storage.disposed) return;
    storage.disposed = true;
    storage.buffer.free();
  }

  /** The buffer of a leaf; host data is copied to the device now. */
  #store(value: Value): DeviceBuffer {
    const source = this.#sources.get(value);
    if (!source) return fail('run', `${value.label ?? 'a tensor'} ${showShape(value.shape)} belongs to another device or to a function that is no longer traced`);
    if (source.kind !== 'host') return this.#bufferOf(value, source);
    const storage = this.#allocate(bytesOf(value), 'a tensor');
    this.backend.write(storage.buffer, source.data, value.dtype);
    this.#sources.set(value, this.#own(value, storage));
    return storage.buffer;
  }

  #bufferOf(value: Value, source: Source): DeviceBuffer {
    const name = `${value.label ? `'${value.label}' ` : ''}${value.dtype}${showShape(value.shape)}`;
    if (source.kind === 'stored') {
      if (source.storage.disposed) return fail('read', `tensor ${name} was disposed`);
      if (source.storage.version !== source.version) {
        return fail(
          'read',
          `this was recorded before tensor ${name} changed; read it before the update, or record it again ` +
            '(a gradient of an earlier step: call zeroGrad() before backward())',
        );
      }
      return source.storage.buffer;
    }
    if (source.kind === 'run') {
      if (source.owner.run !== source.run) {
        return fail('read', `output ${name} of a compiled function is gone: the function ran again; read or clone() it before`);
      }
      return source.buffer;
    }
    return fail('read', `tensor ${name} exists only while its function is traced`);
  }

  /** After its contents changed, a tensor goes on as a new leaf; what was recorded from the old one is stale. */
  #renew(target: Tensor): void {
    const source = this.#sources.get(target.value);
    if (source?.kind !== 'stored') return;
    this.#bump(target, source.storage);
  }

  #bump(target: Tensor, storage: Storage): void {
    storage.version++;
    this.#adopt(target, storage);
  }

  #adopt(target: Tensor, storage: Storage): void {
    const value = createInput(target.shape, target.dtype, target.label);
    this.#forgotten.unregister(storage);
    this.#sources.set(value, this.#own(value, storage));
    target.replaceValue(value);
  }

  /** Replaces a leaf's contents by host data, in place: what loading weights does. */
  async write(target: Tensor, contents: HostTensor): Promise<void> {
    if (!sameShape(target.shape, contents.shape) || target.dtype !== contents.dtype) {
      fail('write', `can't put ${contents.dtype}${showShape(contents.shape)} into ${describe(target)}`);
    }
    if (target.value.node) fail('write', `${describe(target)} was computed; only tensors made from data can be written`);
    await this.#enqueue(async () => {
      const buffer = this.#store(target.value);
      this.backend.write(buffer, contents.data, contents.dtype);
      this.#renew(target);
    });
  }

  release(tensor: Tensor): void {
    const source = this.#sources.get(tensor.value);
    if (source?.kind === 'stored') this.#free(source.storage);
    else if (source?.kind === 'host') {
      const storage = { buffer: { bytes: 0, free() {} }, version: 0, disposed: true };
      this.#sources.set(tensor.value, { kind: 'stored', storage, version: 0 });
    }
  }

  /** Runs `work`, then disposes every tensor stored in the meantime except those that it returns. */
  async scope<T>(work: () => T | Promise<T>): Promise<T> {
    const outer = this.#scope;
    const own = new Set<Storage>();
    this.#scope = own;
    try {
      const result = await work();
      const kept = [result].flat().flatMap((item) => (item instanceof Tensor ? [item] : []));
      await this.realize(kept);
      for (const { value } of kept) {
        const source = this.#sources.get(value);
        if (source?.kind === 'stored' && own.delete(source.storage)) outer?.add(source.storage);
      }
      return result;
    } finally {
      this.#scope = outer;
      for (const storage of own) this.#free(storage);
    }
  }

  /**
   * Compiles a function of tensors. It is called once per combination of argument shapes, to record what it does; from
   * then on a call is one replay of that record. Updates made inside (optimizer.step()) are part of it; gradients made
   * inside don't outlive it. What it returns is valid until its next run.
   *
   * @param fn synchronous; besides its arguments it may use any tensor, and `device.observe` for what else it reads.
   */
  compile<R extends Traced>(fn: (...args: Tensor[]) => R | Promise<void>): CompiledFunction<R> {
    const compiled: { readonly types: readonly TensorType[]; readonly entry: TracedFunction }[] = [];
    const find = async (types: readonly TensorType[]): Promise<TracedFunction> => {
      const fits = (one: (typeof compiled)[0]) =>
        sameTypes(one.types, types) && one.entry.guards.every((holds) => holds());
      const found = compiled.find(fits);
      if (found) return found.entry;
      const entry = await this.#trace(fn, types);
      compiled.push({ types: types.map(({ shape, dtype }) => ({ shape, dtype })), entry });
      return entry;
    };
    const call = (...args: readonly (Tensor | HostTensor)[]): Promise<R> =>
      this.#enqueue(async () => this.#replay(await find(args), await this.#arguments(args)) as R);
    return Object.assign(call, {
      prepare: (...types: readonly TensorType[]) => this.#enqueue(async () => (await find(types)).graph),
      programs: () => compiled.map(({ entry }) => entry.graph),
      dispose: () => {
        for (const { entry } of compiled.splice(0)) entry.graph.dispose();
      },
    });
  }

  /** Compiles a graph that was built by hand; `run` takes one argument per input and returns the outputs. */
  async compileGraph(graph: Graph): Promise<{ readonly compiled: CompiledGraph; run(...args: readonly (Tensor | HostTensor)[]): Promise<Tensor[]> }> {
    if (graph.updates.length > 0) fail('compileGraph', 'updates need tensors as targets; use compile(fn)');
    const program = await Program.compile(graph, this.backend, this.#faults);
    const bindings = graph.inputs.map((_, index): Binding => ({ kind: 'argument', index }));
    const compiled = new CompiledGraph(this.backend, this.#faults, program, graph, bindings);
    const types = graph.inputs.map(({ shape, dtype }) => ({ shape, dtype }));
    const run = (...args: readonly (Tensor | HostTensor)[]) =>
      this.#enqueue(async () => {
        if (!sameTypes(types, args)) {
          const shown = (list: readonly TensorType[]) => list.map(({ shape, dtype }) => `${dtype}${showShape(shape)}`).join(', ');
          fail('run', `the graph takes ${shown(types)}; got ${shown(args)}`);
        }
        compiled.execute(await this.#arguments(args));
        return graph.outputs.map((value, i) => this.#output(compiled, value, i));
      });
    return { compiled, run };
  }

  async #trace<R>(fn: (...args: Tensor[]) => R, args: readonly TensorType[]): Promise<TracedFunction> {
    if (this.trace) fail('compile', 'a compiled function can\'t call another one while it is traced');
    const trace: Trace = { grads: new Map(), updated: new Map(), guards: [] };
    const symbols = args.map(({ shape, dtype }, index) => this.#leaf(shape, dtype, { kind: 'argument', index }, `argument ${index}`));
    this.trace = trace;
    let result: R;
    const updates: { target: Value; value: Value; tensor: Tensor }[] = [];
    try {
      result = fn(...symbols);
    } finally {
      this.trace = null;
      for (const [tensor, before] of trace.updated) {
        updates.push({ target: before, value: tensor.value, tensor });
        tensor.replaceValue(before);
      }
    }
    if (result instanceof Promise) fail('compile', 'the function must not be async: it is only recorded when it is called');
    const outputs = tensorsOf(result);
    const roots = [...outputs.map(({ value }) => value), ...updates.map(({ value }) => value)];
    const leaves = leavesOf(roots, this.#stops());
    const inputs = [...new Set([...leaves, ...updates.map(({ target }) => target)])];
    const graph = createGraph({ inputs, outputs: outputs.map(({ value }) => value), updates });
    const bindings = inputs.map((value) => this.#binding(value));
    const program = await Program.compile(graph, this.backend, this.#faults);
    return {
      graph: new CompiledGraph(this.backend, this.#faults, program, graph, bindings),
      guards: trace.guards,
      updated: updates.map(({ tensor }) => tensor),
      result,
      outputs,
      inputs,
    };
  }

  #binding(value: Value): Binding {
    const source = this.#sources.get(value);
    if (source?.kind === 'argument' || source?.kind === 'feed') return source;
    if (source?.kind === 'run') fail('compile', "a compiled function reads another one's output; pass it as an argument");
    this.#store(value);
    const stored = this.#sources.get(value) as Source & { kind: 'stored' };
    return { kind: 'storage', storage: stored.storage, label: value.label ? `'${value.label}'` : `tensor ${showShape(value.shape)}` };
  }

  #replay({ graph, updated, result, outputs }: TracedFunction, args: readonly Argument[]): unknown {
    try {
      graph.execute(args);
    } finally {
      for (const tensor of updated) {
        const source = this.#sources.get(tensor.value);
        if (source?.kind === 'stored') this.#adopt(tensor, source.storage);
      }
    }
    const made = new Map(outputs.map((tensor, i) => [tensor, this.#output(graph, tensor.value, i)]));
    return mapTensors(result, (tensor) => made.get(tensor)!);
  }

  #output(owner: CompiledGraph, { shape, dtype }: Value, index: number): Tensor {
    return this.#leaf(shape, dtype, { kind: 'run', buffer: owner.outputs[index]!, run: owner.run, owner });
  }

  async #arguments(args: readonly (Tensor | HostTensor)[]): Promise<Argument[]> {
    await this.#compute(args.filter((arg) => arg instanceof Tensor), []);
    return args.map((arg) => this.#argument(arg));
  }

  #argument(arg: Tensor | HostTensor): Argument {
    if (!(arg instanceof Tensor)) return arg;
    const source = this.#sources.get(arg.value);
    if (!source) return fail('compile', `argument ${describe(arg)} is not computed yet`);
    if (source.kind === 'host') return { data: source.data, shape: arg.shape, dtype: arg.dtype };
    return { buffer: this.#bufferOf(arg.value, source), shape: arg.shape, dtype: arg.dtype };
  }

  /** Gives everything back. The device can't be used afterwards. */
  dispose(): void {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
    this.backend.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

interface TracedFunction {
  readonly graph: CompiledGraph;
  readonly guards: readonly (() => boolean)[];
  readonly updated: readonly Tensor[];
  readonly result: unknown;
  readonly outputs: readonly Tensor[];
  /** Keeps the values alive whose memory the function reads. */
  readonly inputs: readonly Value[];
}

function toHost(data: TypedArray | readonly number[] | HostTensor, shape?: Shape, dtype?: DType): HostTensor {
  if ('data' in data) return data;
  const array = Array.isArray(data) ? fromNumbers(data, dtype ?? 'f32') : (data as TypedArray);
  return { data: array, shape: shape ?? [array.length], dtype: dtype ?? dtypeOf(array) };
}

function fromNumbers(numbers: readonly number[], dtype: DType): TypedArray {
  const array = hostArray(dtype, numbers.length, true);
  array.set(numbers);
  return array;
}

/** The tensors in what a traced function returned. */
function tensorsOf(result: unknown): Tensor[] {
  if (result === undefined) return [];
  if (result instanceof Tensor) return [result];
  const list = Array.isArray(result) ? result : typeof result === 'object' && result ? Object.values(result) : [result];
  for (const item of list) {
    if (!(item instanceof Tensor)) fail('compile', 'the function must return a tensor, a list or a record of tensors, or nothing');
  }
  return [...new Set(list as Tensor[])];
}

function mapTensors(result: unknown, map: (tensor: Tensor) => Tensor): unknown {
  if (result === undefined) return undefined;
  if (result instanceof Tensor) return map(result);
  if (Array.isArray(result)) return result.map(map);
  return Object.fromEntries(Object.entries(result as Record<string, Tensor>).map(([key, tensor]) => [key, map(tensor)]));
}
