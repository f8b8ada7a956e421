import type { Value } from '../op.js';
import { full } from './fill.js';
import { reshape } from './layout.js';
import { matmul } from './matmul.js';

export const zerosLike = ({ shape }: Value): Value => full({ shape, value: 0 });

/** What a rule knows of its node. */
export interface RuleContext {
  readonly grads: readonly (Value | null)[];
  readonly output: Value;
}

/**
 * The outputs of a backward op that the rules of several inputs share, so that it runs once: the rules of a node are asked
 * one after the other, with the same gradients. `make` may depend on nothing but the node and these.
 */
export function shared<C extends RuleContext>(
  make: (context: C) => readonly Value[],
): (context: C) => readonly Value[] {
  const made = new WeakMap<Value, { readonly grads: C['grads']; readonly outputs: readonly Value[] }>();
  return (context) => {
    const { output, grads } = context;
    const known = made.get(output);
    if (known?.grads.every((grad, i) => grad === grads[i])) return known.outputs;
    const outputs = make(context);
    made.set(output, { grads, outputs });
    return outputs;
  };
}

/** dW [rows, hidden] of a product that was taken in every step, as one: rows' gradients [steps, batch, rows] transposed · states. */
export function weightGradient(gradients: Value, states: Value): Value {
  const flat = (x: Value) => reshape(x, { shape: [x.shape[0]! * x.shape[1]!, x.shape[2]!] });
  return matmul(flat(gradients), flat(states), { transposeA: true });
}
