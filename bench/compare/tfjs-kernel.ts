import * as tf from '@tensorflow/tfjs-core';
import type { KernelCase, Operand } from '../case.js';
import { type CaseInputs, joined, operand } from '../inputs.js';
import type { Prepared } from './peer.js';
import { download, tfjsNet, upload } from './tfjs-net.js';

/** A result, and the layout it is in. */
type Results = readonly { readonly x: tf.Tensor; readonly kind: Operand['kind'] }[];

/** A kernel's case on the active backend. */
export function prepareKernel(c: KernelCase, inputs: CaseInputs, enter: () => void): Prepared {
  const operands = new Map(
    Object.keys(inputs).map((name): [string, tf.Tensor] => [name, upload(operand(inputs, name))]),
  );
  const compute = computation(c, operands);
  const dispose = () => tf.dispose([...operands.values()]);
  const release = (results: Results) => tf.dispose(results.map(({ x }) => x));
  try {
    release(compute()); // a kernel that tfjs lacks shows here
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    enter,
    run: () => release(compute()),
    async output() {
      enter();
      const results = compute();
      const parts = [];
      for (const { x, kind } of results) parts.push(await download(x, kind));
      release(results);
      return joined(parts);
    },
    dispose,
  };
}

/** Gradients but for those that tfjs has kernels for are made by its tape: with the forward pass before them. */
function computation(c: KernelCase, operands: Map<string, tf.Tensor>): () => Results {
  const forward = (at: (name: string) => tf.Tensor) => c.compute(tfjsNet, at);
  const at = (name: string) => operands.get(name)!;
  const image: Operand['kind'] = c.image ? 'image' : undefined;
  if (c.pass === 'forward') return () => [{ x: tf.tidy(() => forward(at)), kind: image }];
  const direct = c.window && directGradient(c, at, operands);
  if (direct) return () => [{ x: direct(), kind: c.operands[c.wrt![0]!]!.kind }];
  const wrt = c.wrt!;
  const seed = operands.get('outputGradient');
  const differentiate = tf.valueAndGrads((...given: tf.Tensor[]) =>
    forward((name) => given[wrt.indexOf(name)] ?? at(name)),
  );
  return () =>
    tf.tidy(() => {
      const { value, grads } = differentiate(wrt.map(at), seed);
      const gradients = grads.map((x, i) => ({ x, kind: c.operands[wrt[i]!]!.kind }));
      return c.pass === 'forward+backward' ? [{ x: value, kind: image }, ...gradients] : gradients;
    });
}

/** Runs a kernel that has no public function. */
const kernel = (name: string, inputs: Record<string, tf.Tensor>, attrs: tf.NamedAttrMap): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attrs) as tf.Tensor;

/** The gradient of a convolution or pooling by tfjs's own kernel for it. */
function directGradient(
  { window, pass }: KernelCase,
  at: (name: string) => tf.Tensor,
  operands: Map<string, tf.Tensor>,
): () => tf.Tensor {
  const [x, dy] = [at('input'), at('outputGradient')];
  if (window!.kind === 'pool') {
    const { kind, kernel: size, stride } = window!.options;
    const attrs = { filterSize: [size, size], strides: [stride, stride], pad: 'valid' };
    if (kind === 'average') return () => kernel('AvgPoolGrad', { dy, input: x }, attrs);
    const output = tf.maxPool(x as tf.Tensor4D, size, stride, 'valid');
    operands.set('output', output);
    return () => kernel('MaxPoolGrad', { dy, input: x, output }, attrs);
  }
  const { stride, padding } = window!.options;
  const filter = at('weight');
  const attrs = { strides: [stride, stride], pad: padding, dataFormat: 'NHWC', dimRoundingMode: 'floor' };
  if (window!.kind === 'conv2d') {
    return pass === 'input-gradient'
      ? () => kernel('Conv2DBackpropInput', { dy, filter }, { ...attrs, inputShape: x.shape })
      : () => kernel('Conv2DBackpropFilter', { x, dy }, { ...attrs, filterShape: filter.shape });
  }
  // tfjs's depthwise filters are [h, w, channels, 1], the uploaded ones [h, w, 1, channels]: the same bytes.
  const [h, w, , channels] = filter.shape as [number, number, number, number];
  const depthwise = tf.reshape(filter, [h, w, channels, 1]);
  operands.set('depthwise', depthwise);
  const more = { ...attrs, dilations: [1, 1] };
  if (pass === 'input-gradient') {
    const inputs = { dy, filter: depthwise };
    return () => kernel('DepthwiseConv2dNativeBackpropInput', inputs, { ...more, inputShape: x.shape });
  }
  const shape = { ...more, filterShape: depthwise.shape };
  return () =>
    tf.tidy(() => tf.reshape(kernel('DepthwiseConv2dNativeBackpropFilter', { x, dy }, shape), filter.shape));
}
