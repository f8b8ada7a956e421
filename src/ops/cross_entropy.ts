import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, showShape } from '../shape.js';
import { mul } from './binary.js';
import { full } from './fill.js';
import { sum } from './reduce.js';
import { POWER_ULPS, softmax, softmaxBackward } from './softmax.js';

export interface CrossEntropyOptions {
  /** Over the rows, default 'mean'. */
  readonly reduction?: 'mean' | 'sum';
}

interface Attrs {
  readonly reduction: 'mean' | 'sum';
}

const reductionOf =
  (name: string) =>
  (options: CrossEntropyOptions | undefined): Attrs => {
    const reduction = options?.reduction ?? 'mean';
    if (reduction !== 'mean' && reduction !== 'sum')
      fail(name, `reduction must be 'mean' or 'sum', got '${reduction}'`);
    return { reduction };
  };

const scaleOf = (logits: Shape, { reduction }: Attrs): number => (reduction === 'mean' ? 1 / logits[0]! : 1);

function checkTypes(name: string, logits: TensorType, labels: TensorType): void {
  expectDType(name, { logits }, 'f32');
  expectDType(name, { labels }, 'i32');
  const shown = `logits is ${showShape(logits.shape)}, labels is ${showShape(labels.shape)}`;
  if (logits.shape.length !== 2) fail(name, `logits must be [rows, classes], ${shown}`);
  if (labels.shape.length !== 1 || labels.shape[0] !== logits.shape[0])
    fail(name, `labels must be [rows], ${shown}`);
}

const params = (logits: Shape, attrs: Attrs) => ({
  rows: logits[0]!,
  classes: logits[1]!,
  scale: scaleOf(logits, attrs),
});

const labelFault = (
  { logits, labels }: { logits: TensorType; labels: TensorType },
  _: Attrs,
  [row, label]: readonly [number, number],
): string =>
  `label ${label | 0} at row ${row} is outside 0..${logits.shape[1]! - 1}, ` +
  `logits is ${showShape(logits.shape)}, labels is ${showShape(labels.shape)}`;

