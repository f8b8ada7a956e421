import { type Assembled, assemble, type CompileOptions } from './assemble.js';
import type {
  Backend,
  BackendCore,
  DeviceBuffer,
  Fault,
  FaultIds,
  LaunchTimes,
  Prepared,
} from './backend/backend.js';
import type { ProgramDescription } from './description.js';
import { fail, WeftError } from './errors.js';
import type { Graph } from './graph.js';
import type { ScheduleEntry } from './schedule.js';

/** The messages of data errors, by the id that a kernel leaves behind. One per device. */
export class FaultMessages implements FaultIds {
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

/** A compiled graph: a flat list of commands over memory that is laid out beforehand. Running it allocates nothing. */
export class Program {
  /** Its launches in the order in which they run, with what each costs. */
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

  /** What was assembled, as its backend prepared it. */
  constructor(
    backend: BackendCore,
    { schedule, memory, describe }: Omit<Assembled, 'request'>,
    prepared: Prepared,
  ) {
    this.#backend = backend;
    this.schedule = schedule;
    this.memory = memory;
    this.#prepared = prepared;
    this.#description = describe(prepared);
  }

  /** @throws WeftError where an op has no kernel for the device or the device has not enough memory. */
  static async compile(
    graph: Graph,
    backend: Backend,
    faults: FaultMessages,
    options: CompileOptions = {},
  ): Promise<Program> {
    const assembled = assemble(graph, backend, faults, options);
    return new Program(backend, assembled, await backend.prepare(assembled.request));
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

  /** Gives its memory back. */
  dispose(): void {
    this.#prepared.release();
  }
}
