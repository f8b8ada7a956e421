import * as weft from '../../../src/index.js';
import { trainSteps } from '../train-steps.js';

export interface Losses {
  readonly wasm: readonly number[];
  readonly webgpu: readonly number[];
}

globalThis.onmessage = async ({ data: steps }: MessageEvent<number>) => {
  const wasm = await trainSteps(weft, 'wasm', steps);
  const losses: Losses = { wasm, webgpu: await trainSteps(weft, 'webgpu', steps) };
  postMessage(losses);
};
