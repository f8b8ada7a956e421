import type { Contestant } from '../../src/cli/measure.js';
import { messageOf } from '../../src/errors.js';
import { relativeError } from '../inputs.js';
import type { PrepareField } from '../run.js';
import type { Peer, Prepared } from './peer.js';

/** Largest error of a peer's result against Weft's, relative to the largest value. */
const TOLERANCE = 1e-4;

/**
 * Prepares cases on every peer. A peer whose result is off by more than the tolerance still is a contestant, and its
 * error says so.
 */
export const peerField =
  (peers: readonly Peer[]): PrepareField =>
  async (c, inputs, expected) => {
    const able = peers.filter((peer) => peer.joins?.(c) ?? true);
    const prepared: Prepared[] = [];
    const contestants: Contestant[] = [];
    const errors = new Map<string, string>();
    for (const peer of able) {
      try {
        peer.refuse?.(c);
        const ready = await peer.prepare(c, inputs);
        prepared.push(ready);
        const error = relativeError(await ready.output(), expected);
        if (!(error <= TOLERANCE))
          errors.set(peer.name, `wrong result: relative error ${error.toExponential(1)}`);
        const finish = ready.finish && { finish: () => ready.finish!() };
        contestants.push({
          name: peer.name,
          enter: () => ready.enter?.(),
          run: () => ready.run(),
          ...finish,
        });
      } catch (error) {
        errors.set(peer.name, messageOf(error));
      }
    }
    const dispose = () => {
      for (const ready of prepared) ready.dispose();
    };
    return { names: able.map(({ name }) => name), contestants, errors, dispose };
  };
