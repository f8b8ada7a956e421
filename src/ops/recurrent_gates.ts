import { defineOp, defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type TensorType, type Value, type Variant } from '../op.js';
import { sameShape, showShape } from '../shape.js';
import { expectRank } from './common.js';
import {
  errorTolerance,
  exact,
  functionUnits,
  gruPoint,
  gruPointBackward,
  lstmPoint,
  lstmPointBackward,
  sigmoid,
} from './recurrent_math.js';
import { gruSecondOrder, lstmSecondOrder } from './recurrent_second_order.js';
import { type RuleContext, shared, zerosLike } from './recurrent_shared.js';

/** One launch over [batch, hidden]: a wasm unit is a row of the batch, a GPU invocation an element. */
function pointwise<N extends string>(kernel: string, operands: readonly string[], state: N) {
  const variant = (backend: 'wasm' | 'webgpu'): Variant<N, object> => ({
    name: kernel,
    launches({ types }: KernelCall<N, object>) {
      const [batch, hidden] = (types as Record<string, TensorType>)[state]!.shape as [number, number];
      const units = backend === 'wasm' ? batch : batch * hidden;
      return [{ kernel, operands, params: { batch, hidden }, units, scratch: 20 * hidden }];
    },
  });
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

/** Checks that `state` is [batch, hidden], that what `wide` names is [batch, gates hidden], and the rest like `state`. */
function checkGates(
  name: string,
  gates: number,
  state: string,
  wide: readonly string[],
  types: Readonly<Record<string, TensorType>>,
): void {
  expectDType(name, types, 'f32');
  expectRank(name, state, types[state]!, 2, '[batch, hidden]');
  const [batch, hidden] = types[state]!.shape as [number, number];
  for (const [key, type] of Object.entries(types)) {
    const wanted = [batch, wide.includes(key) ? gates * hidden : hidden];
    if (!sameShape(type.shape, wanted))
      fail(
        name,
        `${key} must be ${showShape(wanted)} for ${state} ${showShape([batch, hidden])}, it is ${showShape(type.shape)}`,
      );
  }
}

const sizes = [
  [1, 1],
  [2, 3],
  [3, 4],
  [5, 17],
] as const;
const PRE = { domain: [-4, 4] } as const;

/** Element j of each of the gates in row b of [batch, gates hidden]. */
const gatesAt = (data: Float64Array, count: number, hidden: number, b: number, j: number) =>
  Array.from({ length: count }, (_, k) => data[(b * count + k) * hidden + j]!);

type Four = [number, number, number, number];
type Three = [number, number, number];

const activate = ([i, f, g, o]: Four): Four => [sigmoid(i), sigmoid(f), Math.tanh(g), sigmoid(o)];

const lstmGradients = shared(({ gates, c, grads: [dh, dc] }: RuleContext & { gates: Value; c: Value }) =>
  lstmGatesBackward(gates, c, dh ?? zerosLike(c), dc ?? zerosLike(c)),
);

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

const gruGradients = shared(({ x, m, h, grads }: RuleContext & { x: Value; m: Value; h: Value }) =>
  gruGatesBackward(x, m, h, grads[0]!),
);

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
