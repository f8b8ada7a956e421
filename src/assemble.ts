import { absorb } from './absorb.js';
import { keptLaunches, layOut } from './arena.js';
import type { Backend, FaultIds, Prepared, PrepareRequest } from './backend/backend.js';
import { listCommands } from './commands.js';
import { describeCommands, type ProgramDescription } from './description.js';
import { fail } from './errors.js';
import type { Graph } from './graph.js';
import { halvesOf, withCopies } from './halve.js';
import { lowering } from './lowering.js';
import { mergeEqual } from './merge.js';
import type { CheckNumerics } from './numerics.js';
import type { Lowered, Node, Value } from './op.js';
import { bytesOf, halfBytes, type Plan, plan } from './plan.js';
import { describe, type ScheduleEntry } from './schedule.js';
import { showShape } from './shape.js';
import { spread } from './spread.js';
import { stagger } from './stagger.js';
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
  const { checkNumerics = null } = options;
  const { whole, arranged } = passed(graph, backend, options);
  const { planned, lowered, memory } = arranged;
  const reporting = backend.kind === 'reference' ? null : faults;
  const commands = listCommands(whole.inputs, { ...arranged, faults: reporting, checkNumerics });
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

/** What an update in parts must spare of the arena: its launches are more. */
const WORTH_PARTING = 0.05;

/** What the passes make of a graph: the graph that is computed, and how, with updates in parts where that spares memory. */
function passed(graph: Graph, backend: Backend, { variant, copied, checkNumerics }: CompileOptions) {
  const { takesHalf: takes, groups } = backend;
  const { of: lowered, elements } = lowering(backend, variant);
  const merged = mergeEqual(graph);
  const whole = backend.kind === 'reference' ? merged : absorb(merged);
  const halving = takes && copied ? { lowered, takes, copied } : null;
  const converted = halving ? withCopies(whole, halving) : whole;
  // Between the ops of a group nothing can be looked at.
  const fuses = backend.fuses && !checkNumerics;
  const final = fuses && groups ? spread(converted, elements) : converted;
  const arrange = (one: Graph) => {
    const options = {
      inPlace: backend.sharesRegions,
      ...(fuses && { elements, buffers: groups?.buffers }),
      halves: halving ? halvesOf(one, halving) : undefined,
    };
    return arrangement(plan(one, options), lowered, backend);
  };
  const joint = arrange(final);
  const staggered = stagger(final, joint.planned.order);
  const parted = staggered === final ? joint : arrange(staggered);
  const worth = parted.memory.peakBytes < (1 - WORTH_PARTING) * joint.memory.peakBytes;
  return { whole, arranged: worth ? parted : joint };
}

/** A plan with what launches each node, and where everything lies. */
function arrangement(planned: Plan, launches: (node: Node) => Lowered | null, backend: Backend) {
  const lowered = planned.order.map(launches);
  const kept = planned.order.map((node, step) => keptLaunches(node, lowered[step]!, planned));
  refuseLarge(planned.order, backend);
  const { memory, ...laid } = layOut(planned, lowered, kept, backend);
  return { planned, lowered, kept, memory, laid };
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
