import { fail } from '../../errors.js';
import type {
  Command,
  DeviceBuffer,
  DispatchCommand,
  GroupCommand,
  LaunchTimes,
  Location,
  Prepared,
  PrepareRequest,
} from '../backend.js';
import { writeParams } from '../params.js';
import { ALIGNMENT } from './allocator.js';
import { ownBuffer, type WasmBuffer } from './buffer.js';
import { groupBytes, groupScratch, tablesAt, tilesOf, writeGroup } from './group.js';
import type { Kernel, KernelEntry, WasmModule } from './module.js';
import type { Scratch } from './scratch.js';
import type { Job, Threads } from './threads.js';

/** Whose memory a program lives in, and who computes. */
export interface ProgramHost {
  readonly module: WasmModule;
  /** The kernels by number, and after them what runs groups. */
  readonly kernels: readonly Kernel[];
  /** What the kernel that runs groups takes for parameters. */
  readonly table: number;
  /** The other threads; null where there is but one. */
  readonly threads: Threads | null;
  /** Nanoseconds of work from which on a launch is split. */
  readonly splitsFrom: number;
  /** Address of the words that data errors are left in. */
  readonly fault: number;
  readonly scratch: Scratch;
  allocate(bytes: number, label: string): WasmBuffer;
  /** A number that no contents had before. */
  stamp(): number;
}

/** One entry of the replayed list; a copy has no kernel. */
interface Step extends Job {
  readonly run: Kernel | null;
  /** Whether all threads share it. */
  readonly splits: boolean;
  readonly faults: boolean;
  /** Externals that it alone depends on, and their stamps at its last run; null where it must always run. */
  readonly once: { readonly externals: readonly number[]; readonly stamps: number[] } | null;
}

/** An external: the addresses of the words that hold its address, the buffer that they name now, the bytes in use. */
interface Slot {
  readonly words: number[];
  bound: number;
  bytes: number;
  /** What the bound buffer's contents are known by. */
  stamp: number;
}

export class WasmProgram implements Prepared {
  readonly #host: ProgramHost;
  readonly #blocks: WasmBuffer[] = [];
  readonly #regions: readonly WasmBuffer[];
  readonly #steps: Step[] = [];
  readonly #stride: number;
  readonly #slots: readonly Slot[];
  readonly #written: readonly number[];
  #released = false;

