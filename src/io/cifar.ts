import { fail } from '../errors.js';
import { checkBytes } from './bytes.js';

/** Images as bytes [n, 3, 32, 32], red before green before blue, and a label for each. */
export interface CifarFile {
  readonly images: { readonly data: Uint8Array; readonly shape: readonly number[]; readonly dtype: 'u8' };
  /** [n], 0 to 9 of CIFAR-10, 0 to 99 of CIFAR-100. */
  readonly labels: { readonly data: Int32Array; readonly shape: readonly number[]; readonly dtype: 'i32' };
}

export interface Cifar100File extends CifarFile {
  /** [n], 0 to 19: the classes' groups. */
  readonly coarseLabels: CifarFile['labels'];
}

const PIXELS = 3 * 32 * 32;

/** Records of `classes.length` labels, each below its number of classes, and an image. */
function decode(bytes: Uint8Array, name: string, classes: readonly number[]) {
  checkBytes(name, bytes);
  const record = classes.length + PIXELS;
  const count = bytes.length / record;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) fail(name, 'the file is compressed by gzip; unpack it first');
  if (!Number.isInteger(count) || count === 0) {
    const left = bytes.length % record;
    fail(
      name,
      `${bytes.length} bytes are not whole records of ${record}: ${left} are left over; the file is cut short or of another format`,
    );
  }
  const data = new Uint8Array(count * PIXELS);
  const labels = classes.map(() => new Int32Array(count));
  for (let i = 0; i < count; i++) {
    const start = i * record;
    classes.forEach((most, k) => {
      const label = bytes[start + k]!;
      if (label >= most)
        fail(
          name,
          `label ${label} of image ${i} is outside the ${most} classes; the file is damaged or of another format`,
        );
      labels[k]![i] = label;
    });
    data.set(bytes.subarray(start + classes.length, start + record), i * PIXELS);
  }
  const images = { data, shape: [count, 3, 32, 32], dtype: 'u8' } as const;
  return { images, labels: labels.map((list) => ({ data: list, shape: [count], dtype: 'i32' }) as const) };
}

/**
 * Reads CIFAR-10's binary version: for each image a byte of label, then 1024 bytes of red, green and blue.
 * Raises a WeftError for a length that is not whole records and for labels above 9.
 * @param name the file's name, for errors
 */
export function decodeCifar10(bytes: Uint8Array, name = 'cifar10'): CifarFile {
  const { images, labels } = decode(bytes, name, [10]);
  return { images, labels: labels[0]! };
}

/** As `decodeCifar10` for CIFAR-100, whose records start with a coarse label (of 20) and a fine one (of 100). */
export function decodeCifar100(bytes: Uint8Array, name = 'cifar100'): Cifar100File {
  const { images, labels } = decode(bytes, name, [20, 100]);
  return { images, labels: labels[1]!, coarseLabels: labels[0]! };
}
