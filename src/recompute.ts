import { applyWith } from './apply.js';
import type { Node, Value } from './op.js';

/**
 * Computes anew, for the gradient, what lies between the marks of a checkpoint: a node there has a twin that depends on
 * the gradient of the stretch's result, so that it is computed late and its values need not be kept from the forward
 * pass (Chen et al., "Training deep nets with sublinear memory cost", 2016).
 */
export class Recomputation {
  readonly #after: (value: Value, trigger: Value) => Value;
  /** The mark at which a node's stretch ends. */
  readonly #endOf = new Map<Node, Node>();
  readonly #twins = new Map<Node, Node>();
  readonly #begun = new Map<Node, Value>();

  /** @param order nodes, each after what it reads. */
  constructor(order: readonly Node[], after: (value: Value, trigger: Value) => Value) {
    this.#after = after;
    for (const node of [...order].reverse()) if (node.op.checkpoint === 'end') this.#claim(node);
  }

  /** Notes what lies between the mark `end` and the marks at which its stretch begins; inner stretches are part of it. */
  #claim(end: Node): void {
    const pending: { node: Node; depth: number }[] = [{ node: end, depth: 0 }];
    const seen = new Set<Node>();
    for (const { node, depth } of pending) {
      if (seen.has(node)) continue;
      seen.add(node);
      const mark = node.op.checkpoint;
      const inside = mark === 'end' ? depth + 1 : mark === 'begin' ? depth - 1 : depth;
      if (node !== end && !this.#endOf.has(node)) this.#endOf.set(node, end);
      if (inside === 0) continue;
      for (const input of node.inputs) if (input?.node) pending.push({ node: input.node, depth: inside });
    }
  }

  /**
   * What the gradient of `node` is built from: the node itself, or its twin. `gradOf` gives the gradient of a value, which
   * is known for the end of a stretch before anything inside is asked for.
   */
  twin(node: Node, gradOf: (value: Value) => Value | undefined): Node {
    const end = this.#endOf.get(node);
    const trigger = end && gradOf(end.outputs[0]!);
    if (!trigger || node.op.checkpoint || node.op.overwrites(node.inputs).length > 0) return node;
    const known = this.#twins.get(node);
    if (known) return known;
    const inputs = node.inputs.map((input) => input && this.#again(input, trigger, gradOf));
    if (inputs.every((input, i) => input === node.inputs[i])) return node;
    const twin = applyWith(node.op, inputs, node.attrs, node)[0]!.node!;
    this.#twins.set(node, twin);
    return twin;
  }

  #again(value: Value, trigger: Value, gradOf: (value: Value) => Value | undefined): Value {
    const { node } = value;
    if (!node || !this.#endOf.has(node)) return value;
    if (node.op.checkpoint === 'begin') {
      if (!this.#begun.has(node)) this.#begun.set(node, this.#after(node.inputs[0]!, trigger));
      return this.#begun.get(node)!;
    }
    if (node.op.checkpoint === 'end') return this.#again(node.inputs[0]!, trigger, gradOf);
    return this.twin(node, gradOf).outputs[value.index]!;
  }
}
