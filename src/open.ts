import type { Backend } from './backend/backend.js';
import type { KernelSet } from './backend/kernels.js';
import type { RecoverOptions } from './backend/recovery/options.js';
import type { V8Flags } from './backend/wasm/engine-flags.js';
import type { WasmOptions } from './backend/wasm/index.js';
import type { WebGPUOptions } from './backend/webgpu/index.js';
import { Device } from './device.js';
import { fail } from './errors.js';
import type { CheckNumerics } from './numerics.js';
import type { BackendKind } from './op.js';
import type { Tuned, Tuning } from './tune.js';
import type { SideOpeners, WeaveOptions, Weaving } from './weaving.js';

/** What `open` takes beside the backend's name. */
export interface DeviceOptions {
  /** Seed of the device's generator: initial weights and dropout follow from it. Default 0. */
  readonly seed?: number;
  /**
   * Looks at every value as soon as it is made, and reports the first op that made NaN (`'nan'`), or NaN or an infinity
   * (`'nonfinite'`): on wasm by the call that ran it, on webgpu by the next read. For debugging: each value is read once
   * more, on the device, and elementwise ops run one by one.
   */
  readonly checkNumerics?: CheckNumerics;
  /**
   * `'mixed'`, on webgpu alone and where the adapter has `shader-f16`: what products and convolutions read and make is kept in
   * half precision, and computed in f32. Tensors, among them parameters and gradients, stay f32; train with
   * `optim.GradScaler`. Default 'f32'.
   */
  readonly precision?: 'f32' | 'mixed';
  /** Kernels beyond Weft's own, for ops of your own; the reference device needs none. */
  readonly kernels?: readonly KernelSet[];
  /**
   * Threads of the wasm device alone; default, as many as there are processors, at most 8, where threads can share memory (a
   * page must be cross-origin isolated). They start with the first work that is worth splitting. Results are the same
   * bits for any number.
   */
  readonly threads?: number;
  /** Experiments of Node's V8 for the wasm device. */
  readonly v8?: V8Flags;
  readonly wasm?: WasmOptions;
  readonly webgpu?: WebGPUOptions;
  /** How a device of both parts graphs between them. */
  readonly weave?: WeaveOptions;
  /**
   * How kernels of products are chosen on webgpu: `'measure'` times them while the device opens, once per
   * adapter and process; a `device.tuning` of before is taken as it is. By default after what is known of GPUs, or what
   * this process has measured. Results are the same bits.
   */
  readonly tuning?: 'measure' | Tuning;
  /**
   * Lets a device with a GPU, webgpu by itself or woven, go on when that is lost. Calls under way fail with a
   * {@link DeviceLostError}, a new GPU device is asked for, programs are built anew, and all tensors, the device's generator,
   * optimisers, schedules and averages go back to the last snapshot; `await error.recovered` tells which. Tensors that
   * were computed after it can't be read any more.
   */
  readonly recover?: boolean | RecoverOptions;
}

/**
 * Opens a device: `wasm` (CPU), `webgpu`, `reference` (f64, slow, exact), or `['webgpu', 'wasm']`, one device of both: it
 * computes each node of a graph where that costs least, transfers included, and lets both work at the same time.
 *
 * @throws WeftError where a backend can't be opened, also one of two.
 */
export async function open(
  kind: BackendKind | readonly BackendKind[] = 'wasm',
  options: DeviceOptions = {},
): Promise<Device> {
  if (options.tuning !== undefined && ![kind].flat().includes('webgpu'))
    fail('open', `tuning is for webgpu devices, this one is ${String(kind)}`);
  const { precision = 'f32' } = options;
  if (precision !== 'f32' && precision !== 'mixed')
    fail('open', `precision must be 'f32' or 'mixed', got '${String(precision)}'`);
  if (precision === 'mixed' && kind !== 'webgpu')
    fail('open', `precision 'mixed' is for webgpu, ${String(kind)} computes in its own`);
  if (typeof kind === 'string') {
    const backend = await openBackend(kind, options);
    return new Device(backend, { ...options, tuned: await tuned(backend, options) });
  }
  if (!Array.isArray(kind)) fail('open', `takes a backend or a list of two, got ${String(kind)}`);
  return new Device(await openWeaving(kind as readonly BackendKind[], options), options);
}

async function openWeaving(kinds: readonly BackendKind[], options: DeviceOptions): Promise<Weaving> {
  const { Weaving } = await import('./weaving.js');
  const { webgpu, kernels } = options;
  let wish = options.tuning;
  const start: SideOpeners = {
    wasm: () => openBackend('wasm', options),
    async webgpu(lost, device) {
      const { openWebGPU } = await import('./backend/webgpu/index.js');
      const backend = await openWebGPU(device ? { ...webgpu, device } : webgpu, kernels, lost);
      await tuned(backend, { tuning: wish });
      // Of what takes a lost one's place, only what is known by then is asked.
      wish = undefined;
      return backend;
    },
  };
  return Weaving.open(kinds, start, options);
}

async function openBackend(kind: BackendKind, options: DeviceOptions): Promise<Backend> {
  if (kind === 'reference') {
    const { openReference } = await import('./backend/reference.js');
    return openReference();
  }
  if (kind === 'wasm') {
    const { openWasm } = await import('./backend/wasm/index.js');
    const { wasm, threads, v8, kernels } = options;
    return openWasm({ ...wasm, threads, v8 }, kernels);
  }
  if (kind !== 'webgpu') fail('open', `no backend '${String(kind)}'; there are wasm, webgpu and reference`);
  const { kernels, recover } = options;
  const webgpu = { ...options.webgpu, mixed: options.precision === 'mixed' };
  if (recover) {
    const { openRecovering } = await import('./backend/webgpu/recover.js');
    return openRecovering(webgpu, kernels ?? [], recover);
  }
  const { openWebGPU } = await import('./backend/webgpu/index.js');
  return openWebGPU(webgpu, kernels);
}

/** Loaded where a device was to be tuned; it knows what the process has measured. */
let tuner: typeof import('./tune.js') | null = null;

/** Gives a webgpu backend the rates of its adapter, where they are known or wished for. */
async function tuned(backend: Backend, options: Pick<DeviceOptions, 'tuning'>): Promise<Tuned | null> {
  if (backend.kind !== 'webgpu') return null;
  try {
    if (options.tuning !== undefined) tuner ??= await import('./tune.js');
    return (await tuner?.tune(backend, options.tuning)) ?? null;
  } catch (error) {
    backend.dispose();
    throw error;
  }
}
