/**
 * Weft's main job: verify the gradients of every op in a network, train it on the real MNIST, show what it learnt.
 *
 *   npm start -- [--backend wasm|webgpu] [--epochs 3] [--limit 60000] [--seed 1] [--out runs/mnist-cnn] [--json FILE]
 */
import { mkdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type BackendKind,
  type Device,
  data,
  functional as F,
  type HostTensor,
  open,
  optim,
  type Tensor,
} from 'weft';
import { savePicture, writeFileAtomic, writeSafetensors } from 'weft/node';
import { verifyOps } from 'weft/verify';
import { loadMnist, type Split } from '../support/mnist.js';
import { startProgress } from '../support/progress.js';
import { lenet } from './net.js';
import { firstFilters, lossCurve, type Mistake, misclassified } from './pictures.js';

const USAGE =
  'npm start -- [--backend wasm|webgpu] [--epochs 3] [--limit 60000] [--seed 1] [--out runs/mnist-cnn] [--json FILE]';
const BATCH = 64;
const TEST_BATCH = 500;

interface Options {
  readonly backend: BackendKind;
  readonly epochs: number;
  readonly limit: number;
  readonly seed: number;
  readonly out: string;
  readonly json: string | undefined;
}

interface Epoch {
  readonly loss: number;
  readonly testAccuracy: number;
  readonly seconds: number;
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      backend: { ...text, default: 'wasm' },
      epochs: { ...text, default: '3' },
      limit: { ...text, default: '60000' },
      seed: { ...text, default: '1' },
      out: { ...text, default: 'runs/mnist-cnn' },
      json: text,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const whole = (name: 'epochs' | 'limit' | 'seed', least: number) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= least) return value;
    throw new RangeError(`--${name} must be a whole number of at least ${least}, got '${values[name]}'`);
  };
  const { backend } = values;
  if (backend !== 'wasm' && backend !== 'webgpu') {
    throw new RangeError(`--backend must be wasm or webgpu, got '${backend}'`);
  }
  return {
    backend,
    epochs: whole('epochs', 1),
    limit: whole('limit', BATCH),
    seed: whole('seed', 0),
    out: values.out,
    json: values.json,
  };
}

type Step = (x: HostTensor, y: HostTensor) => Promise<Tensor>;

/** Checks every op that a training step runs: rules against differences in f64, kernels against the reference. */
async function checkGradients(names: readonly string[], backend: BackendKind): Promise<number> {
  const reference = await open('reference');
  const device = await open(backend);
  const results = await verifyOps({ backends: [reference.backend, device.backend], ops: names });
  device.dispose();
  const failed = results.filter(({ ok }) => !ok);
  for (const { op, check, problem, reproduce } of failed)
    console.error(`${op} ${check}: ${problem}\n  ${reproduce}`);
  if (failed.length > 0) throw new Error(`${failed.length} of ${results.length} checks failed`);
  const gradients = results.filter(({ check }) => check === 'gradient');
  const worst = gradients.reduce((most, { error }) => Math.max(most, error), 0);
  console.log(
    `checked ${names.length} ops in ${results.length} checks: worst gradient ${worst.toExponential(1)} from central differences`,
  );
  return worst;
}

async function trainEpoch(
  step: Step,
  loader: data.DataLoader,
  images: number,
  epoch: number,
  options: Options,
) {
  const progress = startProgress(`epoch ${epoch}/${options.epochs}`, images);
  const start = performance.now();
  const losses: number[] = [];
  let done = 0;
  for await (const [x, y] of loader) {
    losses.push(await (await step(x!, y!)).item());
    done += x!.shape[0]!;
    const rate = Math.round((1000 * done) / (performance.now() - start));
    progress.update(done, `loss ${losses.at(-1)!.toFixed(4)}  ${rate} images/s`);
  }
  progress.stop();
  return losses;
}

/** Class probabilities of every test image, [n, 10]. */
async function predict(device: Device, forward: (x: Tensor) => Tensor, test: Split): Promise<Float32Array> {
  const run = device.compile((x) => F.softmax(forward(x)));
  const rows: number[] = [];
  const loader = new data.DataLoader(new data.TensorDataset(test.images), { batchSize: TEST_BATCH });
  for await (const [x] of loader) rows.push(...(await (await run(x!)).data()));
  run.dispose();
  return Float32Array.from(rows);
}

