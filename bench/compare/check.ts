/**
 * Holds every peer's adapter against plain f64 loops on tiny cases: `npx tsx bench/compare/check.ts [peer
 * ...]`.
 */

import { messageOf } from '../../src/cli/measure.js';
import { type BenchCase, caseName, passOf, SMALL_CASES } from '../cases.js';
import { caseInputs } from '../inputs.js';
import { referenceOutput, relativeError } from '../reference.js';
import { installPeers } from './install.js';
import { openPeer, PEERS, type PeerName } from './peer.js';

/** Relative to the largest value; losses of later Adam steps carry the rounding of the steps before. */
const TOLERANCE = { kernel: 1e-5, step: 1e-4 } as const;

/** Wrong results that are the peer's own, so that the adapter isn't blamed for them. */
const FAULTS: readonly { peer: PeerName; at: (c: BenchCase) => boolean; why: string }[] = [
  {
    peer: 'tfjs-wasm',
    at: (c) => c.suite === 'pooling' && c.kind === 'max' && c.pass === 'backward' && c.kernel === 2,
    why: 'its MaxPoolGrad starts from the least positive float: all-negative windows get no gradient',
  },
];

/** The verdict on one result, and whether it is as it should be. */
function judge(peer: PeerName, c: BenchCase, error: number): { verdict: string; expected: boolean } {
  const right = error <= (c.suite === 'step' ? TOLERANCE.step : TOLERANCE.kernel);
  const fault = FAULTS.find((known) => known.peer === peer && known.at(c));
  if (!fault) return { verdict: right ? 'ok' : 'WRONG', expected: right };
  if (right)
    return { verdict: 'RIGHT, though listed as a fault of the peer: delete the entry', expected: false };
  return { verdict: `the peer is wrong: ${fault.why}`, expected: true };
}

installPeers();
const chosen = process.argv.slice(2) as PeerName[];
let wrong = 0;
for (const name of chosen.length > 0 ? chosen : PEERS) {
  const peer = await openPeer(name);
  console.log(`\n${name} ${peer.version}`);
  for (const c of SMALL_CASES) {
    const inputs = caseInputs(c, 7);
    const label = `  ${`${c.suite} ${caseName(c)} ${passOf(c)}`.padEnd(48)}`;
    try {
      const prepared = await peer.prepare(c, inputs);
      prepared.enter?.();
      await prepared.run();
      const error = relativeError(await prepared.output(), referenceOutput(c, inputs));
      prepared.dispose();
      const { verdict, expected } = judge(name, c, error);
      if (!expected) wrong++;
      console.log(`${label} ${error.toExponential(1)} ${verdict}`);
    } catch (error) {
      console.log(`${label} can't: ${messageOf(error)}`);
    }
  }
}
console.log(`\n${wrong} wrong`);
process.exitCode = wrong > 0 ? 1 : 0;
