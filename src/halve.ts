import { type Graph, nodesOf } from './graph.js';
import { listAt } from './lists.js';
import type { Lowered, Node, OperandRef, Value } from './op.js';
import { rebuilt, rewrite, rootsOf } from './rewrite.js';
import { sizeOf } from './shape.js';

export interface HalveOptions {
  readonly lowered: (node: Node) => Lowered | null;
  /** Whether an operand of a kernel may be floats of 16 bits. */
  readonly takes: (kernel: string, operand: number) => boolean;
  /** A value of its own with the same contents, computed element by element. */
  readonly copied: (value: Value) => Value;
}

/** How many of a tile's rows or columns share what is read once. */
const SHARED = 64;
/** Bytes that a copy must spare its readers beyond what it takes itself. */
const WORTH = 1 << 16;

/**
 * The graph with a copy of each value that products read often and that can't be kept in 16 bits itself: a parameter,
 * or what something reads that needs all its bits. The copy can.
 */
export function withCopies(graph: Graph, options: HalveOptions): Graph {
  const uses = new Uses(graph, options);
  const copies = new Map<Value, Value>();
  const copyOf = (value: Value): Value => {
    const known = copies.get(value);
    if (known) return known;
    const made = options.copied(value);
    copies.set(value, made);
    return made;
  };
  const pays = new Map<Value, boolean>();
  const isCopied = (value: Value): boolean => {
    const known =
      pays.get(value) ?? (value.dtype === 'f32' && !uses.fits(value) && uses.saved(value) >= WORTH);
    pays.set(value, known);
    return known;
  };
  return rewrite(graph, (node, operands) =>
    rebuilt(
      node,
      operands.map((operand, i) => {
        const value = node.inputs[i];
        return operand && value && uses.multiplies(node, i) && isCopied(value) ? copyOf(operand) : operand;
      }),
    ),
  );
}

/**
 * The values that are kept in 16 bits: what products read, and what they make on the way to other products, where whoever
 * computes or reads it can do so in 16 bits. A view is kept as what it is a view of.
 */
export function halvesOf(graph: Graph, options: HalveOptions): ReadonlySet<Value> {
  const uses = new Uses(graph, options);
  return new Set(uses.values().filter((value) => uses.fits(value) && uses.isWanted(value)));
}

/** What a node was lowered to with those temporaries in 16 bits that all its launches take so: operands laid out anew. */
export function withHalfTemporaries(lowered: Lowered, takes: HalveOptions['takes']): Lowered {
  const mayBe = (index: number) => takeAll(lowered, 'temporary', index, takes);
  const half = new Set([...lowered.temporaries.keys()].filter(mayBe));
  return {
    ...lowered,
    half,
    temporaries: lowered.temporaries.map((bytes, i) => (half.has(i) ? bytes / 2 : bytes)),
  };
}

/** Whether all launches of a node can have one of its operands in 16 bits. */
const takeAll = (
  { launches }: Lowered,
  from: OperandRef['from'],
  index: number,
  takes: HalveOptions['takes'],
): boolean => {
  const isOther = (ref: OperandRef) => ref.from !== from || !('index' in ref) || ref.index !== index;
  return launches.every(
    ({ kernel, operands, walk }) =>
      operands.every((ref, i) => isOther(ref) || takes(kernel, i)) &&
      (walk?.items.every((item) => item.operands.every(isOther)) ?? true),
  );
};

/** A node's input at a position. */
interface Use {
  readonly node: Node;
  readonly at: number;
}

/** Who computes and who reads the bytes of values, through views. */
class Uses {
  readonly #order: readonly Node[];
  readonly #options: HalveOptions;
  readonly #roots = new Map<Value, Value>();
  readonly #uses = new Map<Value, Use[]>();
  /** Given, handed out, or overwritten: whoever else holds them expects 32 bits. */
  readonly #whole: ReadonlySet<Value>;
  /** Nodes behind which there is a product of what they compute. */
  readonly #leading = new Set<Node>();

  constructor(graph: Graph, options: HalveOptions) {
    this.#options = options;
    this.#order = nodesOf(rootsOf(graph), new Set(graph.inputs));
    const whole = [...graph.inputs, ...rootsOf(graph), ...graph.updates.map(({ target }) => target)];
    for (const node of this.#order) {
      if (node.op.view) {
        this.#roots.set(node.outputs[0]!, this.#rootOf(node.inputs[0]!));
        continue;
      }
      node.inputs.forEach((value, at) => {
        if (!value) return;
        const root = this.#rootOf(value);
        listAt(this.#uses, root).push({ node, at });
      });
      node.op.overwrites(node.inputs).forEach((at, k) => {
        whole.push(node.inputs[at]!, node.outputs[k]!);
      });
    }
    this.#whole = new Set(whole.map((value) => this.#rootOf(value)));
    for (const node of [...this.#order].reverse()) if (this.#leads(node)) this.#leading.add(node);
  }

  #rootOf(value: Value): Value {
    return this.#roots.get(value) ?? value;
  }

  #usesOf(value: Value): readonly Use[] {
    return this.#uses.get(this.#rootOf(value)) ?? [];
  }

  #leads(node: Node): boolean {
    return node.outputs.some((value) =>
      this.#usesOf(value).some(
        ({ node: reader, at }) => this.multiplies(reader, at) || this.#leading.has(reader),
      ),
    );
  }

  values(): Value[] {
    return this.#order.flatMap(({ outputs }) => outputs);
  }

  /** Whether all launches of a node can have an input, or an output, in 16 bits. */
  #takes(node: Node, from: OperandRef['from'], index: number): boolean {
    const lowered = this.#options.lowered(node);
    return lowered === null || takeAll(lowered, from, index, this.#options.takes);
  }

  /** Whether an input of a node is one that it multiplies, and its kernel reads in 16 bits. */
  multiplies(node: Node, at: number): boolean {
    return node.op.factors.includes(at) && this.#takes(node, 'input', at);
  }

  /** Whether a node lays an input out anew in 16 bits before it multiplies it. */
  #packs(node: Node, at: number): boolean {
    const { launches = [], half = new Set<number>() } = this.#options.lowered(node) ?? {};
    return launches.some(
      ({ operands }) =>
        operands.some((ref) => ref.from === 'input' && ref.index === at) &&
        operands.some((ref) => ref.from === 'temporary' && half.has(ref.index)),
    );
  }

  /** Whether whoever computes or reads a value's bytes can do so in 16 bits. */
  fits(value: Value): boolean {
    const root = this.#rootOf(value);
    const { node, dtype, index } = root;
    if (!node || dtype !== 'f32' || value.dtype !== 'f32' || this.#whole.has(root)) return false;
    return (
      this.#takes(node, 'output', index) &&
      this.#usesOf(root).every((use) => this.#takes(use.node, 'input', use.at))
    );
  }

  isWanted(value: Value): boolean {
    const { node } = this.#rootOf(value);
    const made = node !== null && node.op.factors.length > 0 && this.#leading.has(node);
    return made || this.#usesOf(value).some(({ node: reader, at }) => this.multiplies(reader, at));
  }

  /** Bytes that products spare by a copy of what they read: half of each reading, less the copy's own. */
  saved(value: Value): number {
    const size = sizeOf(value.shape);
    const readings = this.#usesOf(value).map(({ node, at }) => {
      if (!this.multiplies(node, at)) return 0;
      if (this.#packs(node, at)) return 1;
      return Math.max(1, node.op.cost(node.inputs, node.attrs).flops / (2 * size * SHARED));
    });
    return size * (2 * readings.reduce((a, b) => a + b, 0) - 6);
  }
}
