import { nodesOf } from '../graph.js';
import * as ops from '../ops/index.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { aligned } from '../text.js';
import type { Output } from './hooks.js';
import type { Module } from './module.js';

/** One call of a module that has no modules inside it. */
export interface SummaryRow {
  readonly name: string;
  /** Of its class. */
  readonly type: string;
  /** Of its first output. */
  readonly output: Shape;
  /** Elements of its parameters; 0 where they were counted in an earlier row. */
  readonly parameters: number;
  /** Of its products and convolutions, forward. */
  readonly multiplyAdds: number;
  /** Of its outputs, 4 for each element. */
  readonly bytes: number;
}

export interface Summary {
  readonly rows: readonly SummaryRow[];
  readonly parameters: number;
  readonly trainable: number;
  readonly multiplyAdds: number;
  readonly parameterBytes: number;
  /** Of all rows' outputs, most of which a training step keeps. */
  readonly outputBytes: number;
  /** A table for people. */
  toString(): string;
}

const PRODUCTS = new Set(['Products', 'Convolution', 'Recurrent'].flatMap((name) => ops.groups.get(name)!));

const listOf = (output: Output): readonly Tensor[] => (Array.isArray(output) ? output : [output]) as Tensor[];
const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const elements = (tensors: readonly Tensor[]): number => total(tensors.map(({ shape }) => sizeOf(shape)));

/** Multiply-adds of what was recorded between inputs and outputs, products and convolutions alone. */
function multiplyAdds(inputs: readonly Tensor[], outputs: readonly Tensor[]): number {
  const stops = new Set(inputs.map(({ value }) => value));
  const nodes = nodesOf(
    outputs.map(({ value }) => value),
    stops,
  );
  return total(
    nodes.map(({ op, inputs, outputs, attrs }) => {
      if (!PRODUCTS.has(op)) return 0;
      const size = total(outputs.map(({ shape }) => sizeOf(shape)));
      // By element of the result: an addition of a bias counts nothing.
      return size * Math.floor(op.cost(inputs, attrs).flops / (2 * Math.max(size, 1)));
    }),
  );
}

/**
 * What a module does to inputs of these shapes, call by call: `String(nn.summary(model, device.zeros([1, 1, 28, 28])))`.
 * It is recorded in evaluation mode, nothing is computed; the module must be on a device.
 */
export function summary<I extends readonly Tensor[]>(
  model: Module & { forward(...inputs: I): Output },
  ...inputs: I
): Summary {
  const rows: SummaryRow[] = [];
  const counted = new Set<Module>();
  const modules = [...model.namedModules()];
  const training = modules.map(([, module]) => module.training);
  const handles = modules.flatMap(([name, module]) => {
    if (!module.children().next().done) return [];
    const hook = module.registerForwardHook((_, given, output) => {
      const outputs = listOf(output);
      const tensors = given.filter((x) => x !== null);
      rows.push({
        name,
        type: module.constructor.name,
        output: outputs[0]!.shape,
        parameters: counted.has(module) ? 0 : module.parameterCount(),
        multiplyAdds: multiplyAdds(tensors, outputs),
        bytes: 4 * elements(outputs),
      });
      counted.add(module);
    });
    return [hook];
  });
  try {
    model.eval();
    model.forward(...inputs);
  } finally {
    for (const handle of handles) handle.remove();
    modules.forEach(([, module], i) => {
      module.setTraining(training[i]!);
    });
  }
  const parameters = model.parameterCount();
  const result = {
    rows,
    parameters,
    trainable: model.parameterCount({ trainable: true }),
    multiplyAdds: total(rows.map((row) => row.multiplyAdds)),
    parameterBytes: 4 * parameters,
    outputBytes: total(rows.map(({ bytes }) => bytes)),
  };
  return { ...result, toString: () => show(result) };
}

const figure = (value: number): string => value.toLocaleString('en-US');
const size = (bytes: number): string =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

function show({ rows, ...all }: Omit<Summary, 'toString'>): string {
  const head = ['layer', 'type', 'output', 'parameters', 'multiply-adds', 'bytes'];
  const body = rows.map((row) => [
    ...[row.name, row.type, showShape(row.output)],
    ...[row.parameters, row.multiplyAdds, row.bytes].map(figure),
  ]);
  return [
    ...aligned(head, body, 3),
    `${figure(all.parameters)} parameters (${figure(all.trainable)} trained, ${size(all.parameterBytes)}), ` +
      `${figure(all.multiplyAdds)} multiply-adds, outputs of ${size(all.outputBytes)}`,
  ].join('\n');
}
