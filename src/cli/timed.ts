import {
  type Backend,
  FaultMessages,
  type Graph,
  type HostTensor,
  type Node,
  Program,
  sizeOf,
  type TypedArray,
} from '../index.js';
import type { Contestant } from './measure.js';

/**
 * A graph ready to be run over and over on inputs that lie on the device. They count as new at each run: what a device
 * would do once while an input keeps its bytes, as packing weights, is part of every run.
 */
export interface TimedGraph {
  readonly program: Program;
  /** One run: its result exists then or, on a GPU, after {@link finish}. */
  run(): void;
  /** Waits for the runs so far: a GPU has finished when something of the result can be read. */
  readonly finish?: () => Promise<void>;
  /** An output of the last run, the first if not said otherwise, or what the first update left. */
  output(index?: number): Promise<TypedArray>;
  dispose(): void;
}

/** The graph as one that takes part in a measurement. */
export const contestantOf = (name: string, { run, finish }: TimedGraph): Contestant =>
  finish ? { name, run, finish } : { name, run };

/** Compiles a graph, its nodes by the kernel variants that `variant` names, and puts its inputs on the device. */
export async function prepareTimed(
  backend: Backend,
  graph: Graph,
  inputs: readonly HostTensor[],
  variant?: (node: Node) => string | undefined,
): Promise<TimedGraph> {
  const program = await Program.compile(graph, backend, new FaultMessages(), { variant });
  const buffers = [...graph.inputs, ...graph.outputs].map(({ shape, label }) =>
    backend.allocate(4 * sizeOf(shape), label ?? 'a result'),
  );
  inputs.forEach(({ data, dtype }, i) => {
    backend.write(buffers[i]!, data, dtype);
  });
  const targets = new Set(graph.updates.map(({ target }) => target));
  const words = inputs.flatMap(({ data, dtype }, i) =>
    data.length > 0 && !targets.has(graph.inputs[i]!)
      ? [[buffers[i]!, data.slice(0, 1), dtype] as const]
      : [],
  );
  const [output] = graph.outputs;
  const first = output ?? graph.updates[0]!.target;
  const result = buffers[output ? graph.inputs.length : graph.inputs.indexOf(first)]!;
  return {
    program,
    run() {
      // One word is enough to make an input's contents new to the wasm device; a GPU keeps nothing between runs.
      if (backend.kind === 'wasm')
        for (const [buffer, word, dtype] of words) backend.write(buffer, word, dtype);
      program.run(buffers);
    },
    ...(backend.kind === 'webgpu' && {
      finish: () => backend.read(result, first.dtype, 1).then(() => {}),
    }),
    output(index = 0) {
      const { dtype, shape } = graph.outputs[index] ?? first;
      const buffer = output ? buffers[graph.inputs.length + index]! : result;
      return backend.read(buffer, dtype, sizeOf(shape));
    },
    dispose() {
      program.dispose();
      for (const buffer of buffers) buffer.free();
    },
  };
}
