/**
 * One training step on two backends: an ensemble of models, each a sum of power laws a x^p with exponents that are trained, and
 * each with an optimiser of its own, so that they need nothing of each other. A device of both backends parts the graph,
 * forward, backward and updates, so that the whole is done soonest; beside it each backend alone, wasm by one thread, as the
 * woven device has it and as in a page that is not cross-origin isolated, and by all.
 */
import { parseArgs } from 'node:util';
import { currentCommit, machineFacts, today, writeWhole } from '../../bench/node.js';
import { expectWritable } from '../../src/cli/tools.js';
import { messageOf } from '../../src/errors.js';
import { type Device, functional as F, open, optim, type Tensor } from '../../src/index.js';

const USAGE = 'usage: npm run weave [-- --members 8 --samples 65536 --runs 15 --json FILE]';
const TERMS = 4;

interface Options {
  readonly members: number;
  readonly samples: number;
  readonly runs: number;
  readonly json: string | undefined;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      members: { type: 'string', default: '8' },
      samples: { type: 'string', default: '65536' },
      runs: { type: 'string', default: '15' },
      json: { type: 'string' },
      // Asks the runner for a WebGPU adapter.
      backend: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const whole = (name: 'members' | 'samples' | 'runs') => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new RangeError(`--${name} must be a whole number from 1, got '${values[name]}'`);
  };
  return { members: whole('members'), samples: whole('samples'), runs: whole('runs'), json: values.json };
}

/** A step of every member; returns the mean of their losses. */
async function training(device: Device, { members, samples }: Options) {
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

type Training = Awaited<ReturnType<typeof training>>;

/** The milliseconds of each step of each training, and the last losses. */
async function timeSteps(trained: readonly Training[], runs: number) {
  const times: number[][] = trained.map(() => []);
  const losses: number[] = [];
  for (let run = 0; run <= runs; run++) {
    // In turn, each time another one first: a change of the machine's speed meets all alike.
    for (let i = 0; i < trained.length; i++) {
      const k = (i + run) % trained.length;
      const before = performance.now();
      losses[k] = await trained[k]!.run();
      if (run > 0) times[k]!.push(performance.now() - before);
    }
  }
  return { times, losses };
}

async function main(options: Options): Promise<void> {
  const { members, samples, runs } = options;
  if (options.json) await expectWritable(options.json);
  const lanes: [name: string, device: Device][] = [
    ['wasm', await open('wasm', { threads: 1, seed: 1 })],
    ['wasm, all threads', await open('wasm', { seed: 1 })],
    ['webgpu', await open('webgpu', { seed: 1 })],
    ['woven', await open(['webgpu', 'wasm'], { threads: 1, seed: 1, weave: { measure: 'ops' } })],
  ];
  const trained = await Promise.all(lanes.map(([, device]) => training(device, options)));
  const { times, losses } = await timeSteps(trained, runs);
  const results = lanes.map(([engine, { info }], k) => {
    const sorted = [...times[k]!].sort((a, b) => a - b);
    const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))]!;
    const { threads } = info;
    const quartilesMs = [at(0.25), at(0.75)];
    return { engine, threads, medianMs: at(0.5), minMs: at(0), quartilesMs, lastLoss: losses[k]! };
  });
  for (const { engine, threads, medianMs, quartilesMs, lastLoss } of results) {
    const half = quartilesMs.map((ms) => ms.toFixed(1)).join(' to ');
    console.log(
      `${engine.padEnd(17)} ${medianMs.toFixed(1)} ms a step, the median of ${runs} (half of them ${half}), ` +
        `${threads} ${threads === 1 ? 'thread' : 'threads'}; last loss ${lastLoss.toFixed(6)}`,
    );
  }
  const [wasm, all, webgpu, woven] = results.map(({ medianMs }) => medianMs) as [
    number,
    number,
    number,
    number,
  ];
  const { schedule } = trained[3]!.step.programs()[0]!.program;
  const there = schedule.filter(({ backend, op }) => backend === 'webgpu' && op !== 'transfer').length;
  const sent = schedule.filter(({ op }) => op === 'transfer');
  const placed = { webgpu: there, wasm: schedule.length - there - sent.length, transfers: sent.length };
  const rates = lanes[3]![1].rates!;
  console.log(
    `woven: ${placed.webgpu} steps on webgpu, ${placed.wasm} on wasm, ${placed.transfers} values sent; ` +
      `both at once gain ${(100 * rates.overlap).toFixed(0)} % of the shorter time`,
  );
  const gains = { overWasm: wasm / woven, overWebGPU: webgpu / woven, overAllThreads: all / woven };
  console.log(
    `woven: ${gains.overWasm.toFixed(2)} times as fast as wasm by one thread, ${gains.overWebGPU.toFixed(2)} times as ` +
      `webgpu, ${gains.overAllThreads.toFixed(2)} times as wasm by ${results[1]!.threads}`,
  );
  if (options.json) {
    const about = { date: today(), commit: currentCommit(), machine: machineFacts() };
    const adapter = lanes[2]![1].info.description;
    const graph = { members, terms: TERMS, samples };
    const found = { ...about, adapter, graph, runs, rates, placed, gains, results };
    writeWhole(options.json, `${JSON.stringify(found, null, 2)}\n`);
  }
  for (const [, device] of lanes) device.dispose();
}

function wanted(): Options {
  try {
    return readOptions();
  } catch (error) {
    throw new Error(`${messageOf(error)}; ${USAGE}`, { cause: error });
  }
}

try {
  await main(wanted());
} catch (error) {
  console.error(`weave: ${messageOf(error)}`);
  process.exitCode = 1;
}
