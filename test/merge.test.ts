import { expect, it } from 'vitest';
import { createGraph, createInput, gradient, gradientOps, nodesOf, ops } from '../src/index.js';
import { mergeEqual } from '../src/merge.js';

const namesOf = (outputs: Parameters<typeof nodesOf>[0]) => nodesOf(outputs).map(({ op }) => op.name);

it('computes equal nodes once, and what was made of them from the one', () => {
  const x = createInput([3]);
  const graph = createGraph({ inputs: [x], outputs: [ops.add(ops.exp(ops.sin(x)), ops.exp(ops.sin(x)))] });
  const { outputs } = mergeEqual(graph);
  expect(namesOf(outputs)).toEqual(['sin', 'exp', 'add']);
  const [sum] = outputs;
  expect(sum!.node!.inputs[0]).toBe(sum!.node!.inputs[1]);
});

it('keeps apart what differs in an operand, its order or an attribute', () => {
  const [x, y] = [createInput([3]), createInput([3])];
  const values = [
    ops.sub(x, y),
    ops.sub(y, x),
    ops.leakyRelu(x),
    ops.leakyRelu(x, { negativeSlope: 0.5 }),
    ops.clamp(x, { min: 0 }),
    ops.clamp(x, { max: 0 }),
  ];
  const graph = createGraph({ inputs: [x, y], outputs: values });
  expect(mergeEqual(graph)).toBe(graph);
});

it('gives two outputs and two updates of one value their own places', () => {
  const [x, y] = [createInput([2]), createInput([2])];
  const [a, b] = [ops.neg(x), ops.neg(x)];
  const merged = mergeEqual(
    createGraph({ inputs: [x, y], outputs: [a, b], updates: [{ target: y, value: b }] }),
  );
  expect(merged.outputs[0]).toBe(merged.outputs[1]);
  expect(merged.updates[0]!.value).toBe(merged.outputs[0]);
});

it('leaves ops that overwrite as they are', () => {
  const [p, g, hyper] = [createInput([2]), createInput([2]), createInput([5])];
  const step = () => ops.sgdUpdate([hyper, null, p, g])[0]!;
  const graph = createGraph({ inputs: [p, g, hyper], outputs: [ops.add(step(), step())] });
  expect(namesOf(mergeEqual(graph).outputs)).toEqual(['sgdUpdate', 'sgdUpdate', 'add']);
});

it('runs a backward op of several outputs once, though several rules ask for it', () => {
  const shapes = [
    [2, 3, 20],
    [20, 5],
    [3, 5],
    [3, 5],
  ];
  const inputs = shapes.map((shape) => createInput(shape));
  const [projected, weightHidden, h0, c0] = inputs;
  const [y] = ops.lstmSequence(projected!, weightHidden!, h0!, c0!, null, {});
  const grads = gradient(ops.sum(y!), inputs, gradientOps).map((grad) => grad!);
  const count = (outputs: typeof grads) =>
    namesOf(outputs).filter((name) => name === 'lstmSequenceBackward').length;
  expect(count(grads)).toBeGreaterThan(1);
  expect(count([...mergeEqual(createGraph({ inputs, outputs: grads })).outputs])).toBe(1);
});

it('takes what another op computes in passing from there, only where that op stands in the graph', () => {
  const [x, labels] = [createInput([4, 3]), createInput([4], 'i32')];
  const loss = ops.crossEntropy(x, labels);
  const alone = createGraph({ inputs: [x, labels], outputs: [loss] });
  expect(mergeEqual(alone)).toBe(alone);
  const [slopes] = gradient(loss, [x], gradientOps);
  const { outputs } = mergeEqual(createGraph({ inputs: [x, labels], outputs: [ops.exp(loss), slopes!] }));
  expect(namesOf(outputs)).toEqual(['crossEntropyWithGradient', 'exp']);
});
