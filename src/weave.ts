import type { DeviceBuffer, LaunchTimes, Prepared } from './backend/backend.js';
import type { WovenBackend, WovenBuffer } from './backend/woven.js';
import { describeParts } from './description.js';
import { type CompileOptions, type FaultMessages, Program } from './executor.js';
import type { Graph } from './graph.js';
import { mergeEqual } from './merge.js';
import type { Node, Side } from './op.js';
import { otherSide } from './place.js';
import type { ScheduleEntry } from './schedule.js';
import { type Segment, type Slot, type Woven, weave } from './segments.js';

/** A segment and its program. */
interface Part extends Segment {
  readonly program: Program;
}

/** Says for each node of a graph where it runs. */
export type Placement = (graph: Graph) => ReadonlyMap<Node, Side> | Promise<ReadonlyMap<Node, Side>>;

/** Compiles a graph for both sides: each segment is a program of its own backend, between them values are sent. */
export async function compileWoven(
  graph: Graph,
  backend: WovenBackend,
  faults: FaultMessages,
  placement: Placement,
  options: CompileOptions = {},
): Promise<Program> {
  const merged = mergeEqual(graph);
  const woven = weave(merged, await placement(merged));
  const parts: Part[] = [];
  try {
    const compile = async (segment: Segment): Promise<void> => {
      const program = await Program.compile(segment.graph, backend.sides[segment.side], faults, options);
      parts[woven.segments.indexOf(segment)] = { ...segment, program };
    };
    const outcomes = await Promise.allSettled(woven.segments.map(compile));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    const buffers = new Interiors(backend, woven, parts);
    const prepared = new WovenProgram(backend, woven, parts, buffers);
    const memory = {
      peakBytes: parts.reduce((sum, { program }) => sum + program.memory.peakBytes, buffers.bytes),
      lowerBound: Math.max(0, ...parts.map(({ program }) => program.memory.lowerBound)),
    };
    const sent = parts.flatMap(({ sends }) => sends.map(({ bytes }) => bytes));
    const descriptions = parts.map(({ program }) => program.describe());
    const description = describeParts(descriptions, sent, memory.peakBytes);
    return new Program(backend, describe(parts), memory, prepared, description);
  } catch (error) {
    for (const part of parts) part?.program.dispose();
    throw error;
  }
}

const describe = (parts: readonly Part[]): ScheduleEntry[] =>
  parts.flatMap(({ side, program, sends }) => [
    ...program.schedule,
    ...sends.map(({ bytes }): ScheduleEntry => {
      const to = otherSide(side);
      return { op: 'transfer', kernel: `${side} to ${to}`, flops: 0, bytes, backend: to };
    }),
  ]);

/** Memory of values that pass from segment to segment: two share a buffer where one is needed after the other. */
class Interiors {
  readonly bytes: number;
  readonly #of: Record<Side, Map<number, DeviceBuffer>> = { wasm: new Map(), webgpu: new Map() };
  readonly #all: DeviceBuffer[] = [];

  constructor(backend: WovenBackend, { interiors, segments }: Woven, parts: readonly Part[]) {
    try {
      for (const side of ['wasm', 'webgpu'] as const) {
        const free: { buffer: DeviceBuffer; until: number }[] = [];
        for (const { index, bytes, first, last } of lifetimes(interiors, segments, side)) {
          const fits = free.find(
            ({ buffer, until }) => until < first && buffer.bytes >= bytes && buffer.bytes <= 2 * bytes,
          );
          const held = fits ?? {
            buffer: backend.sides[side].allocate(bytes, 'a value between segments'),
            until: last,
          };
          if (!fits) {
            free.push(held);
            this.#all.push(held.buffer);
          }
          held.until = last;
          this.#of[side].set(index, held.buffer);
        }
      }
    } catch (error) {
      this.free();
      for (const { program } of parts) program.dispose();
      throw error;
    }
    this.bytes = this.#all.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  on(side: Side, index: number): DeviceBuffer {
    return this.#of[side].get(index)!;
  }

