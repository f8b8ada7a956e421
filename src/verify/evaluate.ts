import {
  apply,
  type Backend,
  createInput,
  FaultMessages,
  type Generator,
  type Graph,
  gradient,
  gradientOps,
  type HostTensor,
  leavesOf,
  type Op,
  ops,
  Program,
  type Value,
} from '../index.js';
import { sizeOf } from '../shape.js';

export type Doubles = Float64Array<ArrayBuffer>;
export const randomVector = (size: number, generator: Generator): Doubles =>
  Float64Array.from({ length: size }, () => generator.uniform(-1, 1));
export const dot = (a: Doubles, b: Doubles): number =>
  a.reduce((total, value, i) => total + value * b[i]!, 0);
export const dotSize = (a: Doubles, b: Doubles): number =>
  a.reduce((total, value, i) => total + Math.abs(value * b[i]!), 0);

/** A graph ready to be run in double precision. */
export async function evaluator(graph: Graph, reference: Backend) {
  const program = await Program.compile(graph, reference, new FaultMessages());
  const buffers = [...graph.inputs, ...graph.outputs].map(({ shape }) =>
    reference.allocate(4 * sizeOf(shape), 'a check'),
  );
  return {
    async run(inputs: readonly Doubles[]): Promise<Doubles[]> {
      inputs.forEach((data, i) => {
        reference.write(buffers[i]!, data, 'f32');
      });
      program.run(buffers);
      const outputs = graph.outputs.map(({ shape }, k) =>
        reference.read(buffers[inputs.length + k]!, 'f32', sizeOf(shape)),
      );
      return (await Promise.all(outputs)) as Doubles[];
    },
    free() {
      program.dispose();
      for (const buffer of buffers) buffer.free();
    },
  };
}

/** A function to be differentiated: recorded from `inputs`; `random` gives further inputs with fixed random values. */
export interface Recorded {
  (inputs: readonly (Value | null)[], random: (shape: readonly number[]) => Value): Value;
  /** What a value holds that the function uses besides its inputs. */
  readonly constant?: (value: Value) => Promise<Doubles>;
}

/** The function as a graph, with its inputs' values in f64; null inputs are not among them. */
export async function record(f: Recorded, tensors: readonly (HostTensor | null)[], generator: Generator) {
  const values = tensors.map((tensor) => tensor && createInput(tensor.shape, tensor.dtype));
  const inputs = values.filter((value) => value !== null);
  const data: Doubles[] = tensors
    .filter((tensor) => tensor !== null)
    .map((tensor) => Float64Array.from(tensor.data));
  const random = (shape: readonly number[]) => {
    const value = createInput(shape);
    inputs.push(value);
    data.push(randomVector(sizeOf(shape), generator));
    return value;
  };
  const output = f(values, random);
  for (const leaf of leavesOf([output], new Set(inputs))) {
    if (inputs.includes(leaf) || !f.constant) continue;
    data.push(await f.constant(leaf));
    inputs.push(leaf);
  }
  return { values, inputs, data, output, random };
}

/**
 * A sample of an op as a function of its inputs: its float outputs (or one) but those that it saves for its gradient,
 * several of them as one vector.
 */
export const recorded = (op: Op, sample: number, only?: number) => (inputs: readonly (Value | null)[]) => {
  const outputs = apply(op, inputs, op.samples[sample]!.options);
  const floats = outputs.slice(0, outputs.length - op.saves).filter(({ dtype }) => dtype === 'f32');
  if (only !== undefined) return floats[only]!;
  if (floats.length < 2) return floats[0] ?? outputs[0]!;
  return ops.concat(
    floats.map((output) => ops.reshape(output, { shape: [-1] })),
    { axis: 0 },
  );
};

/** The gradient of ⟨f, random⟩ with respect to input number `first`, as a function of the same inputs. */
export function slopeOf(f: Recorded, first: number): Recorded {
  const slope = (inputs: readonly (Value | null)[], random: (shape: readonly number[]) => Value) => {
    const output = f(inputs, random);
    const [own] = gradient(output, [inputs[first]!], gradientOps, random(output.shape));
    return own ?? ops.full({ shape: [], value: 0 });
  };
  return Object.assign(slope, { constant: f.constant });
}
