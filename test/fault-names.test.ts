import { afterAll, describe, expect, it } from 'vitest';
import { nodesOf } from '../src/graph.js';
import {
  apply,
  createInput,
  Device,
  functional as F,
  gradient,
  gradientOps,
  type Node,
  ops,
  registry,
  type Value,
} from '../src/index.js';
import { openDevices } from './support/devices.js';

const devices = (await openDevices()).map(({ name, backend }) => ({ name, device: new Device(backend) }));
afterAll(() => {
  for (const { device } of devices) device.dispose();
});

/** The nodes that look for errors in whole numbers, of which `values` are made. */
const reporting = (values: readonly (Value | null)[]): Node[] =>
  nodesOf(
    values.filter((value) => value !== null),
    new Set(),
  ).filter(({ op, inputs }) => op.reports && inputs.some((value) => value?.dtype === 'i32'));

describe('what looks for errors in data tells them of the op that was called', () => {
  it.each([...registry.values()].map((op) => [op.name, op] as const))('%s', (name, op) => {
    for (const sample of op.samples.slice(0, 3)) {
      const inputs = sample.inputs.map((one) => one && createInput(one.shape, one.dtype ?? 'f32'));
      const outputs = apply(op, inputs, sample.options);
      for (const { called, op: inner } of reporting(outputs)) expect(called ?? inner.name).toBe(name);
      const [first] = outputs;
      const wrt = inputs.filter(
        (value, i) => value?.dtype === 'f32' && op.differentiable(op.variadic ? 0 : i),
      );
      if (first!.dtype !== 'f32' || wrt.length === 0) continue;
      const grads = gradient(
        first!,
        wrt as Value[],
        gradientOps,
        ops.full({ shape: first!.shape, value: 1 }),
      );
      for (const node of reporting(grads)) expect(node.called ?? node.op.name, node.op.name).toBe(name);
    }
  });
});

describe.each(devices)('on $name', ({ device }) => {
  const ones = (...shape: number[]) => device.ones(shape);
  const words = (...given: number[]) => device.tensor(given, [given.length], 'i32');

  it.each([
    [
      'gru',
      () => F.gru(ones(3, 2, 5), null, [ones(12, 5), ones(12, 4)], { bias: false, lengths: words(3, 7) })[0],
    ],
    [
      'lstm',
      () => F.lstm(ones(3, 2, 5), null, [ones(16, 5), ones(16, 4)], { bias: false, lengths: words(3, 7) })[0],
    ],
    ['takeAlongAxis', () => F.takeAlongAxis(ones(3), words(5), { axis: 0 })],
    ['gather', () => F.gather(ones(3), words(5), { axis: 0 })],
    ['embedding', () => F.embedding(words(5), ones(3, 2))],
    ['crossEntropy', () => F.crossEntropy(ones(2, 3), words(1, 3))],
  ])('%s is named', async (name, call) => {
    await expect(call().data()).rejects.toThrow(new RegExp(`^${name}: `));
  });

  it('an op is named where its gradient alone is computed', async () => {
    const x = ones(3);
    x.requiresGrad = true;
    F.gather(x, words(5), { axis: 0 }).sum().backward();
    await expect(x.grad!.data()).rejects.toThrow(/^gather: /);
  });
});
