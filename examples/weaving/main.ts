/**
 * One graph on two backends. The price of an option and what it changes with (delta, vega), by Monte Carlo: several batches of
 * random paths, forward and backward, which need nothing of each other. A device of both backends parts them so that the
 * whole is done soonest, beside wasm alone (one thread, as in a page that is not cross-origin isolated) and webgpu alone.
 *
 *   npm run weave [-- --batches 8 --paths 262144 --runs 15]
 */
import { parseArgs } from 'node:util';
import { type Device, functional as F, open, type Tensor } from '../../src/index.js';

const { values } = parseArgs({
  options: {
    batches: { type: 'string', default: '8' },
    paths: { type: 'string', default: '262144' },
    runs: { type: 'string', default: '15' },
    // Asks the runner for a WebGPU adapter.
    backend: { type: 'string' },
  },
});
const [batches, paths, runs] = [values.batches, values.paths, values.runs].map(Number) as [number, number, number];

/** Strike, interest rate, years. */
const [STRIKE, RATE, YEARS] = [100, 0.05, 1];

function pricing(device: Device) {
  const spot = device.tensor([95], []);
  const volatility = device.tensor([0.2], []);
  for (const parameter of [spot, volatility]) parameter.requiresGrad = true;
  const payoff = (): Tensor => {
    const noise = device.normal([paths]);
    const drift = volatility.mul(volatility).mul(-0.5).add(RATE).mul(YEARS);
    const end = spot.mul(drift.add(volatility.mul(Math.sqrt(YEARS)).mul(noise)).exp());
    return F.relu(end.sub(STRIKE)).mean();
  };
  return device.compile(() => {
    const all = Array.from({ length: batches }, payoff);
    const price = all.reduce((a, b) => a.add(b)).mul(Math.exp(-RATE * YEARS) / batches);
    price.backward();
    return { price, delta: spot.grad!, vega: volatility.grad! };
  });
}

const devices: [name: string, device: Device][] = [
  ['wasm', await open('wasm', { threads: 1, seed: 1 })],
  ['webgpu', await open('webgpu', { seed: 1 })],
  ['woven', await open(['webgpu', 'wasm'], { threads: 1, seed: 1, weave: { measure: 'ops' } })],
];
for (const [name, { info }] of devices) console.log(`${name}: ${info.description}`);

const steps = devices.map(([, device]) => pricing(device));
const times: number[][] = steps.map(() => []);
for (let run = 0; run <= runs; run++) {
  for (const [k, step] of steps.entries()) {
    const before = performance.now();
    const { price, delta, vega } = await step();
    const found = [await price.item(), await delta.item(), await vega.item()];
    if (run > 0) times[k]!.push(performance.now() - before);
    else console.log(`${devices[k]![0]}: price, delta, vega ${found.map((x) => x.toFixed(4)).join(', ')}`);
  }
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
const medians = times.map(median);
devices.forEach(([name], k) => {
  const least = Math.min(...times[k]!).toFixed(1);
  console.log(`${name.padEnd(7)} ${medians[k]!.toFixed(1)} ms, the median of ${runs} runs; the shortest ${least} ms`);
});
const schedule = steps[2]!.programs()[0]!.program.schedule;
const draws = (backend: string) =>
  schedule.filter((entry) => entry.backend === backend && /normal|random/i.test(entry.op)).length;
const sent = schedule.filter(({ op }) => op === 'transfer').length;
console.log(
  `woven: ${draws('wasm')} batches drawn on wasm, ${draws('webgpu')} on webgpu, ${sent} values sent; ` +
    `${(Math.min(medians[0]!, medians[1]!) / medians[2]!).toFixed(2)} times as fast as the faster one alone`,
);
const { rates } = devices[2]![1];
console.log(`woven: both at once gain ${(100 * rates!.overlap).toFixed(0)} % of the shorter time`);
for (const [, device] of devices) device.dispose();
