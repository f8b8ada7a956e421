import { fail } from '../../errors.js';
import type { Backend } from '../backend.js';
import type { KernelSet } from '../kernels.js';
import type { WebGPUOptions } from './index.js';
import { RecoveringBackend } from './recovering.js';

/** How a webgpu device goes on when its GPU is lost. */
export interface RecoverOptions {
  /**
   * Runs that update tensors from one snapshot to the next, default 100; the first is made before the first of them.
   * `Infinity`: only where `device.snapshot()` is called.
   */
  readonly every?: number;
  /** What the program needs to know to go on from a snapshot, called when one is made: comes back as `recovered.state`. */
  readonly state?: () => unknown;
  /** Gives a new `GPUDevice`, where the first one, or its adapter, was yours. It stays yours to destroy. */
  readonly device?: () => GPUDevice | Promise<GPUDevice>;
  /** How often a new device is asked for, and how often one may be lost without getting any further; default 4. */
  readonly tries?: number;
}

/** Opens the WebGPU backend such that it goes on by a new GPU device when its own is lost. */
export async function openRecovering(
  options: WebGPUOptions,
  sets: readonly KernelSet[],
  recover: RecoverOptions,
): Promise<Backend> {
  const { every = 100, tries = 4, state, device } = recover;
  if (every !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(every) && every > 0))
    fail('open', `recover.every must be a whole number of updates from 1, or Infinity, got ${every}`);
  if (!Number.isSafeInteger(tries) || tries < 1)
    fail('open', `recover.tries must be a whole number from 1, got ${tries}`);
  const own = (['device', 'adapter'] as const).find((name) => options[name]);
  if (own && !device)
    fail('open', `the ${own} is yours: to recover, give { recover: { device: () => a new GPUDevice } } too`);
  const backend = new RecoveringBackend(options, sets, { every, tries, state, device });
  await backend.open();
  return backend;
}
