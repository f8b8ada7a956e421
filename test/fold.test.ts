import { afterAll, expect, it } from 'vitest';
import {
  createGraph,
  createInput,
  functional as F,
  type Graph,
  gradient,
  gradientOps,
  nn,
  nodesOf,
  open,
  ops,
  type Tensor,
  type Value,
} from '../src/index.js';
import { sizeOf } from '../src/shape.js';

const device = await open('wasm', { threads: 1 });
const webgpu = await open('webgpu');
afterAll(() => {
  device.dispose();
  webgpu.dispose();
});

type Forward = (x: Value, w: Value, b: Value) => Value;

interface Layer {
  readonly shapes: readonly (readonly number[])[];
  readonly forward: Forward;
  /** The launches of value and gradients, without what the loss is made of. */
  readonly ops: readonly string[];
}

const FOLDED = ['conv2d', 'conv2dInputGradient', 'conv2dWeightGradient'];
const image = (n: number, c: number, o: number, k = 3, groups = 1) => [
  [n, c, 11, 9],
  [o, c / groups, k, k],
  [o],
];
const LAYERS: Readonly<Record<string, Layer>> = {
  'with a bias': {
    shapes: image(2, 5, 7),
    forward: (x, w, b) => ops.relu(ops.conv2d(x, w, b, { padding: 1 })),
    ops: FOLDED,
  },
  'without a bias': {
    shapes: image(2, 3, 4),
    forward: (x, w) => ops.relu(ops.conv2d(x, w, null, { stride: 2 })),
    ops: FOLDED,
  },
  'with a bias added': {
    shapes: image(2, 3, 4),
    forward: (x, w, b) =>
      ops.relu(ops.add(ops.conv2d(x, w, null, { dilation: 2 }), ops.reshape(b, { shape: [4, 1, 1] }))),
    // The bias is an operand of its own: its gradient sums what the mask lets through, which is computed.
    ops: ['conv2d', 'reluBackward', 'conv2dInputGradient', 'conv2dWeightGradient', 'sum'],
  },
  'in groups': {
    shapes: image(2, 6, 9, 3, 3),
    forward: (x, w, b) => ops.relu(ops.conv2d(x, w, b, { groups: 3, padding: 2 })),
    ops: FOLDED,
  },
  'with a filter for each channel': {
    shapes: image(2, 6, 6, 3, 6),
    forward: (x, w, b) => ops.relu(ops.conv2d(x, w, b, { groups: 6, padding: 1 })),
    ops: FOLDED,
  },
  'by Winograd': {
    shapes: image(2, 16, 17),
    forward: (x, w, b) => ops.relu(ops.conv2d(x, w, b, { padding: 1 })),
    ops: FOLDED,
  },
  'of one pixel': {
    shapes: image(2, 5, 6, 1),
    forward: (x, w, b) => ops.relu(ops.conv2d(x, w, b)),
    ops: FOLDED,
  },
  'over lines': {
    shapes: [[2, 5, 33], [7, 5, 3], [7]],
    forward: (x, w, b) => ops.relu(ops.conv1d(x, w, b, { padding: 2 })),
    ops: FOLDED,
  },
  'behind a view of the activation': {
    shapes: image(2, 3, 4),
    forward: (x, w, b) => ops.reshape(ops.relu(ops.conv2d(x, w, b)), { shape: [2, -1] }),
    ops: FOLDED,
  },
  'read before the activation too': {
    shapes: image(2, 3, 4),
    forward(x, w, b) {
      const before = ops.conv2d(x, w, b);
      return ops.add(ops.relu(before), before);
    },
    ops: ['conv2d', 'relu', 'reluBackward', 'conv2dInputGradient', 'conv2dWeightGradient'],
  },
};

/** Value and gradients of a layer, of a loss that is bilinear in it and another input. */
function training({ shapes, forward }: Layer): Graph {
  const [x, w, b] = shapes.map((shape) => createInput(shape)) as [Value, Value, Value];
  const y = forward(x, w, b);
  const seed = createInput(y.shape);
  const grads = gradient(y, [x, w, b], gradientOps, seed).filter((grad) => grad !== null);
  return createGraph({ inputs: [x, w, b, seed], outputs: [y, ...grads] });
}

const dataOf = ({ inputs }: Graph) =>
  inputs.map(({ shape }, i) => ({
    data: Float32Array.from({ length: sizeOf(shape) }, (_, k) => Math.sin((3 + i) * k + i)),
    shape,
    dtype: 'f32' as const,
  }));

