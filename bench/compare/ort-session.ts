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

/** A case's model, the names of its arguments and of its result. */
export function modelOf(c: BenchCase, inputs: CaseInputs) {
  if (c.pass === 'step' || c.pass === 'update')
    throw new Error('ONNX Runtime for JavaScript has had no training since 1.20');
  const net = new OnnxNet(inputs);
  const result = build(c, net, inputs);
  return { model: net.model(result), feeds: net.feeds, result };
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
  const { model, feeds: names, result } = modelOf(c, inputs);
  const session = await runtime.InferenceSession.create(model, options);
  const feeds: Record<string, Tensor> = {};
  for (const name of names) {
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

/**
 * Starts the runtime by its first session. In Node it then defines a global `Worker`, which it needs for
 * threads only and which makes jax-js believe that it runs in a browser, so the global is put back as it was.
 */
export async function startUnseen(
  runtime: Runtime,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  const net = new OnnxNet({ x: { shape: [1], data: new Float32Array(1) } });
  const model = net.model(net.relu(net.at('x')));
  const session = await runtime.InferenceSession.create(model, options);
  if (before) Object.defineProperty(globalThis, 'Worker', before);
  else Reflect.deleteProperty(globalThis, 'Worker');
  return session;
}
