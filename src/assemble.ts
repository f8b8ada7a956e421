import { absorb } from './absorb.js';
import { keptLaunches, layOut } from './arena.js';
import type {
  Backend,
  Command,
  DispatchCommand,
  GroupRules,
  Location,
  Prepared,
  PrepareRequest,
} from './backend/backend.js';
import { describeCommands, type ProgramDescription } from './description.js';
import { fail } from './errors.js';
import type { Graph } from './graph.js';
import { halvesOf, withCopies, withHalfTemporaries } from './halve.js';
import { mergeEqual } from './merge.js';
import { type CheckNumerics, inspection } from './numerics.js';
import type { Cost, Lowered, Node, OperandRef, TensorType, Value, Walk } from './op.js';
import { bytesOf, halfBytes, plan } from './plan.js';
import { costOfGroup, costOfNode, describe, type ScheduleEntry } from './schedule.js';
import { showShape, sizeOf } from './shape.js';
import { spread } from './spread.js';
import { joinTensors } from './walk.js';

export interface CompileOptions {
  /** Kernel variant to use for a node instead of the first that accepts it. */
  readonly variant?: (node: Node) => string | undefined;
  /** Whether an input has the same memory at every run; left out, those that are updated. */
  readonly kept?: (input: Value) => boolean;
  /** Looks at every input and at what every op made, as soon as it is made. */
  readonly checkNumerics?: CheckNumerics | null;
  /** What makes a value of the same contents, elementwise: for devices of mixed precision. */
  readonly copied?: (value: Value) => Value;
}

/** Gives ids to messages of data errors. */
export interface FaultIds {
  register(message: (detail: readonly [number, number]) => string): number;
}

/** What a program is made of: what its backend prepares, and what is known of it before that. */
export interface Assembled {
  readonly request: PrepareRequest;
  readonly schedule: readonly ScheduleEntry[];
  /** Bytes of the arena, and the least that any plan would need. */
  readonly memory: { readonly peakBytes: number; readonly lowerBound: number };
  describe(prepared: Prepared): ProgramDescription;
}

/**
 * From a graph to the commands and the memory of a backend.
 *
 * @throws WeftError where an op has no kernel for the device or its result no room there.
 */
export function assemble(
  graph: Graph,
  backend: Backend,
  faults: FaultIds,
  options: CompileOptions = {},
): Assembled {
  const { takesHalf: takes } = backend;
  const lowerings = new Map<Node, Lowered | null>();
  const loweringOf = (node: Node): Lowered | null => {
    const known = lowerings.get(node);
    if (known !== undefined) return known;
    const plain = lower(node, backend, options.variant?.(node));
    const made = plain && takes ? withHalfTemporaries(plain, takes) : plain;
    lowerings.set(node, made);
    return made;
  };
  const { groups } = backend;
  const elements = (node: Node) => flatElements(node, loweringOf(node), groups);
  const inPlace = backend.sharesRegions;
  const merged = mergeEqual(graph);
  const whole = backend.kind === 'reference' ? merged : absorb(merged);
  const { checkNumerics = null } = options;
  // Between the ops of a group nothing can be looked at.
  const fuses = backend.fuses && !checkNumerics;
  const fused = fuses ? { elements, buffers: groups?.buffers } : {};
  const halving = takes && options.copied ? { lowered: loweringOf, takes, copied: options.copied } : null;
  const copied = halving ? withCopies(whole, halving) : whole;
  const final = fuses && groups ? spread(copied, elements) : copied;
  const halves = halving ? halvesOf(final, halving) : undefined;
  const planned = plan(final, { inPlace, ...fused, halves });
  const lowered = planned.order.map(loweringOf);
  const kept = planned.order.map((node, step) => keptLaunches(node, lowered[step] ?? null, planned));
  refuseLarge(planned.order, backend);
  const { memory, locate, temporary } = layOut(planned, lowered, kept, backend);
  const at = (value: Value): Location => {
    const tile = planned.tiles.get(value);
    if (tile !== undefined) return { kind: 'tile', index: tile };
    return inHalf(locate(planned.bufferOf.get(value)!), planned.halves.has(value));
  };
  const commands: Command[] = [];
  const register =
    backend.kind === 'reference'
      ? null
      : (message: Parameters<FaultIds['register']>[0]) => faults.register(message);
  const inspect = (what: string, value: Value) => {
    if (!checkNumerics || value.dtype !== 'f32' || sizeOf(value.shape) === 0) return;
    commands.push(inspection(what, { at: at(value), type: typeOf(value) }, checkNumerics, register));
  };
  whole.inputs.forEach((value, i) => {
    inspect(`input ${value.label ? `'${value.label}'` : i} holds`, value);
  });
  let group: DispatchCommand[] = [];
  for (let step = 0; step <= planned.order.length; step++) {
    for (const { from, to, bytes } of planned.copies.get(step) ?? []) {
      commands.push({ kind: 'copy', label: 'copy', from: locate(from), to: locate(to), bytes });
    }
    const node = planned.order[step];
    if (!node) continue;
    const resolve = (ref: OperandRef): Location => {
      if (!('index' in ref)) return { kind: ref.from };
      if (ref.from === 'temporary')
        return inHalf(temporary(step, ref.index), lowered[step]!.half?.has(ref.index));
      return at((ref.from === 'input' ? node.inputs : node.outputs)[ref.index]!);
    };
    const cost = costOfNode(node, planned);
    const own = node.op.view
      ? []
      : commandsOf(node, lowered[step] ?? null, cost, kept[step]!, at, resolve, faults);
    const { first, last } = planned.spans[step]!;
    if (first === last) commands.push(...own);
    else group.push(...own.filter((command) => command.kind === 'dispatch'));
    if (!node.op.view) for (const value of node.outputs) inspect(`${node.op.name} made`, value);
    if (step < last || group.length === 0) continue;
    commands.push(groupOf(group, costOfGroup(planned.order.slice(first, last + 1), planned)));
    group = [];
  }
  const targets = new Set(whole.updates.map(({ target }) => target));
  const stays = (index: number): boolean => {
    const input = whole.inputs[index];
    return input !== undefined && (targets.has(input) || (options.kept?.(input) ?? false));
  };
  const joined = joinTensors(commands, { kept: stays, maxBufferBytes: backend.maxBufferBytes });
  return {
    request: {
      commands: joined.commands,
      neighbours: joined.neighbours,
      regions: memory.regions,
      externals: planned.externals,
      written: planned.written,
      inputs: whole.inputs.length,
      outputs: whole.outputs.map((value, i) => ({ index: whole.inputs.length + i, bytes: bytesOf(value) })),
    },
    schedule: describe(planned, lowered, backend.kind),
    memory: { peakBytes: memory.peakBytes, lowerBound: memory.lowerBound },
    describe: ({ workgroups }) =>
      describeCommands(backend.kind, joined.commands, workgroups, memory.peakBytes, halfBytes(planned)),
  };
}

