import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Generator } from 'weft';
import { runSystem } from '../examples/support/systems.js';

const FOLDER = 'm15-fashion';
const PIXELS = 28 * 28;

/** An IDX file of bytes: two zero bytes, the type (8), the rank, the sizes as big-endian words, the elements. */
function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  head.setUint8(2, 8);
  head.setUint8(3, shape.length);
  for (const [axis, size] of shape.entries()) head.setUint32(4 + 4 * axis, size);
  return new Uint8Array([...new Uint8Array(head.buffer), ...data]);
}

/** Ten patterns under noise, of which a fifth has a random label: what a net learns by heart does not help the test. */
async function writeSet(folder: string, name: string, count: number, generator: Generator): Promise<void> {
  const patterns = new Generator(1);
  const classes = Array.from({ length: 10 }, () =>
    Float64Array.from({ length: PIXELS }, () => patterns.uniform()),
  );
  const labels = Uint8Array.from({ length: count }, () => generator.below(10));
  const images = new Uint8Array(count * PIXELS);
  for (const [n, label] of labels.entries()) {
    for (let i = 0; i < PIXELS; i++)
      images[n * PIXELS + i] = 255 * (0.3 * classes[label]![i]! + 0.7 * generator.uniform());
    if (generator.uniform() < 0.2) labels[n] = generator.below(10);
  }
  await writeFile(join(folder, `${name}-images-idx3-ubyte`), idx([count, 28, 28], images));
  await writeFile(join(folder, `${name}-labels-idx1-ubyte`), idx([count], labels));
}

describe('M15 on files in the format of Fashion-MNIST', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-fashion-'));
    const generator = new Generator(2);
    await writeSet(folder, 'train', 640, generator);
    await writeSet(folder, 't10k', 300, generator);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (data: string | undefined) =>
    runSystem(FOLDER, {
      ...{ backend: 'wasm', size: 'full', seed: 1, threads: undefined, data },
      out: join(folder, 'out'),
      quiet: true,
    } as const);

  it('shows the overfit', async () => {
    const result = await run(folder);
    expect(result.error).toBe(null);
    expect(result.claims).toHaveLength(5);
    // Patterns under noise overfit too; how far dropout closes the gap is only told of the real images.
    for (const { told, reached, holds } of result.claims.slice(0, 4))
      expect({ told, reached, holds }).toEqual({ told, reached, holds: true });
    expect(result.claims[4]!.reached).toMatch(/apart by \d+\.\d+ without, \d+\.\d+ with/);
    expect(result.pictures).toHaveLength(3);
  });

  it('says where the files are from, and what they are called, where there are none', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    for (const data of [undefined, empty]) {
      const { error, missingData } = await run(data);
      expect(missingData).toBe(true);
      expect(error).toMatch(
        /--data FOLDER .*train-images-idx3-ubyte.*t10k-labels-idx1-ubyte.*fashion-mnist/s,
      );
    }
  });

  it('names the file that is cut short', async () => {
    const damaged = join(folder, 'damaged');
    await mkdir(damaged);
    for (const name of ['train', 't10k']) await writeSet(damaged, name, 70, new Generator(3));
    await writeFile(join(damaged, 't10k-images-idx3-ubyte'), idx([70, 28, 28], new Uint8Array(1000)));
    const { error, missingData } = await run(damaged);
    expect(missingData).toBe(false);
    expect(error).toMatch(/t10k-images-idx3-ubyte.*cut short/);
  });
});
