import type { DType, TypedArray } from '../../dtype.js';
import { fail } from '../../errors.js';
import type { Backend, DeviceBuffer, Fault, LaunchTimes, Prepared, PrepareRequest } from '../backend.js';
import type { KernelSet } from '../kernels.js';
import { ALIGNMENT, Allocator } from './allocator.js';
import { ownBuffer, setWords, WasmBuffer, wordsOf } from './buffer.js';
import { WORDS } from './crew.js';
import { setEngineFlags, type V8Flags } from './engine-flags.js';
import { withGroups } from './group.js';
import { type Kernel, loadModule, type WasmModule, type WasmModuleOptions } from './module.js';
import { type ProgramHost, WasmProgram } from './program.js';
import { Scratch } from './scratch.js';
import { measureTiles, type TileName } from './self-test.js';
import { Threads } from './threads.js';
import { processors, type StartWorker, whyNoThreads, workerStarter } from './workers.js';

export interface WasmOptions extends WasmModuleOptions {
  /** Upper limit of the device's memory in bytes, at most 4 GiB. */
  readonly memoryLimit?: number;
  /** The register tile of products: default, what a self-test of a few milliseconds finds faster. */
  readonly tile?: TileName;
  /**
   * Where a page serves the file `weft/worker.js`, if it forbids blob: scripts; Node and other pages don't need it.
   */
  readonly worker?: string | URL;
}

/** What `open` takes beside `wasm`. */
export interface WasmEngineOptions extends WasmOptions {
  readonly threads?: number;
  readonly v8?: V8Flags;
}

/** Nanoseconds of work, some ten times what it costs to hand it out. */
const WORTH_SPLITTING = 30_000;
/** More threads than this are had by asking for them. */
const MOST_BY_DEFAULT = 8;

/** Constants of the module lie in the first page. */
const HEAP_START = 65536;
const FAULT_BYTES = 16;
/** What variants ask for: where a tile is chosen that they don't have, they use the next smaller. */
const FEATURES = { '4x8': [], '6x8': ['tile-6x8'], '6x16': ['tile-6x8', 'tile-6x16'] } as const;

/** Opens the CPU device: AssemblyScript kernels over one linear memory. `sets` are kernels beyond Weft's own. */
export async function openWasm(
  options: WasmEngineOptions = {},
  sets: readonly KernelSet[] = [],
): Promise<Backend> {
  const flags = await setEngineFlags(options.v8 ?? {});
  const { threads, why } = await chooseThreads(options, sets);
  const start = threads > 1 ? await workerStarter(options.worker) : null;
  const maxBytes = options.memoryLimit ?? 2 ** 32;
  const module = await loadModule(options, sets, { shared: threads > 1, maxBytes });
  const tile = options.tile ?? (module.binary === 'simd' ? '4x8' : measureTiles(module, HEAP_START));
  const notes = [...module.notes, ...flags, ...(why === null ? [] : [`one thread: ${why}`])];
  return new WasmBackend(module, { tile, threads, start, notes, maxBytes });
}

/** How many threads, and why not more where there is a reason. */
async function chooseThreads(
  { threads, source }: WasmEngineOptions,
  sets: readonly KernelSet[],
): Promise<{ threads: number; why: string | null }> {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64))
    fail('open', `threads must be a whole number from 1 to 64, got ${threads}`);
  if (threads === 1) return { threads, why: null };
  const compiled = [source, ...sets.flatMap(({ wasm }) => [wasm?.simd, wasm?.relaxed])].some(
    (one) => one instanceof WebAssembly.Module,
  );
  const why = compiled ? "a compiled module can't be bound to shared memory; give its bytes" : whyNoThreads();
  if (why === null) return { threads: threads ?? Math.min(await processors(), MOST_BY_DEFAULT), why };
  return threads === undefined ? { threads: 1, why } : fail('open', `${threads} threads: ${why}`);
}

interface Setting {
  readonly tile: TileName;
  readonly threads: number;
  readonly start: StartWorker | null;
  readonly notes: readonly string[];
  readonly maxBytes: number;
}

