// Which kernels compute a node, and whether by one elementwise launch.
import type { Backend, GroupRules } from './backend/backend.js';
import { fail } from './errors.js';
import { withHalfTemporaries } from './halve.js';
import type { Lowered, Node } from './op.js';
import { sizeOf } from './shape.js';

export interface Lowering {
  /** What launches a node; null for a view, and on the reference device. */
  of(node: Node): Lowered | null;
  /** How many elements a node computes where one launch does it, elementwise and without a fault to report; else null. */
  elements(node: Node): number | null;
}

/** The kernels of a backend's nodes, each chosen once. @param variant the name of the one to use for a node. */
export function lowering(backend: Backend, variant?: (node: Node) => string | undefined): Lowering {
  const known = new Map<Node, Lowered | null>();
  const { takesHalf } = backend;
  const of = (node: Node): Lowered | null => {
    const found = known.get(node);
    if (found !== undefined) return found;
    const plain = lower(node, backend, variant?.(node));
    const made = plain && takesHalf ? withHalfTemporaries(plain, takesHalf) : plain;
    known.set(node, made);
    return made;
  };
  return { of, elements: (node) => flatElements(node, of(node), backend.groups) };
}

function lower(node: Node, backend: Backend, variant: string | undefined): Lowered | null {
  if (backend.kind === 'reference' || node.op.view) return null;
  const { op } = node;
  const { kind } = backend;
  const found = op.lower(kind, node.inputs, node.attrs, backend.features, variant);
  if (found) return found;
  if (op.variants(kind).length === 0) {
    const advice = `list one in its \`kernels.${kind}\`, or compose it of other ops by defineComposition`;
    fail(op.name, `declares no ${kind} kernel; ${advice}, or use the reference device`);
  }
  return fail(op.name, `no ${kind} kernel${variant ? ` ${variant}` : ''} takes these inputs`);
}

function flatElements(node: Node, lowered: Lowered | null, rules: GroupRules | undefined): number | null {
  const { op, inputs, outputs } = node;
  if (lowered?.launches.length !== 1 || lowered.temporaries.length > 0) return null;
  const launch = lowered.launches[0]!;
  if (!launch.flat || launch.once) return null;
  if (op.overwrites(inputs).length > 0 || launch.operands.some(({ from }) => from === 'fault')) return null;
  const [size, ...sizes] = outputs.map(({ shape }) => sizeOf(shape));
  if (size === 0 || sizes.some((other) => other !== size)) return null;
  const counts = launch.operands.map((ref) => {
    const value = 'index' in ref ? (ref.from === 'input' ? inputs : outputs)[ref.index] : null;
    return value ? sizeOf(value.shape) : 0;
  });
  return !rules || rules.takes(launch.kernel, counts) ? size! : null;
}
