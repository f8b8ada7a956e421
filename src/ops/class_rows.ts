/** What losses over classes share: logits [classes], [n, classes] or [n, classes, d1, ...], one target for each row. */
import { fail } from '../errors.js';
import { type Kinds, number, oneOf, whole } from '../kinds.js';
import { expectDType, type RefTensor, type TensorType, type Value } from '../op.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import { reshape } from './layout.js';
import type { Reduction } from './loss_spec.js';
import { lossTotal } from './loss_total.js';
import { placeOf as placeInRow, rowsOf } from './rows.js';

export interface LabelOptions {
  /** Each row's loss, their mean (over the weights of the labels that count) or their sum; default 'mean'. */
  readonly reduction?: Reduction;
  /** A label that counts nothing, default -100. */
  readonly ignoreIndex?: number;
}

export const labelKinds: Kinds<LabelOptions> = {
  reduction: oneOf('none', 'mean', 'sum'),
  ignoreIndex: whole,
};

export interface LabelAttrs {
  readonly reduction: Reduction;
  readonly ignoreIndex: number;
}

export interface CrossEntropyOptions extends LabelOptions {
  /** The share of the target that is spread evenly over the classes, 0 to 1; default 0. */
  readonly labelSmoothing?: number;
}

export const crossEntropyKinds: Kinds<CrossEntropyOptions> = { ...labelKinds, labelSmoothing: number };

export type CrossEntropyAttrs = LabelAttrs & { readonly labelSmoothing: number };

export function labelAttrs(name: string, options: LabelOptions | undefined): LabelAttrs {
  const { ignoreIndex = -100 } = options ?? {};
  if (!Number.isInteger(ignoreIndex)) fail(name, `ignoreIndex must be a whole number, got ${ignoreIndex}`);
  return { reduction: options?.reduction ?? 'mean', ignoreIndex };
}

/** The axis of the classes. */
export const classAxis = (shape: Shape): number => Math.min(1, shape.length - 1);

/** The shape of labels. */
export const rowShape = (shape: Shape): number[] => shape.filter((_, axis) => axis !== classAxis(shape));

/** Rows lie `inner` apart from element to element. */
export function geometry(shape: Shape): { rows: number; classes: number; inner: number } {
  const { outer, length: classes, inner } = rowsOf(shape, classAxis(shape));
  return { rows: outer * inner, classes, inner };
}

/** Index of the element of class c in row number `row`. */
export const placeOf = ({ classes, inner }: { classes: number; inner: number }, row: number, c: number) =>
  placeInRow({ length: classes, inner }, row, c);

/** A value per row with the axis of classes, of size 1, or a value per class, against `shape`. */
export const alongClasses = (value: Value, shape: Shape): Value =>
  reshape(value, { shape: shape.map((size, axis) => (axis === classAxis(shape) ? 1 : size)) });
export const acrossRows = (weight: Value, shape: Shape): Value =>
  reshape(weight, { shape: [weight.shape[0]!, ...shape.slice(classAxis(shape) + 1).map(() => 1)] });

/** The three inputs as messages show them: the scores' name, then target and weight. */
const shown = (scores: string, x: TensorType, target: TensorType): string =>
  `${scores} is ${showShape(x.shape)}, target is ${showShape(target.shape)}`;

export function checkRows(
  name: string,
  scores: string,
  x: TensorType,
  target: TensorType,
  weight: TensorType | null,
): void {
  expectDType(name, { [scores]: x, weight }, 'f32');
  if (x.shape.length === 0) fail(name, `${scores} must have an axis of classes, it is []`);
  const { classes } = geometry(x.shape);
  if (!sameShape(target.shape, target.dtype === 'f32' ? x.shape : rowShape(x.shape))) {
    const wanted = showShape(target.dtype === 'f32' ? x.shape : rowShape(x.shape));
    fail(name, `target must be ${wanted}, ${shown(scores, x, target)}`);
  }
  if (weight && !sameShape(weight.shape, [classes]))
    fail(name, `weight must be [${classes}], it is ${showShape(weight.shape)}`);
}

export const labelFault = (
  scores: string,
  x: TensorType,
  target: TensorType,
  [row, label]: readonly [number, number],
): string =>
  `label ${label | 0} at row ${row} is outside 0..${geometry(x.shape).classes - 1}, ${shown(scores, x, target)}`;

/** A row's label, null where it is ignored; an error where it is outside the classes. */
export function labelAt(
  name: string,
  scores: string,
  { x, target, ignoreIndex }: { x: TensorType; target: RefTensor; ignoreIndex: number },
  row: number,
): number | null {
  const label = target.data[row]!;
  if (label === ignoreIndex) return null;
  if (label < 0 || label >= geometry(x.shape).classes)
    fail(name, labelFault(scores, x, target, [row, label]));
  return label;
}

/** Parameters of every kernel of the family. */
export function rowParams(
  shape: Shape,
  weight: TensorType | null,
  attrs: { reduction: Reduction; ignoreIndex: number; labelSmoothing?: number },
) {
  const { rows, classes, inner } = geometry(shape);
  return {
    rows,
    classes,
    inner,
    hasWeight: Number(weight !== null),
    counted: Number(attrs.reduction === 'mean'),
    moves: Number(attrs.reduction === 'none'),
    ignoreIndex: attrs.ignoreIndex,
    smoothing: attrs.labelSmoothing ?? 0,
    scale: attrs.reduction === 'mean' ? 1 / rows : 1,
    faultId: 0,
    lanes: 0,
    slopes: 0,
  };
}

/** Launches that reduce losses, and where labels count their weights, to the output. */
export function totalLaunch(
  params: ReturnType<typeof rowParams>,
  backend: 'wasm' | 'webgpu',
  byWeight: boolean,
  output = 'output',
) {
  if (byWeight) {
    const units = backend === 'wasm' ? 1 : 64;
    return { kernel: 'cross_entropy_f32', operands: ['losses', 'weights', output], params, units };
  }
  return lossTotal(backend, ['losses', output], params.rows, params.counted ? params.scale : 1);
}

/** Buffers of a forward call: the losses, unless they are the output, and the weights of labels. */
export const rowBytes = (rows: number, { reduction }: { reduction: Reduction }): Record<string, number> => ({
  ...(reduction === 'none' ? {} : { losses: 4 * Math.max(1, rows) }),
  weights: 4 * Math.max(1, rows),
});

/** The launch that adds up the labels' weights. */
export const weightLaunch = (params: ReturnType<typeof rowParams>, backend: 'wasm' | 'webgpu') => ({
  kernel: 'label_weights_f32',
  operands: ['target', 'weight', 'total'],
  params,
  units: backend === 'wasm' ? 1 : 64,
});
