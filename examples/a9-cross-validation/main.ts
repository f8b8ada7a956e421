/** Cross-validation: splits by hand and by the library, loaders, a development set, folds; and iris judged by each. */
import { type Device, data, functional as F, type HostTensor, nn, optim } from 'weft';
import { line } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { accuracy, iris, linspace, mean, percent } from '../support/small-nets.js';
import { splitsByHand, splitsByLibrary } from './splits.js';

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

type Flowers = data.TensorDataset<HostTensor>;

const both = ({ train, test }: { readonly train: number; readonly test: number }) =>
  `${percent(train)} in training, ${percent(test)} in the test`;

/** One split: all flowers of the training at once, then in batches. */
async function oneSplit(run: Run, flowers: Flowers): Promise<void> {
  const { pick, seed, claim, print } = run;
  const [train, test] = data.trainTestSplit(flowers, { testSize: 0.2, seed });
  const split = () => ({ train, test });
  print(
    `all 120 at once: ${both(await validate(run, split, pick({ full: 1000, fast: 600, slice: 2 }), null))}`,
  );
  const batched = await validate(run, split, pick({ full: 500, fast: 60, slice: 1 }), 12);
  claim({
    told: 'iris with 120 flowers for training, in batches of 12: test over 90 %',
    reached: both(batched),
    holds: batched.test >= 0.9,
    from: 'fast',
  });
}

/** Training sets of several sizes, drawn anew in every epoch: in the end each flower was in one. */
async function sizes(run: Run, flowers: Flowers): Promise<void> {
  const { pick, seed, claim, print, progress, picture } = run;
  const parts = linspace(0.2, 0.95, pick({ full: 10, fast: 3, slice: 2 }));
  const bar = progress('sizes', parts.length);
  const sweep: { train: number; test: number }[] = [];
  for (const trainSize of parts) {
    let splits = 0;
    const fresh = () => {
      const [train, test] = data.trainTestSplit(flowers, { trainSize, seed: 1000 * seed + splits++ });
      return { train, test };
    };
    sweep.push(await validate(run, fresh, pick({ full: 200, fast: 200, slice: 1 }), null));
    print(`training on ${percent(trainSize)}: ${both(sweep.at(-1)!)}`);
    bar.update(sweep.length);
  }
  bar.stop();
  await picture(
    'sizes',
    line(
      [
        { x: parts, y: sweep.map((one) => one.train), name: 'training' },
        { x: parts, y: sweep.map((one) => one.test), name: 'test' },
      ],
      {
        title: 'Accuracy by the size of the training set',
        x: { label: 'part of the flowers in training' },
        y: { label: 'accuracy', min: 0.6, max: 1.02 },
      },
    ),
  );
  claim({
    told: 'with a new split in each epoch, training and test agree for every size of the training set',
    reached: `test ${sweep.map(({ test }) => percent(test)).join(', ')}`,
    // The smallest test has 8 flowers: .25 is two of them.
    holds: sweep.every(({ train, test }) => Math.abs(train - test) <= 0.25),
    from: 'fast',
  });
}

/** Five folds, each the test of a net that the others train. */
async function folds(run: Run, flowers: Flowers, labels: ArrayLike<number>): Promise<void> {
  const { pick, seed, claim, progress } = run;
  const parts = data.stratifiedKFold(flowers, labels, { nSplits: 5, shuffle: true, seed });
  const bar = progress('folds', 5);
  const tests: number[] = [];
  for (const fold of parts) {
    tests.push((await validate(run, () => fold, pick({ full: 1000, fast: 600, slice: 1 }), null)).test);
    bar.update(tests.length);
  }
  bar.stop();
  const tested = parts.map(({ test }) => Array.from(test.indices));
  const perClass = tested.map((flowers) =>
    [0, 1, 2].map((k) => flowers.filter((i) => labels[i] === k).length),
  );
  claim({
    told: '5 stratified folds: each test has 10 flowers of each class, and no flower is tested twice',
    reached: perClass.map((counts) => counts.join('/')).join(', '),
    holds: perClass.flat().every((count) => count === 10) && new Set(tested.flat()).size === 150,
  });
  claim({
    told: '5 folds: test accuracy over 90 % on average',
    reached: `${percent(mean(tests))}: ${tests.map(percent).join(', ')}`,
    holds: mean(tests) > 0.9,
    from: 'fast',
  });
}

export default example({
  id: 'A9',
  title: 'cross-validation by hand, split, loader, development set, folds',
  async run(run) {
    const { features, labels } = iris();
    splitsByHand(run, labels.data);
    await splitsByLibrary(run);
    const flowers = new data.TensorDataset(features, labels);
    await oneSplit(run, flowers);
    await sizes(run, flowers);
    await folds(run, flowers, labels.data);
  },
});
