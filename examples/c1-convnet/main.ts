/** A small convolutional net on MNIST: two strided convolutions, two dense layers, tanh between them, Adam. */
import { data, functional as F, nn, optim } from 'weft';
import { featureMaps, filters, heatMap, imageGrid, line } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { loadRows, mapPixels, type Split } from '../support/mnist.js';
import { percent } from '../support/small-nets.js';
import { ConvNet } from './net.js';

const asDataset = ({ images, labels }: Split) =>
  new data.TensorDataset({ ...images, shape: [labels.shape[0]!, 1, 28, 28] }, labels);

function describe({ device, claim, print }: Run, net: ConvNet): void {
  print(String(nn.summary(net, device.zeros([1, 1, 28, 28]))));
  claim({
    told: '260 + 9,820 + 905 + 60 = 11,045 parameters',
    reached: String(net.parameterCount()),
    holds: net.parameterCount() === 11_045,
  });
  const outputs = net.forwardAllOutputs(device.zeros([1, 1, 28, 28]));
  const shapes = outputs.map(({ shape }) => shape.slice(1).join('x')).join(', ');
  claim({
    told: '28x28 images become 10 maps of 12x12, then 20 of 3x3: 180 values',
    reached: shapes,
    holds: shapes === '10x12x12, 20x3x3, 5, 10',
  });
}

/** Trains on consecutive batches, as the course takes them; loss and test accuracy of each epoch. */
async function train(run: Run, net: ConvNet, images: data.TensorDataset, test: data.TensorDataset) {
  const { device, pick, progress } = run;
  const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3 });
  const step = device.compile((x, y) => {
    const loss = F.crossEntropy(net.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const right = device.compile((x, y) => net.forward(x).argmax({ axis: 1 }).equal(y).sum());

  const batchSize = pick({ full: 1000, fast: 100, slice: 32 });
  const epochs = pick({ full: 20, fast: 10, slice: 1 });
  const loader = new data.DataLoader(images, { batchSize, dropLast: true });
  const steps: number[] = [];
  const losses: number[] = [];
  const accuracies: number[] = [];
  const bar = progress('epochs', epochs);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for await (const [x, y] of loader) steps.push(await (await step(x!, y!)).item());
    losses.push(steps.slice(-loader.length).reduce((a, b) => a + b) / loader.length);
    let correct = 0;
    for await (const [x, y] of new data.DataLoader(test, { batchSize: 1000 }))
      correct += await (await right(x!, y!)).item();
    accuracies.push(correct / test.length);
    bar.update(epoch, `loss ${losses.at(-1)!.toFixed(3)}, test ${percent(accuracies.at(-1)!)}`);
  }
  bar.stop();
  return { first: steps[0]!, losses, accuracies };
}

/** The first layer's filters, what an image becomes in the net, and what the net says of ten others. */
async function draw({ device, picture }: Run, net: ConvNet, test: data.TensorDataset): Promise<void> {
  const weights = (await net.stateDict())['convLayers.0.weight']!;
  await picture('filters', filters(weights, { title: 'The ten filters of the first layer' }));
  const [image, label] = test.get(20);
  const [first, second] = net.forwardAllOutputs(device.tensor({ ...image!, shape: [1, 1, 28, 28] }));
  await picture('image', imageGrid(image!, { title: 'Test image 20', captions: [`a ${label!.data[0]}`] }));
  await picture('maps-1', featureMaps(await first!.toHost(), { title: 'What the first layer makes of it' }));
  await picture(
    'maps-2',
    featureMaps(await second!.toHost(), { title: 'What the second layer makes of that' }),
  );

  const [images, digits] = test.getBatch(Array.from({ length: 10 }, (_, i) => i));
  const probabilities = await F.softmax(net.forward(device.tensor(images!))).toHost();
  await picture(
    'probabilities',
    heatMap(probabilities, {
      title: 'What the net gives each class, for ten test images',
      x: { label: 'class', names: [...'0123456789'] },
      y: { names: Array.from(digits!.data, (digit, i) => `image ${i}, a ${digit}`) },
      label: 'probability',
      range: [0, 1],
    }),
  );
}

export default example({
  id: 'C1',
  title: 'ConvNet on MNIST: 1 to 10 to 20 channels, 180-5-10, tanh',
  async run(run) {
    const { device, size, pick, claim, picture } = run;
    const sizes = pick({
      full: { train: 50_000, test: 10_000 },
      fast: { train: 9000, test: 1000 },
      slice: { train: 64, test: 64 },
    });
    const load = async (part: 'train' | 'test') =>
      asDataset(mapPixels(await loadRows(part, sizes[part]), (pixel) => pixel / 255));
    const [images, test] = [await load('train'), await load('test')];

    const net = new ConvNet(28, [10, 20], [5], 10, [5, 7], [2, 2]).to(device);
    describe(run, net);
    const { first, losses, accuracies } = await train(run, net, images, test);

    const x = { label: 'epoch' };
    await picture(
      'loss',
      line({ y: losses }, { title: 'Training loss', x, y: { label: 'cross-entropy', min: 0 } }),
    );
    await picture(
      'accuracy',
      line({ y: accuracies }, { title: 'Accuracy on the test images', x, y: { label: 'accuracy' } }),
    );
    // A software adapter would take seconds to compile what only the pictures need.
    if (size !== 'slice') await draw(run, net, test);

    claim({
      told: 'the loss starts at about ln 10 = 2.30',
      reached: first.toFixed(3),
      holds: Math.abs(first - Math.log(10)) < 0.1,
    });
    const after = (epochs: number) => accuracies[epochs - 1] ?? Number.NaN;
    const shown = (epochs: number) =>
      accuracies.length < epochs ? `${accuracies.length} epochs were run` : percent(after(epochs));
    claim({
      told: '10 epochs: 90.58 % of the test images, at least 90 %',
      reached: shown(10),
      holds: after(10) >= 0.9,
      from: 'fast',
    });
    claim({
      told: '20 epochs: about 95 %',
      reached: shown(20),
      holds: Math.abs(after(20) - 0.95) < 0.02,
      from: 'full',
    });
  },
});
