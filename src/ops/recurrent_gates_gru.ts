import { defineOp, defineOpWithOutputs } from '../define.js';
import { f32, type Value } from '../op.js';
import { checkGates, gatesAt, PRE, pointwise, sizes } from './recurrent_gates.js';
import {
  errorTolerance,
  exact,
  functionUnits,
  gruPoint,
  gruPointBackward,
  sigmoid,
} from './recurrent_math.js';
import { gruSecondOrder } from './recurrent_second_order.js';
import type { RuleContext } from './recurrent_shared.js';

type Three = [number, number, number];

const gruGradients = ({ x, m, h, grads }: RuleContext & { x: Value; m: Value; h: Value }) =>
  gruGatesBackward(x, m, h, grads[0]!);

/** Evaluates a GRU's gates, element by element. */
function gruPoints(
  x: Float64Array,
  m: Float64Array,
  h: Float64Array,
  [batch, hidden]: readonly [number, number],
  key: 'value' | 'error',
) {
  const y = new Float64Array(batch * hidden);
  for (let b = 0; b < batch; b++) {
    for (let j = 0; j < hidden; j++) {
      const [xr, xz, xn] = gatesAt(x, 3, hidden, b, j).map(exact);
      const [mr, mz, mn] = gatesAt(m, 3, hidden, b, j).map(exact);
      y[b * hidden + j] = gruPoint([xr!, xz!, xn!], [mr!, mz!, mn!], exact(h[b * hidden + j]!)).h[key];
    }
  }
  return y;
}

/**
 * The pointwise part of a GRU cell: the sums of products and biases of r, z, n, of the input (x) and of the hidden state
 * (m), both [batch, 3 hidden], and h [batch, hidden]. r = σ(x + m), z = σ(x + m), n = tanh(x + r m), h' = (1 - z) n + z h.
 */
export const gruGates = defineOp({
  name: 'gruGates',
  summary: "n = tanh(xₙ + σ(xᵣ + mᵣ) mₙ), z = σ(x_z + m_z), h' = (1 - z) n + z h",
  inputs: ['x', 'm', 'h'],
  infer({ x, m, h }) {
    checkGates('gruGates', 3, 'h', ['x', 'm'], { x, m, h });
    return h;
  },
  reference: ({ x, m, h }) => gruPoints(x.data, m.data, h.data, h.shape as [number, number], 'value'),
  backward: {
    x: (context) => gruGradients(context)[0]!,
    m: (context) => gruGradients(context)[1]!,
    h: (context) => gruGradients(context)[2]!,
  },
  cost: ({ output }) => ({ flops: 30 * output.shape[0]! * output.shape[1]! }),
  kernels: pointwise<'x' | 'm' | 'h'>('gru_gates_f32', ['x', 'm', 'h', 'output'], 'h'),
  samples: sizes.map(([n, h]) => ({
    inputs: {
      x: { shape: [n, 3 * h], ...PRE },
      m: { shape: [n, 3 * h], domain: [-2, 2] },
      h: { shape: [n, h] },
    },
  })),
  errors: [
    {
      types: { x: f32([2, 9]), m: f32([2, 12]), h: f32([2, 3]) },
      message: 'gruGates: m must be [2,9] for h [2,3], it is [2,12]',
    },
    {
      types: { x: f32([9]), m: f32([9]), h: f32([3]) },
      message: 'gruGates: h must have 2 axes [batch, hidden], it is [3]',
    },
    {
      types: { x: { shape: [2, 9], dtype: 'i32' }, m: f32([2, 9]), h: f32([2, 3]) },
      message: 'gruGates: x must be f32, it is i32[2,9]',
    },
  ],
  tolerance: errorTolerance,
  magnitude: ({ x, m, h }) => gruPoints(x.data, m.data, h.data, h.shape as [number, number], 'error'),
});

/** The gradients of `gruGates` with respect to x, m and h from that of h'. */
export const gruGatesBackward = defineOpWithOutputs({
  name: 'gruGatesBackward',
  summary: "dx, dm, dh of gruGates from dh'",
  inputs: ['x', 'm', 'h', 'dy'],
  infer({ x, m, h, dy }) {
    checkGates('gruGatesBackward', 3, 'h', ['x', 'm'], { x, m, h, dy });
    return [x, m, h];
  },
  reference({ x, m, h, dy }) {
    const [batch, hidden] = h.shape as [number, number];
    const [dx, dm] = [new Float64Array(x.data.length), new Float64Array(x.data.length)];
    const dh = new Float64Array(h.data.length);
    for (let b = 0; b < batch; b++) {
      for (let j = 0; j < hidden; j++) {
        const at = b * hidden + j;
        const [xr, xz, xn] = gatesAt(x.data, 3, hidden, b, j) as Three;
        const [mr, mz, mn] = gatesAt(m.data, 3, hidden, b, j) as Three;
        const [r, z] = [sigmoid(xr + mr), sigmoid(xz + mz)];
        const point = gruPointBackward([r, z, Math.tanh(xn + r * mn)], mn, h.data[at]!, dy.data[at]!);
        point.gates.forEach((value, k) => {
          dx[(3 * b + k) * hidden + j] = value;
          dm[(3 * b + k) * hidden + j] = k === 2 ? point.m : value;
        });
        dh[at] = point.h;
      }
    }
    return [dx, dm, dh];
  },
  backward: {
    x: (context) => gruSecondOrder(context).x(),
    m: (context) => gruSecondOrder(context).m(),
    h: (context) => gruSecondOrder(context).h(),
    dy: (context) => gruSecondOrder(context).dy(),
  },
  kernels: pointwise<'x' | 'm' | 'h' | 'dy'>(
    'gru_gates_backward_f32',
    ['x', 'm', 'h', 'dy', 'output0', 'output1', 'output2'],
    'h',
  ),
  linear: ['dy'],
  samples: sizes.map(([n, h]) => ({
    inputs: {
      x: { shape: [n, 3 * h], ...PRE },
      m: { shape: [n, 3 * h], domain: [-2, 2] },
      h: { shape: [n, h] },
      dy: { shape: [n, h] },
    },
  })),
  errors: [
    {
      types: { x: f32([2, 9]), m: f32([2, 9]), h: f32([2, 3]), dy: f32([3, 3]) },
      message: 'gruGatesBackward: dy must be [2,3] for h [2,3], it is [3,3]',
    },
  ],
  // With F the units of a function: r and z are off by F / 4 of the roundings of their sums and F, n by (F + 4) s with s =
  // 1 + the sums' absolute terms; a gradient is dy times three factors of at most max(1, |m|, |h| + 1), off by 2 (F + 4) s.
  tolerance: {
    wasm: { ulps: 6 * (functionUnits.wasm + 4), magnitude: 'declared' },
    webgpu: { ulps: 6 * (functionUnits.webgpu + 4), magnitude: 'declared' },
  },
  magnitude({ x, m, h, dy }) {
    const hidden = h.shape[1]!;
    const size = h.data.map((v, at) => {
      const [b, j] = [Math.floor(at / hidden), at % hidden];
      const terms = (data: Float64Array) =>
        gatesAt(data, 3, hidden, b, j).reduce((sum, a) => sum + Math.abs(a), 0);
      const s = 1 + terms(x.data) + terms(m.data);
      return (
        Math.abs(dy.data[at]!) *
        s *
        Math.max(1, Math.abs(gatesAt(m.data, 3, hidden, b, j)[2]!), Math.abs(v) + 1)
      );
    });
    const wide = x.data.map((_, i) => size[Math.floor(i / (3 * hidden)) * hidden + (i % hidden)]!);
    return [wide, wide, size];
  },
});
