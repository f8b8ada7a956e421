import { fail } from '../../errors.js';

/** How a device with a GPU goes on when that is lost. */
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

export type Settings = Required<Pick<RecoverOptions, 'every' | 'tries'>> & RecoverOptions;

/** @param given what the caller gave to open webgpu by: what is the caller's can't be asked for again. */
export function settingsOf(
  recover: true | RecoverOptions,
  given: { readonly device?: GPUDevice; readonly adapter?: GPUAdapter } = {},
): Settings {
  const wishes = recover === true ? {} : recover;
  const { every = 100, tries = 4, device } = wishes;
  if (every !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(every) && every > 0))
    fail('open', `recover.every must be a whole number of updates from 1, or Infinity, got ${every}`);
  if (!Number.isSafeInteger(tries) || tries < 1)
    fail('open', `recover.tries must be a whole number from 1, got ${tries}`);
  const own = (['device', 'adapter'] as const).find((name) => given[name]);
  if (own && !device)
    fail('open', `the ${own} is yours: to recover, give { recover: { device: () => a new GPUDevice } } too`);
  return { ...wishes, every, tries };
}
