import type { KernelInfo, KernelParams } from '../../build/kernels.js';
import { fail } from '../errors.js';

export type { KernelInfo, KernelParams } from '../../build/kernels.js';

/** A wasm module: its bytes, the same as base64, or compiled. */
export type WasmSource = string | BufferSource | WebAssembly.Module;

/**
 * Kernels beyond Weft's own, as plain data: what `weft kernels` writes, and `open(kind, { kernels: [...] })` takes. Their
 * names must differ from those of Weft and of the other sets on the device.
 */
export interface KernelSet {
  /** What messages call it. */
  readonly name: string;
  /** WGSL texts by name. */
  readonly modules?: Readonly<Record<string, string>>;
  /** The entry points of `modules`; a wasm kernel of the same name takes the same parameter struct. */
  readonly kernels?: Readonly<Record<string, KernelInfo>>;
  /** Parameter structs of the kernels that only wasm has. */
  readonly wasmParams?: Readonly<Record<string, KernelParams>>;
  /**
   * Modules that import `env.memory` alone and whose exported functions are kernels,
   * `name(operands, params, scratch, begin, end)`. `relaxed` is used where the device runs with relaxed SIMD; without it,
   * `simd` is. Constants lie in the first 64 KiB, each module's in a place of its own.
   */
  readonly wasm?: { readonly simd: WasmSource; readonly relaxed?: WasmSource };
}

/** Refuses two sets of one name. */
export function checkSets(sets: readonly KernelSet[]): void {
  sets.forEach(({ name }, i) => {
    if (sets.findIndex((other) => other.name === name) < i)
      fail('open', `two kernel sets are named '${name}'; give each once, and a name of its own`);
  });
}

/** Refuses a kernel of a set whose name is taken; `taken` says by whom. */
export function checkName(kernel: string, set: string, taken: string | undefined): void {
  if (taken === undefined) return;
  const whose = taken === '' ? "one of Weft's own" : `also in '${taken}'`;
  fail('open', `kernel '${kernel}' of '${set}' is ${whose}; rename it`);
}