  free(): void {
    for (const buffer of this.#all) buffer.free();
  }
}

/** From which segment to which a side needs each interior, by the first. */
function lifetimes(interiors: Woven['interiors'], segments: readonly Segment[], side: Side) {
  const spans = interiors.map(({ bytes }, index) => ({ index, bytes, first: -1, last: -1 }));
  segments.forEach((segment, step) => {
    const own = segment.side === side ? [...segment.inputs, ...segment.outputs] : segment.sends;
    for (const slot of own) {
      if (slot.kind === 'external') continue;
      const span = spans[slot.index]!;
      if (span.first < 0) span.first = step;
      span.last = step;
    }
  });
  return spans.filter(({ first }) => first >= 0).sort((a, b) => a.first - b.first);
}

/** Segments in their order, with what is sent between them: webgpu works while wasm does. */
class WovenProgram implements Prepared {
  #released = false;

  constructor(
    readonly backend: WovenBackend,
    readonly woven: Woven,
    readonly parts: readonly Part[],
    readonly interiors: Interiors,
  ) {}

  run(externals: readonly DeviceBuffer[], times: LaunchTimes | null = null): Promise<void> {
    const { backend } = this;
    const given = externals.map((buffer) => backend.own(buffer));
    return backend.during(() => new Run(this, given, times).go());
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.backend.whenIdle(() => {
      for (const { program } of this.parts) program.dispose();
      this.interiors.free();
    });
  }
}

/** One run of a woven program. */
class Run {
  /** Values on their way to wasm. */
  readonly #coming = new Map<Slot, Promise<() => void>>();
  /** On which sides the new contents of an external are. */
  readonly #written = new Map<number, Side[]>();

  constructor(
    readonly program: WovenProgram,
    readonly externals: readonly WovenBuffer[],
    readonly times: LaunchTimes | null,
  ) {}

  async go(): Promise<void> {
    const { backend, woven, parts } = this.program;
    // Memory first: what finds no room fails before anything has changed.
    for (const part of parts) this.#buffersOf(part);
    try {
      for (const { slot, side } of woven.needs) {
        const coming = backend.bring(this.externals[slot.index]!, side);
        if (coming) this.#expect(slot, coming);
      }
      for (const part of parts) {
        if (part.side === 'wasm') await this.#arrive(part.waits);
        this.#run(part);
        for (const slot of part.sends) this.#send(slot, part.side);
      }
    } finally {
      this.#settle();
    }
  }

  #buffer(slot: Slot, side: Side): DeviceBuffer {
    return slot.kind === 'interior'
      ? this.program.interiors.on(side, slot.index)
      : this.program.backend.copyOn(this.externals[slot.index]!, side);
  }

  #buffersOf({ inputs, outputs, side }: Part): DeviceBuffer[] {
    return [...inputs, ...outputs].map((slot) => this.#buffer(slot, side));
  }

  #run(part: Part): void {
    const { side, program, writes } = part;
    const { times } = this;
    for (const index of writes) this.#written.set(index, [side]);
    program.onLaunch = times && ((label, ms, start) => times(`${side}: ${label}`, ms, start, side));
    void program.run(this.#buffersOf(part));
    if (side === 'wasm') this.program.backend.noteFault(side);
  }

  #send(slot: Slot, from: Side): void {
    const { backend } = this.program;
    const to = otherSide(from);
    const [source, target] = [this.#buffer(slot, from), this.#buffer(slot, to)];
    if (slot.kind === 'external') this.#written.get(slot.index)!.push(to);
    if (from === 'wasm') backend.upload(source, target, slot.bytes);
    else this.#expect(slot, backend.download(source, target, slot.bytes));
  }

  #expect(slot: Slot, coming: Promise<() => void>): void {
    // It may fail before anybody waits for it.
    coming.catch(() => {});
    this.#coming.set(slot, coming);
  }

  async #arrive(slots: readonly Slot[]): Promise<void> {
    const coming = slots.flatMap((slot) => this.#coming.get(slot) ?? []);
    if (coming.length === 0) return;
    for (const slot of slots) this.#coming.delete(slot);
    for (const arrive of await Promise.all(coming)) arrive();
  }

  /** Notes where the new contents are; a copy that is old by now and that this program does not use is given back. */
  #settle(): void {
    const { backend, woven } = this.program;
    for (const [index, sides] of this.#written) {
      const buffer = this.externals[index]!;
      backend.written(buffer, sides);
      for (const side of ['wasm', 'webgpu'] as const) {
        const needed = woven.needs.some((need) => need.slot.index === index && need.side === side);
        if (!needed && !buffer.fresh[side] && !buffer.exposed) buffer.drop(side);
      }
    }
  }
}
