import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  DataLoader,
  openWorkerDataset,
  type WorkerDataset,
  type WorkerDatasetOptions,
} from '../src/data/index.js';
import type { HostTensor } from '../src/dtype.js';
import { environment, typescript } from './support/built.js';
import augmented from './support/worker-dataset.js';

const module = new URL('./support/worker-dataset.ts', import.meta.url);

const opened: WorkerDataset[] = [];
afterEach(() => {
  for (const dataset of opened.splice(0)) dataset.close();
});
async function open(options: WorkerDatasetOptions = {}): Promise<WorkerDataset> {
  const dataset = await openWorkerDataset(module, options);
  opened.push(dataset);
  return dataset;
}

async function batchesOf(loader: DataLoader): Promise<HostTensor[][]> {
  const batches: HostTensor[][] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

describe('a dataset in workers', () => {
  const args = { length: 23 };
  const options = { batchSize: 4, shuffle: true, seed: 3 };

  it('gives the batches of the dataset itself, bit for bit', async () => {
    const here = new DataLoader(augmented(args), options);
    const wanted = [await batchesOf(here), await batchesOf(here)];
    for (const [workers, prefetch] of [
      [1, 0],
      [1, 3],
      [3, 5],
    ] as const) {
      const there = new DataLoader(await open({ args, workers }), { ...options, prefetch });
      expect([await batchesOf(there), await batchesOf(there)]).toEqual(wanted);
      there.loadStateDict({ ...there.stateDict(), epoch: 1, batch: 2 });
      expect(await batchesOf(there)).toEqual(wanted[1]!.slice(2));
    }
  });

  it('gives single samples, and the same again', async () => {
    const dataset = await open({ args });
    expect(dataset.length).toBe(23);
    expect(await dataset.get(5, 77)).toEqual(await augmented(args).get(5, 77));
    expect(await dataset.get(5)).toEqual(await augmented(args).get(5));
    const lists = new DataLoader(dataset, {
      batchSize: 2,
      collate: (samples) => samples.map(([, y]) => y!.data[0]),
    });
    for await (const labels of lists) {
      expect(labels).toEqual([0, 1]);
      break;
    }
  });

  it('keeps the order of batches that are ready in another', async () => {
    const dataset = await open({ factory: 'slow', args: { length: 6 }, workers: 3 });
    const batches = await batchesOf(new DataLoader(dataset, { batchSize: 1, prefetch: 5 }));
    expect(batches.map(([y]) => y!.data[0])).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('leaves tensors that the dataset keeps whole', async () => {
    const dataset = await open({ factory: 'counting' });
    const counts: number[] = [];
    for (let i = 0; i < 3; i++) counts.push((await dataset.get(i))[0]!.data[0]!);
    expect(counts).toEqual([1, 2, 3]);
  });

  it('brings an error to the batch that it belongs to', async () => {
    const dataset = await open({ factory: 'failing' });
    const run = new DataLoader(dataset, { prefetch: 4 })[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) expect((await run.next()).value![0]!.data[0]).toBe(i);
    await expect(run.next()).rejects.toThrow(`photos/3.jpg: is damaged (in the worker of ${module})`);
    expect((await dataset.get(4))[0]!.data[0]).toBe(4);
  });

  it('cancels what a loop that was left had asked for', async () => {
    const dataset = await open({ factory: 'counting' });
    for await (const _ of new DataLoader(dataset, { batchSize: 1, prefetch: 30 })) break;
    const [asked] = await dataset.get(0);
    // The first batch, one that was being made when the loop was left, perhaps the next, and this one; not thirty.
    expect(asked!.data[0]).toBeLessThan(6);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const dataset = await open({ factory: 'counting', workers: 2, signal: stop.signal });
    const asked = dataset.get(0);
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await expect(dataset.get(1)).rejects.toThrow('enough');
    const closed = await open({ factory: 'counting' });
    const late = closed.get(0);
    closed.close();
    await expect(late).rejects.toThrow('WorkerDataset: it is closed');
    await expect(open({ signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
  });

  it('says that a worker ended', async () => {
    const dataset = await open({ factory: 'ending' });
    await expect(dataset.get(0)).rejects.toThrow(`it ended with code 7 (in the worker of ${module})`);
    await expect(dataset.get(1)).rejects.toThrow('it ended with code 7');
  });

  it.each<[string, WorkerDatasetOptions, string]>([
    ['a factory that fails', { factory: 'throwing' }, 'a.csv: there is no such file (in the worker of file:'],
    [
      'a factory that is missing',
      { factory: 'none' },
      "the module exports no function 'none' (in the worker of",
    ],
    ['a factory that is none', { factory: 'notAFunction' }, "the module exports no function 'notAFunction'"],
    [
      'a factory of nothing',
      { factory: 'nothing' },
      "'nothing' must return a dataset, with a length and get(index)",
    ],
    [
      'an option of another name',
      { worker: 2 } as object,
      "openWorkerDataset: has no option 'worker'; it takes factory,",
    ],
    [
      'a factory that is no name',
      { factory: 3 as never },
      'openWorkerDataset: factory must be a string, got 3',
    ],
    ['no workers', { workers: 0 }, 'openWorkerDataset: workers must be a whole number from 1, got 0'],
  ])('refuses %s', async (_, wrong, message) => {
    await expect(open(wrong)).rejects.toThrow(message);
  });

  it('refuses what is no module', async () => {
    await expect(openWorkerDataset('./dataset.js')).rejects.toThrow(
      "openWorkerDataset: './dataset.js' is no URL; name the module by new URL('./dataset.js', import.meta.url)",
    );
    await expect(openWorkerDataset(new URL('./none.mjs', import.meta.url))).rejects.toThrow('none.mjs');
    const dataset = await open({ args });
    expect(() => dataset.getBatch([23])).toThrow('WorkerDataset: index 23 is outside its 23 samples');
  });

  it('lets a program end', { timeout: 30_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-worker-'));
    try {
      const file = join(folder, 'main.mts');
      await writeFile(
        file,
        `import { data } from 'weft';
        const dataset = await data.openWorkerDataset(${JSON.stringify(module.href)}, { args: { length: 9 } });
        let batches = 0;
        for await (const _ of new data.DataLoader(dataset, { batchSize: 2, prefetch: 2 })) batches++;
        console.log(batches);`,
      );
      const output = execFileSync(process.execPath, [...typescript, file], {
        env: environment,
        encoding: 'utf8',
        timeout: 20_000,
      });
      expect(output.trim()).toBe('5');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
