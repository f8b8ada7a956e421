/** Run by test/engine-flags.test.ts in a process of its own, for V8's flags hold for all of it: opens with the options given. */
import { functional as F, open } from '../../src/index.js';

const v8 = JSON.parse(process.argv[2]!) as { revectorize?: boolean; relaxedSimd?: boolean };
try {
  const device = await open('wasm', { v8, threads: 1, seed: 3 });
  const a = device.uniform([96, 96]);
  const sum = await F.matmul(a, a).sum().item();
  console.log(JSON.stringify({ info: device.info, sum }));
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).message }));
}
