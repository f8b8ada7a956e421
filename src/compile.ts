import type { ProgramDescription } from './description.js';
import type { Device } from './device.js';
import type { DType, HostTensor } from './dtype.js';
import { fail } from './errors.js';
import { createGraph, createInput, type Graph, leavesOf } from './graph.js';
import type { TensorType, Value } from './op.js';
import { mapTensors, tracedTensors } from './results.js';
import type { Runner } from './runner.js';
import { type Shape, showShape } from './shape.js';
import type { Source, Store } from './store.js';
import { Tensor } from './tensor.js';
import {
  type Argument,
  type Binding,
  type CompiledGraph,
  sameTypes,
  showTypes,
  type Trace,
} from './trace.js';

/** What a compiled function may return. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function without a return statement has this type.
export type Traced = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>> | undefined | void;

/** What a compiled function is called with: a tensor or host data for each tensor that the function takes. */
export type CompiledArguments<A extends readonly Tensor[]> = { [K in keyof A]: Tensor | HostTensor };

/** A function of tensors that was compiled: each call runs its record anew, on what it is called with. */
export type CompiledFunction<A extends readonly Tensor[], R extends Traced> = ((
  ...args: CompiledArguments<A>
) => Promise<R>) & {
  /** Compiles for arguments of these shapes and dtypes, if that was not done yet, without running. */
  prepare(...types: { [K in keyof A]: TensorType }): Promise<CompiledGraph>;
  /**
   * Records one call into the caller's `GPUCommandEncoder` instead of submitting it, on a webgpu device. What it returns and
   * the tensors that it updates have their contents once the caller has submitted; submit before the next call, whose inputs
   * take the place of this one's.
   *
   * @param args tensors; host data would be written before the caller submits what comes first.
   */
  encode(encoder: GPUCommandEncoder, ...args: { [K in keyof A]: Tensor }): Promise<R>;
  /** The programs compiled so far, one per combination of argument shapes and of what the function observed. */
  programs(): readonly CompiledGraph[];
  /** What a run of each of them does: launches, copies, submits, bytes of the arena. `String()` of one is a table. */
  describe(): readonly ProgramDescription[];
  /** Frees the programs and their outputs; the function can't be called afterwards. */
  dispose(): void;
};

/** What compiled functions need of their device. */
export interface CompileHost {
  readonly device: Device;
  readonly store: Store;
  readonly runner: Runner;
  /** Runs `work` when it is its turn. */
  enqueue<T>(work: () => Promise<T>): Promise<T>;
}

/** A function as one trace recorded it. */
interface TracedFunction {
  readonly types: readonly TensorType[];
  readonly graph: CompiledGraph;
  readonly guards: readonly (() => boolean)[];
  readonly updated: readonly Tensor[];
  readonly result: unknown;
  readonly outputs: readonly Tensor[];
}

/** A tensor over a leaf whose contents come from `source`. */
export function createLeaf(
  host: CompileHost,
  shape: Shape,
  dtype: DType,
  source: Source,
  label?: string,
): Tensor {
  const value = createInput(shape, dtype, label);
  host.store.set(value, source);
  return new Tensor(host.device, value, label);
}

/** The compiled form of `fn`: see `Device.compile`. */
export function createCompiled<A extends readonly Tensor[], R extends Traced>(
  host: CompileHost,
  fn: (...args: A) => R,
): CompiledFunction<A, R> {
  const traced: TracedFunction[] = [];
  let disposed = false;
  const find = async (types: readonly TensorType[]): Promise<TracedFunction> => {
    if (disposed) fail('compile', 'the function was disposed; compile it again');
    const fits = (one: TracedFunction) => sameTypes(one.types, types) && one.guards.every((holds) => holds());
    const found = traced.find(fits);
    if (found) return found;
    const made = await trace(host, fn as unknown as (...args: Tensor[]) => unknown, types);
    traced.push(made);
    return made;
  };
  const start = (args: readonly (Tensor | HostTensor)[], encoder: GPUCommandEncoder | null): Promise<R> => {
    refuseNesting(host);
    return host.enqueue(async () => {
      const one = await find(args);
      await runWith(host, one.graph, { args, encoder }, () => {
        for (const tensor of one.updated) tensor.changed();
      });
      const made = new Map(one.outputs.map((tensor, i) => [tensor, output(host, one.graph, tensor, i)]));
      return mapTensors(one.result, (tensor) => made.get(tensor)!) as R;
    });
  };
  return Object.assign((...args: readonly (Tensor | HostTensor)[]) => start(args, null), {
    encode(encoder: GPUCommandEncoder, ...args: readonly Tensor[]) {
      if (typeof encoder?.beginComputePass !== 'function')
        fail('encode', `takes a GPUCommandEncoder first, got ${encoder === null ? 'null' : typeof encoder}`);
      const plain = args.findIndex((arg) => !(arg instanceof Tensor));
      if (plain >= 0) fail('encode', `argument ${plain} must be a tensor`);
      return start(args, encoder);
    },
    prepare: (...types: readonly TensorType[]) => {
      refuseNesting(host);
      return host.enqueue(async () => (await find(types)).graph);
    },
    programs: () => traced.map(({ graph }) => graph),
    describe: () => traced.map(({ graph }) => graph.program.describe()),
    dispose: () => {
      disposed = true;
      for (const { graph } of traced.splice(0)) graph.dispose();
    },
  }) as unknown as CompiledFunction<A, R>;
}

