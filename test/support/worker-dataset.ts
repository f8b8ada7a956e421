import {
  type Dataset,
  type DataTensor,
  MapDataset,
  TensorDataset,
  transformed,
  transforms,
} from '../../src/data/index.js';
import { fail } from '../../src/errors.js';

/** Images [1, 6, 6] of bytes, each all of its index, with labels. */
function images(length: number): TensorDataset<DataTensor> {
  const data = Uint8Array.from({ length: length * 36 }, (_, i) => Math.floor(i / 36) * 3 + (i % 36));
  return new TensorDataset<DataTensor>(
    { data, shape: [length, 1, 6, 6], dtype: 'u8' },
    { data: Int32Array.from({ length }, (_, i) => i), shape: [length], dtype: 'i32' },
  );
}

/** Images that are changed at random: what a worker must give in the same bits. */
export default function augmented({ length }: { readonly length: number }) {
  const { compose, randomCrop, randomHorizontalFlip, randomRotation, toTensor } = transforms;
  const change = [randomCrop(6, { padding: 2 }), randomHorizontalFlip(), randomRotation(30), toTensor()];
  return transformed(images(length), compose(change));
}

/** Takes its time, less for later samples, so that several workers finish out of order. */
export function slow({ length }: { readonly length: number }) {
  const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));
  return new MapDataset(images(length), async (sample) => {
    await wait(5 * (length - sample[1]!.data[0]!));
    return [sample[1]!];
  });
}

export async function failing(): Promise<Dataset> {
  const get = (index: number) =>
    index === 3 ? fail('photos/3.jpg', 'is damaged') : images(5).get(index).slice(1);
  return { length: 5, get };
}

/** Gives the same tensor again and again, and counts how many samples were asked for. */
export function counting(): Dataset {
  const asked = { data: new Float32Array(1), shape: [1], dtype: 'f32' } as const;
  const get = async () => {
    asked.data[0]!++;
    await new Promise((done) => setTimeout(done, 20));
    return [asked];
  };
  return { length: 100, get };
}

export const ending = (): Dataset => ({ length: 3, get: () => process.exit(7) });
export const throwing = () => fail('a.csv', 'there is no such file');
export const nothing = () => undefined;
export const notAFunction = 3;
