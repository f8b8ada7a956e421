import { defineOpWithOutputs } from '../define.js';
import { f32, type Value } from '../op.js';
import { zerosLike } from './fill.js';
import { checkGates, gatesAt, PRE, pointwise, sizes } from './recurrent_gates.js';
import {
  errorTolerance,
  exact,
  functionUnits,
  lstmPoint,
  lstmPointBackward,
  sigmoid,
} from './recurrent_math.js';
import { lstmSecondOrder } from './recurrent_second_order.js';
import type { RuleContext } from './recurrent_shared.js';

type Four = [number, number, number, number];

const activate = ([i, f, g, o]: Four): Four => [sigmoid(i), sigmoid(f), Math.tanh(g), sigmoid(o)];

const lstmGradients = ({ gates, c, grads: [dh, dc] }: RuleContext & { gates: Value; c: Value }) =>
  lstmGatesBackward(gates, c, dh ?? zerosLike(c), dc ?? zerosLike(c));

/** Evaluates an LSTM's gates, element by element. */
function lstmPoints(
  gates: Float64Array,
  c: Float64Array,
  [batch, hidden]: readonly [number, number],
  key: 'value' | 'error',
) {
  const [h, next] = [new Float64Array(batch * hidden), new Float64Array(batch * hidden)];
  for (let b = 0; b < batch; b++) {
    for (let j = 0; j < hidden; j++) {
      const [i, f, g, o] = gatesAt(gates, 4, hidden, b, j).map(exact);
      const point = lstmPoint([i!, f!, g!, o!], exact(c[b * hidden + j]!));
      h[b * hidden + j] = point.h[key];
      next[b * hidden + j] = point.c[key];
    }
  }
  return [h, next];
}

/**
 * The pointwise part of an LSTM cell: gates [batch, 4 hidden] are the sums of products and biases of i, f, g, o, and c is
 * [batch, hidden]. Gives h' = σ(o) tanh c' and c' = σ(f) c + σ(i) tanh(g).
 */
export const lstmGates = defineOpWithOutputs({
  name: 'lstmGates',
  summary: "c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh c'",
  inputs: ['gates', 'c'],
  infer({ gates, c }) {
    checkGates('lstmGates', 4, 'c', ['gates'], { gates, c });
    return [c, c];
  },
  reference: ({ gates, c }) => lstmPoints(gates.data, c.data, c.shape as [number, number], 'value'),
  backward: {
    gates: (context) => lstmGradients(context)[0]!,
    c: (context) => lstmGradients(context)[1]!,
  },
  cost: ({ output }) => ({ flops: 30 * output.shape[0]! * output.shape[1]! }),
  kernels: pointwise<'gates' | 'c'>('lstm_gates_f32', ['gates', 'c', 'output0', 'output1'], 'c'),
  samples: sizes.map(([n, h]) => ({
    inputs: { gates: { shape: [n, 4 * h], ...PRE }, c: { shape: [n, h] } },
  })),
  errors: [
    {
      types: { gates: f32([2, 9]), c: f32([2, 3]) },
      message: 'lstmGates: gates must be [2,12] for c [2,3], it is [2,9]',
    },
    {
      types: { gates: f32([12]), c: f32([3]) },
      message: 'lstmGates: c must have 2 axes [batch, hidden], it is [3]',
    },
    {
      types: { gates: f32([2, 12]), c: { shape: [2, 3], dtype: 'i32' } },
      message: 'lstmGates: c must be f32, it is i32[2,3]',
    },
  ],
  tolerance: errorTolerance,
  magnitude: ({ gates, c }) => lstmPoints(gates.data, c.data, c.shape as [number, number], 'error'),
});

/** The gradients of `lstmGates` with respect to gates and c from those of h' and c'. */
export const lstmGatesBackward = defineOpWithOutputs({
  name: 'lstmGatesBackward',
  summary: "dgates, dc of lstmGates from dh', dc'",
  inputs: ['gates', 'c', 'dh', 'dc'],
  infer({ gates, c, dh, dc }) {
    checkGates('lstmGatesBackward', 4, 'c', ['gates'], { gates, c, dh, dc });
    return [gates, c];
  },
  reference({ gates, c, dh, dc }) {
    const [batch, hidden] = c.shape as [number, number];
    const [dgates, dprevious] = [new Float64Array(gates.data.length), new Float64Array(c.data.length)];
    for (let b = 0; b < batch; b++) {
      for (let j = 0; j < hidden; j++) {
        const at = b * hidden + j;
        const active = activate(gatesAt(gates.data, 4, hidden, b, j) as Four);
        const point = lstmPointBackward(active, c.data[at]!, dh.data[at]!, dc.data[at]!);
        point.gates.forEach((value, k) => {
          dgates[(4 * b + k) * hidden + j] = value;
        });
        dprevious[at] = point.c;
      }
    }
    return [dgates, dprevious];
  },
  backward: {
    gates: (context) => lstmSecondOrder(context).gates(),
    c: (context) => lstmSecondOrder(context).c(),
    dh: (context) => lstmSecondOrder(context).dh(),
    dc: (context) => lstmSecondOrder(context).dc(),
  },
  kernels: pointwise<'gates' | 'c' | 'dh' | 'dc'>(
    'lstm_gates_backward_f32',
    ['gates', 'c', 'dh', 'dc', 'output0', 'output1'],
    'c',
  ),
  samples: sizes.map(([n, h]) => {
    const shape = [n, h];
    return { inputs: { gates: { shape: [n, 4 * h], ...PRE }, c: { shape }, dh: { shape }, dc: { shape } } };
  }),
  errors: [
    {
      types: { gates: f32([2, 12]), c: f32([2, 3]), dh: f32([2, 4]), dc: f32([2, 3]) },
      message: 'lstmGatesBackward: dh must be [2,3] for c [2,3], it is [2,4]',
    },
  ],
  // With F the units of a function: t = tanh c' is off by 2 F + (F + 2) (|c| + 1) or less, hence d = dc + dh o (1 - t²) by
  // (F + 4) (|dh| (7 + 2 |c|) + |dc|); each gradient is d, or dh, times factors of at most max(1, |c|) whose own errors
  // add 3 times that at most.
  tolerance: {
    wasm: { ulps: 4 * (functionUnits.wasm + 4), magnitude: 'declared' },
    webgpu: { ulps: 4 * (functionUnits.webgpu + 4), magnitude: 'declared' },
  },
  magnitude({ gates, c, dh, dc }) {
    const hidden = c.shape[1]!;
    const size = c.data.map(
      (v, i) =>
        (Math.abs(dh.data[i]!) * (7 + 2 * Math.abs(v)) + Math.abs(dc.data[i]!)) * Math.max(1, Math.abs(v)),
    );
    const at = (i: number) => Math.floor(i / (4 * hidden)) * hidden + (i % hidden);
    return [gates.data.map((_, i) => size[at(i)]!), size];
  },
});
