import { fail } from '../errors.js';
import { sizeOf } from '../shape.js';
import { barOf } from './colour-bar.js';
import { type Colouring, colouring, colourOf, missingNote } from './heat-map.js';
import type { Picture } from './picture.js';
import type { ColourMap, Rgb } from './style.js';
import { MISSING } from './style.js';
import { formatNumber } from './ticks.js';
import { tile } from './tile.js';
import { type Tile, type TilesOptions, tiles } from './tiles.js';
import { checkGrid, extentOf, type Grid, interval, isGrid, numbers } from './values.js';

export interface ImageGridOptions extends TilesOptions {
  /** A line below each image. */
  readonly captions?: readonly string[];
  /** The values drawn black and white. `all`, the default: the least and the greatest of all images; `each`: of each. */
  readonly range?: readonly [number, number] | 'all' | 'each';
}

interface Plain {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

function oneImage(where: string, name: string, image: Grid): Plain {
  const { shape } = checkGrid(where, name, image);
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape;
  if (shape.length < 2 || shape.length > 3 || (channels !== 1 && channels !== 3))
    return fail(
      where,
      `${name} must be [h, w], [1, h, w] or [3, h, w], it has the shape [${shape.join(',')}]`,
    );
  const data = numbers(where, name, image, { gaps: true });
  return { channels, height: height!, width: width!, data };
}

function readImages(where: string, images: Grid | readonly Grid[]): Plain[] {
  if (!isGrid(images)) {
    if (!Array.isArray(images) || images.length === 0)
      return fail(where, 'images is empty; give a host tensor or an array of them');
    return images.map((one: Grid, i) => oneImage(where, `images[${i}]`, one));
  }
  const { shape, data } = checkGrid(where, 'images', images);
  if (shape.length === 2) return [oneImage(where, 'images', images)];
  if (shape.length !== 3 && (shape.length !== 4 || (shape[1] !== 1 && shape[1] !== 3)))
    fail(
      where,
      `images must be [n, h, w], [n, 1, h, w] or [n, 3, h, w], it has the shape [${shape.join(',')}]`,
    );
  const own = shape.slice(1);
  const size = sizeOf(own);
  const all = Array.from(data);
  return Array.from({ length: shape[0]! }, (_, i) =>
    oneImage(where, `images[${i}]`, { shape: own, data: all.slice(i * size, (i + 1) * size) }),
  );
}

function pixels({ channels, height, width, data }: Plain, [low, high]: readonly [number, number]): string {
  const size = height * width;
  const level = (value: number) =>
    Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low || 1))));
  return tile(width, height, (i): Rgb => {
    const [r, g, b] =
      channels === 1 ? [data[i]!, data[i]!, data[i]!] : [data[i]!, data[size + i]!, data[2 * size + i]!];
    return [r, g, b].every(Number.isFinite) ? [level(r), level(g), level(b)] : MISSING;
  });
}

/**
 * Images in rows, grey or red, green and blue, each with its caption; a note says which values are black and white.
 * @param images a host tensor [n, h, w], [n, 1, h, w] or [n, 3, h, w], or a list of images [h, w], [1, h, w] or [3, h, w]
 * @throws WeftError naming the argument: no images, another shape, captions that aren't as many
 */
