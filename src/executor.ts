import { absorb } from './absorb.js';
import { keptLaunches, layOut } from './arena.js';
import type {
  Backend,
  BackendCore,
  Command,
  DeviceBuffer,
  DispatchCommand,
  Fault,
  GroupRules,
  LaunchTimes,
  Location,
  Prepared,
} from './backend/backend.js';
import { describeCommands, type ProgramDescription } from './description.js';
import { fail, WeftError } from './errors.js';
import type { Graph } from './graph.js';
import { halvesOf, withCopies } from './halve.js';
import type { MemoryPlan } from './memory.js';
import { mergeEqual } from './merge.js';
import { type CheckNumerics, inspection } from './numerics.js';
import type { Cost, Lowered, Node, OperandRef, TensorType, Value } from './op.js';
import { bytesOf, halfBytes, plan } from './plan.js';
import { costOfGroup, costOfNode, describe, type ScheduleEntry } from './schedule.js';
import { showShape, sizeOf } from './shape.js';
import { spread } from './spread.js';

/** The messages of data errors, by the id that a kernel leaves behind. One per device. */
export class FaultMessages {
  readonly #messages: ((detail: readonly [number, number]) => string)[] = [];

  /** An id of at least 1 for a message. */
  register(message: (detail: readonly [number, number]) => string): number {
    this.#messages.push(message);
    return this.#messages.length;
  }

  /** Throws the message of the data error that the backend knows of, if there is one. */
  raise(backend: BackendCore): void {
    this.tell(backend.takeFault());
  }

  /** Throws a data error's message. */
  tell(fault: Fault | null): void {
    if (!fault) return;
    throw new WeftError(
      this.#messages[fault.id - 1]?.(fault.detail) ?? `run: a kernel reported data error ${fault.id}`,
    );
  }
}

export interface CompileOptions {
  /** Kernel variant to use for a node instead of the first that accepts it. */
  readonly variant?: (node: Node) => string | undefined;
  /** Looks at every input and at what every op made, as soon as it is made. */
  readonly checkNumerics?: CheckNumerics | null;
  /** What makes a value of the same contents, elementwise: for devices of mixed precision. */
  readonly copied?: (value: Value) => Value;
}

/** A compiled graph: a flat list of commands over memory that is laid out beforehand. Running it allocates nothing. */
export class Program {
  readonly schedule: readonly ScheduleEntry[];
  /** Known before the first run: bytes of the arena, and the least that any plan would need. */
  readonly memory: { readonly peakBytes: number; readonly lowerBound: number };
  /**
   * Where it is set, each run tells it every launch's label, `op/kernel`, and milliseconds: a profile. On webgpu that takes a
   * device with `timestamp-query`, and times come when the GPU has run: `backend.timed()` waits for them.
   */
  onLaunch: LaunchTimes | null = null;
  readonly #prepared: Prepared;
  readonly #backend: BackendCore;
  readonly #description: ProgramDescription;

  /** What `compile` makes. */
  constructor(
    backend: BackendCore,
    schedule: readonly ScheduleEntry[],
    memory: Omit<MemoryPlan, 'regions' | 'placements'>,
    prepared: Prepared,
    description: ProgramDescription,
  ) {
    this.#backend = backend;
    this.#description = description;
    this.schedule = schedule;
    this.memory = { peakBytes: memory.peakBytes, lowerBound: memory.lowerBound };
    this.#prepared = prepared;
  }

  /** @throws WeftError where an op has no kernel for the device or the device has not enough memory. */
  static async compile(
    graph: Graph,
    backend: Backend,
    faults: FaultMessages,
    options: CompileOptions = {},
  ): Promise<Program> {
    const lowerings = new Map<Node, Lowered | null>();
    const loweringOf = (node: Node): Lowered | null => {
      const known = lowerings.get(node);
      if (known !== undefined) return known;
      const made = lower(node, backend, options.variant?.(node));
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
    const { takesHalf: takes } = backend;
    const { copied } = options;
    const halving = takes && copied ? { lowered: loweringOf, takes, copied } : null;
    const narrow = halving ? withCopies(whole, halving) : whole;
    const final = fuses && groups ? spread(narrow, elements) : narrow;
    const halves = halving ? halvesOf(final, halving) : undefined;
    const planned = plan(final, { inPlace, ...fused, halves });
    const lowered = planned.order.map(loweringOf);
    const kept = planned.order.map((node, step) => keptLaunches(node, lowered[step] ?? null, planned));
    refuseLarge(planned.order, backend);
    const { memory, locate, temporary } = layOut(planned, lowered, kept, backend);
    const at = (value: Value): Location => {
      const tile = planned.tiles.get(value);
      if (tile !== undefined) return { kind: 'tile', index: tile };
      const found = locate(planned.bufferOf.get(value)!);
      return found.kind === 'arena' && planned.halves.has(value) ? { ...found, half: true } : found;
    };
    const commands: Command[] = [];
    const register =
      backend.kind === 'reference'
        ? null
        : (message: Parameters<FaultMessages['register']>[0]) => faults.register(message);
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
        if (ref.from === 'temporary') return temporary(step, ref.index);
        return at((ref.from === 'input' ? node.inputs : node.outputs)[ref.index]!);
      };
      const own = node.op.view
        ? []
        : commandsOf(
            node,
            lowered[step] ?? null,
            costOfNode(node, planned),
            kept[step]!,
            at,
            resolve,
            faults,
          );
      const { first, last } = planned.spans[step]!;
      if (first === last) commands.push(...own);
      else group.push(...own.filter((command) => command.kind === 'dispatch'));
      if (!node.op.view) for (const value of node.outputs) inspect(`${node.op.name} made`, value);
      if (step < last || group.length === 0) continue;
      commands.push(groupOf(group, costOfGroup(planned.order.slice(first, last + 1), planned)));
      group = [];
    }
    const prepared = await backend.prepare({
      commands,
      regions: memory.regions,
      externals: planned.externals,
      written: planned.written,
      inputs: whole.inputs.length,
      outputs: whole.outputs.map((value, i) => ({ index: whole.inputs.length + i, bytes: bytesOf(value) })),
    });
    const { workgroups } = prepared;
    const description = describeCommands(
      backend.kind,
      commands,
      workgroups,
      memory.peakBytes,
      halfBytes(planned),
    );
    return new Program(backend, describe(planned, lowered, backend.kind), memory, prepared, description);
  }

  /** What a run does: launches with their work, arithmetic and bytes, copies, submits. `String()` of it is a table. */
  describe(): ProgramDescription {
    return this.#description;
  }

  /**
   * Runs once on these buffers: one per input of the graph, then one per output. On a woven device it is done when the promise
   * resolves.
   */
  run(externals: readonly DeviceBuffer[]): void | Promise<void> {
    return this.#prepared.run(externals, this.onLaunch ?? this.#backend.onLaunch);
  }

  /** Writes one run into the caller's encoder; on webgpu alone. */
  encode(encoder: GPUCommandEncoder, externals: readonly DeviceBuffer[]): void {
    if (!this.#prepared.encode) fail('encode', `a ${this.#backend.kind} device has no command encoders`);
    else this.#prepared.encode(encoder, externals);
  }

  dispose(): void {
    this.#prepared.release();
  }
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

function commandsOf(
  node: Node,
  lowered: Lowered | null,
  { flops, bytes }: Cost,
  kept: readonly (readonly number[] | null)[],
  at: (value: Value) => Location,
  resolve: (ref: OperandRef) => Location,
  faults: FaultMessages,
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
