// The commands of a program: what the nodes of a plan launch, in its order, on which bytes.
import type { layOut } from './arena.js';
import type { Command, DispatchCommand, EvaluateCommand, FaultIds, Location } from './backend/backend.js';
import { WeftError } from './errors.js';
import { type CheckNumerics, inspection } from './numerics.js';
import type { Cost, Lowered, LoweredLaunch, Node, Op, OperandRef, TensorType, Value, Walk } from './op.js';
import type { Plan } from './plan.js';
import { costOfGroup, costOfNode } from './schedule.js';
import { sizeOf } from './shape.js';

/** What commands are made from, by step where it is a list. */
interface Parts {
  readonly planned: Plan;
  readonly lowered: readonly (Lowered | null)[];
  /** By launch: the externals that it need not run again for while they keep their bytes, or null. */
  readonly kept: readonly (readonly (readonly number[] | null)[])[];
  readonly laid: Pick<ReturnType<typeof layOut>, 'locate' | 'temporary'>;
  /** Null on the reference device, which throws. */
  readonly faults: FaultIds | null;
  readonly checkNumerics: CheckNumerics | null;
}

/** The commands of a plan for a graph of these inputs. */
export function listCommands(inputs: readonly Value[], parts: Parts): Command[] {
  const list = new CommandList(parts);
  inputs.forEach((value, i) => {
    list.inspect(`input ${value.label ? `'${value.label}'` : i} holds`, value);
  });
  parts.planned.order.forEach((node, step) => {
    list.copy(step);
    list.run(node, step);
  });
  list.copy(parts.planned.order.length);
  return list.commands;
}

class CommandList {
  readonly commands: Command[] = [];
  readonly #parts: Parts;
  /** Launches of the span that is under way. */
  #group: DispatchCommand[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The copies to be made before a step. */
  copy(step: number): void {
    const { planned, laid } = this.#parts;
    for (const { from, to, bytes } of planned.copies.get(step) ?? []) {
      this.commands.push({
        kind: 'copy',
        label: 'copy',
        from: laid.locate(from),
        to: laid.locate(to),
        bytes,
      });
    }
  }

