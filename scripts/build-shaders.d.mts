/** Builds build/kernels.ts and build/params.ts; throws an Error that names file, kernel and what is wrong. */
export function buildShaders(options?: { shaders?: string; build?: string }): Promise<{
  kernels: number;
  modules: number;
  changed: string[];
}>;
