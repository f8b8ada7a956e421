/**
 * What recovery from a lost device costs: `node scripts/run.mjs bench/recovery.ts [FILE]`, with FILE for the JSON. A step
 * multiplies weights in place; every second step follows a snapshot. Medians, on the adapter that is there.
 */
import { writeFileSync } from 'node:fs';
import { type Device, DeviceLostError, open, type Tensor } from '../src/index.js';
import { breakableGPU } from '../test/support/breakable.js';

const MEGABYTES = [0.1, 1, 10, 100];
const RUNS = 7;

interface Cost {
  readonly megabytes: number;
  /** A step that is read, without a snapshot and behind one. */
  readonly stepMs: number;
  readonly snapshotStepMs: number;
  /** Until `device.snapshot()` has handed the copies to the GPU, and until they have arrived. */
  readonly callMs: number;
  readonly arrivedMs: number;
  /** From the loss until the device can be used again. */
  readonly recoveryMs: number;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** A step over weights of this size that gives something small to be read. */
function stepOf(device: Device, megabytes: number) {
  const data = new Float32Array((megabytes * 1e6) / 4).fill(1);
  const weights = device.tensor(data);
  const step = device.compile(() => {
    const next = weights.mul(1.0001);
    void weights.assign(next);
    return next.narrow(0, 0, 1);
  });
  return async (): Promise<void> => {
    await ((await step()) as Tensor).item();
  };
}

async function measure(megabytes: number): Promise<Cost & { adapter: string }> {
  const broken = await breakableGPU();
  const device = await open('webgpu', { webgpu: { gpu: broken.gpu }, recover: { every: Infinity } });
  const step = stepOf(device, megabytes);
  await step();
  await device.snapshot();
  const plain: number[] = [];
  const behind: number[] = [];
  const calls: number[] = [];
  const arrivals: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    plain.push(await time(step));
    const start = performance.now();
    const arrived = device.snapshot().then(() => arrivals.push(performance.now() - start));
    // What is asked for next runs when the snapshot has been handed over.
    await device.realize([]);
    calls.push(performance.now() - start);
    behind.push(await time(step));
    await arrived;
  }
  const recoveries: number[] = [];
  for (let run = 0; run < 3; run++) {
    await broken.destroy();
    const start = performance.now();
    await step().catch(async (error: unknown) => {
      if (!(error instanceof DeviceLostError)) throw error;
      await error.recovered;
    });
    recoveries.push(performance.now() - start);
    await step();
  }
  const adapter = device.info.description;
  device.dispose();
  const [stepMs, snapshotStepMs] = [median(plain), median(behind)];
  const [callMs, arrivedMs, recoveryMs] = [calls, arrivals, recoveries].map(median) as [
    number,
    number,
    number,
  ];
  return { adapter, megabytes, stepMs, snapshotStepMs, callMs, arrivedMs, recoveryMs };
}

const results: Cost[] = [];
let adapter = '';
for (const megabytes of MEGABYTES) {
  const { adapter: found, ...cost } = await measure(megabytes);
  adapter = found;
  results.push(cost);
}
console.log(adapter);
console.table(
  results.map((cost) => Object.fromEntries(Object.entries(cost).map(([k, v]) => [k, +v.toFixed(2)]))),
);
const [file] = process.argv.slice(2);
const date = new Date().toISOString().slice(0, 10);
if (file) writeFileSync(file, `${JSON.stringify({ date, adapter, results }, null, 2)}\n`);
