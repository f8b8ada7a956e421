/** A convolutional net on CIFAR-10, without and with augmentation; how fast it trains is measured on made-up images. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { data, nn, open } from 'weft';
import { readCifar10 } from 'weft/node';
import { imageGrid, line } from 'weft/plot';
import { example, MissingData, type Run } from '../support/example.js';
import { mean, percent } from '../support/small-nets.js';
import { cifarNet } from './net.js';
import { measureRate } from './rate.js';
import { BATCH, type Trained, trainCifar } from './training.js';

const { compose, normalize, randomHorizontalFlip, randomRotation, toTensor } = data.transforms;

const plain = compose([toTensor(), normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])]);
const augmented = compose([randomHorizontalFlip(), randomRotation(10), plain]);

const ANIMALS = ['bird', 'cat', 'deer', 'dog', 'frog', 'horse'];

function claimShapes({ device, claim, print }: Run): void {
  const net = cifarNet().to(device);
  const summary = nn.summary(net, device.zeros([1, 3, 32, 32]));
  print(String(summary));
  claim({
    told: '448 + 4,640 + 18,496 + 512,500 + 5,010 = 541,094 parameters',
    reached: String(net.parameterCount()),
    holds: net.parameterCount() === 541_094,
  });
  const sides = summary.rows
    .filter(({ type }) => type === 'MaxPool2d')
    .map(({ output }) => output.slice(1).join('x'));
  claim({
    told: 'pooling halves 32 to 16, 8 and 4: 64 maps of 4x4 are 1024 values',
    reached: sides.join(', '),
    holds: sides.join() === '16x16x16,32x8x8,64x4x4',
  });
}

/** On one thread, as the bench measures: on more the small layers between the convolutions gain less than these do. */
async function claimRate({ backend, pick, claim, print }: Run): Promise<void> {
  const device = await open(backend, backend === 'wasm' ? { threads: 1 } : {});
  const rounds = pick({ full: 200, fast: 20, slice: 1 });
  const { flops, stepMs, convolutionsMs } = await measureRate(device, BATCH, rounds);
  device.dispose();
  const rate = (ms: number) => `${(flops / ms / 1e6).toFixed(1)} GFLOP/s`;
  const [mega, step, alone] = [flops / 1e6, stepMs, convolutionsMs].map((value) => value.toPrecision(3));
  print(
    `a step of ${BATCH} images has ${mega} MFLOP of convolutions: ${step} ms, of which they take ${alone} ms`,
  );
  claim({
    told: 'it trains at 60 % of the rate that its convolutions reach by themselves, or more, on one thread',
    reached: `${rate(stepMs)} of ${rate(convolutionsMs)}: ${percent(convolutionsMs / stepMs)}`,
    holds: convolutionsMs / stepMs >= 0.6,
    from: 'full',
  });
}

/** CIFAR-10 from the folder of `--data`. @throws MissingData where none of its files is there */
function readImages(folder: string | undefined) {
  const places = folder === undefined ? [] : [folder, join(folder, 'cifar-10-batches-bin')];
  if (
    !places.some(
      (place) => existsSync(join(place, 'data_batch_1.bin')) || existsSync(join(place, 'test_batch.bin')),
    )
  ) {
    throw new MissingData(
      `CIFAR-10 is not ${folder === undefined ? 'given' : `in ${folder}`}: get cifar-10-binary.tar.gz from ` +
        'https://www.cs.toronto.edu/~kriz/cifar.html, unpack it, and name the folder with data_batch_1.bin to ' +
        'data_batch_5.bin and test_batch.bin by --data FOLDER',
    );
  }
  return readCifar10(folder!);
}

const rightOf = ({ guesses, labels }: Trained, wanted: (label: number) => boolean = () => true): number =>
  mean(guesses.flatMap((guess, i) => (wanted(labels[i]!) ? [Number(guess === labels[i])] : [])));

async function draw(
  run: Run,
  runs: readonly (readonly [name: string, result: Trained])[],
  test: data.Dataset,
  classes: readonly string[],
) {
  await run.picture(
    'losses',
    line(
      runs.flatMap(([name, { losses, validationLosses }]) => [
        { y: losses, name: `${name}, training`, style: 'dashed' as const },
        { y: validationLosses, name: `${name}, validation` },
      ]),
      {
        title: 'Loss in training and validation',
        x: { label: 'epoch' },
        y: { label: 'cross-entropy', min: 0 },
      },
    ),
  );
  const [, { guesses, labels }] = runs[0]!;
  const shown = Array.from({ length: Math.min(20, test.length) }, (_, i) => i);
  const images = await Promise.all(shown.map(async (i) => (await test.get(i))[0]!));
  await run.picture(
    'guesses',
    imageGrid(images, {
      title: 'Test images, what they were taken for, and what they are where that was wrong',
      captions: shown.map(
        (i) => classes[guesses[i]!]! + (guesses[i] === labels[i] ? '' : ` (${classes[labels[i]!]})`),
      ),
      columns: 10,
    }),
  );
}

export default example({
  id: 'C7',
  title: 'CIFAR-10: three convolutions, dropout, augmentation',
  async run(run) {
    const { device, seed, pick, claim, print, progress } = run;
    claimShapes(run);
    await claimRate(run);

    const cifar = await readImages(run.data);
    const few = pick({ full: Number.POSITIVE_INFINITY, fast: 2000, slice: 40 });
    const count = Math.min(few, cifar.train.length);
    const held = Math.floor(count / 5);
    const [train, validation] = data.randomSplit(
      cifar.train,
      [count - held, held, cifar.train.length - count],
      { seed },
    );
    const test = new data.Subset(
      cifar.test,
      Array.from({ length: Math.min(few, cifar.test.length) }, (_, i) => i),
    );
    const epochs = pick({ full: 30, fast: 2, slice: 1 });
    const sets = { device, seed, train: train!, validation: validation!, test, look: plain, epochs };
    const learn = async (name: string, augment: data.Transform) => {
      const bar = progress(name, epochs);
      const result = await trainCifar({ ...sets, augment, bar });
      bar.stop();
      return result;
    };
    const without = await learn('plain', plain);
    const within = await learn('augmented', augmented);
    for (const [k, name] of cifar.classes.entries())
      print(`${name.padEnd(10)} ${percent(rightOf(without, (label) => label === k))}`);
    await draw(
      run,
      [
        ['plain', without],
        ['augmented', within],
      ],
      test,
      cifar.classes,
    );

    const [first, last] = [without.losses[0]!, Math.min(...without.losses)];
    claim({
      told: 'the training loss falls',
      reached: `${first.toFixed(3)} to ${last.toFixed(3)}`,
      holds: last < first,
      from: 'fast',
    });
    claim({
      told: 'about 70 % of the test images',
      reached: percent(rightOf(without)),
      holds: Math.abs(rightOf(without) - 0.7) < 0.05,
      from: 'full',
    });
    claim({
      told: 'augmentation adds about 1 %',
      reached: `${percent(rightOf(within))}, ${(100 * (rightOf(within) - rightOf(without))).toFixed(1)} more`,
      holds: rightOf(within) > rightOf(without),
      from: 'full',
    });
    const animal = (label: number) => ANIMALS.includes(cifar.classes[label]!);
    const [animals, vehicles] = [rightOf(without, animal), rightOf(without, (label) => !animal(label))];
    claim({
      told: 'vehicles are told apart better than animals',
      reached: `${percent(vehicles)} against ${percent(animals)}`,
      holds: vehicles > animals,
      from: 'full',
    });
  },
});
