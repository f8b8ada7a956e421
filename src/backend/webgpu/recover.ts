import type { Backend, PrepareRequest } from '../backend.js';
import type { KernelSet } from '../kernels.js';
import { type RecoverOptions, settingsOf } from '../recovery/options.js';
import { Recovering } from '../recovery/recovering.js';
import { openWebGPU, type WebGPUBackend } from './index.js';

/** A WebGPU backend whose GPU device may be replaced. */
class RecoveringWebGPU extends Recovering<PrepareRequest, WebGPUBackend> implements Backend {
  readonly kind = 'webgpu';

  get features() {
    return this.succession.first.features;
  }

  get alignment() {
    return this.succession.first.alignment;
  }

  get sharesRegions() {
    return this.succession.first.sharesRegions;
  }

  get fuses() {
    return this.succession.first.fuses;
  }

  get takesHalf() {
    return this.succession.first.takesHalf;
  }

  get groups() {
    return this.succession.first.groups;
  }
}

/** Opens the WebGPU backend such that it goes on by a new GPU device when its own is lost. */
export async function openRecovering(
  options: NonNullable<Parameters<typeof openWebGPU>[0]>,
  sets: readonly KernelSet[],
  recover: true | RecoverOptions,
): Promise<Backend> {
  const settings = settingsOf(recover, options);
  const backend = new RecoveringWebGPU(
    (lost, device) => openWebGPU(device ? { ...options, device } : options, sets, lost),
    settings,
  );
  await backend.open();
  return backend;
}
