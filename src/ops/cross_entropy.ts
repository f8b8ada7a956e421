/** Cross-entropy of logits. Kernels: assembly/cross_entropy.ts, shaders/cross_entropy.wgsl. */
import { defineOp, defineOpWithOutputs } from '../define.js';
import { fail } from '../errors.js';
import { f32, type KernelCall, type TensorType, type Value } from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import { add, div, mul, sub } from './binary.js';
import {
  acrossRows,
  alongClasses,
  type CrossEntropyAttrs,
  type CrossEntropyOptions,
  checkRows,
  classAxis,
  crossEntropyKinds,
  geometry,
  labelAttrs,
  labelFault,
  rowShape,
} from './class_rows.js';
import { byLanes, byRows } from './cross_entropy_kernels.js';
import { derivatives, losses, magnitudes, slopeSizes } from './cross_entropy_reference.js';
import { crossEntropySamples } from './cross_entropy_samples.js';
import { full, isOne, scalar } from './fill.js';
import { nllLossBackward } from './nll_loss.js';
import { sum } from './reduce.js';
import { logSoftmax, POWER_UNITS, softmax, softmaxBackward, sumUnits } from './softmax.js';

const attributesOf =
  (name: string) =>
  (options: CrossEntropyOptions | undefined): CrossEntropyAttrs => {
    const { labelSmoothing = 0 } = options ?? {};
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
      fail(name, `labelSmoothing must be within 0 and 1, got ${labelSmoothing}`);
    return { ...labelAttrs(name, options), labelSmoothing };
  };

interface Types {
  readonly logits: TensorType;
  readonly target: TensorType;
  readonly weight: TensorType | null;
}

function check(name: string, { logits, target, weight }: Types): void {
  if (target.dtype === 'bool')
    fail(name, `target must be i32 labels or f32 probabilities, it is bool${showShape(target.shape)}`);
  checkRows(name, 'logits', logits, target, weight);
}

function lossType(name: string, types: Types, { reduction, ignoreIndex }: CrossEntropyAttrs): TensorType {
  check(name, types);
  if (types.target.dtype === 'f32' && ignoreIndex >= 0)
    fail(name, `ignoreIndex ${ignoreIndex} means labels, but target holds probabilities`);
  return f32(reduction === 'none' ? rowShape(types.logits.shape) : []);
}

type Call = KernelCall<'logits' | 'target' | 'weight?', CrossEntropyAttrs>;

/**
 * Units by which a kernel's share of a class is off, of its weight times the unsmoothed share and smoothing / classes: the
 * smoothing's own rounding, 1 - smoothing, its product, 5 of the quotient, the sum, the product with the weight.
 */
const SHARE = 10;

// A row's loss is off by so many units of 1 + surprise as logSoftmax, by a share's, by one for the product and another for
// each class that is added up. Two sums over the rows, a quotient of 5, and the product with the rounded 1 / rows.
const lossTolerance = (backend: 'wasm' | 'webgpu') =>
  ({
    ulps({ types }: Call) {
      const { rows, classes } = geometry(types.logits.shape);
      return sumUnits(backend, classes) + 8 + SHARE + 1 + classes + 2 * rows + 5 + 2;
    },
    magnitude: 'declared',
  }) as const;

/** g by row, as it stands against the logits: dy, divided by the number of rows or the labels' weights for a mean. */
function rowGradient(
  dy: Value,
  { logits, target, weight }: Rest,
  { reduction, ignoreIndex }: CrossEntropyAttrs,
): Value {
  if (reduction === 'none') return alongClasses(dy, logits.shape);
  if (reduction === 'sum') return dy;
  if (target.dtype === 'f32') return mul(dy, scalar(1 / geometry(logits.shape).rows));
  return div(dy, sum(labelWeights(logits, target, weight, ignoreIndex)));
}

interface Rest {
  readonly logits: Value;
  readonly target: Value;
  readonly weight: Value | null;
}

/** Each row's weight[label], or 1 without a weight, against the logits; 0 for ignored labels. */
function labelWeights(logits: Value, target: Value, weight: Value | null, ignoreIndex: number): Value {
  const ones = full({ shape: target.shape, value: -1 });
  const { shape } = logits;
  const spread = nllLossBackward(target, weight, ones, { shape, reduction: 'none', ignoreIndex });
  return sum(spread, { axes: classAxis(shape), keepDims: true });
}

