/** Softmax, cross-entropy, reductions and transposes: what walks rows of memory once or twice. */
import { bytesOf, type KernelCase, type Operand, product, type Suite } from '../case.js';

/** Softmax of rows, and its gradient. */
function softmax(name: 'softmax' | 'logSoftmax', shape: readonly number[]): KernelCase[] {
  const make = (pass: 'forward' | 'backward'): KernelCase => ({
    suite: 'softmax',
    name: `${name} ${shape.join('x')}`,
    pass,
    flops: (pass === 'forward' ? 5 : 4) * product(shape),
    // Backward reads the output and its gradient.
    bytes: bytesOf(...new Array<readonly number[]>(pass === 'forward' ? 2 : 3).fill(shape)),
    operands: pass === 'forward' ? { x: { shape } } : { x: { shape }, outputGradient: { shape } },
    compute: (net, at) => net[name](at('x')),
    wrt: pass === 'forward' ? [] : ['x'],
  });
  return [make('forward'), make('backward')];
}

/** The loss and the gradient of its logits. */
const crossEntropy = (rows: number, classes: number): KernelCase => ({
  suite: 'softmax',
  name: `crossEntropy ${rows}x${classes}`,
  pass: 'forward+backward',
  flops: 8 * rows * classes,
  bytes: bytesOf([rows, classes], [rows, classes], [rows]),
  operands: {
    logits: { shape: [rows, classes], bound: 4 },
    labels: { shape: [rows], kind: 'labels', bound: classes },
  },
  compute: (net, at) => net.crossEntropy(at('logits'), at('labels')),
  wrt: ['logits'],
});

export const softmaxSuite: Suite = {
  bound: 'memory',
  cases: [
    ...softmax('softmax', [2048, 1024]),
    ...softmax('softmax', [16384, 64]),
    ...softmax('logSoftmax', [2048, 1024]),
    crossEntropy(2048, 1000),
    crossEntropy(64, 10),
  ],
  webgpu: [...softmax('softmax', [512, 1024]), ...softmax('softmax', [4096, 64]), crossEntropy(64, 10)],
  small: [...softmax('softmax', [3, 7]), ...softmax('logSoftmax', [4, 5]), crossEntropy(5, 6)],
};

/** A reduction of some axes, all of which are read once. */
function reduce(kind: 'sum' | 'mean' | 'max', shape: readonly number[], axes: readonly number[]): KernelCase {
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  return {
    suite: 'reduce',
    name: `${kind} ${shape.join('x')} over ${axes.length === shape.length ? 'all' : axes.join(',')}`,
    pass: 'forward',
    flops: product(shape),
    bytes: bytesOf(shape, kept),
    operands: { x: { shape } },
    compute: (net, at) => net[kind](at('x'), axes),
  };
}

/** The third is what a convolution's bias gradient sums. */
export const reduceSuite: Suite = {
  bound: 'memory',
  cases: [
    reduce('sum', [2048, 2048], [0, 1]),
    reduce('sum', [2048, 2048], [1]),
    reduce('sum', [32, 64, 28, 28], [0, 2, 3]),
    reduce('sum', [2048, 2048], [0]),
    reduce('mean', [2048, 2048], [1]),
    reduce('max', [2048, 2048], [1]),
    reduce('max', [2048, 2048], [0]),
  ],
  small: [reduce('sum', [5, 7], [0]), reduce('mean', [2, 3, 4], [0, 2]), reduce('max', [3, 5], [1])],
};

function transpose(shape: readonly number[], axes: readonly number[]): KernelCase {
  const x: Operand = { shape };
  return {
    suite: 'transpose',
    name: `${shape.join('x')} to ${axes.join(',')}`,
    pass: 'forward',
    flops: 0,
    bytes: bytesOf(shape, shape),
    operands: { x },
    compute: (net, at) => net.transpose(at('x'), axes),
  };
}

/** A matrix, one whose rows are no power of two, NCHW to NHWC, attention's heads, a batch of matrices. */
export const transposeSuite: Suite = {
  bound: 'memory',
  cases: [
    transpose([2048, 2048], [1, 0]),
    transpose([1999, 2003], [1, 0]),
    transpose([32, 64, 28, 28], [0, 2, 3, 1]),
    transpose([16, 128, 8, 64], [0, 2, 1, 3]),
    transpose([64, 128, 196], [0, 2, 1]),
  ],
  small: [transpose([5, 7], [1, 0]), transpose([2, 3, 4, 5], [0, 2, 3, 1]), transpose([2, 3, 4], [1, 2, 0])],
};
