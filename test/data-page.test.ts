import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPage } from '../scripts/browser.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { files } = JSON.parse(readFileSync(new URL('./golden/images.json', import.meta.url), 'utf8')) as {
  files: Record<string, { file: string; RGB: string; L: string }>;
};

const SET = `
  import { data } from './dist/index.js';
  export default ({ length }) => {
    const images = { data: Uint8Array.from({ length: length * 36 }, (_, i) => i % 251), shape: [length, 1, 6, 6], dtype: 'u8' };
    const { compose, randomCrop, randomRotation, toTensor } = data.transforms;
    const change = compose([randomCrop(6, { padding: 2 }), randomRotation(30), toTensor()]);
    return data.transformed(new data.TensorDataset(images), change);
  };
  export const failing = () => { throw new Error('there is no such set'); };
`;

/** Batches of a dataset here and in two workers; the page forbids blob: scripts if \`script\` names the file. */
const workerPage = (script: string | null) => `${
  script === null
    ? ''
    : `<meta http-equiv="Content-Security-Policy" content="script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'">`
}<script type="module">
  import { data } from './dist/index.js';
  import make from './set.js';
  const url = new URL('./set.js', location.href);
  const options = { args: { length: 11 }, workers: 2, script: ${JSON.stringify(script)} ?? undefined };
  const batchesOf = async (dataset) => {
    const batches = [];
    const loader = new data.DataLoader(dataset, { batchSize: 3, shuffle: true, seed: 5, prefetch: 3 });
    for await (const [x] of loader) batches.push([...x.data]);
    return batches;
  };
  window.result = (async () => {
    const dataset = await data.openWorkerDataset(url, options);
    const there = await batchesOf(dataset);
    dataset.close();
    const refused = await data.openWorkerDataset(url, { ...options, factory: 'failing' }).catch(({ message }) => message);
    return { same: JSON.stringify(there) === JSON.stringify(await batchesOf(make(options.args))), batches: there.length, refused };
  })();
</script>`;

const IMAGES = `<script type="module">
  import { io } from './dist/index.js';
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const read = async (text, mode) => {
    const { data, shape } = await io.decodeImage(bytes(text), 'a.img', { mode });
    return { data: [...data], shape };
  };
  window.result = Promise.all([
    read(${JSON.stringify(files['rgb.png']!.file)}, 'RGB'),
    read(${JSON.stringify(files['grey.jpg']!.file)}, 'L'),
    io.decodeImage(new Uint8Array(9), 'a.img').catch(({ message }) => message),
  ]);
</script>`;

describe('data in a page of Chromium', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-data-page-'));
    await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
    await writeFile(join(folder, 'set.js'), SET);
    await writeFile(join(folder, 'worker.html'), workerPage(null));
    await writeFile(join(folder, 'strict.html'), workerPage('./dist/data-worker.js'));
    await writeFile(join(folder, 'images.html'), IMAGES);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(['worker.html', 'strict.html'])(
    'comes from workers in the same bits: %s',
    { timeout: 60_000 },
    async (page) => {
      expect(await runPage(folder, page, 50_000)).toEqual({
        same: true,
        batches: 4,
        refused: expect.stringMatching(/^there is no such set \(in the worker of http.*set\.js\)$/) as string,
      });
    },
  );

  it('decodes images', { timeout: 60_000 }, async () => {
    const [rgb, grey, damaged] = (await runPage(folder, 'images.html', 50_000)) as [
      { data: number[]; shape: number[] },
      { data: number[]; shape: number[] },
      string,
    ];
    expect(rgb.shape).toEqual([3, 11, 13]);
    expect(rgb.data).toEqual([...Buffer.from(files['rgb.png']!.RGB, 'base64')]);
    expect(grey.shape).toEqual([1, 11, 13]);
    const wanted = [...Buffer.from(files['grey.jpg']!.L, 'base64')];
    // A browser's decoder may round its inverse cosine transform in another way than libjpeg.
    expect(Math.max(...grey.data.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThanOrEqual(1);
    expect(damaged).toMatch(/^a\.img: can't be decoded as an image \(/);
  });
});
