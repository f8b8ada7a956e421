import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPage } from '../scripts/browser.js';

const root = fileURLToPath(new URL('..', import.meta.url));

const PAGE = `<script type="module">
  import * as weft from './dist/index.js';
  import { trainSteps } from './train-steps.js';
  const [wasm, webgpu] = [await trainSteps(weft, 'wasm', 10), await trainSteps(weft, 'webgpu', 10)];
  window.result = { wasm, webgpu };
</script>`;

/** Softmax of a product on one thread, then on three; the page forbids blob: scripts if `worker` names the file. */
const threadsPage = (worker: string | null) => `${
  worker === null
    ? ''
    : `<meta http-equiv="Content-Security-Policy" content="script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'">`
}<script type="module">
  import { functional as F, open } from './dist/index.js';
  window.result = Promise.all([1, 3].map(async (threads) => {
    const device = await open('wasm', { threads, wasm: { worker: ${JSON.stringify(worker)} ?? undefined } });
    const a = device.uniform([512, 512]);
    const run = async () => [...(await F.softmax(F.matmul(a, a), { axis: 1 }).data())];
    await run();
    const crew = device.backend.threads;
    while (crew && crew.ready < crew.count) await new Promise((done) => setTimeout(done, 5));
    const values = await run();
    const sum = values.reduce((total, value, i) => total + value * Math.sin(i), 0);
    device.dispose();
    return { threads: device.info.threads, ready: crew?.ready ?? 1, sum };
  }));
</script>`;

describe('a page in Chromium', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-page-'));
    await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
    await cp(join(root, 'test/support/train-steps.js'), join(folder, 'train-steps.js'));
    await writeFile(join(folder, 'index.html'), PAGE);
    await writeFile(join(folder, 'threads.html'), threadsPage(null));
    await writeFile(join(folder, 'strict-threads.html'), threadsPage('./dist/worker.js'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('trains ten steps on webgpu and on wasm with equal losses', { timeout: 120_000 }, async () => {
    const { wasm, webgpu } = (await runPage(folder, 'index.html', 100_000)) as Record<
      'wasm' | 'webgpu',
      number[]
    >;
    expect(wasm).toHaveLength(10);
    expect(wasm.at(-1)!).toBeLessThan(wasm[0]!);
    // Sums differ by roundings of 2^-24, which ten steps of Adam carry on: about 1e-7 on SwiftShader.
    const apart = wasm.map((loss, i) => Math.abs(webgpu[i]! / loss - 1));
    console.log(
      `ten losses on webgpu and on wasm: at most ${Math.max(...apart).toExponential(1)} apart, relative`,
    );
    expect(Math.max(...apart)).toBeLessThan(1e-4);
  });

  it.each(['threads.html', 'strict-threads.html'])(
    'runs on several threads: %s',
    async (page) => {
      const [one, three] = (await runPage(folder, page, 60_000)) as {
        threads: number;
        ready: number;
        sum: number;
      }[];
      expect(one).toMatchObject({ threads: 1, ready: 1 });
      expect(three).toEqual({ threads: 3, ready: 3, sum: one!.sum });
    },
    80_000,
  );
});
