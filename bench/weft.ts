import type { Contestant } from '../src/cli/measure.js';
import { prepareTimed } from '../src/cli/timed.js';
import {
  type Backend,
  createGraph,
  createInput,
  type Device,
  functional as F,
  type HostTensor,
  ops,
  optim,
  type Tensor,
  type Value,
} from '../src/index.js';
import type { BenchCase, StepCase } from './cases.js';
import { conv2dOutputShape } from './cases.js';
import { ADAM, type CaseInputs, operand, PARAMETERS, STEP_LOSSES } from './inputs.js';

/** A case that is ready to run on a device of Weft's. */
export interface WeftCase {
  readonly contestant: Contestant;
  /** As a peer's: the result, or the first losses of a step. */
  output(): Promise<Float32Array>;
  dispose(): void;
}

/** Records what a case computes, from inputs by name. */
function record(c: Exclude<BenchCase, StepCase>, at: (name: string) => Value): Value {
  switch (c.suite) {
    case 'gemm':
      return ops.matmul(at('a'), at('b'), { transposeA: c.transposeA, transposeB: c.transposeB });
    case 'conv2d': {
      const options = { stride: c.stride, padding: c.padding };
      if (c.pass === 'forward') return ops.conv2d(at('input'), at('weight'), null, options);
      if (c.pass === 'input-gradient') {
        const shape = [c.batch, c.channels, c.height, c.width];
        return ops.conv2dInputGradient(at('outputGradient'), at('weight'), null, { ...options, shape });
      }
      const shape = [conv2dOutputShape(c)[1], c.channels, c.kernel, c.kernel];
      return ops.conv2dWeightGradient(at('input'), at('outputGradient'), null, { ...options, shape })[0]!;
    }
    case 'pooling': {
      const options = { kernel: c.kernel, stride: c.stride };
      if (c.kind === 'max') {
        return c.pass === 'forward'
          ? ops.maxPool2d(at('input'), options)
          : ops.maxPool2dBackward(at('outputGradient'), at('input'), options);
      }
      return c.pass === 'forward'
        ? ops.avgPool2d(at('input'), options)
        : ops.avgPool2dBackward(at('outputGradient'), { ...options, shape: at('input').shape });
    }
    case 'elementwise':
      if (c.op === 'add') return ops.add(at('a'), at('b'));
      if (c.op === 'mul-broadcast-row') return ops.mul(at('a'), at('b'));
      return ops[c.op](at('a'));
  }
}

/** Prepares a case: operands on the device, program compiled. */
export async function prepareWeft(device: Device, c: BenchCase, inputs: CaseInputs): Promise<WeftCase> {
  return c.suite === 'step' ? prepareStep(device, c, inputs) : prepareOp(device.backend, c, inputs);
}

async function prepareOp(
  backend: Backend,
  c: Exclude<BenchCase, StepCase>,
  given: CaseInputs,
): Promise<WeftCase> {
  const values = new Map(
    Object.entries(given).map(([name, { shape }]) => [name, createInput(shape, 'f32', name)]),
  );
  const output = record(c, (name) => values.get(name)!);
  const graph = createGraph({ inputs: [...values.values()], outputs: [output] });
  const operands = [...values.keys()].map((name): HostTensor => {
    const { data, shape } = operand(given, name);
    return { data, shape, dtype: 'f32' };
  });
  const timed = await prepareTimed(backend, graph, operands);
  return {
    contestant: { name: `weft-${backend.kind}`, run: () => timed.run() },
    async output() {
      await timed.run();
      return Float32Array.from(await timed.output());
    },
    dispose: () => timed.dispose(),
  };
}

function forward({ net }: StepCase, parameters: Readonly<Record<string, Tensor>>, x: Tensor): Tensor {
  const at = (name: string) => parameters[name]!;
  const linear = (value: Tensor, name: string) =>
    F.matmul(value, at(`${name}.weight`), { transposeB: true }).add(at(`${name}.bias`));
  const conv = (value: Tensor, name: string) =>
    F.maxPool2d(F.relu(F.conv2d(value, at(`${name}.weight`), at(`${name}.bias`))), { kernel: 2 });
  const features = net === 'mlp' ? x : conv(conv(x, 'conv1'), 'conv2').reshape([x.shape[0]!, 512]);
  return linear(F.relu(linear(features, 'fc1')), 'fc2');
}

async function prepareStep(device: Device, c: StepCase, inputs: CaseInputs): Promise<WeftCase> {
  const parameters: Record<string, Tensor> = {};
  for (const name of Object.keys(PARAMETERS[c.net])) {
    const { data, shape } = operand(inputs, name);
    const tensor = device.tensor(data.slice(), shape);
    tensor.requiresGrad = true;
    parameters[name] = tensor;
  }
  const { lr, beta1, beta2, eps } = ADAM;
  const optimizer = new optim.Adam(Object.values(parameters), { lr, betas: [beta1, beta2], eps });
  const step = device.compile((x, y) => {
    const loss = F.crossEntropy(forward(c, parameters, x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const x = device.tensor(operand(inputs, 'input').data, operand(inputs, 'input').shape);
  const y = device.tensor(Int32Array.from(operand(inputs, 'labels').data), [c.batch]);
  return {
    contestant: {
      name: `weft-${device.backend.kind}`,
      async run() {
        await (await step(x, y)).item();
      },
    },
    async output() {
      const losses: number[] = [];
      for (let i = 0; i < STEP_LOSSES; i++) losses.push(await (await step(x, y)).item());
      return Float32Array.from(losses);
    },
    dispose() {
      step.dispose();
      for (const tensor of [x, y, ...Object.values(parameters)]) tensor.dispose();
    },
  };
}
