import { expectOptions, flag, type Kind, type Kinds, oneOf } from '../../kinds.js';
import type { DataTensor } from '../sample.js';
import { asImage, asPair, type Image, newImage, type Size } from './image.js';

export type Interpolation = 'bilinear' | 'nearest';

export interface ResizeOptions {
  /** Default bilinear. */
  readonly interpolation?: Interpolation;
  /** Whether a bilinear shrinking averages over all pixels; default true. */
  readonly antialias?: boolean;
}

export const interpolationKind: Kind<Interpolation> = oneOf('bilinear', 'nearest');
export const resizeKinds: Kinds<ResizeOptions> = { interpolation: interpolationKind, antialias: flag };

/** The pixels of a line that each pixel of another length is made of, with weights that sum to 1. */
interface Line {
  readonly from: number;
  readonly to: number;
  readonly starts: Int32Array;
  /** [to, taps], zeros after the last weight. */
  readonly weights: Float64Array;
  readonly taps: number;
}

/** The triangle filter at pixel centres, as wide as a step of the shrinking where `antialias`. */
function triangles(from: number, to: number, antialias: boolean): Line {
  const scale = from / to;
  const width = antialias ? Math.max(scale, 1) : 1;
  const taps = 2 * Math.ceil(width) + 1;
  const starts = new Int32Array(to);
  const weights = new Float64Array(to * taps);
  for (let i = 0; i < to; i++) {
    const center = scale * (i + 0.5);
    const first = Math.max(0, Math.trunc(center - width + 0.5));
    const last = Math.min(from, Math.trunc(center + width + 0.5));
    starts[i] = first;
    let sum = 0;
    for (let k = 0; k < last - first; k++) {
      const weight = Math.max(0, 1 - Math.abs((k + first - center + 0.5) / width));
      weights[i * taps + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < taps; k++) weights[i * taps + k]! /= sum;
  }
  return { from, to, starts, weights, taps };
}

/** Weights as whole numbers of 2^-bits below 2^15, by which bytes are resized as PyTorch and Pillow do. */
function wholeWeights(line: Line): { readonly line: Line; readonly bits: number } {
  const most = line.weights.reduce((a, b) => Math.max(a, b), 0);
  let bits = 0;
  while (bits < 22 && Math.trunc(0.5 + most * 2 ** (bits + 1)) < 2 ** 15) bits++;
  return { line: { ...line, weights: line.weights.map((w) => Math.trunc(0.5 + w * 2 ** bits)) }, bits };
}

/**
 * Lines of `data` along one axis: element (outer, i, inner) lies at (outer * from + i) * inner count + inner.
 */
function resample(
  data: ArrayLike<number>,
  outer: number,
  line: Line,
  inner: number,
  out: { [i: number]: number },
  bits: number | null,
): void {
  const { from, to, starts, weights, taps } = line;
  const unit = bits === null ? 1 : 2 ** bits;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < to; i++) {
      const start = starts[i]!;
      const count = Math.min(taps, from - start);
      for (let j = 0; j < inner; j++) {
        let sum = bits === null ? 0 : unit / 2;
        for (let k = 0; k < count; k++)
          sum += weights[i * taps + k]! * data[(o * from + start + k) * inner + j]!;
        out[(o * to + i) * inner + j] = bits === null ? sum : Math.min(255, Math.floor(sum / unit));
      }
    }
  }
}

function bilinear(image: Image, height: number, width: number, antialias: boolean): DataTensor {
  const out = newImage(image, image.channels, height, width);
  const [across, down] = [
    triangles(image.width, width, antialias),
    triangles(image.height, height, antialias),
  ];
  const bytes = image.tensor.dtype === 'u8';
  const [x, y] = bytes
    ? [wholeWeights(across), wholeWeights(down)]
    : [
        { line: across, bits: null },
        { line: down, bits: null },
      ];
  const rows = image.channels * image.height;
  const wide = bytes ? new Uint8Array(rows * width) : new Float64Array(rows * width);
  // PyTorch and Pillow leave an axis out that keeps its size.
  if (width === image.width) wide.set(image.data);
  else resample(image.data, rows, x.line, 1, wide, x.bits);
  if (height === image.height) out.data.set(wide);
  else resample(wide, image.channels, y.line, width, out.data, y.bits);
  return out.tensor;
}

/** Pixel floor(i * from / to), the factor in f32 as PyTorch has it. */
function nearest(image: Image, height: number, width: number): DataTensor {
  const out = newImage(image, image.channels, height, width);
  const sources = (from: number, to: number) => {
    const scale = Math.fround(from / to);
    return Int32Array.from({ length: to }, (_, i) => Math.min(from - 1, Math.floor(Math.fround(i * scale))));
  };
  const [columns, rows] = [sources(image.width, width), sources(image.height, height)];
  let at = 0;
  for (let c = 0; c < image.channels; c++) {
    for (const y of rows) {
      const row = (c * image.height + y) * image.width;
      for (const x of columns) out.data[at++] = image.data[row + x]!;
    }
  }
  return out.tensor;
}

/** The size whose shorter side is `short`, of the same proportions, rounded down. */
function keepProportions(short: number, { height, width }: Image): Size {
  const long = Math.trunc((short * Math.max(height, width)) / Math.min(height, width));
  return width <= height ? [long, short] : [short, long];
}

/**
 * An image of another size: [height, width], or a number for its shorter side. Bytes are rounded as torchvision's are,
 * bit for bit.
 */
export function resize(tensor: DataTensor, size: number | Size, options: ResizeOptions = {}): DataTensor {
  expectOptions('resize', options, resizeKinds);
  const { interpolation = 'bilinear', antialias = true } = options;
  const image = asImage('resize', tensor);
  const pair = asPair('resize', 'size', size);
  const [height, width] = typeof size === 'number' ? keepProportions(size, image) : pair;
  if (height === image.height && width === image.width) return tensor;
  return interpolation === 'nearest'
    ? nearest(image, height, width)
    : bilinear(image, height, width, antialias);
}
