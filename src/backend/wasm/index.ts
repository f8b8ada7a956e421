import type { DType, TypedArray } from '../../dtype.js';
import { fail } from '../../errors.js';
import type {
  Backend,
  Command,
  DeviceBuffer,
  DispatchCommand,
  Fault,
  GroupCommand,
  Location,
  Prepared,
  PrepareRequest,
} from '../backend.js';
import type { KernelSet } from '../kernels.js';
import { writeParams } from '../params.js';
import { ALIGNMENT, Allocator } from './allocator.js';
import { ownBuffer, setWords, WasmBuffer, wordsOf } from './buffer.js';
import { groupBytes, groupScratch, runGroup, tablesAt, writeGroup } from './group.js';
import {
  type Kernel,
  type KernelEntry,
  loadModule,
  type WasmModule,
  type WasmModuleOptions,
} from './module.js';
import { measureTiles } from './self-test.js';

export interface WasmOptions extends WasmModuleOptions {
  /** Upper limit of the device's memory in bytes, at most 4 GiB. */
  readonly memoryLimit?: number;
  /** The register tile of products: default, what a self-test of a few milliseconds finds faster. */
  readonly tile?: '4x8' | '6x8';
}

/** Constants of the module lie in the first page. */
const HEAP_START = 65536;
const FAULT_BYTES = 16;

/** Opens the CPU device: AssemblyScript kernels over one linear memory. `sets` are kernels beyond Weft's own. */
export async function openWasm(options: WasmOptions = {}, sets: readonly KernelSet[] = []): Promise<Backend> {
  const module = await loadModule(options, sets);
  const tile = options.tile ?? (module.binary === 'simd' ? '4x8' : measureTiles(module, HEAP_START));
  return new WasmBackend(module, tile, options.memoryLimit);
}

class WasmBackend implements Backend {
  readonly kind = 'wasm';
  readonly info;
  readonly features: ReadonlySet<string>;
  readonly alignment = ALIGNMENT;
  readonly sharesRegions = true;
  readonly fuses = true;
  readonly maxBufferBytes: number;
  readonly #module: WasmModule;
  readonly #allocator: Allocator;
  readonly #fault: number;

  constructor(module: WasmModule, tile: '4x8' | '6x8', memoryLimit = 2 ** 32) {
    this.#module = module;
    this.#allocator = new Allocator(module.memory, HEAP_START, memoryLimit);
    this.#fault = this.#allocator.allocate(FAULT_BYTES, 'fault words');
    this.#view(this.#fault, FAULT_BYTES).fill(0);
    this.features = new Set([module.binary, ...(tile === '6x8' ? ['tile-6x8'] : [])]);
    this.maxBufferBytes = memoryLimit;
    this.info = {
      backend: 'wasm' as const,
      description: `${module.binary}, tile ${tile}`,
      threads: 1,
      notes: module.notes,
    };
  }

  #view(address: number, bytes: number): Uint8Array {
    return new Uint8Array(this.#module.memory.buffer, address, bytes);
  }

