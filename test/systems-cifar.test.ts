import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Generator } from 'weft';
import { resultTable } from '../examples/support/report.js';
import { runSystem, systemFolders } from '../examples/support/systems.js';

const RECORDS = 40;

/** Records of CIFAR-10's binary version: a label, then 1024 bytes of each colour; each label has colours of its own. */
function records(generator: Generator): Uint8Array {
  const bytes = new Uint8Array(RECORDS * 3073);
  for (let i = 0; i < RECORDS; i++) {
    const label = i % 10;
    bytes[3073 * i] = label;
    for (let p = 0; p < 3072; p++) {
      const bright = (label >> (p >> 10)) & 1 ? 180 : 40;
      bytes[3073 * i + 1 + p] = bright + generator.below(30) + 3 * label;
    }
  }
  return bytes;
}

describe('CIFAR-10 in its original format', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-cifar-'));
    const generator = new Generator(1);
    for (const name of [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`).concat('test_batch.bin'))
      await writeFile(join(folder, name), records(generator));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = async (data: string | undefined) =>
    runSystem((await systemFolders()).get('C7')!, {
      size: 'fast',
      backend: 'wasm',
      threads: 1,
      seed: 1,
      quiet: true,
      data,
      out: join(folder, 'out'),
    });

  it('trains on it, without and with augmentation, and draws what it learnt', async () => {
    const result = await run(folder);
    expect(result.error, resultTable(result)).toBeNull();
    expect(result.claims.filter(({ holds }) => holds === false)).toEqual([]);
    expect(result.claims.find(({ told }) => told === 'the training loss falls')?.holds).toBe(true);
    expect(result.pictures).toHaveLength(2);
  }, 60_000);

  it('says where the files come from and what they are called, where there are none', async () => {
    for (const data of [undefined, join(folder, 'out')]) {
      const { error, missingData, claims } = await run(data);
      expect(missingData).toBe(true);
      expect(error).toMatch(
        /cs\.toronto\.edu.*data_batch_1\.bin to data_batch_5\.bin and test_batch\.bin by --data/,
      );
      expect(claims.length).toBeGreaterThan(0);
    }
  }, 60_000);

  it('names a file that is missing among the others, and one that is cut short', async () => {
    await rm(join(folder, 'data_batch_3.bin'));
    const missing = await run(folder);
    expect(missing.missingData).toBe(false);
    expect(missing.error).toContain('data_batch_3.bin');
    await writeFile(join(folder, 'data_batch_3.bin'), records(new Generator(2)).subarray(0, 5000));
    expect((await run(folder)).error).toMatch(/data_batch_3\.bin.*5000 bytes/);
  }, 60_000);
});
