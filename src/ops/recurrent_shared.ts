import type { Value } from '../op.js';
import { full } from './fill.js';

export const zerosLike = ({ shape }: Value): Value => full({ shape, value: 0 });

/**
 * A backward op with several outputs as the rules of a node's inputs ask for it, one after the other: made once for the
 * same `owner`, the node's first output, and the same gradients, so that it runs once. A null argument is compared too.
 */
export function shared<Args extends readonly unknown[]>(make: (...args: Args) => readonly Value[]) {
  const made = new WeakMap<Value, { readonly args: Args; readonly outputs: readonly Value[] }>();
  return (owner: Value, ...args: Args): readonly Value[] => {
    const known = made.get(owner);
    if (known?.args.every((arg, i) => arg === args[i])) return known.outputs;
    const outputs = make(...args);
    made.set(owner, { args, outputs });
    return outputs;
  };
}
