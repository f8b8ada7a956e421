import { readdirSync, readFileSync } from 'node:fs';
import { kernels } from '../../build/kernels.js';
import { elementModules, modules } from '../../build/shaders.js';
import type { KernelSet } from '../../src/backend/kernels.js';
import { openWasm } from '../../src/backend/wasm/index.js';
import { openWebGPU } from '../../src/backend/webgpu/index.js';
import { openDevice } from '../../src/backend/webgpu/open.js';
import { messageOf } from '../../src/errors.js';
import type { Backend, Op } from '../../src/index.js';
import {
  checkKernel,
  generatorOf,
  type KernelCase,
  sampleInputs,
  variantsTaking,
} from '../../src/verify/index.js';
import type { Mutant } from './mutants.js';
import { convolutionTails, matmulTails, shaderConvolutionTails, shaderMatmulTails } from './tails.js';
import { WasmMutator } from './wasm-mutants.js';
import { shaderAccesses, shiftShader } from './wgsl-mutants.js';

export type KernelKind = 'wasm' | 'webgpu';

/** A kernel as one variant of an op uses it, with the calls that reach it. */
export interface KernelUse {
  readonly op: Op;
  readonly kind: KernelKind;
  readonly variant: string;
  readonly kernel: string;
  readonly cases: readonly KernelCase[];
}

/** One shift of a kernel's index: where, and the device with it. */
interface Shift {
  readonly place: string;
  /** The shifted kernel's name. */
  readonly kernel: string;
  open(): Promise<Backend>;
}

/** Where kernels come from that can be shifted. */
export interface Workshop {
  readonly kind: KernelKind;
  /** The device as it is. */
  readonly backend: Backend;
  shifts(kernel: string): readonly Shift[];
  dispose(): void;
}

const TILE = '6x16';

/** The CPU kernels of a binary, which has all variants with this tile. */
export async function wasmWorkshop(bytes: Uint8Array<ArrayBuffer>): Promise<Workshop> {
  const mutator = new WasmMutator(bytes);
  const open = (source: Uint8Array<ArrayBuffer>) => openWasm({ binary: 'simd', tile: TILE, source });
  const backend = await open(bytes);
  return {
    kind: 'wasm',
    backend,
    shifts: (kernel) =>
      mutator.accesses(kernel).map((access) => ({
        place: `${access.name}, instruction ${access.instruction} of function ${access.functionIndex}`,
        kernel,
        open: () => open(mutator.mutate(access)),
      })),
    dispose: () => backend.dispose(),
  };
}

/** The GPU kernels, all on one device. */
export async function webgpuWorkshop(): Promise<Workshop> {
  const opened = await openDevice({});
  const open = (sets: readonly KernelSet[]) => openWebGPU({ device: opened.device }, sets);
  const backend = await open([]);
  return {
    kind: 'webgpu',
    backend,
    shifts(kernel) {
      const info = kernels[kernel]!;
      const code = (modules[info.module] ?? elementModules[info.module])!;
      const shifted = `${kernel}__shifted`;
      // What a kernel says of a data error is written by no sample: tests of those errors hold it.
      const data = shaderAccesses(code, kernel).filter(({ name }) => name !== 'fault');
      return data.map((access) => ({
        place: `${access.name}[${code.slice(access.start, access.end)}], line ${access.line}`,
        kernel: shifted,
        open: () => {
          const text = shiftShader(code, access).replace(`fn ${kernel}(`, `fn ${shifted}(`);
          const own = {
            name: 'shifted',
            modules: { text },
            kernels: { [shifted]: { ...info, module: 'text' } },
          };
          return open([own]);
        },
      }));
    },
    dispose() {
      backend.dispose();
      opened.device.destroy();
    },
  };
}

const folder = new URL('../../shaders/', import.meta.url);

/** The shader file that declares each kernel. */
export function kernelFamilies(): Map<string, string> {
  const families = new Map<string, string>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.wgsl'))) {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const names = [...text.matchAll(/^\/\/! kernel (\w+)|@compute[^{]*?\bfn (\w+)/gm)];
    for (const [, declared, entry] of names) families.set((declared ?? entry)!, file.replace('.wgsl', ''));
  }
  return families;
}

