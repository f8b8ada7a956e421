import type { Value } from '../op.js';
import { reshape } from './layout.js';
import { matmul } from './matmul.js';

/** What a rule knows of its node. */
export interface RuleContext {
  readonly grads: readonly (Value | null)[];
}

/** dW [rows, hidden] of a product that was taken in every step, as one: rows' gradients [steps, batch, rows] transposed · states. */
export function weightGradient(gradients: Value, states: Value): Value {
  const flat = (x: Value) => reshape(x, { shape: [x.shape[0]! * x.shape[1]!, x.shape[2]!] });
  return matmul(flat(gradients), flat(states), { transposeA: true });
}
