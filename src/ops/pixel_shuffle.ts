import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { type Kinds, whole } from '../kinds.js';
import { f32, type TensorType } from '../op.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import { expectWhole } from './common.js';
import { permute, reshape } from './layout.js';

export interface PixelShuffleOptions {
  /** How many times larger (smaller) height and width become. */
  readonly factor: number;
}

export const pixelShuffleKinds: Kinds<PixelShuffleOptions> = { factor: whole };

const AXES = '[..., channels, height, width]';

interface ShuffleAttrs {
  readonly factor: number;
}

/** The axes before the last three, then these. */
function split(shape: Shape): { lead: Shape; image: readonly [number, number, number] } {
  const [channels, height, width] = shape.slice(-3) as [number, number, number];
  return { lead: shape.slice(0, -3), image: [channels, height, width] };
}

/** The order of axes in which `lead` ones stay and the five after them follow in `order`. */
const afterLead = (lead: Shape, order: readonly number[]): number[] => [
  ...lead.keys(),
  ...order.map((axis) => lead.length + axis),
];

function shuffleAttrs(name: string, options: PixelShuffleOptions | undefined, x: TensorType): ShuffleAttrs {
  if (!options) fail(name, 'needs options { factor }');
  if (x.shape.length < 3) fail(name, `x must have axes ${AXES}, it is ${showShape(x.shape)}`);
  return { factor: expectWhole(name, 'factor', options.factor, 1) };
}

/** Calls `visit` with each element of an image [..., c, h factor, w factor] and its place in [..., c factor², h, w]. */
function forEachPixel(
  deepShape: Shape,
  factor: number,
  visit: (image: number, channel: number) => void,
): void {
  const area = factor * factor;
  const [, height, width] = split(deepShape).image;
  for (let i = 0; i < sizeOf(deepShape); i++) {
    const x = i % (width * factor);
    const y = Math.floor(i / (width * factor)) % (height * factor);
    const plane = Math.floor(i / (area * height * width));
    const deep = plane * area + (y % factor) * factor + (x % factor);
    visit(i, (deep * height + Math.floor(y / factor)) * width + Math.floor(x / factor));
  }
}

/** x [..., c factor², h, w] to [..., c, h factor, w factor]: groups of factor² channels become squares of pixels. */
export const pixelShuffle = defineComposition({
  name: 'pixelShuffle',
  summary: 'y = x with factor² channels as factor x factor pixels',
  inputs: ['x'],
  kinds: pixelShuffleKinds,
  attributes(options: PixelShuffleOptions | undefined, { x }) {
    const attrs = shuffleAttrs('pixelShuffle', options, x);
    const area = attrs.factor ** 2;
    if (x.shape.at(-3)! % area !== 0) {
      fail('pixelShuffle', `channels don't divide by factor² = ${area}, x is ${showShape(x.shape)}`);
    }
    return attrs;
  },
  compose({ x }, { factor }) {
    const { lead, image } = split(x.shape);
    const [deep, height, width] = image;
    const channels = deep / factor ** 2;
    const parts = reshape(x, { shape: [...lead, channels, factor, factor, height, width] });
    const pixels = permute(parts, { axes: afterLead(lead, [0, 3, 1, 4, 2]) });
    return reshape(pixels, { shape: [...lead, channels, height * factor, width * factor] });
  },
  reference({ x }, { factor }, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachPixel(x.shape, factor, (image, channel) => {
      out[image] = x.data[channel]!;
    });
    return out;
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [2, 12, 3, 5] } }, options: { factor: 2 } },
    { inputs: { x: { shape: [9, 1, 2] } }, options: { factor: 3 } },
    { inputs: { x: { shape: [1, 2, 2, 1], dtype: 'i32', domain: [-5, 5] } }, options: { factor: 1 } },
  ],
  errors: [
    {
      types: { x: f32([1, 7, 2, 2]) },
      options: { factor: 2 },
      message: "pixelShuffle: channels don't divide by factor² = 4, x is [1,7,2,2]",
    },
    {
      types: { x: f32([2, 2]) },
      options: { factor: 2 },
      message: `pixelShuffle: x must have axes ${AXES}, it is [2,2]`,
    },
    {
      types: { x: f32([1, 4, 2, 2]) },
      options: { factor: 0 },
      message: 'pixelShuffle: factor must be a whole number of at least 1, got 0',
    },
    { types: { x: f32([1, 4, 2, 2]) }, message: 'pixelShuffle: needs options { factor }' },
  ],
});

/** x [..., c, h factor, w factor] to [..., c factor², h, w]: squares of pixels become channels. */
export const pixelUnshuffle = defineComposition({
  name: 'pixelUnshuffle',
  summary: 'y = x with factor x factor pixels as factor² channels',
  inputs: ['x'],
  kinds: pixelShuffleKinds,
  attributes(options: PixelShuffleOptions | undefined, { x }) {
    const attrs = shuffleAttrs('pixelUnshuffle', options, x);
    if (x.shape.slice(-2).some((size) => size % attrs.factor !== 0)) {
      fail(
        'pixelUnshuffle',
        `height and width don't divide by factor ${attrs.factor}, x is ${showShape(x.shape)}`,
      );
    }
    return attrs;
  },
  compose({ x }, { factor }) {
    const { lead, image } = split(x.shape);
    const [channels, tall, wide] = image;
    const [height, width] = [tall / factor, wide / factor];
    const parts = reshape(x, { shape: [...lead, channels, height, factor, width, factor] });
    const planes = permute(parts, { axes: afterLead(lead, [0, 2, 4, 1, 3]) });
    return reshape(planes, { shape: [...lead, channels * factor ** 2, height, width] });
  },
  reference({ x }, { factor }, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    forEachPixel(y!.shape, factor, (image, channel) => {
      out[channel] = x.data[image]!;
    });
    return out;
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [2, 3, 4, 6] } }, options: { factor: 2 } },
    { inputs: { x: { shape: [1, 2, 2, 3, 9] } }, options: { factor: 3 } },
  ],
  errors: [
    {
      types: { x: f32([1, 4, 3, 2]) },
      options: { factor: 2 },
      message: "pixelUnshuffle: height and width don't divide by factor 2, x is [1,4,3,2]",
    },
    {
      types: { x: f32([2, 2]) },
      options: { factor: 2 },
      message: `pixelUnshuffle: x must have axes ${AXES}, it is [2,2]`,
    },
    {
      types: { x: f32([1, 4, 2, 2]) },
      options: { factor: 0 },
      message: 'pixelUnshuffle: factor must be a whole number of at least 1, got 0',
    },
    { types: { x: f32([1, 4, 2, 2]) }, message: 'pixelUnshuffle: needs options { factor }' },
  ],
});
