import { parentPort, workerData } from 'node:worker_threads';
import * as weft from '../../src/index.js';
import { trainSteps } from './train-steps.js';

parentPort!.postMessage(await trainSteps(weft, 'webgpu', workerData as number));
