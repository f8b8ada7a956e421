/** Filters and what they answer: the edge filter by hand, four filters for lines, colours, and filters that were learnt. */
import { type Device, data, functional as F, nn, optim, type Tensor } from 'weft';
import { filters as drawFilters, featureMaps, imageGrid } from 'weft/plot';
import { example, type Run } from '../support/example.js';
import { loadRows, mapPixels } from '../support/mnist.js';
import { claimEqual, claimExact } from '../support/worked.js';

/** Finds edges: its weights sum to 0. */
const EDGE = [0, -1, 0, -1, 4, -1, 0, -1, 0];
/** A pixel of 220 and its neighbours; the text names the three above it, the others add up as they must. */
const PIXELS = [120, 140, 120, 225, 220, 205, 255, 250, 230];
const RISING = Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? -1 : 1));
const SOBEL = [-1, -2, -1, 0, 0, 0, 1, 2, 1];
/** A nine. */
const TEST_IMAGE = 20;

const listOf = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

/** MNIST's images [count, 1, 28, 28] with pixels in [0, 1]. */
async function loadImages(part: 'train' | 'test', count: number) {
  const { images, labels } = mapPixels(await loadRows(part, count), (pixel) => pixel / 255);
  return { images: { ...images, shape: [count, 1, 28, 28] }, labels };
}

/** Filters for vertical edges, from dark to light and back, then for horizontal ones: [4, 1, 4, 4]. */
function lineFilters(device: Device): Tensor {
  const first = device.tensor(RISING, [4, 4]);
  const turned = first.transpose(0, 1);
  return F.stack([first, first.neg(), turned, turned.neg()]).unsqueeze(1);
}

async function edgeFilter(run: Run, image: Tensor): Promise<void> {
  const { device } = run;
  const pixels = device.tensor(PIXELS, [1, 1, 3, 3]);
  const edge = device.tensor(EDGE, [1, 1, 3, 3]);
  const terms = await listOf(pixels.mul(edge));
  const named = [0, 1, 2, 4].map((i) => terms[i]!);
  claimExact(run, 'terms 120 (0), 140 (-1), 120 (0), 220 (4)', named, [0, -140, 0, 880]);
  claimExact(run, 'the edge filter at pixel 220', await F.conv2d(pixels, edge).data(), [60]);
  claimExact(run, 'over an even area', await F.conv2d(device.full([1, 1, 3, 3], 97), edge).data(), [0]);
  const response = F.conv2d(image, edge, null, { padding: 1 });
  claimExact(run, 'with a border of zeros the image keeps its size', response.shape, image.shape);
  const title = 'What the edge filter answers';
  await run.picture('image', imageGrid(await image.toHost(), { size: 224, title: 'Test image 20' }));
  await run.picture(
    'edges',
    featureMaps(await response.toHost(), { captions: [''], size: 224, title, label: 'response' }),
  );
}

async function lines(run: Run, image: Tensor): Promise<void> {
  const { device } = run;
  const filters = lineFilters(device);
  const maps = F.relu(F.conv2d(image, filters));
  claimExact(run, 'four filters of 4 x 4 over 28 x 28', maps.shape, [1, 4, 25, 25]);
  const both = await listOf(F.conv2d(image, filters).narrow(1, 0, 1));
  const halves = await listOf(maps.narrow(1, 0, 1).sub(maps.narrow(1, 1, 1)));
  claimExact(
    run,
    'largest difference of filter 1 and its two halves, positive and negative',
    [Math.max(...both.map((value, i) => Math.abs(value - halves[i]!)))],
    [0],
  );

  // Left half dark, right half light; then the same turned.
  const dark = device.arange({ end: 8, dtype: 'f32' }).greaterEqual(4).cast({ dtype: 'f32' });
  const upright = dark.reshape([1, 1, 1, 8]).expand([1, 1, 8, 8]);
  const figures = F.concat([upright, upright.transpose(2, 3)]);
  const largest = await listOf(F.amax(F.relu(F.conv2d(figures, filters)), { axes: [2, 3] }));
  claimExact(
    run,
    'an upright edge moves filter 1 alone, a level one filter 3',
    largest,
    [8, 0, 0, 0, 0, 0, 8, 0],
  );
  const sobel = await listOf(
    F.amax(F.conv2d(figures, device.tensor(SOBEL, [1, 1, 3, 3])), { axes: [1, 2, 3] }),
  );
  await run.picture('line-filters', drawFilters(await filters.toHost(), { title: 'Filters for lines' }));
  await run.picture(
    'line-maps',
    featureMaps(await maps.toHost(), { title: 'Their feature maps, after ReLU', label: 'response' }),
  );
  claimExact(run, "Sobel's filter: nothing on the upright edge, 4 on the level one", sobel, [0, 4]);
}