/** What the shares of a row add up to, with their weights. */
function shareTotal(
  { logits, target, weight }: Rest,
  { ignoreIndex, labelSmoothing }: CrossEntropyAttrs,
): Value {
  const { classes } = geometry(logits.shape);
  if (target.dtype === 'f32') {
    const even = add(mul(target, scalar(1 - labelSmoothing)), scalar(labelSmoothing / classes));
    const shares = weight ? mul(even, acrossRows(weight, logits.shape)) : even;
    return sum(shares, { axes: classAxis(logits.shape), keepDims: true });
  }
  const own = mul(labelWeights(logits, target, weight, ignoreIndex), scalar(1 - labelSmoothing));
  const counts = mul(labelWeights(logits, target, null, ignoreIndex), scalar(labelSmoothing / classes));
  return add(own, mul(counts, weight ? sum(weight) : scalar(classes)));
}

/** g times weight by class, times what of the target is not spread evenly. */
function ownShare(g: Value, { logits, weight }: Rest, { labelSmoothing }: CrossEntropyAttrs): Value {
  const rest = mul(g, scalar(1 - labelSmoothing));
  return weight ? mul(rest, acrossRows(weight, logits.shape)) : rest;
}

/** The gradient of the logits, by their slopes: for the loss itself these are it. */
function alongSlopes(grad: Value, slopes: Value, { reduction }: CrossEntropyAttrs): Value {
  if (isOne(grad)) return slopes;
  return mul(slopes, reduction === 'none' ? alongClasses(grad, slopes.shape) : grad);
}

/** The gradient of the target: each class's -log softmax, times what a share of it counts. */
function surprises(grad: Value, rest: Rest, attrs: CrossEntropyAttrs): Value {
  const share = ownShare(rowGradient(grad, rest, attrs), rest, attrs);
  const y = logSoftmax(rest.logits, { axis: classAxis(rest.logits.shape) });
  return mul(mul(y, scalar(-1)), share);
}

/**
 * -Σ share log softmax(logits) over the classes, of f32 logits [classes], [n, classes] or [n, classes, d1, ...]. The target
 * is one i32 label for each row, or f32 shares in the shape of the logits. The shares of a label are 1 at the label; weight
 * [classes] multiplies shares. 'mean' divides by the weights of the labels that count, or by the number of rows.
 *
 * @throws where a label is outside the classes and not `ignoreIndex`.
 */
export const crossEntropy = defineOp({
  name: 'crossEntropy',
  summary: 'y = -weight[label] log softmax(logits)[label], or -Σ weight target log softmax(logits)',
  inputs: ['logits', 'target', 'weight?'],
  kinds: crossEntropyKinds,
  attributes: attributesOf('crossEntropy'),
  infer: (types, attrs) => lossType('crossEntropy', types, attrs),
  reference: (inputs, attrs) => losses('crossEntropy', inputs, attrs),
  backward: {
    logits: ({ grad, logits, target, weight, attrs }): Value =>
      alongSlopes(grad, crossEntropyWithGradient(logits, target, weight, attrs)[1]!, attrs),
    target: ({ grad, logits, target, weight, attrs }): Value =>
      surprises(grad, { logits, target, weight }, attrs),
    weight: null,
  },
  within: ({ logits, target, weight }, attrs): Value =>
    crossEntropyWithGradient(logits, target, weight, attrs)[0]!,
  cost: ({ types }) => ({ flops: 5 * sizeOf(types.logits.shape) }),
  kernels: {
    wasm: byRows(false),
    webgpu: byLanes(false),
  },
  fault: ({ logits, target }, _, detail) => labelFault('logits', logits, target, detail),
  samples: crossEntropySamples,
  errors: errors('crossEntropy'),
  tolerance: { wasm: lossTolerance('wasm'), webgpu: lossTolerance('webgpu') },
  magnitude: (inputs, attrs) => magnitudes('crossEntropy', inputs, attrs),
});

