import { resolve } from 'node:path';
import { fail } from '../errors.js';
import type { KernelSet, Op } from '../index.js';
import { importFile } from './tools.js';

/** What a file of the user's exports: ops, and the kernels that they launch. */
export interface OwnModule {
  readonly ops: readonly Op[];
  readonly kernels: readonly KernelSet[];
}

const isOp = (value: unknown): value is { readonly op: Op } => typeof value === 'function' && 'op' in value;

/** Imports a file and takes every op that it exports, and its `kernels`: one set or a list of them. */
export async function loadOwn(file: string): Promise<OwnModule> {
  const exported = await importFile(resolve(file));
  const ops = [...new Set(Object.values(exported).filter(isOp))].map(({ op }) => op);
  if (ops.length === 0) fail(file, 'exports no op; export what defineOp returns');
  const { kernels = [] } = exported as { kernels?: KernelSet | readonly KernelSet[] };
  return { ops, kernels: Array.isArray(kernels) ? kernels : [kernels as KernelSet] };
}

/** Those of `ops` that have one of `names`; all without names. */
export function chooseOps(file: string, ops: readonly Op[], names: readonly string[] | undefined): Op[] {
  if (!names) return [...ops];
  const known = new Map(ops.map((op) => [op.name, op]));
  return names.map(
    (name) =>
      known.get(name) ?? fail(file, `exports no op '${name}'; it exports ${[...known.keys()].join(', ')}`),
  );
}