  allocate(bytes: number, label: string): WasmBuffer {
    const address = this.#allocator.allocate(bytes, label);
    return new WasmBuffer(this, address, bytes, label, () => this.#allocator.release(address, bytes));
  }

  write(buffer: DeviceBuffer, data: TypedArray, dtype: DType): void {
    const own = ownBuffer(buffer, this);
    setWords(wordsOf(this.#module.memory, own, dtype, data.length, 'write'), data, dtype);
  }

  async read(buffer: DeviceBuffer, dtype: DType, length: number): Promise<TypedArray> {
    const words = wordsOf(this.#module.memory, ownBuffer(buffer, this), dtype, length, 'read');
    return dtype === 'bool' ? Uint8Array.from(words) : words.slice();
  }

  async prepare(request: PrepareRequest): Promise<Prepared> {
    return new WasmProgram(this, this.#module, this.#fault, request);
  }

  takeFault(): Fault | null {
    const words = new Int32Array(this.#module.memory.buffer, this.#fault, 3);
    const [id, first, second] = words as unknown as [number, number, number];
    words.fill(0);
    return id === 0 ? null : { id, detail: [first, second] };
  }

  memory() {
    return { buffers: this.#allocator.blocks - 1, bytes: this.#allocator.bytes - ALIGNMENT };
  }

  dispose(): void {}
}

/** One entry of the replayed list. */
interface Step {
  readonly kernel: Kernel | 'group' | 'copy';
  /** Address of the operands' addresses; for a copy, of the pair from, to; for a group, of itself. */
  readonly operands: number;
  readonly params: number;
  /** Work units, or bytes to copy. */
  readonly units: number;
}

class WasmProgram implements Prepared {
  readonly #backend: WasmBackend;
  readonly #module: WasmModule;
  readonly #fault: number;
  readonly #blocks: WasmBuffer[] = [];
  readonly #regions: readonly WasmBuffer[];
  readonly #steps: Step[] = [];
  /** The kernels that groups name by number. */
  readonly #kernels: Kernel[] = [];
  #words: Uint32Array;
  readonly #scratch: number;
  /** For each external, the addresses of the words that hold its address, what they hold now, and the bytes in use. */
  readonly #slots: { readonly words: number[]; bound: number; bytes: number }[];
  #released = false;

  constructor(backend: WasmBackend, module: WasmModule, fault: number, request: PrepareRequest) {
    const { commands, regions, externals } = request;
    this.#backend = backend;
    this.#module = module;
    this.#fault = fault;
    this.#words = new Uint32Array(module.memory.buffer);
    this.#slots = Array.from({ length: externals }, () => ({ words: [], bound: 0, bytes: 0 }));
    const own = (bytes: number, label: string): WasmBuffer => {
      const block = backend.allocate(bytes, label);
      this.#blocks.push(block);
      return block;
    };
    try {
      this.#regions = regions.map((bytes) => own(bytes, 'the arena of a program'));
      const scratch = commands.reduce((most, command) => Math.max(most, scratchOf(command)), 0);
      this.#scratch = own(scratch, 'scratch memory of a program').address;
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

  #add(command: Command, at: number): void {
    if (command.kind === 'evaluate') fail('wasm', `can't evaluate ${command.label}`);
    if (command.kind === 'group') {
      this.#addGroup(command, at);
      return;
    }
    if (command.kind === 'copy') {
      this.#table([command.from, command.to], at);
      this.#steps.push({ kernel: 'copy', operands: at, params: 0, units: command.bytes });
      return;
    }
    const { label, operands, units } = command;
    if (typeof units !== 'number') fail('wasm', `${label}: units must be a number`);
    this.#table(operands, at);
    const params = at + operandBytes(operands.length);
    const kernel = this.#params(command, params);
    if (units > 0) this.#steps.push({ kernel, operands: at, params, units });
  }

  #addGroup({ dispatches, units, tiles }: GroupCommand, at: number): void {
    const shapes = dispatches.map(groupShape);
    let table = at + tablesAt(shapes);
    let params = at + align(groupBytes(shapes));
    const launches = dispatches.map((dispatch, i) => {
      const kernel = this.#kernels.push(this.#params(dispatch, params)) - 1;
      const launch = { ...shapes[i]!, kernel, params };
      this.#table(dispatch.operands, table);
      table += 4 * dispatch.operands.length;
      params += this.#paramsBytes(dispatch);
      return launch;
    });
    writeGroup(new Uint32Array(this.#module.memory.buffer), at, launches, tiles);
    this.#steps.push({ kernel: 'group', operands: at, params: 0, units });
  }

  /** Writes the addresses of operands at `at`. */
  #table(operands: readonly Location[], at: number): void {
    const view = new DataView(this.#module.memory.buffer);
    operands.forEach((location, i) => {
      view.setUint32(at + 4 * i, this.#address(location, at + 4 * i), true);
    });
  }

  /** Writes a kernel's parameters at `at`. */
  #params(command: DispatchCommand, at: number): Kernel {
    const { run, params } = this.#kernel(command);
    writeParams(new DataView(this.#module.memory.buffer), at, params, command.params, command.label);
    return run;
  }

  #kernel({ kernel, label }: DispatchCommand): KernelEntry {
    const missing = `there is no wasm kernel '${kernel}' on this device`;
    return (
      this.#module.kernels.get(kernel) ??
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
    return location.kind === 'fault' ? this.#fault : 0;
  }

  run(externals: readonly DeviceBuffer[]): void {
    this.#bind(externals);
    const steps = this.#steps;
    for (let i = 0; i < steps.length; i++) {
      const { kernel, operands, params, units } = steps[i]!;
      if (kernel === 'group') runGroup(this.#kernels, this.#words, operands, this.#scratch, 0, units);
      else if (kernel === 'copy') this.#copy(operands, units);
      else kernel(operands, params, this.#scratch, 0, units);
    }
  }

  #bind(externals: readonly DeviceBuffer[]): void {
    if (this.#released) fail('wasm', 'a program is run after it was released');
    if (externals.length !== this.#slots.length) {
      fail('wasm', `the program takes ${this.#slots.length} external buffers, ${externals.length} are given`);
    }
    const { buffer } = this.#module.memory;
    if (this.#words.buffer !== buffer) this.#words = new Uint32Array(buffer);
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i]!;
      const { address, bytes, label } = ownBuffer(externals[i], this.#backend);
      if (bytes < slot.bytes) {
        fail('wasm', `external ${i} needs ${slot.bytes} bytes, buffer '${label}' has ${bytes}`);
      }
      if (slot.bound === address) continue;
      for (const word of slot.words) this.#words[word >>> 2] = address;
      slot.bound = address;
    }
  }

  #copy(operands: number, bytes: number): void {
    const words = this.#words;
    const from = words[operands >>> 2]! >>> 2;
    words.copyWithin(words[(operands >>> 2) + 1]! >>> 2, from, from + bytes / 4);
  }

  release(): void {
    this.#released = true;
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
  return command.kind === 'group' ? groupScratch(command.dispatches.map(groupShape), command.tiles) : 0;
}
