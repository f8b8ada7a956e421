import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as weft from '../src/index.js';
import { trainSteps } from './support/train-steps.js';

const STEPS = 4;

let folder: string;
beforeAll(async () => {
  // Below the repository, so that the package 'webgpu' is found.
  folder = await mkdtemp(fileURLToPath(new URL('../build/threads-', import.meta.url)));
  await build({
    entryPoints: [fileURLToPath(new URL('./support/steps-worker.ts', import.meta.url))],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    external: ['webgpu'],
    logLevel: 'warning',
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Losses of a training in a thread of its own, once the thread has ended by itself. */
function inThread(): Promise<readonly number[]> {
  const worker = new Worker(join(folder, 'steps-worker.mjs'), { workerData: STEPS });
  return new Promise((done, failed) => {
    let losses: readonly number[] | null = null;
    worker.on('message', (given: readonly number[]) => {
      losses = given;
    });
    worker.on('error', failed);
    worker.on('exit', (code) => {
      if (code === 0 && losses) done(losses);
      else failed(new Error(`the thread ended with ${code}`));
    });
  });
}

it("trains on webgpu in worker_threads as in Node's main thread, several at once", async () => {
  const [here, ...there] = await Promise.all([trainSteps(weft, 'webgpu', STEPS), inThread(), inThread()]);
  expect(here.at(-1)!).toBeLessThan(here[0]!);
  for (const losses of there) expect(losses).toEqual(here);
  // One after another works, too.
  expect(await inThread()).toEqual(here);
}, 120_000);
