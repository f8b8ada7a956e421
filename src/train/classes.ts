import { checkHost, type HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { type Kinds, number, whole } from '../kinds.js';
import { sameShape, showShape, sizeOf } from '../shape.js';

/** How outputs become classes. */
export interface ClassOptions {
  /**
   * With it an output is one number, [n] or [n, 1], and the class is whether it is above: 0.5 for probabilities, 0 for
   * logits. Without it an output is a score for each class, [n, classes, ...], or the classes themselves, i32 [n, ...].
   */
  readonly threshold?: number;
  /** A label that is not counted, as crossEntropy's. */
  readonly ignoreIndex?: number;
}

export const classKinds: Kinds<ClassOptions> = { threshold: number, ignoreIndex: whole };

/** What was told and what was right, element by element; without the ignored ones. */
export interface Told {
  readonly predicted: Int32Array;
  readonly labels: Int32Array;
  /** Known from the outputs' shape; null where the outputs are classes themselves. */
  readonly classes: number | null;
}

/** Where the scores of one element lie in an output [n, classes, ...]. */
export interface Scores {
  readonly data: HostTensor['data'];
  readonly classes: number;
  /** Elements after the axis of classes. */
  readonly inner: number;
}

/** Position of the score of `label` of element `i`. */
export const scoreAt = ({ classes, inner }: Scores, i: number, label: number): number =>
  (Math.floor(i / inner) * classes + label) * inner + (i % inner);

export function scoresOf(where: string, { data, shape }: HostTensor): Scores {
  if (shape.length < 2) {
    const advice = 'give a threshold for outputs of one number';
    fail(where, `outputs must be [n, classes, ...], they are ${showShape(shape)}; ${advice}`);
  }
  return { data, classes: shape[1]!, inner: sizeOf(shape.slice(2)) };
}

/** The class of the highest score of element `i`; of equal ones the first. */
function highest(scores: Scores, i: number): number {
  let best = 0;
  for (let label = 1; label < scores.classes; label++)
    if (scores.data[scoreAt(scores, i, label)]! > scores.data[scoreAt(scores, i, best)]!) best = label;
  return best;
}

const withoutClasses = (shape: readonly number[]): number[] => shape.filter((_, axis) => axis !== 1);

/** Labels as whole numbers; targets of one score per class count as the class of the highest. */
export function labelsOf(where: string, target: HostTensor, output: HostTensor, scored: boolean): Int32Array {
  if (scored && target.dtype === 'f32' && sameShape(target.shape, output.shape)) {
    const scores = scoresOf(where, target);
    return Int32Array.from({ length: sizeOf(withoutClasses(target.shape)) }, (_, i) => highest(scores, i));
  }
  const count = sizeOf(scored ? withoutClasses(output.shape) : output.shape);
  if (sizeOf(target.shape) !== count) {
    fail(where, `targets ${showShape(target.shape)} don't fit outputs ${showShape(output.shape)}`);
  }
  const wrong = target.data.findIndex((label) => !Number.isInteger(label));
  if (wrong >= 0) fail(where, `label ${target.data[wrong]} of element ${wrong} is no whole number`);
  return Int32Array.from(target.data);
}

/** @throws WeftError naming a label outside the classes. */
export function checkLabels(
  where: string,
  labels: Int32Array,
  classes: number,
  ignoreIndex: number | undefined,
  what = 'label',
): void {
  const wrong = labels.findIndex((label) => label !== ignoreIndex && !(label >= 0 && label < classes));
  if (wrong >= 0)
    fail(where, `${what} ${labels[wrong]} of element ${wrong} is outside the ${classes} classes`);
}

/** Classes told by `output`, beside the labels of `target`. */
export function classesOf(
  where: string,
  output: HostTensor,
  target: HostTensor,
  options: ClassOptions,
): Told {
  checkHost(`${where}: output`, output);
  checkHost(`${where}: target`, target);
  const { threshold, ignoreIndex } = options;
  const scored = threshold === undefined && output.dtype === 'f32';
  const labels = labelsOf(where, target, output, scored);
  const scores = scored ? scoresOf(where, output) : null;
  const classes = scores?.classes ?? (threshold === undefined ? null : 2);
  if (classes !== null) checkLabels(where, labels, classes, ignoreIndex);
  const tell = (_: unknown, i: number): number => {
    if (scores) return highest(scores, i);
    return threshold === undefined ? output.data[i]! : Number(output.data[i]! > threshold);
  };
  const predicted = Int32Array.from({ length: labels.length }, tell);
  const counts = (_: unknown, i: number) => labels[i] !== ignoreIndex;
  return { predicted: predicted.filter(counts), labels: labels.filter(counts), classes };
}
