/** A small CNN's losses in the page and in a dedicated worker, and how many threads wasm gets. */
import { messageOf } from '../../../src/errors.js';
import * as weft from '../../../src/index.js';
import { trainSteps } from '../train-steps.js';
import type { Losses } from './training-worker.js';

export interface Training {
  readonly isolated: boolean;
  readonly page: Losses;
  readonly worker: Losses;
  /** What a wish for two threads gives, or how it is refused. */
  readonly wish: number | string;
  /** Of a device without that wish. */
  readonly threads: number;
  readonly notes: readonly string[];
}

const STEPS = 5;

async function training(): Promise<Training> {
  const worker = new Worker('./training-worker.js', { type: 'module' });
  const answer = new Promise<Losses>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Losses>) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
  });
  worker.postMessage(STEPS);
  const page = {
    wasm: await trainSteps(weft, 'wasm', STEPS),
    webgpu: await trainSteps(weft, 'webgpu', STEPS),
  };
  const opened = async (options: weft.DeviceOptions = {}) => {
    using device = await weft.open('wasm', options);
    return device.info;
  };
  const { threads, notes } = await opened();
  const wish = await opened({ threads: 2 }).then(({ threads }) => threads, messageOf);
  return { isolated: crossOriginIsolated, page, worker: await answer, wish, threads, notes };
}

Object.assign(globalThis, { result: await training() });