async function colours(run: Run): Promise<void> {
  const { device } = run;
  const image = device.uniform([1, 3, 8, 8]);
  const filters = device.normal([3, 3, 3, 3]);
  await device.realize([image, filters]);
  const maps = F.conv2d(image, filters);
  claimExact(run, 'three filters of depth 3 give three maps', maps.shape, [1, 3, 6, 6]);
  const depth = [0, 1, 2].map((c) => F.conv2d(image.narrow(1, c, 1), filters.narrow(1, c, 1)));
  const summed = await listOf(depth[0]!.add(depth[1]!).add(depth[2]!));
  // 27 products of weights up to 5 and pixels up to 1, each rounded with its sum.
  claimEqual(
    run,
    'a filter adds up what it finds in each colour',
    await listOf(maps),
    summed,
    2 * 27 * 5 * 2 ** -24,
  );
  const second = F.conv2d(F.relu(maps), device.normal([4, 3, 3, 3]));
  claimExact(run, 'and a second layer reads the maps of the first', second.shape, [1, 4, 4, 4]);
}

/** The course's convolutional net, trained a little: its filters look for strokes. */
async function learnt(run: Run, image: Tensor): Promise<void> {
  const { device, claim, pick, progress, seed } = run;
  const count = pick({ full: 20_000, fast: 1000, slice: 20 });
  const { images, labels } = await loadImages('train', count);
  const layers = [new nn.Conv2d(1, 10, 5, { stride: 2 }), new nn.Conv2d(10, 20, 7, { stride: 2 })] as const;
  const model = new nn.Sequential(
    layers[0],
    new nn.Tanh(),
    layers[1],
    new nn.Tanh(),
    new nn.Flatten(),
    new nn.Linear(180, 5),
    new nn.Tanh(),
    new nn.Linear(5, 10),
  ).to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  const step = device.compile((x: Tensor, y: Tensor) => {
    const loss = F.crossEntropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  const batches = new data.DataLoader(new data.TensorDataset(images, labels), {
    batchSize: pick({ full: 100, fast: 50, slice: 10 }),
    shuffle: true,
    seed,
  });
  const losses: number[] = [];
  const bar = progress('batches', batches.length);
  for await (const [x, y] of batches) {
    losses.push(await (await step(x!, y!)).item());
    bar.update(losses.length, `loss ${losses.at(-1)!.toFixed(3)}`);
  }
  bar.stop();
  const first = F.tanh(layers[0].forward(image));
  const second = F.tanh(layers[1].forward(first));
  claimExact(run, 'maps of the two layers', [...first.shape, ...second.shape], [1, 10, 12, 12, 1, 20, 3, 3]);
  const weights = await layers[0].weight.tensor.toHost();
  await run.picture(
    'learnt-filters',
    drawFilters(weights, { columns: 5, title: 'Filters of the first layer' }),
  );
  const options = { columns: 5, title: 'Their feature maps' };
  await run.picture('learnt-maps', featureMaps(await first.toHost(), options));
  const title = 'Feature maps of the second layer';
  await run.picture('learnt-maps-2', featureMaps(await second.toHost(), { columns: 10, title }));
  claim({
    told: 'the filters are learnt: the loss falls',
    reached: `${losses[0]!.toFixed(3)} to ${losses.at(-1)!.toFixed(3)} in ${losses.length} batches`,
    holds: losses.at(-1)! < losses[0]!,
    from: 'fast',
  });
}

export default example({
  id: 'C5',
  title: 'filters and feature maps; the edge filter',
  async run(run) {
    const test = await loadImages('test', TEST_IMAGE + 1);
    const image = run.device.tensor(test.images.data.slice(TEST_IMAGE * 28 * 28), [1, 1, 28, 28]);
    claimExact(run, 'test image 20 is a', [test.labels.data[TEST_IMAGE]!], [9]);
    await edgeFilter(run, image);
    await lines(run, image);
    await colours(run);
    await learnt(run, image);
  },
});
