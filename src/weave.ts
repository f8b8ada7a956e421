import { type Assembled, assemble, type CompileOptions } from './assemble.js';
import type { Prepared } from './backend/backend.js';
import type { WovenCore } from './backend/woven.js';
import type { WovenRequest } from './backend/woven-program.js';
import { describeParts } from './description.js';
import { type FaultMessages, Program } from './executor.js';
import type { Graph } from './graph.js';
import { mergeEqual } from './merge.js';
import type { Node, Side } from './op.js';
import { otherSide } from './place.js';
import type { ScheduleEntry } from './schedule.js';
import { type Segment, weave } from './segments.js';

/** A segment, and what its side makes of it. */
type Part = Segment & Assembled;

/** Says for each node of a graph where it runs. */
export type Placement = (graph: Graph) => ReadonlyMap<Node, Side> | Promise<ReadonlyMap<Node, Side>>;

/** Compiles a graph for both sides: each segment is a program of its own backend, between them values are sent. */
export async function compileWoven(
  graph: Graph,
  backend: WovenCore,
  faults: FaultMessages,
  placement: Placement,
  options: CompileOptions = {},
): Promise<Program> {
  const merged = mergeEqual(graph);
  const { segments, needs, interiors } = weave(merged, await placement(merged));
  const parts = segments.map((segment): Part => {
    return { ...segment, ...assemble(segment.graph, backend.sides[segment.side], faults, options) };
  });
  const request: WovenRequest = {
    parts: parts.map(jointsOf),
    ...{ needs, interiors },
    externals: graph.inputs.length + graph.outputs.length,
    inputs: graph.inputs.length,
    written: [...new Set(parts.flatMap(({ writes }) => writes))],
  };
  const prepared = await backend.prepare(request);
  const memory = {
    peakBytes: parts.reduce((sum, part) => sum + part.memory.peakBytes, prepared.bytesBetween ?? 0),
    lowerBound: Math.max(0, ...parts.map((part) => part.memory.lowerBound)),
  };
  const describe = (made: Prepared) => {
    const sent = parts.flatMap(({ sends }) => sends.map(({ bytes }) => bytes));
    return describeParts(
      parts.map((part, i) => part.describe(made.parts![i]!)),
      sent,
      memory.peakBytes,
    );
  };
  return new Program(backend, { schedule: scheduleOf(parts), memory, describe }, prepared);
}

/** What outlives the graph: no Values, so that what it was recorded from can be freed. */
const jointsOf = ({ side, request, inputs, outputs, sends, waits, writes }: Part) => {
  return { side, request, inputs, outputs, sends, waits, writes };
};

const scheduleOf = (parts: readonly Part[]): ScheduleEntry[] =>
  parts.flatMap(({ side, schedule, sends }) => [
    ...schedule,
    ...sends.map(({ bytes }): ScheduleEntry => {
      const to = otherSide(side);
      return { op: 'transfer', kernel: `${side} to ${to}`, flops: 0, bytes, backend: to };
    }),
  ]);
