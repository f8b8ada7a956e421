import { type Contestant, messageOf } from '../../src/cli/measure.js';
import type { BenchCase } from '../cases.js';
import type { CaseInputs } from '../inputs.js';
import { relativeError } from '../reference.js';
import type { Peer, PeerName, Prepared } from './peer.js';

/** The peers that stand ready for one case. */
export interface PeerField {
  readonly contestants: readonly Contestant[];
  /** Why a peer can't run the case, in its own words, or how far its result is off; by name. */
  readonly errors: ReadonlyMap<PeerName, string>;
  dispose(): void;
}

/**
 * Prepares a case on every peer. Where `expected` is given (Weft's output for the same inputs), a peer whose
 * result is off by more than `tolerance`, relative to the largest value, still is a contestant, and its error
 * says so.
 */
export async function peerField(
  peers: readonly Peer[],
  c: BenchCase,
  inputs: CaseInputs,
  expected: ArrayLike<number> | null = null,
  tolerance = 1e-4,
): Promise<PeerField> {
  const prepared: Prepared[] = [];
  const contestants: Contestant[] = [];
  const errors = new Map<PeerName, string>();
  for (const peer of peers) {
    try {
      const ready = await peer.prepare(c, inputs);
      prepared.push(ready);
      if (expected) {
        const error = relativeError(await ready.output(), Float64Array.from(expected));
        if (!(error <= tolerance))
          errors.set(peer.name, `wrong result: relative error ${error.toExponential(1)}`);
      }
      contestants.push({ name: peer.name, enter: () => ready.enter?.(), run: () => ready.run() });
    } catch (error) {
      errors.set(peer.name, messageOf(error));
    }
  }
  const dispose = () => {
    for (const ready of prepared) ready.dispose();
  };
  return { contestants, errors, dispose };
}