  /** What a node launches, as one with its span where that has several. */
  run(node: Node, step: number): void {
    const { planned } = this.#parts;
    const own = node.op.view ? [] : this.#commandsOf(node, step);
    const { first, last } = planned.spans[step]!;
    if (first === last) this.commands.push(...own);
    else this.#group.push(...own.filter((command) => command.kind === 'dispatch'));
    if (!node.op.view) for (const value of node.outputs) this.inspect(`${node.op.name} made`, value);
    if (step < last || this.#group.length === 0) return;
    this.commands.push(groupOf(this.#group, costOfGroup(planned.order.slice(first, last + 1), planned)));
    this.#group = [];
  }

  /** Looks for numbers that aren't, where the program does. */
  inspect(what: string, value: Value): void {
    const { checkNumerics, faults } = this.#parts;
    if (!checkNumerics || value.dtype !== 'f32' || sizeOf(value.shape) === 0) return;
    this.commands.push(inspection(what, { at: this.#at(value), type: typeOf(value) }, checkNumerics, faults));
  }

  #at(value: Value): Location {
    const { planned, laid } = this.#parts;
    const tile = planned.tiles.get(value);
    if (tile !== undefined) return { kind: 'tile', index: tile };
    return inHalf(laid.locate(planned.bufferOf.get(value)!), planned.halves.has(value));
  }

  #resolve(node: Node, step: number, ref: OperandRef): Location {
    if (!('index' in ref)) return { kind: ref.from };
    if (ref.from === 'temporary') {
      const { laid, lowered } = this.#parts;
      return inHalf(laid.temporary(step, ref.index), lowered[step]!.half?.has(ref.index));
    }
    return this.#at((ref.from === 'input' ? node.inputs : node.outputs)[ref.index]!);
  }

  #commandsOf(node: Node, step: number): Command[] {
    const { planned, lowered, kept } = this.#parts;
    const { op, attrs, inputs, outputs } = node;
    const launches = lowered[step]?.launches;
    if (!launches) {
      return [
        {
          kind: 'evaluate',
          label: op.name,
          counts: op.cost(inputs, attrs),
          inputs: inputs.map((value) => value && { at: this.#at(value), type: typeOf(value) }),
          outputs: outputs.map((value) => this.#at(value)),
          evaluate: evaluation(node),
        },
      ];
    }
    const whole = costOfNode(node, planned);
    const counts = { flops: whole.flops / launches.length, bytes: whole.bytes / launches.length };
    const cost = nanoseconds(whole) / launches.length;
    return launches.map((launch, i) =>
      this.#dispatch(node, step, launch, { cost, counts, once: kept[step]![i]! }),
    );
  }

  #dispatch(
    node: Node,
    step: number,
    launch: LoweredLaunch,
    told: Pick<DispatchCommand, 'cost' | 'counts' | 'once'>,
  ): DispatchCommand {
    const resolve = (ref: OperandRef) => this.#resolve(node, step, ref);
    const reports = launch.operands.some(({ from }) => from === 'fault');
    return {
      kind: 'dispatch',
      label: `${node.op.name}/${launch.kernel}`,
      kernel: launch.kernel,
      operands: launch.operands.map(resolve),
      ...(launch.walk && { walk: resolveWalk(launch.walk, resolve) }),
      params: reports
        ? { ...launch.params, faultId: this.#parts.faults!.register(faultOf(node)) }
        : launch.params,
      constants: launch.constants,
      units: launch.units,
      scratch: launch.scratch ?? 0,
      ...told,
    };
  }
}

// Commands outlive the graph: these keep types, not Values, so that what the graph was recorded from can be freed.

function evaluation({ op, attrs, outputs, called }: Node): EvaluateCommand['evaluate'] {
  const types = outputs.map(typeOf);
  return (values) => {
    try {
      return op.reference(values, attrs, types);
    } catch (error) {
      throw called && error instanceof WeftError ? new WeftError(toldOf(op, called, error.message)) : error;
    }
  };
}

function faultOf({ op, attrs, inputs, called }: Node): (detail: readonly [number, number]) => string {
  const types = inputs.map((value) => value && typeOf(value));
  return (detail) => toldOf(op, called, op.fault(types, attrs, detail));
}

/** A message about data with the name of the op that was called in place of the one that found it. */
const toldOf = ({ name }: Op, called: string | undefined, message: string): string =>
  called && message.startsWith(`${name}: `) ? `${called}${message.slice(name.length)}` : message;

const resolveWalk = (walk: Walk<OperandRef>, resolve: (ref: OperandRef) => Location): Walk<Location> => ({
  ...walk,
  items: walk.items.map((item) => ({ ...item, operands: item.operands.map(resolve) })),
});

/** What one thread of a CPU may take at 50 GFLOP/s or 20 GB/s. */
const nanoseconds = ({ flops, bytes }: Cost): number => Math.max(flops / 50, bytes / 20);

const typeOf = ({ shape, dtype }: Value): TensorType => ({ shape, dtype });

const inHalf = (at: Location, half = false): Location => (at.kind === 'arena' && half ? { ...at, half } : at);

function groupOf(dispatches: readonly DispatchCommand[], cost: Cost): Command {
  const tiles = dispatches.flatMap(({ operands }) =>
    operands.map((at) => (at.kind === 'tile' ? at.index + 1 : 0)),
  );
  return {
    kind: 'group',
    label: dispatches.map(({ label }) => label).join('+'),
    dispatches,
    units: Math.max(...dispatches.map(({ units }) => units as number)),
    tiles: Math.max(...tiles),
    cost: nanoseconds(cost),
    counts: cost,
  };
}