function refuseNesting({ device }: CompileHost): void {
  if (device.trace)
    fail('compile', "a compiled function can't call another one while it is traced; call it as it is");
}

/** The compiled form of a graph that was built by hand: see `Device.compileGraph`. */
export async function createCompiledGraph(host: CompileHost, graph: Graph) {
  if (graph.updates.length > 0) fail('compileGraph', 'updates need tensors as targets; use compile(fn)');
  const bindings = graph.inputs.map((_, index): Binding => ({ kind: 'argument', index }));
  const compiled = await host.enqueue(() => host.runner.build(graph, bindings));
  const types = graph.inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const outputTypes = graph.outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const run = (...args: readonly (Tensor | HostTensor)[]): Promise<Tensor[]> => {
    refuseNesting(host);
    return host.enqueue(async () => {
      if (!sameTypes(types, args)) fail('run', `the graph takes ${showTypes(types)}; got ${showTypes(args)}`);
      await runWith(host, compiled, { args, encoder: null }, () => {});
      return outputTypes.map((type, i) => output(host, compiled, type, i));
    });
  };
  return { compiled, run };
}

/** Computes the arguments, runs, and calls `after` whether the run failed or not. */
async function runWith(
  host: CompileHost,
  graph: CompiledGraph,
  { args, encoder }: { args: readonly (Tensor | HostTensor)[]; encoder: GPUCommandEncoder | null },
  after: () => void,
): Promise<void> {
  const { store } = host;
  const copies: Tensor[] = [];
  const given = args.map((arg) => {
    if (!(arg instanceof Tensor)) return arg;
    const source = store.source(arg.value);
    if (source?.kind !== 'run' || source.owner !== graph) return arg;
    // The function's own earlier output: this run writes where it lies.
    // A copy is freed when the run was submitted, which for an encoder is the caller's to do.
    if (encoder) fail('encode', 'an argument is an earlier output of the function; pass a realized clone()');
    store.bufferOf(arg.value);
    copies.push(arg.clone());
    return copies.at(-1)!;
  });
  await host.runner.compute(given.filter((arg) => arg instanceof Tensor));
  try {
    await graph.execute(
      given.map((arg) => argumentOf(store, arg)),
      encoder,
    );
  } finally {
    after();
    for (const { value } of copies) store.discard(store.storageOf(value));
  }
}

function argumentOf(store: Store, arg: Tensor | HostTensor): Argument {
  if (!(arg instanceof Tensor)) return arg;
  return { buffer: store.bufferOf(arg.value), shape: arg.shape, dtype: arg.dtype };
}

const output = (
  { device, store }: CompileHost,
  graph: CompiledGraph,
  type: TensorType,
  index: number,
): Tensor => {
  const value = createInput(type.shape, type.dtype);
  store.set(value, { kind: 'run', buffer: graph.memory.outputs[index]!, run: graph.run, owner: graph });
  return new Tensor(device, value);
};

async function trace(
  host: CompileHost,
  fn: (...args: Tensor[]) => unknown,
  types: readonly TensorType[],
): Promise<TracedFunction> {
  const { store } = host;
  const { result, outputs, values, updates, guards } = record(host, fn, types);
  const roots = [...values, ...updates.map(({ value }) => value)];
  const leaves = leavesOf(roots, store);
  const inputs = [...new Set([...leaves, ...updates.map(({ target }) => target)])];
  const graph = createGraph({ inputs, outputs: values, updates });
  const compiled = await host.runner.build(
    graph,
    inputs.map((value) => bindingOf(store, value)),
  );
  return {
    types: types.map(({ shape, dtype }) => ({ shape, dtype })),
    graph: compiled,
    guards,
    updated: updates.map(({ tensor }) => tensor),
    result,
    outputs,
  };
}

/** Calls `fn` on symbolic arguments and notes what it does; no tensor is changed by it. */
function record(host: CompileHost, fn: (...args: Tensor[]) => unknown, types: readonly TensorType[]) {
  const { device } = host;
  const symbols = types.map(({ shape, dtype }, index) =>
    createLeaf(host, shape, dtype, { kind: 'argument', index }, `argument ${index}`),
  );
  const made: Trace = { grads: new Map(), updated: new Map(), guards: [] };
  const updates: { target: Value; value: Value; tensor: Tensor }[] = [];
  let result: unknown;
  let outputs: readonly Tensor[] = [];
  let values: readonly Value[] = [];
  device.trace = made;
  try {
    result = fn(...symbols);
    if (result instanceof Promise) {
      result.catch(() => {});
      fail('compile', 'the function must not be async: it is only recorded when it is called');
    }
    outputs = tracedTensors(result);
    // Of a tensor that the function updates, what it returns is the new contents.
    values = outputs.map(({ value }) => value);
  } finally {
    device.trace = null;
    for (const [tensor, before] of made.updated) {
      updates.push({ target: before, value: tensor.value, tensor });
      tensor.replaceValue(before);
    }
  }
  return { result, outputs, values, updates, guards: made.guards };
}

function bindingOf(store: Store, value: Value): Binding {
  const source = store.source(value);
  if (source?.kind === 'argument' || source?.kind === 'feed') return source;
  if (source?.kind === 'run')
    fail('compile', "a compiled function reads another one's output; pass it as an argument");
  const label = value.label ? `'${value.label}'` : `tensor ${showShape(value.shape)}`;
  return { kind: 'storage', storage: store.storageOf(value), label };
}
