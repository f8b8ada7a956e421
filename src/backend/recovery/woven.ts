import type { DeviceBuffer, OnLost } from '../backend.js';
import { type Side, type Sides, WovenBackend, type WovenCore } from '../woven.js';
import type { WovenRequest } from '../woven-program.js';
import { type RecoverOptions, settingsOf } from './options.js';
import { Recovering } from './recovering.js';

/**
 * A woven backend whose GPU may be lost. Then both sides are opened anew: what wasm holds has to go back to the same snapshot,
 * and runs that the loss broke off can't touch the new memory.
 */
class RecoveringWoven extends Recovering<WovenRequest, WovenBackend> implements WovenCore {
  readonly kind = 'woven';

  get sides(): Sides {
    return this.succession.need().sides;
  }

  homeOf(buffer: DeviceBuffer): Side | null {
    return this.succession.need().homeOf(this.memoryOf(buffer));
  }
}

/**
 * @param open opens both sides, webgpu on this device of the caller's where it is given.
 * @param given what the caller gave to open webgpu by.
 */
export async function recoverWoven(
  open: (lost: OnLost, device?: GPUDevice) => Promise<Sides>,
  recover: true | RecoverOptions,
  given: Parameters<typeof settingsOf>[1],
): Promise<WovenCore> {
  const backend = new RecoveringWoven(
    async (lost, device) => new WovenBackend(await open(lost, device)),
    settingsOf(recover, given),
  );
  await backend.open();
  return backend;
}