async function outputsOf(on: typeof device, graph: Graph, count: number): Promise<number[][]> {
  const { compiled, run } = await on.compileGraph(graph);
  const results = await run(...dataOf(graph));
  const values = await Promise.all(results.slice(0, count).map(async (one) => [...(await one.data())]));
  compiled.dispose();
  return values;
}

it.each(Object.entries(LAYERS))('a convolution %s and its relu', async (_, layer) => {
  const graph = training(layer);
  const { compiled } = await device.compileGraph(graph);
  const found = compiled.program.schedule.flatMap(({ op }) => op.split('+'));
  compiled.dispose();
  const own = found.filter((op) => /conv|relu|sum/i.test(op));
  expect(own.sort()).toEqual([...layer.ops].sort());

  // What is handed out is computed by itself.
  const apart = nodesOf(graph.outputs, new Set(graph.inputs)).flatMap(({ op, outputs }) =>
    /^(conv2d|reluBackward)$/.test(op.name) ? outputs : [],
  );
  const plain = createGraph({ inputs: graph.inputs, outputs: [...graph.outputs, ...apart] });
  const count = graph.outputs.length;
  for (const on of [device, webgpu]) {
    expect(await outputsOf(on, graph, count)).toEqual(await outputsOf(on, plain, count));
  }
});

it('a gradient that more than convolutions read is computed once', async () => {
  const [x, w, residual, dy] = [
    [1, 4, 6, 6],
    [4, 4, 3, 3],
    [1, 4, 6, 6],
    [1, 4, 6, 6],
  ].map((shape) => createInput(shape)) as [Value, Value, Value, Value];
  const y = ops.relu(ops.add(ops.conv2d(x, w, null, { padding: 1 }), residual));
  const grads = gradient(y, [x, w, residual], gradientOps, dy).map((grad) => grad!);
  const { compiled } = await device.compileGraph(
    createGraph({ inputs: [x, w, residual, dy], outputs: [grads[0]!, grads[1]!, ops.neg(grads[2]!)] }),
  );
  const names = compiled.program.schedule.flatMap(({ op }) => op.split('+'));
  compiled.dispose();
  expect(names.filter((name) => name === 'reluBackward')).toHaveLength(1);
});

it.each([
  { op: 'conv2d', image: [1, 3, 6, 6], filters: [4, 3, 3, 3] },
  { op: 'conv1d', image: [1, 3, 6], filters: [4, 3, 3] },
] as const)('a gradient of $op that was computed earlier stays an input', async ({ op, image, filters }) => {
  const [x, w] = [createInput(image), createInput(filters)];
  const y = ops.relu(ops[op](x, w));
  const grads = gradient(y, [x, w], gradientOps, createInput(y.shape)).map((grad) => grad!);
  const convolutions = nodesOf(grads).filter(({ op }) => /^conv2d\w*Gradient$/.test(op.name));
  const dy = convolutions[0]!.inputs.find((value) => nodesOf([value!]).length > 0)!;
  const { compiled } = await device.compileGraph(createGraph({ inputs: [x, w, dy], outputs: grads }));
  expect(compiled.program.schedule.map(({ op }) => op).sort()).toEqual(FOLDED.slice(1));
  compiled.dispose();
});

it('a training step of modules has no launch of relu or its gradient', async () => {
  const model = new nn.Sequential(
    new nn.Conv2d(3, 16, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.Conv2d(16, 16, 3, { padding: 1, bias: false }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 16, 3, { groups: 16 }),
    new nn.ReLU(),
    new nn.Conv2d(16, 8, 1, { groups: 4 }),
    new nn.ReLU(),
  ).to(device);
  const step = device.compile((x: Tensor) => {
    const loss = F.mean(F.square(model.forward(x)));
    loss.backward();
    return [loss, ...model.parameters().map(({ grad }) => grad!)];
  });
  const input = device.tensor(
    Float32Array.from({ length: 864 }, (_, i) => Math.sin(i)),
    [2, 3, 12, 12],
  );
  const { program } = await step.prepare(input);
  const launches: string[] = [];
  program.onLaunch = (label) => launches.push(label);
  await step(input);
  expect(program.schedule.filter(({ op }) => /relu/i.test(op))).toEqual([]);
  expect(launches.filter((label) => /relu|rectif/i.test(label))).toEqual([]);
  expect(launches.filter((label) => label.startsWith('conv2d/'))).not.toEqual([]);
});
