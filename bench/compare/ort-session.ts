import type { InferenceSession, Tensor } from 'onnxruntime-common';
import type { BenchCase, KernelCase } from '../case.js';
import { type CaseInputs, operand } from '../inputs.js';
import { OnnxNet } from './onnx-net.js';
import type { Prepared } from './peer.js';

/** What onnxruntime-web and onnxruntime-node have in common. */
export interface Runtime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => Tensor;
}

/**
 * A case as a session. `session.run` copies arguments into and results out of the runtime's memory; there is no other way
 * to run it, so the copies are timed. Weights are constants of the model, packed beforehand.
 */
export async function prepareSession(
  runtime: Runtime,
  options: InferenceSession.SessionOptions,
  c: BenchCase,
  inputs: CaseInputs,
): Promise<Prepared> {
  if (c.pass === 'step' || c.pass === 'update')
    throw new Error('ONNX Runtime for JavaScript has had no training since 1.20');
  const net = new OnnxNet(inputs);
  const result = build(c, net, inputs);
  const session = await runtime.InferenceSession.create(net.model(result), options);
  const feeds: Record<string, Tensor> = {};
  for (const name of net.feeds) {
    const { data, shape } = operand(inputs, name);
    feeds[name] = new runtime.Tensor('float32', data, shape);
  }
  return {
    async run() {
      await session.run(feeds);
    },
    output: async () => (await session.run(feeds))[result]!.data as Float32Array,
    dispose() {
      void session.release();
    },
  };
}

function build(c: KernelCase, net: OnnxNet, inputs: CaseInputs): string {
  if (c.pass === 'forward') return c.compute(net, net.at);
  if (c.pass !== 'input-gradient' || c.window?.kind === 'pool')
    throw new Error('ONNX Runtime for JavaScript has had no gradients since 1.20');
  const { stride, padding, groups } = c.window!.options;
  const [size, kernel] = [operand(inputs, 'input').shape[2]!, operand(inputs, 'weight').shape[2]!];
  // The rows and columns that the forward pass left over when it rounded down.
  const rest = (size + 2 * padding - kernel) % stride;
  return net.node('ConvTranspose', [net.at('outputGradient'), net.at('weight')], {
    strides: [stride, stride],
    pads: new Array<number>(4).fill(padding),
    output_padding: [rest, rest],
    group: groups,
  });
}