export function imageGrid(images: Grid | readonly Grid[], options: ImageGridOptions = {}): Picture {
  const where = 'imageGrid';
  const list = readImages(where, images);
  const { captions, range = 'all' } = options;
  if (captions && captions.length !== list.length)
    fail(where, `captions has ${captions.length} texts, there are ${list.length} images; give as many`);
  const extent = extentOf(list.map((one) => one.data));
  if (!extent) return fail(where, 'no value is finite: there is nothing to draw');
  if (typeof range === 'string' && range !== 'all' && range !== 'each')
    fail(where, `range must be [low, high], 'all' or 'each', it is '${range}'`);
  const common = typeof range === 'string' ? extent : interval(where, 'range', range);
  const ends = (one: Plain) => (range === 'each' ? (extentOf([one.data]) ?? extent) : common);
  const found = list.map(
    (one, i): Tile => ({
      uri: pixels(one, ends(one)),
      width: one.width,
      height: one.height,
      caption: captions?.[i] ?? '',
    }),
  );
  const grey = list.every((one) => one.channels === 1);
  const [low, high] = grey ? ['black', 'white'] : ['darkest', 'brightest'];
  const note =
    range === 'each'
      ? `${low} is each image's least value, ${high} its greatest`
      : `${low} ${formatNumber(common[0])}, ${high} ${formatNumber(common[1])}`;
  return tiles(where, 'images', found, options, {
    notes: [note, ...list.flatMap((one) => missingNote(one.data)).slice(0, 1)],
  });
}

export interface MapsOptions extends TilesOptions {
  /** A line below each; default: its index. */
  readonly captions?: readonly string[];
  /** Values of the ends of the colours; default: of all of them together. */
  readonly range?: readonly [number, number];
  /** Default: `diverging` where values below zero are among them, else `viridis`. */
  readonly colours?: ColourMap;
  /** What the values are, along the colour bar. */
  readonly label?: string;
}

function maps(
  where: string,
  name: string,
  data: Float64Array,
  height: number,
  width: number,
  captions: readonly string[],
  options: MapsOptions,
): Picture {
  const signed = data.some((value) => value < 0);
  const colours: Colouring = colouring(
    where,
    data,
    options.colours ?? (signed ? 'diverging' : 'viridis'),
    options.range,
  );
  const texts = options.captions ?? captions;
  const count = data.length / (height * width);
  if (texts.length !== count)
    fail(where, `captions has ${texts.length} texts, there are ${count} images; give as many`);
  const list = texts.map(
    (caption, k): Tile => ({
      uri: tile(width, height, (i) => colourOf(colours, data[k * height * width + i]!)),
      ...{ width, height, caption },
    }),
  );
  return tiles(where, name, list, options, {
    bar: barOf(colours.map, colours.low, colours.high, options.label),
    notes: missingNote(data),
  });
}

/**
 * The filters of a convolution, one image for each output and input channel, all in the same colours.
 * @param weights [out, in, kh, kw]
 */
export function filters(weights: Grid, options: MapsOptions = {}): Picture {
  const where = 'filters';
  const { shape } = checkGrid(where, 'weights', weights);
  if (shape.length !== 4)
    return fail(where, `weights must be [out, in, kh, kw], it has the shape [${shape.join(',')}]`);
  const [outputs, inputs, height, width] = shape as [number, number, number, number];
  const captions = Array.from({ length: outputs * inputs }, (_, i) =>
    inputs === 1 ? `${i}` : `${Math.floor(i / inputs)}, in ${i % inputs}`,
  );
  const data = numbers(where, 'weights', weights, { gaps: true });
  const columns = inputs > 1 && inputs <= 8 ? { columns: inputs * Math.max(1, Math.floor(8 / inputs)) } : {};
  return maps(where, 'filters', data, height, width, captions, { label: 'weight', ...columns, ...options });
}

/**
 * The feature maps of a layer, one image for each channel, all in the same colours.
 * @param activations [channels, h, w], or a batch of one [1, channels, h, w]
 */
export function featureMaps(activations: Grid, options: MapsOptions = {}): Picture {
  const where = 'featureMaps';
  const { shape } = checkGrid(where, 'activations', activations);
  const own = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
  if (own.length !== 3)
    return fail(
      where,
      `activations must be [channels, h, w] or [1, channels, h, w], it has the shape [${shape.join(',')}]`,
    );
  const [channels, height, width] = own as [number, number, number];
  const captions = Array.from({ length: channels }, (_, i) => String(i));
  const data = numbers(where, 'activations', activations, { gaps: true });
  return maps(where, 'feature maps', data, height, width, captions, { label: 'activation', ...options });
}
