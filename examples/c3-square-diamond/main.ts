/** What a filter answers: an image cut into patches, each multiplied by the filter and summed, gives a feature map. */
import { functional as F, type Tensor } from 'weft';
import { featureMaps, filters, imageGrid } from 'weft/plot';
import { example } from '../support/example.js';
import { claimEqual, claimExact } from '../support/worked.js';

const [SIZE, PATCH, STRIDE] = [20, 5, 2];
const SIDE = Math.floor((SIZE - PATCH) / STRIDE) + 1;

/** A picture of SIZE x SIZE pixels, 1 where `on` holds of the distances from its middle. */
const draw = (on: (x: number, y: number) => boolean): number[] =>
  Array.from({ length: SIZE * SIZE }, (_, i) =>
    Number(on(Math.abs((i % SIZE) - 9), Math.abs(Math.floor(i / SIZE) - 9))),
  );
const DIAMOND = draw((x, y) => x + y === 8);
const SQUARE = draw((x, y) => Math.max(x, y) === 7);

/** A filter that looks for a line: 4/5 on it, -1/5 beside, so that its weights sum to 0. */
const filter = (on: (row: number, column: number) => boolean): number[] =>
  Array.from({ length: PATCH * PATCH }, (_, i) => Number(on(Math.floor(i / PATCH), i % PATCH)) - 0.2);
const FILTERS = {
  '\\': filter((row, column) => row === column),
  '/': filter((row, column) => row + column === 4),
  '|': filter((_, column) => column === 2),
  '-': filter((row) => row === 2),
};
const NAMES = Object.keys(FILTERS) as (keyof typeof FILTERS)[];

/** 0.8 as '#', 0 as '.', for the terminal. */
const show = (map: readonly number[]) =>
  Array.from({ length: SIDE }, (_, y) =>
    map
      .slice(y * SIDE, (y + 1) * SIDE)
      .map((value) => (value > 2 ? '#' : value > 0.5 ? '+' : '.'))
      .join(' '),
  );

export default example({
  id: 'C3',
  title: 'square and diamond: 64 patches and their responses',
  async run(run) {
    const { device, claim, print, picture } = run;
    const images = device.tensor([...DIAMOND, ...SQUARE], [2, 1, SIZE, SIZE]);
    const weights = device.tensor(Object.values(FILTERS).flat(), [4, 1, PATCH, PATCH]);
    const patches = F.unfold(images, { kernel: PATCH, stride: STRIDE }).transpose(1, 2);
    claimExact(run, 'patches of 5 x 5, 2 pixels apart, in 20 x 20', patches.shape, [2, 64, 25]);

    // Each patch times the filter, summed: [2, 64, 1, 25] by [4, 25].
    const responses: Tensor = patches
      .unsqueeze(2)
      .mul(weights.reshape([4, -1]))
      .sum({ axes: -1 });
    const maps = responses.transpose(1, 2).reshape([2, 4, SIDE, SIDE]);
    const byHand = Array.from(await maps.data());
    const convolved = Array.from(await F.conv2d(images, weights, null, { stride: STRIDE }).data());
    // 25 products of at most 4/5, each rounded with its sum.
    claimEqual(run, 'their sums are the convolution', byHand, convolved, 2 * 25 * 0.8 * 2 ** -24);

    const map = (image: number, name: keyof typeof FILTERS) => {
      const start = (4 * image + NAMES.indexOf(name)) * SIDE * SIDE;
      return byHand.slice(start, start + SIDE * SIDE);
    };
    const rows = NAMES.map((name) => [show(map(0, name)), show(map(1, name))] as const);
    for (const [i, [diamond, square]] of rows.entries()) {
      print(`filter ${NAMES[i]}`);
      for (let y = 0; y < SIDE; y++) print(`  ${diamond[y]}     ${square[y]}`);
    }
    const best = NAMES.map((name) => [Math.max(...map(0, name)), Math.max(...map(1, name))] as const);
    claim({
      told: 'slanting filters answer most, 4, on edges of the diamond, straight ones on those of the square, where the other figure gives half at most',
      reached: NAMES.map(
        (name, i) => `${name} ${best[i]!.map((value) => value.toFixed(1)).join(' and ')}`,
      ).join(', '),
      holds: best.every(([diamond, square], i) => {
        const [own, other] = i < 2 ? [diamond, square] : [square, diamond];
        return Math.abs(own - 4) < 1e-5 && other <= 2;
      }),
    });

    const figures = { data: [...DIAMOND, ...SQUARE], shape: [2, SIZE, SIZE] };
    await picture(
      'images',
      imageGrid(figures, { captions: ['diamond', 'square'], title: 'Images of 20 x 20' }),
    );
    const looked = { data: Object.values(FILTERS).flat(), shape: [4, 1, PATCH, PATCH] };
    await picture('filters', filters(looked, { captions: NAMES, title: 'Filters of 5 x 5' }));
    const captions = ['diamond', 'square'].flatMap((figure) => NAMES.map((name) => `${figure}, ${name}`));
    const responded = { data: byHand, shape: [8, SIDE, SIDE] };
    const options = { captions, columns: 4, label: 'response' };
    await picture('responses', featureMaps(responded, { ...options, title: 'Responses of the 64 patches' }));
  },
});