const inHalf = (at: Location, half = false): Location => (at.kind === 'arena' && half ? { ...at, half } : at);

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

function commandsOf(
  node: Node,
  lowered: Lowered | null,
  { flops, bytes }: Cost,
  kept: readonly (readonly number[] | null)[],
  at: (value: Value) => Location,
  resolve: (ref: OperandRef) => Location,
  faults: FaultIds,
): Command[] {
  const { op, attrs } = node;
  // Commands outlive the graph: they keep types, not Values, so that what the graph was recorded from can be freed.
  const inputs = node.inputs.map((value) => value && typeOf(value));
  const outputs = node.outputs.map(typeOf);
  if (!lowered) {
    return [
      {
        kind: 'evaluate',
        label: op.name,
        counts: op.cost(node.inputs, attrs),
        inputs: node.inputs.map((value) => value && { at: at(value), type: typeOf(value) }),
        outputs: node.outputs.map(at),
        evaluate: (values) => op.reference(values, attrs, outputs),
      },
    ];
  }
  const parts = lowered.launches.length;
  const cost = nanoseconds({ flops, bytes }) / parts;
  const counts = { flops: flops / parts, bytes: bytes / parts };
  return lowered.launches.map((launch, i) => {
    const reports = launch.operands.some(({ from }) => from === 'fault');
    const fault = (detail: readonly [number, number]) => op.fault(inputs, attrs, detail);
    return {
      kind: 'dispatch',
      label: `${op.name}/${launch.kernel}`,
      kernel: launch.kernel,
      operands: launch.operands.map(resolve),
      ...(launch.walk && { walk: resolveWalk(launch.walk, resolve) }),
      params: reports ? { ...launch.params, faultId: faults.register(fault) } : launch.params,
      constants: launch.constants,
      units: launch.units,
      scratch: launch.scratch ?? 0,
      cost,
      counts,
      once: kept[i]!,
    };
  });
}

const resolveWalk = (walk: Walk<OperandRef>, resolve: (ref: OperandRef) => Location): Walk<Location> => ({
  ...walk,
  items: walk.items.map((item) => ({ ...item, operands: item.operands.map(resolve) })),
});

/** What one thread of a CPU may take at 50 GFLOP/s or 20 GB/s. */
const nanoseconds = ({ flops, bytes }: Cost): number => Math.max(flops / 50, bytes / 20);

const typeOf = ({ shape, dtype }: Value): TensorType => ({ shape, dtype });

/** How many elements a node computes where one launch does it, elementwise and without a fault to report; else null. */
function flatElements(node: Node, lowered: Lowered | null, rules: GroupRules | undefined): number | null {
  const { op, inputs, outputs } = node;
  const [launch, ...others] = lowered?.launches ?? [];
  if (!launch?.flat || launch.once || others.length > 0 || lowered!.temporaries.length > 0) return null;
  if (op.overwrites(inputs).length > 0 || launch.operands.some(({ from }) => from === 'fault')) return null;
  const [size, ...sizes] = outputs.map(({ shape }) => sizeOf(shape));
  if (size === 0 || sizes.some((other) => other !== size)) return null;
  const counts = launch.operands.map((ref) => {
    const value = 'index' in ref ? (ref.from === 'input' ? inputs : outputs)[ref.index] : null;
    return value ? sizeOf(value.shape) : 0;
  });
  return !rules || rules.takes(launch.kernel, counts) ? size! : null;
}

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

/** Refuses a result that no buffer of the device can hold. */
function refuseLarge(order: readonly Node[], { kind, maxBufferBytes }: Backend): void {
  for (const { op, outputs } of order) {
    for (const value of outputs) {
      const bytes = bytesOf(value);
      if (bytes <= maxBufferBytes) continue;
      const result = `its result ${value.dtype}${showShape(value.shape)} takes ${bytes} bytes`;
      fail(
        op.name,
        `${result}, a buffer of this ${kind} device holds ${maxBufferBytes}; compute it in parts`,
      );
    }
  }
}
