import type { Fold, Reader, Value } from '../op.js';
import { add } from './binary.js';
import { reshape } from './layout.js';
import { reluBackward } from './rectifier.js';

/**
 * What `reader` adds to a result, as a vector, if that is a bias: one number for each place on an axis of the result, which
 * is counted from the end (-1 is the last).
 */
export function addedBias({ op, others: [bias], output }: Reader, axis: number): Value | null {
  if (op !== add.op || !bias) return null;
  const size = output.shape.at(axis)!;
  const lies = bias.shape.every((n, i) => n === (i === bias.shape.length + axis ? size : 1));
  if (!lies || bias.shape.length < -axis || bias.shape.length > output.shape.length) return null;
  return bias.shape.length === 1 ? bias : reshape(bias, { shape: [size] });
}

/** The gradient and relu's output that reluBackward computed `value` of, or what it is a view of; in its shape. */
function maskedBy(value: Value): { masked: Value; dy: Value; mask: Value } | null {
  if (value.node?.op === reluBackward.op) {
    const [dy, mask] = value.node.inputs as readonly [Value, Value];
    return { masked: value, dy, mask };
  }
  const found = value.node?.op === reshape.op ? maskedBy(value.node.inputs[0]!) : null;
  const turned = (one: Value) => reshape(one, { shape: value.shape });
  return found && { masked: found.masked, dy: turned(found.dy), mask: turned(found.mask) };
}

/** An op of a gradient that has no mask yet, with the mask that relu's rule put on the gradient. */
export function foldMask(
  dy: Value,
  mask: Value | null,
  over: (dy: Value, mask: Value) => readonly Value[],
): Fold | null {
  const found = mask ? null : maskedBy(dy);
  return found && { without: found.masked, outputs: over(found.dy, found.mask) };
}
