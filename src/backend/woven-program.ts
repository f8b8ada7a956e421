import type { DeviceBuffer, LaunchTimes, Prepared, PrepareRequest, RunChanges } from './backend.js';
import type { Side, WovenBackend, WovenBuffer } from './woven.js';

/** Where a value lies between segments: in an input or output of the whole graph, or in memory of the program. */
export type Slot =
  | { readonly kind: 'external'; readonly index: number; readonly bytes: number }
  | { readonly kind: 'interior'; readonly index: number; readonly bytes: number };

/** How a part of a woven program stands to the rest. */
export interface Joints {
  readonly side: Side;
  /** Where what it reads comes from, and where its results go. */
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Of the results, what the other side reads: it is sent there as soon as the part has run. */
  readonly sends: readonly Slot[];
  /** What must have come from the other side before. */
  readonly waits: readonly Slot[];
  /** Externals that it changes. */
  readonly writes: readonly number[];
}

/** A part and the command list that its side runs. */
interface Part extends Joints {
  readonly request: PrepareRequest;
}

/** What a woven program is prepared from. */
export interface WovenRequest extends RunChanges {
  readonly parts: readonly Part[];
  /** Inputs of the whole that a side reads: they are sent there at once where they are not yet. */
  readonly needs: readonly { readonly slot: Slot; readonly side: Side }[];
  readonly interiors: readonly { readonly bytes: number }[];
}

/** Which side a value lies on that is sent to this one. */
const OTHER = { wasm: 'webgpu', webgpu: 'wasm' } as const;

/** Memory of values that pass from part to part: two share a buffer where one is needed after the other. */
class Interiors {
  readonly bytes: number;
  readonly #of: Record<Side, Map<number, DeviceBuffer>> = { wasm: new Map(), webgpu: new Map() };
  readonly #all: DeviceBuffer[] = [];

  constructor(backend: WovenBackend, request: WovenRequest) {
    try {
      for (const side of ['wasm', 'webgpu'] as const) {
        const free: { buffer: DeviceBuffer; until: number }[] = [];
        for (const { index, bytes, first, last } of lifetimes(request, side)) {
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

/** From which part to which a side needs each interior, by the first. */
function lifetimes({ interiors, parts }: WovenRequest, side: Side) {
  const spans = interiors.map(({ bytes }, index) => ({ index, bytes, first: -1, last: -1 }));
  parts.forEach((part, step) => {
    const own = part.side === side ? [...part.inputs, ...part.outputs] : part.sends;
    for (const slot of own) {
      if (slot.kind === 'external') continue;
      const span = spans[slot.index]!;
      if (span.first < 0) span.first = step;
      span.last = step;
    }
  });
  return spans.filter(({ first }) => first >= 0).sort((a, b) => a.first - b.first);
}

/** Prepares every part on its side, and the memory between them. */
export async function prepareWoven(backend: WovenBackend, request: WovenRequest): Promise<WovenProgram> {
  const parts: Prepared[] = [];
  try {
    const outcomes = await Promise.allSettled(
      request.parts.map(async ({ side, request }, i) => {
        parts[i] = await backend.sides[side].prepare(request);
      }),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    return new WovenProgram(backend, request, parts, new Interiors(backend, request));
  } catch (error) {
    for (const part of parts) part?.release();
    throw error;
  }
}

/** Parts in their order, with what is sent between them: webgpu works while wasm does. */
class WovenProgram implements Prepared {
  #released = false;

  constructor(
    readonly backend: WovenBackend,
    readonly request: WovenRequest,
    readonly parts: readonly Prepared[],
    readonly interiors: Interiors,
  ) {}

  get bytesBetween(): number {
    return this.interiors.bytes;
  }

  run(externals: readonly DeviceBuffer[], times: LaunchTimes | null = null): Promise<void> {
    const { backend } = this;
    const given = externals.map((buffer) => backend.own(buffer));
    return backend.during(() => new Run(this, given, times).go());
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.backend.whenIdle(() => {
      for (const part of this.parts) part.release();
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
    const { backend, request } = this.program;
    // Memory first: what finds no room fails before anything has changed.
    for (const part of request.parts) this.#buffersOf(part);
    try {
      for (const { slot, side } of request.needs) {
        const coming = backend.bring(this.externals[slot.index]!, side);
        if (coming) this.#expect(slot, coming);
      }
      for (const [i, part] of request.parts.entries()) {
        if (part.side === 'wasm') await this.#arrive(part.waits);
        this.#run(part, this.program.parts[i]!);
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

  #run(part: Part, prepared: Prepared): void {
    const { side, writes } = part;
    const { times } = this;
    for (const index of writes) this.#written.set(index, [side]);
    const told: LaunchTimes | null =
      times && ((label, ms, start) => times(`${side}: ${label}`, ms, start, side));
    void prepared.run(this.#buffersOf(part), told);
    if (side === 'wasm') this.program.backend.noteFault(side);
  }

  #send(slot: Slot, from: Side): void {
    const { backend } = this.program;
    const to = OTHER[from];
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
    const { backend, request } = this.program;
    for (const [index, sides] of this.#written) {
      const buffer = this.externals[index]!;
      backend.written(buffer, sides);
      for (const side of ['wasm', 'webgpu'] as const) {
        const needed = request.needs.some((need) => need.slot.index === index && need.side === side);
        if (!needed && !buffer.fresh[side] && !buffer.exposed) buffer.drop(side);
      }
    }
  }
}
