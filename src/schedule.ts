import type { BackendKind, Cost, Lowered, Node, Value } from './op.js';
import { bytesOf, heldBytes, type Plan } from './plan.js';

/** One line of a program's schedule, for people and tools. */
export interface ScheduleEntry {
  readonly op: string;
  readonly kernel: string;
  readonly flops: number;
  readonly bytes: number;
  /** Where it runs; where a transfer goes. */
  readonly backend: BackendKind;
}

/** An entry for each step that computes something; for steps that run as one, one. */
export function describe(
  planned: Plan,
  lowered: readonly (Lowered | null)[],
  backend: BackendKind,
): ScheduleEntry[] {
  return planned.order.flatMap((_, step) => {
    const { first, last } = planned.spans[step]!;
    if (step < last) return [];
    const nodes = planned.order.slice(first, step + 1);
    const entries = nodes.flatMap((node, i) =>
      node.op.view ? [] : [{ ...describeNode(node, lowered[first + i] ?? null, planned), backend }],
    );
    if (entries.length < 2) return entries;
    return {
      op: entries.map(({ op }) => op).join('+'),
      kernel: entries.map(({ kernel }) => kernel).join('+'),
      ...costOfGroup(nodes, planned),
      backend,
    };
  });
}

/** The arithmetic of a group, and what it reads and writes outside its tiles, each once. */
export function costOfGroup(nodes: readonly Node[], { bufferOf, halves }: Plan): Cost {
  const own = new Set(nodes.flatMap(({ outputs }) => outputs));
  const given = new Map<number, number>();
  let flops = 0;
  let written = 0;
  for (const { op, inputs, outputs, attrs } of nodes) {
    if (op.view) continue;
    flops += op.cost(inputs, attrs).flops;
    for (const value of inputs) {
      const held = value && !own.has(value) ? bufferOf.get(value) : undefined;
      if (held !== undefined) given.set(held, heldBytes(value!, halves));
    }
    for (const value of outputs) if (bufferOf.has(value)) written += heldBytes(value, halves);
  }
  return { flops, bytes: [...given.values()].reduce((a, b) => a + b, written) };
}

/** The arithmetic of a node, and what it reads and writes, by the op's own count, of which 16 bits are half. */
export function costOfNode({ op, inputs, outputs, attrs }: Node, { halves }: Plan): Cost {
  const { flops, bytes } = op.cost(inputs, attrs);
  const counted = bytes || outputs.reduce((n, v) => n + bytesOf(v), 0);
  const spared = (values: readonly (Value | null)[]) =>
    values.reduce((n, v) => n + (v && halves.has(v) ? bytesOf(v) / 2 : 0), 0);
  return { flops, bytes: Math.max(0, counted - spared(bytes ? [...inputs, ...outputs] : outputs)) };
}

const describeNode = (
  node: Node,
  lowered: Lowered | null,
  planned: Plan,
): Omit<ScheduleEntry, 'backend'> => ({
  op: node.op.name,
  kernel: lowered?.variant ?? 'reference',
  ...costOfNode(node, planned),
});