/** Calls besides samples, of sizes round the tiles, by the kind of device that they are for. */
const TAILS = {
  wasm: [...matmulTails, ...convolutionTails],
  webgpu: [...shaderMatmulTails, ...shaderConvolutionTails],
};

const hasWork = (units: number | readonly number[]): boolean =>
  typeof units === 'number' ? units > 0 : units.every((n) => n > 0);

/** The kernels of an op's variants, each with the samples, and then the calls of tail sizes, that reach it. */
export function kernelUses(op: Op, { kind, backend }: Workshop): KernelUse[] {
  const uses = new Map<string, { variant: string; kernel: string; cases: KernelCase[] }>();
  const samples = op.samples.map(({ options }, sample) => ({
    op,
    inputs: sampleInputs(op, sample),
    options,
  }));
  const tails = TAILS[kind].map(({ call }) => call).filter((call) => call.op === op);
  for (const call of [...samples, ...tails]) {
    const attrs = op.attributes(call.inputs, call.options);
    for (const variant of variantsTaking(call, backend)) {
      if (variant === null) continue;
      const { launches } = op.lower(kind, call.inputs, attrs, backend.features, variant)!;
      const reached = launches.filter(({ units }) => hasWork(units)).map(({ kernel }) => kernel);
      for (const kernel of new Set(reached)) {
        const key = `${variant} ${kernel}`;
        const use = uses.get(key) ?? { variant, kernel, cases: [] };
        use.cases.push(call);
        uses.set(key, use);
      }
    }
  }
  return [...uses.values()].map((use) => ({ op, kind, ...use }));
}

/** The op with another kernel launched in place of one of its own. */
function withKernel(op: Op, kernel: string, other: string): Op {
  return {
    ...op,
    lower(...call) {
      const lowered = op.lower(...call);
      if (!lowered) return null;
      const launches = lowered.launches.map((launch) =>
        launch.kernel === kernel ? { ...launch, kernel: other } : launch,
      );
      return { ...lowered, launches };
    },
  };
}

/** What a check of one call says against a device, or null. What the device itself refuses is no verdict. */
async function problemOf(call: KernelCase, backend: Backend, variant: string): Promise<string | null> {
  try {
    return (await checkKernel(call, backend, variant)).problem;
  } catch (error) {
    const message = messageOf(error);
    if (/does not compile|shader module|device was lost|refused by WebGPU|no webgpu kernel/.test(message))
      throw error;
    return message;
  }
}

async function tryShift({ op, kind, variant, kernel, cases }: KernelUse, shift: Shift): Promise<Mutant> {
  const mutant = { op: op.name, kind, target: kernel, variant, place: shift.place };
  const wrong = withKernel(op, kernel, shift.kernel);
  const backend = await shift.open();
  try {
    for (const [i, call] of cases.entries()) {
      const problem = await problemOf({ ...call, op: wrong }, backend, variant);
      if (problem !== null) return { ...mutant, killedBy: `call ${i}: ${problem}` };
    }
    return { ...mutant, killedBy: null };
  } finally {
    backend.dispose();
  }
}

export interface ShiftOptions {
  /** Mutants that are tried in any case, default 1. */
  readonly least?: number;
  /** Mutants that are tried while none is killed, default 16. */
  readonly most?: number;
}

/** Shifts single indices of a kernel, in an order that its name fixes, and runs the op's checks on each. */
export async function mutateKernel(
  use: KernelUse,
  workshop: Workshop,
  { least = 1, most = 64 }: ShiftOptions = {},
): Promise<Mutant[]> {
  const shifts = workshop.shifts(use.kernel);
  if (shifts.length === 0) throw new Error(`${use.kernel} reads and writes nothing that could be shifted`);
  const order = generatorOf(`${use.op.name} ${use.kernel}`).permutation(shifts.length);
  const mutants: Mutant[] = [];
  for (const at of order) {
    const enough = mutants.some(({ killedBy }) => killedBy !== null) ? least : most;
    if (mutants.length >= enough) break;
    mutants.push(await tryShift(use, shifts[at]!));
  }
  return mutants;
}