function errors(name: string) {
  const target = { shape: [2], dtype: 'i32' as const };
  return [
    {
      types: { logits: f32([2, 3]), target: { shape: [3], dtype: 'i32' as const } },
      message: `${name}: target must be [2], logits is [2,3], target is [3]`,
    },
    {
      types: { logits: f32([2, 3]), target: f32([2]) },
      message: `${name}: target must be [2,3], logits is [2,3], target is [2]`,
    },
    {
      types: { logits: f32([2, 3]), target: { shape: [2], dtype: 'bool' as const } },
      message: `${name}: target must be i32 labels or f32 probabilities, it is bool[2]`,
    },
    {
      types: { logits: f32([2, 3]), target, weight: f32([2]) },
      message: `${name}: weight must be [3], it is [2]`,
    },
    {
      types: { logits: f32([2, 3]), target },
      options: { labelSmoothing: 1.5 },
      message: `${name}: labelSmoothing must be within 0 and 1, got 1.5`,
    },
    {
      types: { logits: f32([2, 3]), target: f32([2, 3]) },
      options: { ignoreIndex: 0 },
      message: `${name}: ignoreIndex 0 means labels, but target holds probabilities`,
    },
  ];
}

// The loss as above. The gradient: the power, its sum, and the quotient by it, 5; the shares and their sum; the labels' weights
// a unit for each row, the quotient by them 5; the products of softmax with the shares and of the whole with g, and both
// differences.
const bothTolerance = (backend: 'wasm' | 'webgpu') =>
  ({
    ulps(call: Call) {
      const { rows, classes } = geometry(call.types.logits.shape);
      const slopes = POWER_UNITS[backend] + sumUnits(backend, classes) + 5 + SHARE + classes + rows + 5 + 4;
      return Math.max(lossTolerance(backend).ulps(call), slopes);
    },
    magnitude: 'declared',
  }) as const;

/**
 * `crossEntropy`, and its gradient with respect to the logits, A softmax(logits) - share with A the sum of a row's weighted
 * shares, divided as the loss is: one pass over the logits makes both.
 */
export const crossEntropyWithGradient = defineOpWithOutputs({
  name: 'crossEntropyWithGradient',
  summary: 'y of crossEntropy, and its gradient: weighted softmax(logits) - onehot(target)',
  inputs: ['logits', 'target', 'weight?'],
  kinds: crossEntropyKinds,
  attributes: attributesOf('crossEntropyWithGradient'),
  infer: (types, attrs) => [lossType('crossEntropyWithGradient', types, attrs), types.logits],
  reference: (inputs, attrs) => [
    losses('crossEntropy', inputs, attrs),
    derivatives('crossEntropy', inputs, attrs),
  ],
  backward: {
    // With p = softmax(logits): the derivative of p along its gradient is p (grad - Σ grad p).
    logits({ grads: [dy, dslopes], outputs, logits, target, weight, attrs }): Value | null {
      const rest = { logits, target, weight };
      const axis = classAxis(logits.shape);
      const first = dy && alongSlopes(dy, outputs[1]!, attrs);
      if (!dslopes) return first ?? null;
      const scale = mul(rowGradient(onesFor(logits, attrs), rest, attrs), shareTotal(rest, attrs));
      const second = softmaxBackward(mul(dslopes, scale), softmax(logits, { axis }), { axis });
      return first ? add(first, second) : second;
    },
    // A share raises A by its weight, and is subtracted itself.
    target({ grads: [dy, dslopes], logits, target, weight, attrs }): Value | null {
      const rest = { logits, target, weight };
      const axis = classAxis(logits.shape);
      const first = dy && surprises(dy, rest, attrs);
      if (!dslopes) return first ?? null;
      const along = sum(mul(dslopes, softmax(logits, { axis })), { axes: axis, keepDims: true });
      const g = rowGradient(onesFor(logits, attrs), rest, attrs);
      const second = mul(sub(along, dslopes), ownShare(g, rest, attrs));
      return first ? add(first, second) : second;
    },
    weight: null,
  },
  cost: ({ types }) => ({ flops: 8 * sizeOf(types.logits.shape) }),
  kernels: {
    wasm: byRows(true),
    webgpu: byLanes(true),
  },
  inPlace: ['logits'],
  inPlaceOutput: 1,
  reportsAs: 'crossEntropy',
  fault: ({ logits, target }, _, detail) => labelFault('logits', logits, target, detail),
  samples: crossEntropySamples,
  errors: errors('crossEntropyWithGradient'),
  tolerance: { wasm: bothTolerance('wasm'), webgpu: bothTolerance('webgpu') },
  magnitude: (inputs, attrs) => [
    magnitudes('crossEntropyWithGradient', inputs, attrs),
    slopeSizes('crossEntropyWithGradient', inputs, attrs),
  ],
});

/** The gradient of a loss with respect to itself. */
const onesFor = (logits: Value, { reduction }: CrossEntropyAttrs): Value =>
  full({ shape: reduction === 'none' ? rowShape(logits.shape) : [], value: 1 });
