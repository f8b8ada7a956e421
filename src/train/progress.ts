import { expectOptions, type Kinds, number } from '../kinds.js';
import type { Callback } from './callback.js';

/** Shows how far something is: a bar on a terminal, an element of a page. */
export interface ProgressDisplay {
  /** So many are done; `text` says what else is worth knowing. */
  update(done: number, text?: string): void;
  stop(): void;
}

export interface ProgressOptions {
  /** Milliseconds between two looks at the loss, each of which waits for the device; default 200. */
  readonly every?: number;
}

const kinds: Kinds<ProgressOptions> = { every: number };

/**
 * Shows each epoch on a display of your own, with the mean loss.
 *
 * @param start a display of an epoch's batches, or of 0 where the loader doesn't know how many there are.
 */
export function progress(
  start: (label: string, batches: number) => ProgressDisplay,
  options: ProgressOptions = {},
): Callback {
  expectOptions('progress', options, kinds);
  const { every = 200 } = options;
  let display: ProgressDisplay | null = null;
  let shown = Number.NEGATIVE_INFINITY;
  const close = () => {
    display?.stop();
    display = null;
  };
  return {
    onEpochStart({ epoch, epochs, batches }) {
      display = start(`epoch ${epoch}/${epochs}`, batches ?? 0);
      shown = Number.NEGATIVE_INFINITY;
    },
    async onBatchEnd(run) {
      const now = performance.now();
      if (now - shown < every && run.batch !== run.batches) return;
      shown = now;
      display?.update(run.batch, `loss ${(await run.meanLoss()).toFixed(4)}`);
    },
    onEpochEnd: close,
    onClose: close,
  };
}