/** Softmax of one row of the reference logits. */
function probabilities(logits: Float64Array, row: number, classes: number): Float64Array {
  const values = logits.subarray(row * classes, (row + 1) * classes);
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = values.map((v) => Math.exp(v - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((v) => v / total);
}

const rowLoss = (logits: RefTensor, labels: RefTensor, row: number): number =>
  -Math.log(probabilities(logits.data, row, logits.shape[1]!)[labels.data[row]!]!);

function checkLabel(name: string, label: number, row: number, logits: TensorType, labels: TensorType): void {
  const inside = label >= 0 && label < logits.shape[1]!;
  if (!inside) fail(name, labelFault({ logits, labels }, { reduction: 'mean' }, [row, label]));
}

const samples: readonly {
  inputs: {
    logits: { shape: Shape; domain: [number, number] };
    labels: { shape: Shape; dtype: 'i32'; domain: [number, number] };
  };
  options?: CrossEntropyOptions;
}[] = [
  [1, 1],
  [3, 10],
  [7, 17],
  [65, 4],
].flatMap(([rows, classes]) =>
  [{}, { reduction: 'sum' as const }].map((options) => ({
    inputs: {
      logits: { shape: [rows!, classes!], domain: [-4, 4] as [number, number] },
      labels: { shape: [rows!], dtype: 'i32' as const, domain: [0, classes! - 1] as [number, number] },
    },
    options,
  })),
);

const errors = (name: string, extra: Readonly<Record<string, TensorType>>) => [
  {
    types: { logits: f32([2, 3, 4]), labels: { shape: [2], dtype: 'i32' as const }, ...extra },
    message: `${name}: logits must be [rows, classes], logits is [2,3,4], labels is [2]`,
  },
  {
    types: { logits: f32([2, 3]), labels: { shape: [3], dtype: 'i32' as const }, ...extra },
    message: `${name}: labels must be [rows], logits is [2,3], labels is [3]`,
  },
  {
    types: { logits: f32([2, 3]), labels: f32([2]), ...extra },
    message: `${name}: labels must be i32, it is f32[2]`,
  },
];

type LossCall = KernelCall<'logits' | 'labels', Attrs>;

const loss = (backend: 'wasm' | 'webgpu') => ({
  name: 'cross_entropy_f32',
  temporaries: ({ types }: LossCall) => ({ losses: 4 * types.logits.shape[0]! }),
  launches({ types, attrs }: LossCall) {
    const p = params(types.logits.shape, attrs);
    return [
      {
        kernel: 'cross_entropy_rows_f32',
        operands: ['logits', 'labels', 'losses', 'fault'],
        params: p,
        units: p.rows,
      },
      {
        kernel: 'cross_entropy_f32',
        operands: ['losses', 'output'],
        params: p,
        units: backend === 'wasm' ? 1 : 64,
      },
    ];
  },
});

// A row's loss is off by so many units of 1 + loss as logSoftmax; the sum over rows and its scale round once each.
const lossTolerance = (backend: 'wasm' | 'webgpu') =>
  ({
    ulps({ types }: LossCall) {
      const [rows, classes] = types.logits.shape as [number, number];
      return POWER_ULPS[backend] + classes + 16 + rows + 1;
    },
    magnitude: 'declared',
  }) as const;

/** -log softmax(logits)[label], averaged or summed over rows: logits f32 [rows, classes], labels i32 [rows]. */
export const crossEntropy = defineOp({
  name: 'crossEntropy',
  summary: 'y = mean or Σ of -log softmax(logits)[label]',
  inputs: ['logits', 'labels'],
  attributes: reductionOf('crossEntropy'),
  infer({ logits, labels }) {
    checkTypes('crossEntropy', logits, labels);
    return f32([]);
  },
  reference({ logits, labels }, attrs) {
    let total = 0;
    labels.data.forEach((label, row) => {
      checkLabel('crossEntropy', label, row, logits, labels);
      total += rowLoss(logits, labels, row);
    });
    return Float64Array.of(total * scaleOf(logits.shape, attrs));
  },
  backward: {
    logits: ({ grad, logits, labels, attrs }): Value => crossEntropyBackward(logits, labels, grad, attrs),
    labels: null,
  },
  cost: ({ types }) => ({ flops: 5 * types.logits.shape[0]! * types.logits.shape[1]! }),
  kernels: { wasm: [loss('wasm')], webgpu: [loss('webgpu')] },
  fault: labelFault,
  samples,
  errors: errors('crossEntropy', {}),
  tolerance: { wasm: lossTolerance('wasm'), webgpu: lossTolerance('webgpu') },
  magnitude({ logits, labels }, attrs) {
    const total = labels.data.reduce((sum, _, row) => sum + 1 + rowLoss(logits, labels, row), 0);
    return Float64Array.of(total * scaleOf(logits.shape, attrs));
  },
});

type BackwardCall = KernelCall<'logits' | 'labels' | 'dy', Attrs>;

const gradientKernel = {
  name: 'cross_entropy_backward_f32',
  launches: ({ types, attrs }: BackwardCall) => [
    {
      kernel: 'cross_entropy_backward_f32',
      operands: ['logits', 'labels', 'dy', 'output'],
      params: params(types.logits.shape, attrs),
      units: types.logits.shape[0]!,
    },
  ],
};

const gradientTolerance = (backend: 'wasm' | 'webgpu') =>
  ({
    ulps: ({ types }: BackwardCall) => 2 * POWER_ULPS[backend] + types.logits.shape[1]! + 6 + 3,
    magnitude: 'declared',
  }) as const;

/** dlogits = dy (softmax(logits) - onehot(labels)), divided by the rows for 'mean'; dy is a scalar. */
export const crossEntropyBackward = defineOp({
  name: 'crossEntropyBackward',
  summary: 'dlogits = dy (softmax(logits) - onehot(labels)), / rows for the mean',
  inputs: ['logits', 'labels', 'dy'],
  attributes: reductionOf('crossEntropyBackward'),
  infer({ logits, labels, dy }) {
    checkTypes('crossEntropyBackward', logits, labels);
    expectDType('crossEntropyBackward', { dy }, 'f32');
    if (dy.shape.length !== 0)
      fail('crossEntropyBackward', `dy must be a scalar, it is ${showShape(dy.shape)}`);
    return logits;
  },
  reference({ logits, labels, dy }, attrs) {
    const classes = logits.shape[1]!;
    const scale = dy.data[0]! * scaleOf(logits.shape, attrs);
    const out = new Float64Array(logits.data.length);
    labels.data.forEach((label, row) => {
      checkLabel('crossEntropyBackward', label, row, logits, labels);
      probabilities(logits.data, row, classes).forEach((p, c) => {
        out[row * classes + c] = scale * (p - Number(c === label));
      });
    });
    return out;
  },
  backward: {
    // With p = softmax(logits): the derivative of p along grad is p (grad - Σ grad p).
    logits({ grad, logits, dy, attrs }): Value {
      const scale = mul(dy, full({ shape: [], value: scaleOf(logits.shape, attrs) }));
      return softmaxBackward(mul(grad, scale), softmax(logits));
    },
    labels: null,
    dy: ({ grad, logits, labels, attrs }): Value =>
      sum(mul(grad, crossEntropyBackward(logits, labels, full({ shape: [], value: 1 }), attrs))),
  },
  kernels: { wasm: [gradientKernel], webgpu: [{ ...gradientKernel }] },
  inPlace: ['logits'],
  linear: ['dy'],
  samples: samples.map(({ inputs, options }) => ({ inputs: { ...inputs, dy: { shape: [] } }, options })),
  errors: errors('crossEntropyBackward', { dy: f32([]) }),
  // p carries softmax's error, two factors of the scale and the difference a rounding each; p - 1 may cancel.
  tolerance: { wasm: gradientTolerance('wasm'), webgpu: gradientTolerance('webgpu') },
  magnitude({ logits, labels, dy }, attrs) {
    const classes = logits.shape[1]!;
    const scale = Math.abs(dy.data[0]! * scaleOf(logits.shape, attrs));
    const out = new Float64Array(logits.data.length);
    labels.data.forEach((label, row) => {
      probabilities(logits.data, row, classes).forEach((p, c) => {
        out[row * classes + c] = scale * (p + Number(c === label));
      });
    });
    return out;
  },
});