/** The test images whose most probable class is not their label, the surest first. */
function mistakesOf(probabilities: Float32Array, test: Split): Mistake[] {
  const mistakes: Mistake[] = [];
  test.labels.data.forEach((label, i) => {
    const row = probabilities.subarray(10 * i, 10 * i + 10);
    const guess = row.indexOf(Math.max(...row));
    if (guess === label) return;
    mistakes.push({
      pixels: (test.images.data as Float32Array).subarray(784 * i, 784 * i + 784),
      label,
      guess,
      probability: row[guess]!,
    });
  });
  return mistakes.sort((a, b) => b.probability - a.probability);
}

async function main(): Promise<void> {
  const options = readOptions();
  // Now, not after the training, it shows where nothing can be written.
  for (const folder of [options.out, ...(options.json ? [dirname(options.json)] : [])])
    await mkdir(folder, { recursive: true });
  const { train, test } = await loadMnist({ limit: options.limit });
  const device = await open(options.backend, { seed: options.seed });
  const [cpu] = cpus();
  console.log(`machine: ${cpu?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`);
  const { backend, description, threads } = device.info;
  console.log(`kernels: ${backend} (${description}), ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
  for (const note of device.info.notes) console.log(`  note: ${note}`);

  const model = lenet().to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  const step = device.compile((x, y) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const { program } = await step.prepare(
    { shape: [BATCH, 1, 28, 28], dtype: 'f32' },
    { shape: [BATCH], dtype: 'i32' },
  );
  const worst = await checkGradients(
    [...new Set(program.schedule.map(({ op }) => op))].sort(),
    options.backend,
  );
  const { peakBytes } = program.memory;
  console.log(
    `a step of ${BATCH} images: ${program.schedule.length} kernels, ${(peakBytes / 2 ** 20).toFixed(1)} MiB arena`,
  );

  const loader = new data.DataLoader(new data.TensorDataset(train.images, train.labels), {
    batchSize: BATCH,
    shuffle: true,
    seed: options.seed,
  });
  const trained = train.labels.shape[0]!;
  const tested = test.labels.shape[0]!;
  const epochs: Epoch[] = [];
  const losses: number[] = [];
  const accuracies: { step: number; value: number }[] = [];
  let mistakes: Mistake[] = [];
  for (let epoch = 1; epoch <= options.epochs; epoch++) {
    const start = performance.now();
    const own = await trainEpoch(step, loader, trained, epoch, options);
    const seconds = (performance.now() - start) / 1000;
    losses.push(...own);
    mistakes = mistakesOf(await predict(device, (x) => model.forward(x), test), test);
    const testAccuracy = 1 - mistakes.length / tested;
    const loss = own.reduce((a, b) => a + b, 0) / own.length;
    epochs.push({ loss, testAccuracy, seconds });
    accuracies.push({ step: losses.length, value: testAccuracy });
    const rate = Math.round(trained / seconds);
    console.log(
      `epoch ${epoch}: loss ${loss.toFixed(4)}, test accuracy ${(100 * testAccuracy).toFixed(2)} %, ${seconds.toFixed(1)} s, ${rate} images/s`,
    );
  }

  const state = await model.stateDict();
  const pictures = {
    'loss.svg': lossCurve(losses, accuracies),
    ...(mistakes.length > 0 ? { 'misclassified.svg': misclassified(mistakes.slice(0, 24)) } : {}),
    'filters.svg': firstFilters(state['0.weight']!),
  };
  const artifacts = [join(options.out, 'model.safetensors')];
  await writeSafetensors(artifacts[0]!, state, { net: 'examples/mnist-cnn' });
  for (const [name, picture] of Object.entries(pictures)) {
    artifacts.push(join(options.out, name));
    await savePicture(artifacts.at(-1)!, picture);
  }
  console.log(`wrote ${artifacts.map((path) => relative('.', resolve(path))).join(', ')}`);
  const seconds = epochs.reduce((total, epoch) => total + epoch.seconds, 0);
  if (options.json) {
    const result = {
      dataset: { train: trained, test: tested },
      backend: options.backend,
      threads: device.info.threads,
      gradientCheck: { worst },
      epochs,
      testAccuracy: epochs.at(-1)!.testAccuracy,
      imagesPerSecond: (trained * epochs.length) / seconds,
      losses,
      artifacts,
    };
    await writeFileAtomic(options.json, `${JSON.stringify(result, null, 2)}\n`);
  }
  device.dispose();
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? `start: ${error.message}\n${USAGE}` : error);
  process.exitCode = 1;
}