  constructor(host: ProgramHost, request: PrepareRequest) {
    const { commands, regions, externals, written } = request;
    this.#host = host;
    this.#slots = Array.from({ length: externals }, () => ({ words: [], bound: 0, bytes: 0, stamp: 0 }));
    this.#written = written ?? this.#slots.map((_, i) => i);
    const own = (bytes: number, label: string): WasmBuffer => {
      const block = host.allocate(bytes, label);
      this.#blocks.push(block);
      return block;
    };
    try {
      this.#regions = regions.map((bytes) => own(bytes, 'the arena of a program'));
      const most = (splits: boolean) =>
        commands.reduce(
          (bytes, command) => Math.max(bytes, this.#splits(command) === splits ? scratchOf(command) : 0),
          0,
        );
      this.#stride = Math.ceil(most(true) / ALIGNMENT) * ALIGNMENT;
      const all = Math.max(this.#stride * (host.threads?.count ?? 1), most(false));
      host.scratch.reserve(this, all);
      const sizes = commands.map((command) => this.#blockBytes(command));
      let at = own(
        sizes.reduce((a, b) => a + b, 0),
        'parameter blocks of a program',
      ).address;
      commands.forEach((command, i) => {
        this.#add(command, at);
        at += sizes[i]!;
      });
    } catch (error) {
      this.release();
      throw error;
    }
  }

  #splits(command: Command): boolean {
    if (command.kind !== 'dispatch' && command.kind !== 'group') return false;
    const { units, cost = 0 } = command;
    return this.#host.threads !== null && (units as number) > 1 && cost >= this.#host.splitsFrom;
  }

  #add(command: Command, at: number): void {
    const { label } = command;
    if (command.kind === 'evaluate') fail('wasm', `can't evaluate ${label}`);
    if (command.kind === 'group') this.#addGroup(command, at);
    else if (command.kind === 'dispatch') this.#addDispatch(command, at);
    else {
      this.#table([command.from, command.to], at);
      const rest = { run: null, kernel: -1, params: 0, splits: false, faults: false, once: null };
      this.#steps.push({ label, operands: at, units: command.bytes, ...rest });
    }
  }

  #addDispatch(command: DispatchCommand, at: number): void {
    const { label, operands, units, once = null } = command;
    if (typeof units !== 'number') fail('wasm', `${label}: units must be a number`);
    this.#table(operands, at);
    const params = at + operandBytes(operands.length);
    const { run, index: kernel } = this.#params(command, params);
    if (units === 0) return;
    this.#steps.push({
      ...{ label, run, kernel, operands: at, params, units },
      splits: this.#splits(command),
      faults: operands.some(({ kind }) => kind === 'fault'),
      once: once && { externals: once, stamps: once.map(() => 0) },
    });
  }

  #addGroup(command: GroupCommand, at: number): void {
    const { label, dispatches, units } = command;
    const shapes = dispatches.map(groupShape);
    let table = at + tablesAt(shapes);
    let params = at + align(groupBytes(shapes));
    const launches = dispatches.map((dispatch, i) => {
      const launch = { ...shapes[i]!, kernel: this.#params(dispatch, params).index, params };
      this.#table(dispatch.operands, table);
      table += 4 * dispatch.operands.length;
      params += this.#paramsBytes(dispatch);
      return launch;
    });
    const { kernels, module, table: first } = this.#host;
    writeGroup(new Uint32Array(module.memory.buffer), at, launches, tilesOf(command));
    this.#steps.push({
      ...{ label, run: kernels.at(-1)!, kernel: kernels.length - 1, operands: at, units },
      ...{ params: first, splits: this.#splits(command), faults: false, once: null },
    });
  }

  /** Writes the addresses of operands at `at`. */
  #table(operands: readonly Location[], at: number): void {
    const view = new DataView(this.#host.module.memory.buffer);
    operands.forEach((location, i) => {
      view.setUint32(at + 4 * i, this.#address(location, at + 4 * i), true);
    });
  }

  /** Writes a kernel's parameters at `at`. */
  #params(command: DispatchCommand, at: number): KernelEntry {
    const entry = this.#kernel(command);
    const view = new DataView(this.#host.module.memory.buffer);
    writeParams(view, at, entry.params, command.params, command.label);
    return entry;
  }

  #kernel({ kernel, label }: DispatchCommand): KernelEntry {
    const missing = `there is no wasm kernel '${kernel}' on this device`;
    return (
      this.#host.module.kernels.get(kernel) ??
      fail(label, `${missing}; open it with { kernels: [...] } that hold it`)
    );
  }

  #blockBytes(command: Command): number {
    if (command.kind === 'dispatch')
      return operandBytes(command.operands.length) + this.#paramsBytes(command);
    if (command.kind !== 'group') return 16;
    const { dispatches } = command;
    const params = dispatches.reduce((sum, dispatch) => sum + this.#paramsBytes(dispatch), 0);
    return align(groupBytes(dispatches.map(groupShape))) + params;
  }

  #paramsBytes(command: DispatchCommand): number {
    return align(this.#kernel(command).params.paramsBytes);
  }

  #address(location: Location, word: number): number {
    if (location.kind === 'arena') return this.#regions[location.region]!.address + location.offset;
    if (location.kind === 'external') {
      const slot = this.#slots[location.index]!;
      slot.words.push(word);
      slot.bytes = Math.max(slot.bytes, location.bytes);
    }
    return location.kind === 'fault' ? this.#host.fault : 0;
  }

  run(externals: readonly DeviceBuffer[], times: LaunchTimes | null = null): void {
    this.#bind(externals);
    const steps = this.#steps;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      if (step.once && !this.#changed(step.once)) continue;
      const before = times ? performance.now() : 0;
      if (step.run === null) this.#copy(step.operands, step.units);
      else if (step.splits) this.#share(step, step.run);
      else step.run(step.operands, step.params, this.#host.scratch.address, 0, step.units);
      times?.(step.label, performance.now() - before, before);
    }
    for (let i = 0; i < this.#written.length; i++) {
      (externals[this.#written[i]!] as WasmBuffer).stamp = this.#host.stamp();
    }
  }

  /** Whether an external has other contents than at the step's last run; notes what it has now. */
  #changed({ externals, stamps }: NonNullable<Step['once']>): boolean {
    let changed = false;
    for (let i = 0; i < externals.length; i++) {
      const { stamp } = this.#slots[externals[i]!]!;
      if (stamps[i] !== stamp) changed = true;
      stamps[i] = stamp;
    }
    return changed;
  }

  /** All threads take part. A data error is looked for once more by one thread, so that it is the first one always. */
  #share(step: Step, run: Kernel): void {
    const before = step.faults && this.#faultId() !== 0;
    this.#host.threads!.run(step, this.#host.scratch.address, this.#stride);
    if (!step.faults || before || this.#faultId() === 0) return;
    new Int32Array(this.#host.module.memory.buffer, this.#host.fault, 3).fill(0);
    run(step.operands, step.params, this.#host.scratch.address, 0, step.units);
  }

  #faultId(): number {
    return new Int32Array(this.#host.module.memory.buffer, this.#host.fault, 1)[0]!;
  }

  #bind(externals: readonly DeviceBuffer[]): void {
    if (this.#released) fail('wasm', 'a program is run after it was released');
    if (externals.length !== this.#slots.length) {
      fail('wasm', `the program takes ${this.#slots.length} external buffers, ${externals.length} are given`);
    }
    let words: Uint32Array | null = null;
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i]!;
      const { address, bytes, label, stamp } = ownBuffer(externals[i], this.#host);
      if (bytes < slot.bytes) {
        fail('wasm', `external ${i} needs ${slot.bytes} bytes, buffer '${label}' has ${bytes}`);
      }
      slot.stamp = stamp;
      if (slot.bound === address) continue;
      words ??= new Uint32Array(this.#host.module.memory.buffer);
      for (const word of slot.words) words[word >>> 2] = address;
      slot.bound = address;
    }
  }

  #copy(operands: number, bytes: number): void {
    const memory = new Uint8Array(this.#host.module.memory.buffer);
    const [from, to] = new Uint32Array(this.#host.module.memory.buffer, operands, 2) as unknown as [
      number,
      number,
    ];
    memory.copyWithin(to, from, from + bytes);
  }

  release(): void {
    this.#released = true;
    this.#host.scratch.release(this);
    for (const block of this.#blocks.splice(0)) block.free();
  }
}

/** Operand addresses, padded so that the parameter struct behind them is 16-byte aligned. */
const operandBytes = (count: number): number => align(4 * count);
const align = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/** What must be known of a launch to lay out a group. */
const groupShape = ({ operands, scratch }: DispatchCommand) => ({
  tiles: operands.map((at) => (at.kind === 'tile' ? at.index : null)),
  scratch,
});

function scratchOf(command: Command): number {
  if (command.kind === 'dispatch') return command.scratch;
  return command.kind === 'group' ? groupScratch(command.dispatches.map(groupShape), tilesOf(command)) : 0;
}
