import { defineComposition } from '../composition.js';
import { fail } from '../errors.js';
import { f32, type TensorType } from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import { expectRank, expectWhole } from './common.js';
import { permute, reshape } from './layout.js';

export interface PixelShuffleOptions {
  /** How many times larger (smaller) height and width become. */
  readonly factor: number;
}

const AXES = '[batch, channels, height, width]';

interface ShuffleAttrs {
  readonly factor: number;
}

function shuffleAttrs(name: string, options: PixelShuffleOptions | undefined, x: TensorType): ShuffleAttrs {
  if (!options) fail(name, 'needs options { factor }');
  expectRank(name, 'x', x, 4, AXES);
  return { factor: expectWhole(name, 'factor', options.factor, 1) };
}

/** Calls `visit` with each element of an image [n, c, h factor, w factor] and its place in [n, c factor², h, w]. */
function forEachPixel(
  [batch, channels, height, width]: readonly number[],
  factor: number,
  visit: (image: number, channel: number) => void,
): void {
  const area = factor * factor;
  for (let i = 0; i < batch! * channels! * height! * width! * area; i++) {
    const x = i % (width! * factor);
    const y = Math.floor(i / (width! * factor)) % (height! * factor);
    const plane = Math.floor(i / (area * height! * width!));
    const deep = plane * area + (y % factor) * factor + (x % factor);
    visit(i, (deep * height! + Math.floor(y / factor)) * width! + Math.floor(x / factor));
  }
}

/** x [n, c factor², h, w] to [n, c, h factor, w factor]: groups of factor² channels become squares of pixels. */
export const pixelShuffle = defineComposition({
  name: 'pixelShuffle',
  summary: 'y = x with factor² channels as factor x factor pixels',
  inputs: ['x'],
  attributes(options: PixelShuffleOptions | undefined, { x }) {
    const attrs = shuffleAttrs('pixelShuffle', options, x);
    const area = attrs.factor ** 2;
    if (x.shape[1]! % area !== 0) {
      fail('pixelShuffle', `channels don't divide by factor² = ${area}, x is ${showShape(x.shape)}`);
    }
    return attrs;
  },
  compose({ x }, { factor }) {
    const [batch, deep, height, width] = x.shape as [number, number, number, number];
    const channels = deep / factor ** 2;
    const parts = reshape(x, { shape: [batch, channels, factor, factor, height, width] });
    const pixels = permute(parts, { axes: [0, 1, 4, 2, 5, 3] });
    return reshape(pixels, { shape: [batch, channels, height * factor, width * factor] });
  },
  reference({ x }, { factor }, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    const [batch, deep, ...size] = x.shape as [number, number, number, number];
    forEachPixel([batch, deep / factor ** 2, ...size], factor, (image, channel) => {
      out[image] = x.data[channel]!;
    });
    return out;
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [2, 12, 3, 5] } }, options: { factor: 2 } },
    { inputs: { x: { shape: [1, 9, 1, 2] } }, options: { factor: 3 } },
    { inputs: { x: { shape: [1, 2, 2, 1], dtype: 'i32', domain: [-5, 5] } }, options: { factor: 1 } },
  ],
  errors: [
    {
      types: { x: f32([1, 7, 2, 2]) },
      options: { factor: 2 },
      message: "pixelShuffle: channels don't divide by factor² = 4, x is [1,7,2,2]",
    },
    {
      types: { x: f32([4, 2, 2]) },
      options: { factor: 2 },
      message: `pixelShuffle: x must have 4 axes ${AXES}, it is [4,2,2]`,
    },
    {
      types: { x: f32([1, 4, 2, 2]) },
      options: { factor: 0 },
      message: 'pixelShuffle: factor must be a whole number of at least 1, got 0',
    },
    { types: { x: f32([1, 4, 2, 2]) }, message: 'pixelShuffle: needs options { factor }' },
  ],
});

/** x [n, c, h factor, w factor] to [n, c factor², h, w]: squares of pixels become channels. */
export const pixelUnshuffle = defineComposition({
  name: 'pixelUnshuffle',
  summary: 'y = x with factor x factor pixels as factor² channels',
  inputs: ['x'],
  attributes(options: PixelShuffleOptions | undefined, { x }) {
    const attrs = shuffleAttrs('pixelUnshuffle', options, x);
    if (x.shape.slice(2).some((size) => size % attrs.factor !== 0)) {
      fail(
        'pixelUnshuffle',
        `height and width don't divide by factor ${attrs.factor}, x is ${showShape(x.shape)}`,
      );
    }
    return attrs;
  },
  compose({ x }, { factor }) {
    const [batch, channels, ...size] = x.shape as [number, number, number, number];
    const [height, width] = size.map((length) => length / factor) as [number, number];
    const parts = reshape(x, { shape: [batch, channels, height, factor, width, factor] });
    const planes = permute(parts, { axes: [0, 1, 3, 5, 2, 4] });
    return reshape(planes, { shape: [batch, channels * factor ** 2, height, width] });
  },
  reference({ x }, { factor }, [y]) {
    const out = new Float64Array(sizeOf(y!.shape));
    const [batch, deep, ...size] = y!.shape as [number, number, number, number];
    forEachPixel([batch, deep / factor ** 2, ...size], factor, (image, channel) => {
      out[channel] = x.data[image]!;
    });
    return out;
  },
  linear: ['x'],
  samples: [
    { inputs: { x: { shape: [2, 3, 4, 6] } }, options: { factor: 2 } },
    { inputs: { x: { shape: [1, 2, 3, 9] } }, options: { factor: 3 } },
  ],
  errors: [
    {
      types: { x: f32([1, 4, 3, 2]) },
      options: { factor: 2 },
      message: "pixelUnshuffle: height and width don't divide by factor 2, x is [1,4,3,2]",
    },
    {
      types: { x: f32([4, 2, 2]) },
      options: { factor: 2 },
      message: `pixelUnshuffle: x must have 4 axes ${AXES}, it is [4,2,2]`,
    },
    {
      types: { x: f32([1, 4, 2, 2]) },
      options: { factor: 1.5 },
      message: 'pixelUnshuffle: factor must be a whole number of at least 1, got 1.5',
    },
    { types: { x: f32([1, 4, 2, 2]) }, message: 'pixelUnshuffle: needs options { factor }' },
  ],
});
