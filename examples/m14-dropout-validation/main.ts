/** 784-512-512-10 with dropout; a fifth of the training images validates, and the best weights are kept. */
import { functional as F, type HostTensor, nn, optim } from 'weft';
import { example } from '../support/example.js';
import { loadRows, mapPixels, trainTestSplit } from '../support/mnist.js';
import { guesses, percent, predict, trainTheModel } from '../support/mnist-net.js';
import { digits, drawHistory } from '../support/mnist-pictures.js';

export default example({
  id: 'M14',
  title: 'dropout, validation and the best weights',
  async run(run) {
    const { device, seed, pick, claim, print } = run;
    const epochs = pick({ full: 50, fast: 4, slice: 1 });
    const limits = pick({ full: [60_000, 10_000], fast: [10_000, 4000], slice: [640, 200] });
    const [all, test] = (await Promise.all([loadRows('train', limits[0]), loadRows('test', limits[1])])).map(
      (rows) => mapPixels(rows, (pixel) => pixel / 255),
    );
    const { train, test: valid } = await trainTestSplit(all!, { testSize: 0.2, seed });

    const net = new nn.Sequential(
      new nn.Linear(784, 512),
      new nn.ReLU(),
      new nn.Dropout(0.2),
      new nn.Linear(512, 512),
      new nn.ReLU(),
      new nn.Dropout(0.2),
      new nn.Linear(512, 10),
    ).to(device);
    const { parameters } = nn.summary(net, device.zeros([1, 784]));
    claim({ told: '669,706 parameters', reached: `${parameters}`, holds: parameters === 669_706 });
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });

    let best: Record<string, HostTensor> = {};
    let bestEpoch = 0;
    const history = await trainTheModel(
      run,
      { net, optimizer },
      {
        ...{ loss: F.crossEntropy, train, test: valid, epochs, batchSize: 20 },
        async afterEpoch(epoch, [own]) {
          const { testLoss } = own!;
          if (testLoss.at(-1)! > Math.min(...testLoss)) return;
          best = await net.stateDict();
          bestEpoch = epoch + 1;
        },
      },
    );
    await net.loadStateDict(best);
    print(
      `validation loss is least after epoch ${bestEpoch}: ${history.testLoss[bestEpoch - 1]!.toFixed(4)}`,
    );

    const taken = guesses(await predict(device, net, test!));
    const labels = [...test!.labels.data];
    const accuracies = Array.from({ length: 10 }, (_, digit) => {
      const own = taken.filter((_, i) => labels[i] === digit);
      return own.filter((guess) => guess === digit).length / own.length;
    });
    await drawHistory(run, history, 'the test is the fifth of the training images that validates');
    const some = [...Array(18).keys()];
    const captions = some.map((i) => `${taken[i]} (${labels[i]})`);
    await run.picture('guesses', digits(test!, some, { title: 'Test images: guess (label)', captions }));

    const accuracy = taken.filter((guess, i) => guess === labels[i]).length / taken.length;
    for (const [digit, part] of accuracies.entries()) print(`test accuracy of ${digit}: ${percent(part)}`);
    claim({
      told: pick({
        full: '>= 97 % of the test images (98.3 % in the notebook)',
        fast: '~84 % after 4 epochs',
      }),
      reached: percent(accuracy, 2),
      holds: accuracy >= pick({ full: 0.98, fast: 0.8 }),
      from: 'fast',
    });
    const [worst, second] = [...accuracies.keys()].sort((a, b) => accuracies[a]! - accuracies[b]!);
    claim({
      told: 'each digit is recognised; the course does worst on 7 or 8',
      reached: `worst on ${worst}: ${percent(accuracies[worst!]!)}, then ${second}: ${percent(accuracies[second!]!)}`,
      holds: accuracies[worst!]! > pick({ full: 0.95, fast: 0.6 }),
      from: 'fast',
    });
    const leastLoss = Math.min(...history.testLoss);
    claim({
      told: 'the best weights of the validation are kept: the last is of epoch 37 in the course, then the loss is flat',
      reached: `epoch ${bestEpoch}: ${leastLoss.toFixed(4)}, at the end ${history.testLoss.at(-1)!.toFixed(4)}`,
      holds: bestEpoch > pick({ full: 25, fast: 2 }) && history.testLoss.at(-1)! < 1.1 * leastLoss,
      from: 'fast',
    });
  },
});
