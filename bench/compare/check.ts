/**
 * Holds peers' adapters against Weft's f64 reference on tiny cases: `node scripts/run.mjs bench/compare/check.ts [peer ...]`,
 * all on wasm without names; with `--backend webgpu` all on webgpu.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/errors.js';
import { open } from '../../src/index.js';
import { type BenchCase, SUITE_NAMES, titleOf } from '../case.js';
import { caseInputs, relativeError } from '../inputs.js';
import { SUITES } from '../suites/index.js';
import { prepareWeft } from '../weft.js';
import { installPeers } from './install.js';
import { openPeer, versionsOf } from './open.js';
import { PEER_NAMES, PEERS, type PeerName } from './peer.js';

/** Relative to the largest value; what follows several updates carries the rounding of the steps before. */
const TOLERANCE = { kernel: 1e-5, step: 1e-4 } as const;

/** Wrong results that are the peer's own, so that the adapter isn't blamed for them. */
const FAULTS: readonly { peer: PeerName; at: (c: BenchCase) => boolean; why: string }[] = [
  {
    peer: 'tfjs-wasm',
    at: (c) => c.suite === 'pooling' && c.pass === 'backward' && /^max .* k2 /.test(c.name),
    why: 'its MaxPoolGrad starts from the least positive float: all-negative windows get no gradient',
  },
  {
    peer: 'jax-webgpu',
    at: (c) => c.suite === 'depthwise' && c.pass === 'input-gradient' && / s2 /.test(c.name),
    why: 'of a depthwise convolution two apart, which its wasm backend differentiates rightly',
  },
];

/** The verdict on one result, and whether it is as it should be. */
function judge(peer: string, c: BenchCase, error: number): { verdict: string; expected: boolean } {
  const trains = c.pass === 'step' || c.pass === 'update';
  const right = error <= (trains ? TOLERANCE.step : TOLERANCE.kernel);
  const fault = FAULTS.find((known) => known.peer === peer && known.at(c));
  if (!fault) return { verdict: right ? 'ok' : 'WRONG', expected: right };
  if (right)
    return { verdict: 'RIGHT, though listed as a fault of the peer: delete the entry', expected: false };
  return { verdict: `the peer is wrong: ${fault.why}`, expected: true };
}

const cases = SUITE_NAMES.flatMap((suite) => SUITES[suite].small);
const reference = await open('reference');
const expected = new Map<BenchCase, Float64Array>();
for (const c of cases) {
  const weft = await prepareWeft(reference, c, caseInputs(c, 7));
  expected.set(c, await weft.output());
  weft.dispose();
}
installPeers();
const { values, positionals } = parseArgs({
  options: { backend: { type: 'string', default: 'wasm' } },
  allowPositionals: true,
});
const chosen = positionals as PeerName[];
const those = PEER_NAMES.filter((name) => PEERS[name].backend === values.backend);
let wrong = 0;
for (const name of chosen.length > 0 ? chosen : those) {
  const peer = await openPeer(name);
  console.log(`\n${name} ${versionsOf([name])[name]}`);
  for (const c of cases) {
    const label = `  ${titleOf(c).padEnd(56)}`;
    try {
      const prepared = await peer.prepare(c, caseInputs(c, 7));
      prepared.enter?.();
      await prepared.run();
      const error = relativeError(await prepared.output(), expected.get(c)!);
      prepared.dispose();
      const { verdict, expected: fine } = judge(name, c, error);
      if (!fine) wrong++;
      console.log(`${label} ${error.toExponential(1)} ${verdict}`);
    } catch (error) {
      console.log(`${label} can't: ${messageOf(error)}`);
    }
  }
}
console.log(`\n${wrong} wrong`);
process.exitCode = wrong > 0 ? 1 : 0;
