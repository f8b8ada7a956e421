/**
 * One training step on two backends: an ensemble of models, each a sum of power laws a x^p with exponents that are trained, and
 * each with an optimiser of its own, so that they need nothing of each other. A device of both backends parts the graph,
 * forward, backward and updates, so that the whole is done soonest; beside it wasm alone (one thread, as in a page that is not
 * cross-origin isolated) and webgpu alone.
 *
 *   npm run weave [-- --members 8 --samples 65536 --runs 15]
 */
import { parseArgs } from 'node:util';
import { type Device, functional as F, open, optim, type Tensor } from '../../src/index.js';

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '8' },
    samples: { type: 'string', default: '65536' },
    runs: { type: 'string', default: '15' },
    // Asks the runner for a WebGPU adapter.
    backend: { type: 'string' },
  },
});
const [members, samples, runs] = [Number(values.members), Number(values.samples), Number(values.runs)];
const TERMS = 4;

/** A step of every member; returns the mean of their losses. */
async function training(device: Device) {
  const ensemble = Array.from({ length: members }, (_, member) => {
    const exponents = device.tensor(Array.from({ length: TERMS }, (_, k) => 0.5 + k + 0.1 * member));
    const factors = device.tensor(Array.from({ length: TERMS }, (_, k) => 1 / (1 + k + member)));
    for (const parameter of [exponents, factors]) parameter.requiresGrad = true;
    return { exponents, factors, optimizer: new optim.SGD([exponents, factors], { lr: 0.01 }) };
  });
  const spread = Float32Array.from({ length: samples }, (_, i) => 0.1 + (1.4 * i) / samples);
  const x = device.tensor(spread, [samples, 1]);
  const y = device.tensor(
    spread.map((at) => Math.sin(2 * at)),
    [samples],
  );
  const step = device.compile((a: Tensor, b: Tensor) => {
    const losses = ensemble.map(({ exponents, factors, optimizer }) => {
      const loss = F.mseLoss(
        a
          .pow(exponents)
          .mul(factors)
          .sum({ axes: [1] }),
        b,
      );
      loss.backward();
      optimizer.step();
      return loss;
    });
    return losses.reduce((sum, loss) => sum.add(loss)).div(members);
  });
  return { step, run: async () => (await step(x, y)).item() };
}

const devices: [name: string, device: Device][] = [
  ['wasm', await open('wasm', { threads: 1, seed: 1 })],
  ['webgpu', await open('webgpu', { seed: 1 })],
  ['woven', await open(['webgpu', 'wasm'], { threads: 1, seed: 1, weave: { measure: 'ops' } })],
];
for (const [name, { info }] of devices) console.log(`${name}: ${info.description}`);

const trained = await Promise.all(devices.map(([, device]) => training(device)));
const times: number[][] = trained.map(() => []);
const losses: number[] = [];
for (let run = 0; run <= runs; run++) {
  for (const [k, { run: step }] of trained.entries()) {
    const before = performance.now();
    losses[k] = await step();
    if (run > 0) times[k]!.push(performance.now() - before);
  }
}

const median = (list: readonly number[]): number =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
const medians = times.map(median);
devices.forEach(([name], k) => {
  const range = [Math.min(...times[k]!), Math.max(...times[k]!)].map((ms) => ms.toFixed(1)).join(' to ');
  console.log(
    `${name.padEnd(7)} ${medians[k]!.toFixed(1)} ms a step, the median of ${runs} (${range}); last loss ${losses[k]!.toFixed(6)}`,
  );
});
const { schedule } = trained[2]!.step.programs()[0]!.program;
const there = schedule.filter(({ backend, op }) => backend === 'webgpu' && op !== 'transfer').length;
const sent = schedule.filter(({ op }) => op === 'transfer');
const { rates } = devices[2]![1];
console.log(
  `woven: ${there} steps on webgpu, ${schedule.length - there - sent.length} on wasm, ${sent.length} values sent; ` +
    `both at once gain ${(100 * rates!.overlap).toFixed(0)} % of the shorter time`,
);
const faster = Math.min(medians[0]!, medians[1]!);
console.log(`woven: ${(faster / medians[2]!).toFixed(2)} times as fast as the faster one alone`);
for (const [, device] of devices) device.dispose();
