import type { Recovery } from './backend/backend.js';
import { fail } from './errors.js';
import type { Runner } from './runner.js';
import type { Turns } from './turns.js';

/** What snapshots go through. */
interface Parts {
  /** Null where nothing can be lost, and where it wasn't asked for. */
  readonly recovery: Recovery | null;
  readonly hasGPU: boolean;
  readonly runner: Runner;
  readonly turns: Turns;
}

/** Snapshots that a device's tensors go back to when the GPU is lost. */
export class Snapshots {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** See `Device.snapshot`. */
  async take(state: unknown): Promise<void> {
    const { recovery, hasGPU, runner, turns } = this.#parts;
    if (!recovery) {
      if (hasGPU) fail('snapshot', 'open the device with { recover: true }');
      return;
    }
    const { arrived } = await turns.take(async () => {
      await runner.compute([]);
      const arrived = recovery.snapshot(state);
      // Its turn to be reported comes when the caller has it.
      arrived.catch(() => {});
      return { arrived };
    });
    await arrived;
  }
}
