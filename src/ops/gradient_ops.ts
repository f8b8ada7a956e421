import type { Value } from '../op.js';
import type { Shape } from '../shape.js';
import { add } from './binary.js';
import { after } from './checkpoint.js';
import { full } from './fill.js';
import { broadcastTo, reshape } from './layout.js';
import { sum } from './reduce.js';

/** Sums over the axes along which `shape` was broadcast to `value`'s, back to `shape`. */
function sumTo(value: Value, shape: Shape): Value {
  const lead = value.shape.length - shape.length;
  const axes = value.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || (shape[axis - lead] === 1 && value.shape[axis] !== 1));
  const summed = axes.length > 0 ? sum(value, { axes }) : value;
  return reshape(summed, { shape });
}

/** A value of the same contents, computed element by element. */
export const copied = (value: Value): Value => broadcastTo(value, { shape: value.shape });

/** What `gradient` builds with. */
export const gradientOps = {
  add: (a: Value, b: Value): Value => add(a, b),
  sumTo,
  full: (shape: Shape, value: number): Value => full({ shape, value }),
  after: (value: Value, trigger: Value): Value => after(value, trigger),
};
