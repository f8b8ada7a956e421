import { kernels as shaderKernels, wasmParams } from '../../../build/kernels.js';
import { fail } from '../../errors.js';
import { checkSets, type KernelSet } from '../kernels.js';
import type { ParamsLayout } from '../params.js';
import { PAGE } from './allocator.js';
import { unpack } from './base64.js';
import { addKernels } from './own-kernels.js';
import { bytesOf, MAX_PAGES, withSharedMemory } from './shared-memory.js';

/** A kernel: operands, parameters, private memory, first and one past the last work unit. */
export type Kernel = (operands: number, params: number, scratch: number, begin: number, end: number) => void;

/** A kernel with what its parameter struct looks like. */
export interface KernelEntry {
  readonly run: Kernel;
  readonly params: ParamsLayout;
  /** The number that threads know it by: its place among the device's kernels. */
  readonly index: number;
  /** Which of the modules exports it. */
  readonly module: number;
}

export interface WasmModule {
  readonly memory: WebAssembly.Memory;
  readonly kernels: ReadonlyMap<string, KernelEntry>;
  /** Weft's own, then those of the kernel sets. */
  readonly modules: readonly WebAssembly.Module[];
  /** What the first of them exports. */
  readonly exports: WebAssembly.Exports;
  readonly binary: 'simd' | 'relaxed-simd';
  readonly notes: readonly string[];
}

export interface WasmModuleOptions {
  /** The binary to use: default, the fastest that this machine takes. */
  readonly binary?: 'simd' | 'relaxed-simd';
  /** The chosen binary's bytes or compiled module, where the embedded one can't be used. */
  readonly source?: BufferSource | WebAssembly.Module;
}

/** Modules of one function that uses a SIMD instruction, and a relaxed one: whether the engine takes them. */
const PROBES = {
  simd: [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  'relaxed-simd': [
    1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
  ],
} as const;
const MAGIC = [0, 97, 115, 109, 1, 0, 0, 0];

/** Whether this engine's WebAssembly takes a binary. */
export const takes = (binary: WasmModule['binary']): boolean =>
  WebAssembly.validate(Uint8Array.from([...MAGIC, ...PROBES[binary]]));

function choose(options: WasmModuleOptions): { binary: WasmModule['binary']; notes: string[] } {
  const relaxed = takes('relaxed-simd');
  if (options.binary === 'relaxed-simd' && !relaxed) {
    fail('open', "this engine's WebAssembly has no relaxed SIMD; leave `binary` out or use 'simd'");
  }
  if (!takes('simd')) {
    fail(
      'open',
      "this engine's WebAssembly has no SIMD, which the wasm device needs; use 'webgpu' or 'reference'",
    );
  }
  if (options.binary) return { binary: options.binary, notes: [] };
  if (relaxed) return { binary: 'relaxed-simd', notes: [] };
  return { binary: 'simd', notes: ['relaxed SIMD is off: this WebAssembly engine does not take it'] };
}

/** The embedded binary's bytes. */
export async function embedded(binary: WasmModule['binary']): Promise<Uint8Array<ArrayBuffer>> {
  const file = binary === 'simd' ? import('../../../build/simd.js') : import('../../../build/relaxed.js');
  return unpack((await file).binary);
}

/** Whose memory the kernels work in: one thread's, or shared, of at most so many bytes. */
export interface MemoryRequest {
  readonly shared: boolean;
  readonly maxBytes: number;
}

/** Compiles the binary that this machine takes and binds it, and the kernels of `sets`, to a fresh memory. */
export async function loadModule(
  options: WasmModuleOptions = {},
  sets: readonly KernelSet[] = [],
  { shared, maxBytes }: MemoryRequest = { shared: false, maxBytes: 2 ** 32 },
): Promise<WasmModule> {
  const { binary, notes } = choose(options);
  const maximum = Math.min(MAX_PAGES, Math.max(1, Math.ceil(maxBytes / PAGE)));
  const memory = new WebAssembly.Memory({ initial: 1, maximum, shared });
  const module = await compile(options.source ?? (await embedded(binary)), shared);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const kernels = new Map<string, KernelEntry>();
  for (const [name, value] of Object.entries(exports)) {
    if (typeof value !== 'function') continue;
    // Kernels that both languages have take the struct of the WGSL one; the others say which they take.
    const params = wasmParams[name] ?? shaderKernels[name];
    if (params) kernels.set(name, { run: value as Kernel, params, index: kernels.size, module: 0 });
  }
  checkSets(sets);
  const modules = [module];
  await addKernels({ memory, kernels, binary, modules, shared }, sets);
  return { memory, kernels, modules, exports, binary, notes };
}

async function compile(
  source: BufferSource | WebAssembly.Module,
  shared: boolean,
): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  return WebAssembly.compile(shared ? withSharedMemory(bytesOf(source), MAX_PAGES) : source);
}
