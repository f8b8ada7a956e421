/** Cross-validation: splits by hand and by the library, loaders, a development set, folds; and iris judged by each. */
import { type Device, data, functional as F, Generator, type HostTensor, nn, optim } from 'weft';
import { example, type Run } from '../support/example.js';
import { accuracy, iris, linspace, mean, percent } from '../support/small-nets.js';

const net = (device: Device) =>
  new nn.Sequential(
    new nn.Linear(4, 64),
    new nn.ReLU(),
    new nn.Linear(64, 64),
    new nn.ReLU(),
    new nn.Linear(64, 3),
  ).to(device);

interface Training {
  readonly train: data.Dataset<HostTensor>;
  readonly test: data.Dataset<HostTensor>;
}

/** Trains a new net on batches, for so many epochs, on what `split` gives for each; accuracies at the end. */
async function validate(
  { device, seed }: Run,
  split: () => Training,
  epochs: number,
  batchSize: number | null,
) {
  const model = net(device);
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
  const step = device.compile((x, y) => {
    F.crossEntropy(model.forward(x), y).backward();
    optimizer.step();
  });
  let sets = split();
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (epoch > 0) sets = split();
    const { train } = sets;
    const loader = new data.DataLoader(train, { batchSize: batchSize ?? train.length, shuffle: true, seed });
    loader.epoch = epoch;
    for await (const [x, y] of loader) await step(x!, y!);
  }
  const judge = async (set: data.Dataset<HostTensor>) => {
    const [x, y] = (await data.TensorDataset.from(set)).tensors;
    return accuracy(model.forward(device.tensor(x!)), device.tensor(y!)).item();
  };
  return { train: await judge(sets.train), test: await judge(sets.test) };
}

/** Mean label of all, of the flowers in training, and of the others: 1 where the classes are balanced. */
function balance(labels: ArrayLike<number>, inTraining: (i: number) => boolean) {
  const all = Array.from(labels);
  return [mean(all), mean(all.filter((_, i) => inTraining(i))), mean(all.filter((_, i) => !inTraining(i)))];
}

function splitsByHand({ claim, seed }: Run, labels: ArrayLike<number>): void {
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

async function splitsByLibrary({ claim, seed, print }: Run): Promise<void> {
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
}

export default example({
  id: 'A9',
  title: 'cross-validation by hand, split, loader, development set, folds',
  async run(run) {
    const { pick, seed, claim, print, progress } = run;
    const { features, labels } = iris();
    splitsByHand(run, labels.data);
    await splitsByLibrary(run);

    const flowers = new data.TensorDataset(features, labels);
    const bar = progress('nets', 17);
    const [train, test] = data.trainTestSplit(flowers, { testSize: 0.2, seed });
    const whole = await validate(
      run,
      () => ({ train, test }),
      pick({ full: 1000, fast: 600, slice: 2 }),
      null,
    );
    bar.update(1);
    const batched = await validate(run, () => ({ train, test }), pick({ full: 500, fast: 60, slice: 1 }), 12);
    bar.update(2);
    const both = ({ train, test }: { train: number; test: number }) =>
      `${percent(train)} in training, ${percent(test)} in the test`;
    print(`all 120 at once: ${both(whole)}`);
    claim({
      told: 'iris with 120 flowers for training, in batches of 12: test over 90 %',
      reached: both(batched),
      holds: batched.test >= 0.9,
      from: 'fast',
    });

    // A new split in every epoch: in the end each flower was in training.
    const parts = linspace(0.2, 0.95, pick({ full: 10, fast: 3, slice: 2 }));
    const sweep: { train: number; test: number }[] = [];
    for (const [i, trainSize] of parts.entries()) {
      let splits = 0;
      const fresh = () => {
        const [inside, outside] = data.trainTestSplit(flowers, { trainSize, seed: 1000 * seed + splits++ });
        return { train: inside, test: outside };
      };
      sweep.push(await validate(run, fresh, pick({ full: 200, fast: 200, slice: 1 }), null));
      print(`training on ${percent(trainSize)}: ${both(sweep.at(-1)!)}`);
      bar.update(3 + i);
    }
    claim({
      told: 'with a new split in each epoch, training and test agree for every size of the training set',
      reached: `test ${sweep.map(({ test }) => percent(test)).join(', ')}`,
      // The smallest test has 8 flowers: .25 is two of them.
      holds: sweep.every(({ train, test }) => Math.abs(train - test) <= 0.25),
      from: 'fast',
    });

    const folds = data.stratifiedKFold(flowers, Array.from(labels.data), { nSplits: 5, shuffle: true, seed });
    const tests: number[] = [];
    for (const fold of folds) {
      tests.push((await validate(run, () => fold, pick({ full: 1000, fast: 600, slice: 1 }), null)).test);
      bar.update(12 + tests.length);
    }
    bar.stop();
    const perClass = folds.map(({ test }) =>
      [0, 1, 2].map((k) => Array.from(test.indices).filter((i) => labels.data[i] === k).length),
    );
    claim({
      told: '5 stratified folds: each test has 10 flowers of each class, and no flower is tested twice',
      reached: perClass.map((counts) => counts.join('/')).join(', '),
      holds:
        perClass.flat().every((count) => count === 10) &&
        new Set(folds.flatMap(({ test }) => Array.from(test.indices))).size === 150,
    });
    claim({
      told: '5 folds: test accuracy over 90 % on average',
      reached: `${percent(mean(tests))}: ${tests.map(percent).join(', ')}`,
      holds: mean(tests) > 0.9,
      from: 'fast',
    });
  },
});
