import { relaxed as relaxedBase64, simd as simdBase64 } from '../../../build/binaries.js';
import { kernels as shaderKernels, wasmParams } from '../../../build/kernels.js';
import { fail } from '../../errors.js';
import { checkSets, type KernelSet } from '../kernels.js';
import type { ParamsLayout } from '../params.js';
import { decode } from './base64.js';
import { addKernels } from './own-kernels.js';

/** A kernel: operands, parameters, private memory, first and one past the last work unit. */
export type Kernel = (operands: number, params: number, scratch: number, begin: number, end: number) => void;

/** A kernel with what its parameter struct looks like. */
export interface KernelEntry {
  readonly run: Kernel;
  readonly params: ParamsLayout;
}

export interface WasmModule {
  readonly memory: WebAssembly.Memory;
  readonly kernels: ReadonlyMap<string, KernelEntry>;
  readonly binary: 'simd' | 'relaxed-simd';
  readonly notes: readonly string[];
}

export interface WasmModuleOptions {
  /** The binary to use: default, the fastest that this machine takes. */
  readonly binary?: 'simd' | 'relaxed-simd';
  /** The chosen binary's bytes or compiled module, where the embedded one can't be used. */
  readonly source?: BufferSource | WebAssembly.Module;
}

function choose(options: WasmModuleOptions): { binary: WasmModule['binary']; notes: string[] } {
  const relaxed = () => WebAssembly.validate(decode(relaxedBase64));
  if (options.binary === 'relaxed-simd' && !relaxed()) {
    fail('open', "this engine's WebAssembly has no relaxed SIMD; leave `binary` out or use 'simd'");
  }
  if (options.binary) return { binary: options.binary, notes: [] };
  if (relaxed()) return { binary: 'relaxed-simd', notes: [] };
  return { binary: 'simd', notes: ['relaxed SIMD is off: this WebAssembly engine does not take it'] };
}

/** Compiles the binary that this machine takes and binds it, and the kernels of `sets`, to a fresh memory. */
export async function loadModule(
  options: WasmModuleOptions = {},
  sets: readonly KernelSet[] = [],
): Promise<WasmModule> {
  const { binary, notes } = choose(options);
  const bytes = decode(binary === 'simd' ? simdBase64 : relaxedBase64);
  if (!options.source && !WebAssembly.validate(bytes)) {
    fail(
      'open',
      "this engine's WebAssembly has no SIMD, which the wasm device needs; use 'webgpu' or 'reference'",
    );
  }
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const source = options.source ?? bytes;
  const module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const kernels = new Map<string, KernelEntry>();
  for (const [name, value] of Object.entries(instance.exports)) {
    if (typeof value !== 'function') continue;
    // Kernels that both languages have take the struct of the WGSL one; the others say which they take.
    const params = wasmParams[name] ?? shaderKernels[name];
    if (params) kernels.set(name, { run: value as Kernel, params });
  }
  checkSets(sets);
  await addKernels({ memory, kernels, binary }, module, sets);
  return { memory, kernels, binary, notes };
}
