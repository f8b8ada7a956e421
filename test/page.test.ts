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

describe('a page in Chromium', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-page-'));
    await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
    await cp(join(root, 'test/support/train-steps.js'), join(folder, 'train-steps.js'));
    await writeFile(join(folder, 'index.html'), PAGE);
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
});
