/** A patch times a filter need not be summed to one number: kept as a small image and pooled to 2 x 2, it says where. */
import { functional as F, type Tensor } from 'weft';
import { featureMaps, imageGrid } from 'weft/plot';
import { gradcheck } from 'weft/verify';
import { example } from '../support/example.js';
import { loadRows, mapPixels } from '../support/mnist.js';
import { claimEqual, claimExact } from '../support/worked.js';

const [SIZE, PATCH, STRIDE] = [28, 7, 2];

/** How many patches of a size lie on a line, `stride` apart, the rest cropped. */
const patchesOn = (size: number, patch: number, stride: number) => Math.floor((size - patch) / stride) + 1;

/** x [n, 1, h, w] to [n, patches, 7, 7]: each patch times the filter, element by element. */
function products(x: Tensor, filter: Tensor): Tensor {
  const patches = F.unfold(x, { kernel: PATCH, stride: STRIDE }).transpose(1, 2);
  return patches.mul(filter.flatten()).reshape([x.shape[0]!, -1, PATCH, PATCH]);
}

export default example({
  id: 'C4',
  title: 'patch times filter kept unsummed, pooled to 2 x 2',
  async run(run) {
    const { device, claim, print, picture } = run;
    const { images } = mapPixels(await loadRows('train', 1), (pixel) => pixel / 255);
    const x = device.tensor({ ...images, shape: [1, 1, SIZE, SIZE] });
    const filter = device.tensor(await device.normal([1, 1, PATCH, PATCH]).data(), [1, 1, PATCH, PATCH]);
    const side = patchesOn(SIZE, PATCH, STRIDE);
    claimExact(run, '(28 - 7) / 2 + 1, cropped, and its square', [side, side ** 2], [11, 121]);

    const kept = products(x, filter);
    const pooled = F.adaptiveMaxPool2d(kept, { outputSize: 2 });
    claimExact(run, 'a 7 x 7 image for each of the 121 patches', kept.shape, [1, 121, 7, 7]);
    claimExact(run, 'pooled: 121 images of 2 x 2', pooled.shape, [1, 121, 2, 2]);
    print(
      `the middle patch's four: ${Array.from(await pooled.select(1, 60).data(), (value) => value.toFixed(3)).join(', ')}`,
    );

    const summed = Array.from(await kept.sum({ axes: [2, 3] }).data());
    const convolved = Array.from(await F.conv2d(x, filter, null, { stride: STRIDE }).data());
    // 49 products of pixels up to 1 and weights up to 4, each rounded with its sum.
    claimEqual(run, 'summed instead, it is the convolution', summed, convolved, 2 * 49 * 4 * 2 ** -24);
    const checked = await gradcheck(
      (x, filter) => F.adaptiveMaxPool2d(products(x, filter), { outputSize: 2 }),
      [
        { shape: [1, 1, 9, 11], distinct: true },
        { shape: [1, 1, PATCH, PATCH], domain: [0.5, 1.5] },
      ],
      { kernels: [device] },
    );
    claim({
      told: 'gradients reach the image and the filter through the pooling',
      reached: `relative difference to finite differences ${Math.max(...checked.results.map(({ error, check }) => (check === 'gradient' ? error : 0))).toPrecision(2)}`,
      holds: checked.ok,
    });

    claimExact(
      run,
      'windows of 7, 2 apart, in 12; of 5, 2 apart, in 28',
      [patchesOn(12, 7, 2), patchesOn(28, 5, 2)],
      [3, 12],
    );
    const corner = device.tensor([1, 9, 5, 4], [1, 1, 2, 2]);
    claimExact(
      run,
      'the largest of 1, 9, 5, 4, a 2 x 2 pool',
      await F.maxPool2d(corner, { kernel: 2 }).data(),
      [9],
    );
    const five = device.ones([1, 1, 5, 5]);
    const window = device.ones([1, 1, 2, 2]);
    const dropped = F.conv2d(five, window, null, { stride: 2 });
    const padded = F.conv2d(F.pad(five, { before: [0, 0, 0, 0], after: [0, 0, 1, 1] }), window, null, {
      stride: 2,
    });
    claimExact(run, '2 x 2 windows, 2 apart, in 5 x 5: the edge dropped', dropped.shape, [1, 1, 2, 2]);
    claimExact(run, 'or padded with zeros, so that every pixel counts', padded.shape, [1, 1, 3, 3]);
    claimExact(
      run,
      'pixels that count: without the edge, with it',
      [await dropped.sum().item(), await padded.sum().item()],
      [16, 25],
    );

    // Windows further apart than they are wide leave pixels that no window sees.
    const seen = (stride: number) => {
      const columns = F.unfold(device.ones([1, 1, SIZE, SIZE]), { kernel: PATCH, stride });
      return F.fold(columns, { kernel: PATCH, stride, outputSize: SIZE })
        .greater(0)
        .cast({ dtype: 'f32' })
        .sum()
        .item();
    };
    const [near, far] = [await seen(7), await seen(10)];
    let message = 'none';
    try {
      F.unfold(x, { kernel: PATCH + SIZE, stride: STRIDE });
    } catch (error) {
      message = (error as Error).message;
    }
    claim({
      told: 'too large a stride misses pixels, too large a patch is an error',
      reached: `stride 7 sees ${near} of 784, stride 10 sees ${far}; ${message}`,
      holds: near === 784 && far === 441 && message.includes('larger than'),
    });

    await picture('image', imageGrid({ ...images, shape: [SIZE, SIZE] }, { size: 224, title: 'The image' }));
    const blank = Array.from({ length: side ** 2 }, () => '');
    const map = async (maps: Tensor, title: string) => {
      const grid = { data: await maps.data(), shape: maps.shape };
      return featureMaps(grid, { captions: blank, columns: side, size: 42, title, label: 'product' });
    };
    await picture('products', await map(kept, '121 patches, each times the filter'));
    await picture('pooled', await map(pooled, 'The same, pooled to 2 x 2'));
  },
});
