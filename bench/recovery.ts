/**
 * What recovery from a lost device costs, on the adapter that is there; medians:
 *
 *   node scripts/run.mjs bench/recovery.ts --backend webgpu [--json FILE]
 *
 * By size: a step multiplies weights in place, every second one follows a snapshot. By interval: the training step of an MLP
 * with a snapshot every so many updates, and on a device that does not recover.
 */
import { parseArgs } from 'node:util';
import { type Device, DeviceLostError, functional as F, nn, open, optim, type Tensor } from '../src/index.js';
import { breakableGPU } from '../test/support/breakable.js';
import { currentCommit, machineFacts, today, writeWhole } from './node.js';

const MEGABYTES = [0.1, 1, 10, 100];
const RUNS = 7;
/** Updates between snapshots, null for none; steps of one sample, of which each has its snapshots, and samples of each. */
const INTERVALS = [null, 100, 10, 1];
const STEPS = 100;
const SAMPLES = 5;

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

interface IntervalCost {
  /** Null on a device that does not recover. */
  readonly every: number | null;
  readonly stepMs: number;
  /** The fastest and the slowest sample. */
  readonly leastMs: number;
  readonly mostMs: number;
}

/** The step of a perceptron 784-128-10 with Adam, 16 samples at once: 1.2 MB of parameters and moments. */
function mlp(device: Device): () => Promise<number> {
  const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10)).to(device);
  const optimizer = new optim.Adam(model.parameters());
  const x = device.tensor(
    Float32Array.from({ length: 16 * 784 }, (_, i) => Math.sin(i)),
    [16, 784],
  );
  const y = device.tensor(
    Int32Array.from({ length: 16 }, (_, i) => i % 10),
    [16],
  );
  const step = device.compile((a: Tensor, b: Tensor) => {
    const loss = F.crossEntropy(model.forward(a), b);
    loss.backward();
    optimizer.step();
    return loss;
  });
  return async () => (await step(x, y)).item();
}

/** Every interval in turn, sample by sample. */
async function measureIntervals(): Promise<IntervalCost[]> {
  const lanes = [];
  for (const every of INTERVALS) {
    const device = await open('webgpu', { seed: 1, ...(every && { recover: { every } }) });
    const step = mlp(device);
    for (let i = 0; i < 10; i++) await step();
    lanes.push({ every, device, step, times: [] as number[] });
  }
  for (let sample = 0; sample < SAMPLES; sample++) {
    for (let k = 0; k < lanes.length; k++) {
      // Each time another one first.
      const { step, times } = lanes[(k + sample) % lanes.length]!;
      const ms = await time(async () => {
        for (let i = 0; i < STEPS; i++) await step();
      });
      times.push(ms / STEPS);
    }
  }
  for (const { device } of lanes) device.dispose();
  return lanes.map(({ every, times }) => {
    const [leastMs, mostMs] = [Math.min(...times), Math.max(...times)];
    return { every, stepMs: median(times), leastMs, mostMs };
  });
}

const { values } = parseArgs({
  // `backend` asks the runner for a WebGPU adapter.
  options: { json: { type: 'string' }, backend: { type: 'string' } },
});
const rounded = (rows: readonly object[]) =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? +value.toFixed(2) : value]),
    ),
  );
const results: Cost[] = [];
let adapter = '';
for (const megabytes of MEGABYTES) {
  const { adapter: found, ...cost } = await measure(megabytes);
  adapter = found;
  results.push(cost);
}
const intervals = await measureIntervals();
console.log(adapter);
console.table(rounded(results));
console.table(rounded(intervals));
if (values.json) {
  const about = { date: today(), commit: currentCommit(), machine: machineFacts(), adapter };
  writeWhole(values.json, `${JSON.stringify({ ...about, results, intervals }, null, 2)}\n`);
}
