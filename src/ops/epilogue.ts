import type { Reader, Value } from '../op.js';
import { add } from './binary.js';
import { reshape } from './layout.js';

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
