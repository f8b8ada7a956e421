import { data, Generator } from 'weft';
import type { Run } from '../support/example.js';
import { mean } from '../support/small-nets.js';

/** Mean label of all, of the flowers in training, and of the others: 1 where the classes are balanced. */
function balance(labels: ArrayLike<number>, inTraining: (i: number) => boolean) {
  const all = Array.from(labels);
  return [mean(all), mean(all.filter((_, i) => inTraining(i))), mean(all.filter((_, i) => !inTraining(i)))];
}

/** Splits of the labels of iris, 50 of each class in turn, by a mask. */
export function splitsByHand({ claim, seed }: Run, labels: ArrayLike<number>): void {
  const show = (means: readonly number[]) => means.map((value) => value.toFixed(4)).join(', ');
  const first = balance(labels, (i) => i < 120);
  claim({
    told: 'the first 120 flowers: mean labels 1.0 of all, .7500 in training, 2.0 in the test',
    reached: show(first),
    holds: first.join() === [1, 0.75, 2].join(),
  });
  // The mask that the text prints takes 39, 39 and 42 of the classes.
  const taken = [39, 39, 42];
  const printed = balance(labels, (i) => i % 50 < taken[Math.floor(i / 50)]!);
  claim({
    told: 'the random mask that the text prints: 1.0250 in training, .9000 in the test',
    reached: show(printed.slice(1)),
    holds: printed.slice(1).join() === [1.025, 0.9].join(),
  });
  const chosen = new Set(new Generator(seed).permutation(150).subarray(0, 120));
  const random = balance(labels, (i) => chosen.has(i));
  claim({
    // Drawn without replacement, the mean of 30 labels has a deviation of √(2/3 / 30 · 120 / 149) = .134.
    told: 'a random mask of 120 is nearly balanced',
    reached: show(random.slice(1)),
    holds: Math.abs(random[2]! - 1) < 4 * 0.134,
  });
}

/** Splits of ten rows, [11, 12, 13, 14] to [101, ..., 104], by the library. */
export async function splitsByLibrary({ claim, seed, print }: Run): Promise<void> {
  const features = Float32Array.from({ length: 40 }, (_, i) => 10 * (Math.floor(i / 4) + 1) + (i % 4) + 1);
  const labels = Int32Array.from({ length: 10 }, (_, i) => Number(i > 4));
  const fake = new data.TensorDataset(
    { data: features, shape: [10, 4], dtype: 'f32' },
    { data: labels, shape: [10], dtype: 'i32' },
  );
  const [train, test] = data.trainTestSplit(fake, { testSize: 0.2, seed });
  const shapes = await Promise.all(
    [train, test].map(async (set) => (await data.TensorDataset.from(set)).tensors[0]!.shape),
  );
  claim({
    told: 'train_test_split of 10 rows of 4 with a test of .2: shapes (8, 4) and (2, 4)',
    reached: shapes.map((shape) => `(${shape.join(', ')})`).join(' and '),
    holds: JSON.stringify(shapes) === '[[8,4],[2,4]]',
  });
  const batches: string[] = [];
  const rows: number[] = [];
  for await (const [x] of new data.DataLoader(train, { batchSize: 4, shuffle: true, seed })) {
    batches.push(`(${x!.shape.join(', ')})`);
    for (let i = 0; i < 4; i++) rows.push(x!.data[4 * i]!);
  }
  for await (const [x] of new data.DataLoader(test)) rows.push(x!.data[0]!);
  print(`first numbers of the rows in training, then in the test: ${rows.join(' ')}`);
  const whole = [...rows].sort((a, b) => a - b).join();
  claim({
    told: 'a DataLoader of batches of 4 gives two of shape (4, 4); no row is lost or met twice',
    reached: `${batches.join(', ')}; ${new Set(rows).size} different rows`,
    holds: batches.join() === '(4, 4),(4, 4)' && whole === '11,21,31,41,51,61,71,81,91,101',
  });
  const [most, rest] = data.trainTestSplit(fake, { testSize: 0.2, seed });
  const [development, final] = data.trainTestSplit(rest, { testSize: 0.1 / (0.1 + 0.1), seed });
  claim({
    told: '.8 / .1 / .1 of 10 by two splits, the second of .1 / (.1 + .1): 8, 1 and 1',
    reached: [most, development, final].map(({ length }) => length).join(', '),
    holds: [most, development, final].map(({ length }) => length).join() === '8,1,1',
  });
  const images = [14_055_151, 141_971, 141_971];
  const parts = images.map((count) => (100 * count) / images.reduce((a, b) => a + b));
  claim({
    told: '14,055,151, 141,971 and 141,971 images: 98 %, 1 % and 1 %',
    reached: parts.map((part) => `${part.toFixed(4)} %`).join(', '),
    holds: parts.map((part) => part.toFixed(4)).join() === '98.0198,0.9901,0.9901',
  });
}
