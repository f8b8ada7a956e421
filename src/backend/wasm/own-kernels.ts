import { fail } from '../../errors.js';
import { checkName, type KernelSet, type WasmSource } from '../kernels.js';
import { decode } from './base64.js';
import type { Kernel, KernelEntry, WasmModule } from './module.js';
import { bytesOf, MAX_PAGES, withSharedMemory } from './shared-memory.js';

interface Target {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Map<string, KernelEntry>;
  readonly binary: WasmModule['binary'];
  /** Weft's own module; those of the sets are added. */
  readonly modules: WebAssembly.Module[];
  /** Whether the memory is shared by threads. */
  readonly shared: boolean;
}

/** First and one past the last address of the constants of a module. */
interface Extent {
  readonly owner: string;
  readonly start: number;
  readonly end: number;
}

const PARAMETERS = 5;

/**
 * Binds the modules of `sets` to the device's memory and adds their kernels; fails naming set and kernel. Weft's own
 * module is bound already.
 */
export async function addKernels(target: Target, sets: readonly KernelSet[]): Promise<void> {
  if (sets.length === 0) return;
  const owners = new Map([...target.kernels.keys()].map((kernel) => [kernel, '']));
  const taken: Extent[] = [];
  await claim('Weft', target.modules[0]!, target.shared, taken);
  for (const set of sets) {
    const source = sourceOf(set, target.binary);
    if (source === null) continue;
    for (const [kernel, run] of await exportsOf(set.name, source, target, { owners, taken })) {
      owners.set(kernel, set.name);
      const params = set.wasmParams?.[kernel] ?? set.kernels?.[kernel];
      if (!params) {
        fail(
          'open',
          `kernel '${kernel}' of '${set.name}' has no parameter struct in its kernels or wasmParams`,
        );
      }
      target.kernels.set(kernel, {
        run,
        params,
        index: target.kernels.size,
        module: target.modules.length - 1,
      });
    }
  }
}

function sourceOf({ name, wasm }: KernelSet, binary: WasmModule['binary']): WasmSource | null {
  if (!wasm) return null;
  const source = binary === 'relaxed-simd' ? (wasm.relaxed ?? wasm.simd) : wasm.simd;
  return (
    source ?? fail('open', `'${name}' has no wasm module for a device of plain SIMD; give it as wasm.simd`)
  );
}

async function compile(set: string, source: WasmSource, shared: boolean): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) {
    if (!shared) return source;
    fail(
      'open',
      `'${set}' is a compiled module, which threads can't share; give its bytes, or { threads: 1 }`,
    );
  }
  try {
    const bytes = typeof source === 'string' ? decode(source) : bytesOf(source);
    return await WebAssembly.compile(shared ? withSharedMemory(bytes, MAX_PAGES) : bytes);
  } catch (error) {
    return fail('open', `the wasm module of '${set}' is not valid: ${(error as Error).message}`);
  }
}

/** The kernels of a module, bound to `memory`: none may have an owner; `taken` gets the place of its constants. */
async function exportsOf(
  set: string,
  source: WasmSource,
  { memory, modules, shared }: Target,
  { owners, taken }: { readonly owners: ReadonlyMap<string, string>; readonly taken: Extent[] },
): Promise<[string, Kernel][]> {
  const module = await compile(set, source, shared);
  const foreign = WebAssembly.Module.imports(module).filter(
    ({ module: from, name, kind }) => from !== 'env' || name !== 'memory' || kind !== 'memory',
  );
  if (foreign.length > 0) {
    const names = foreign.map(({ module: from, name }) => `${from}.${name}`).join(', ');
    fail('open', `the wasm module of '${set}' imports ${names}; kernels may import env.memory alone`);
  }
  for (const { name } of WebAssembly.Module.exports(module)) checkName(name, set, owners.get(name));
  await claim(set, module, shared, taken);
  modules.push(module);
  const { exports } = await bind(set, module, memory);
  return Object.entries(exports).flatMap(([kernel, value]): [string, Kernel][] => {
    if (typeof value !== 'function') return [];
    if (value.length !== PARAMETERS) {
      const takes = 'a kernel takes operands, params, scratch, begin, end';
      fail('open', `kernel '${kernel}' of '${set}' has ${value.length} parameters; ${takes}`);
    }
    return [[kernel, value as Kernel]];
  });
}

const bind = (set: string, module: WebAssembly.Module, memory: WebAssembly.Memory) =>
  WebAssembly.instantiate(module, { env: { memory } }).catch((error: Error) =>
    fail('open', `the wasm module of '${set}' can't be bound to the device's memory: ${error.message}`),
  );

/** Notes where the constants of a module lie, found by binding it to two memories of other contents. */
async function claim(
  owner: string,
  module: WebAssembly.Module,
  shared: boolean,
  taken: Extent[],
): Promise<void> {
  let [start, end] = [Number.POSITIVE_INFINITY, 0];
  for (const content of [0, 0xff]) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared });
    const bytes = new Uint8Array(memory.buffer).fill(content);
    await bind(owner, module, memory);
    const first = bytes.findIndex((value) => value !== content);
    if (first < 0) continue;
    start = Math.min(start, first);
    end = Math.max(end, bytes.findLastIndex((value) => value !== content) + 1);
  }
  const other = taken.find((one) => start < one.end && one.start < end);
  if (other) {
    const place = `the constants of its wasm module lie at ${start} to ${end}, among those of '${other.owner}'`;
    fail('open', `'${owner}': ${place}; build it with another --memory-base`);
  }
  if (end > 0) taken.push({ owner, start, end });
}
