import { kernels as ownKernels } from '../../../build/kernels.js';
import { modules as ownModules } from '../../../build/shaders.js';
import { fail } from '../../errors.js';
import { checkName, checkSets, type KernelSet } from '../kernels.js';
import type { KernelTable, ModuleTable } from './pipelines.js';

/** Weft's kernels and those of the sets in one table; a set's modules are called `set/module`. */
export function mergeTables(sets: readonly KernelSet[]): { kernels: KernelTable; modules: ModuleTable } {
  if (sets.length === 0) return { kernels: ownKernels, modules: ownModules };
  checkSets(sets);
  const kernels = new Map(Object.entries(ownKernels));
  const modules = new Map(Object.entries(ownModules));
  const owner = new Map<string, string>(Object.keys(ownKernels).map((kernel) => [kernel, '']));
  for (const { name: set, kernels: further = {}, modules: texts = {} } of sets) {
    for (const [module, text] of Object.entries(texts)) modules.set(`${set}/${module}`, text);
    for (const [kernel, info] of Object.entries(further)) {
      checkName(kernel, set, owner.get(kernel));
      owner.set(kernel, set);
      const module = `${set}/${info.module}`;
      if (!modules.has(module))
        fail(
          'open',
          `kernel '${kernel}' of '${set}' is in module '${info.module}', which the set does not hold`,
        );
      kernels.set(kernel, { ...info, module });
    }
  }
  return { kernels: Object.fromEntries(kernels), modules: Object.fromEntries(modules) };
}