class WasmBackend implements Backend, ProgramHost {
  readonly kind = 'wasm';
  readonly info;
  readonly features: ReadonlySet<string>;
  readonly alignment = ALIGNMENT;
  readonly sharesRegions = true;
  readonly fuses = true;
  readonly maxBufferBytes: number;
  readonly module: WasmModule;
  readonly kernels: readonly Kernel[];
  readonly table: number;
  readonly threads: Threads | null;
  readonly splitsFrom = WORTH_SPLITTING;
  onLaunch: LaunchTimes | null = null;
  readonly fault: number;
  readonly scratch = new Scratch((bytes) => this.allocate(bytes, 'scratch memory of kernels'));
  readonly #allocator: Allocator;
  /** Blocks that are the backend's own. */
  readonly #own: { readonly blocks: number; readonly bytes: number };
  #stamp = 0;

  constructor(module: WasmModule, { tile, threads, start, notes, maxBytes }: Setting) {
    this.module = module;
    const { kernels, table } = withGroups(
      [...module.kernels.values()].map(({ run }) => run),
      module.exports,
    );
    this.kernels = kernels;
    this.table = table;
    this.#allocator = new Allocator(module.memory, HEAP_START, maxBytes);
    this.fault = this.#allocator.allocate(FAULT_BYTES, 'fault words');
    this.#view(this.fault, FAULT_BYTES).fill(0);
    this.threads = start && this.#crew(threads, start);
    this.#own = { blocks: this.#allocator.blocks, bytes: this.#allocator.bytes };
    this.features = new Set([module.binary, ...FEATURES[tile]]);
    this.maxBufferBytes = maxBytes;
    const description = `${module.binary}, tile ${tile}`;
    this.info = { backend: 'wasm' as const, description, threads, notes };
  }

  #crew(threads: number, start: StartWorker): Threads {
    const { memory, modules, kernels } = this.module;
    return new Threads({
      ...{ memory, modules, threads, start },
      address: this.#allocator.allocate(4 * WORDS, 'words of the threads'),
      kernels: [...kernels].map(([name, { module }]) => [module, name]),
      run: this.kernels,
    });
  }

  #view(address: number, bytes: number): Uint8Array {
    return new Uint8Array(this.module.memory.buffer, address, bytes);
  }

  allocate(bytes: number, label: string): WasmBuffer {
    const address = this.#allocator.allocate(bytes, label);
    const buffer = new WasmBuffer(this, address, bytes, label, () => this.#allocator.release(address, bytes));
    buffer.stamp = this.stamp();
    return buffer;
  }

  write(buffer: DeviceBuffer, data: TypedArray, dtype: DType): void {
    const own = ownBuffer(buffer, this);
    setWords(wordsOf(this.module.memory, own, dtype, data.length, 'write'), data, dtype);
    own.stamp = this.stamp();
  }

  async read(buffer: DeviceBuffer, dtype: DType, length: number): Promise<TypedArray> {
    const words = wordsOf(this.module.memory, ownBuffer(buffer, this), dtype, length, 'read');
    return dtype === 'bool' ? Uint8Array.from(words) : words.slice();
  }

  view(buffer: DeviceBuffer, length: number): Int32Array {
    return wordsOf(this.module.memory, ownBuffer(buffer, this), 'i32', length, 'read') as Int32Array;
  }

  async prepare(request: PrepareRequest): Promise<Prepared> {
    return new WasmProgram(this, request);
  }

  takeFault(): Fault | null {
    const words = new Int32Array(this.module.memory.buffer, this.fault, 3);
    const [id, first, second] = words as unknown as [number, number, number];
    words.fill(0);
    return id === 0 ? null : { id, detail: [first, second] };
  }

  async timed(): Promise<void> {}

  memory() {
    const { blocks, bytes } = this.#own;
    return { buffers: this.#allocator.blocks - blocks, bytes: this.#allocator.bytes - bytes };
  }

  stamp(): number {
    this.#stamp++;
    return this.#stamp;
  }

  dispose(): void {
    this.threads?.stop();
  }
}
