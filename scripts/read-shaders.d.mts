import type { KernelInfo, KernelParams } from '../build/kernels.js';

/** Reads a folder of WGSL; throws an Error that names file, kernel and what is wrong. */
export function readShaders(options: {
  folder: string;
  /** Where includes whose names start with `weft/` are looked for. */
  library?: string;
  /** The module wgsl_reflect. */
  reflection: unknown;
}): Promise<{
  modules: [name: string, wgsl: string][];
  kernels: [name: string, info: KernelInfo][];
  /** Structs of the kernels that only wasm has. */
  wasmParams: [name: string, params: KernelParams][];
  /** Every parameter struct as an AssemblyScript class. */
  classes: string;
}>;
