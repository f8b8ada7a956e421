import { recordFor } from './apply.js';
import { fail } from './errors.js';
import { nodesOf, pin } from './graph.js';
import type { Node, Value } from './op.js';
import { Recomputation } from './recompute.js';
import { sameShape, showShape } from './shape.js';

/** The ops that reverse mode itself needs, given by the caller: this file knows no op. */
export interface GradientOps {
  add(a: Value, b: Value): Value;
  /** Sums over the axes along which `shape` was broadcast, back to `shape`. */
  sumTo(value: Value, shape: readonly number[]): Value;
  full(shape: readonly number[], value: number): Value;
  /** The value, to be had only once `trigger` is computed. */
  after(value: Value, trigger: Value): Value;
}

/** Is given the whole gradient of a value on the way, and says what is passed on instead. */
export type GradientHook = (value: Value, grad: Value) => Value;

/**
 * Reverse-mode derivatives as a graph of ordinary ops: for each of `wrt`, the gradient of the scalar `loss` with respect
 * to it, or null where the loss does not depend on it. Gradients of gradients come from calling it again.
 *
 * A node that is bound to one side of a woven device has its gradient computed there.
 *
 * @param seed gradient with respect to `loss`, default 1; with a seed, `loss` may have any shape.
 * @param hook is asked once for each value that has a gradient, before what the value is computed from.
 * @throws WeftError naming the op, where the way from `loss` to one of `wrt` passes an op without a gradient.
 */
export function gradient(
  loss: Value,
  wrt: readonly Value[],
  ops: GradientOps,
  seed?: Value,
  hook: GradientHook = (_, grad) => grad,
): (Value | null)[] {
  if (!seed && loss.shape.length !== 0)
    fail('gradient', `the loss must be a scalar, it is ${showShape(loss.shape)}`);
  if (seed && !sameShape(seed.shape, loss.shape)) {
    fail('gradient', `the seed must be ${showShape(loss.shape)}, it is ${showShape(seed.shape)}`);
  }
  const order = nodesOf([loss], new Set(wrt.filter((value) => value !== loss)));
  const depends = dependents(order, wrt);
  const grads = new Map<Value, Value>([[loss, seed ?? ops.full([], 1)]]);
  const whole = (value: Value): Value | null => {
    const grad = grads.get(value);
    if (!grad) return null;
    const passed = hook(value, grad);
    if (!sameShape(passed.shape, value.shape) || passed.dtype !== 'f32') {
      const given = `${passed.dtype}${showShape(passed.shape)}`;
      fail('gradient', `a hook gave ${given} for the gradient of f32${showShape(value.shape)}`);
    }
    grads.set(value, passed);
    return passed;
  };
  const recomputation = new Recomputation(order, ops.after);
  for (const node of order.reverse()) {
    const outputs = node.outputs.map(whole);
    if (!outputs.some(Boolean)) continue;
    const source = recomputation.twin(node, (value) => grads.get(value));
    node.inputs.forEach((input, index) => {
      if (!input || !depends.has(input)) return;
      const grad = inputGradient(source, index, outputs, ops);
      if (!grad) return;
      const held = grads.get(input);
      grads.set(input, held ? ops.add(held, grad) : grad);
    });
  }
  const visited = new Set(order.flatMap(({ outputs }) => outputs));
  return wrt.map((value) => (visited.has(value) ? (grads.get(value) ?? null) : whole(value)));
}

/** The values through which a gradient can flow to one of `wrt`, and those themselves. */
function dependents(order: readonly Node[], wrt: readonly Value[]): Set<Value> {
  const depends = new Set(wrt);
  for (const node of order) {
    if (node.op.stopsGradient) continue;
    const reached = node.inputs.some((input) => input?.dtype === 'f32' && depends.has(input));
    if (reached) for (const value of node.outputs) depends.add(value);
  }
  return depends;
}

function inputGradient(
  node: Node,
  index: number,
  outputs: readonly (Value | null)[],
  ops: GradientOps,
): Value | null {
  const input = node.inputs[index]!;
  if (input.dtype !== 'f32') return null;
  const position = node.op.variadic ? 0 : index;
  if (!node.op.differentiable(position)) {
    // Integer and boolean results carry no gradient; a float result that should, but can't, is an error.
    if (node.outputs.every(({ dtype }) => dtype !== 'f32')) return null;
    fail(
      node.op.name,
      `has no gradient with respect to '${node.op.inputs[position]}'; detach() what needs none`,
    );
  }
  const { op, called = op.name } = node;
  const grad = recordFor(called, () => op.backward(index, node, outputs));
  if (!grad) return null;
  const fitted = sameShape(grad.shape, input.shape) ? grad : ops.sumTo(grad, input.shape);
  // A gradient is computed where the value was.
  if (node.on) pin([fitted], new Set([...node.inputs, ...node.outputs, ...outputs]), node.on);
  if (fitted.dtype !== 'f32') fail(node.op.name, `the gradient of '${node.op.inputs[position]}' is not f32`);
  return fitted;
}
