import type { HostTensor } from '../../dtype.js';
import { fail } from '../../errors.js';
import { expectOptions, type Kinds, oneOf } from '../../kinds.js';
import type { Generator } from '../../random.js';
import { showShape, sizeOf } from '../../shape.js';
import { whenReady } from '../batch.js';
import type { Transform } from '../combine.js';
import type { Awaitable, DataTensor } from '../sample.js';
import { type Chance, chanceOf } from './chance.js';

/** One transform after another, with one generator. */
export function compose(transforms: readonly Transform[]): Transform {
  return (tensor, generator) =>
    transforms.reduce<Awaitable<DataTensor>>(
      (before, transform) => whenReady(before, (ready) => transform(ready, generator)),
      tensor,
    );
}

/** A function of your own as a transform; what it draws must come from the generator. */
export const lambda = (map: (tensor: DataTensor, generator: Generator) => Awaitable<DataTensor>): Transform =>
  map;

/** Applies transforms, one after another, with probability `p`. */
export function randomApply(transforms: readonly Transform[], options: Chance = {}): Transform {
  const p = chanceOf('randomApply', options, 0.5);
  const all = compose(transforms);
  return (tensor, generator) => (generator.uniform() < p ? all(tensor, generator) : tensor);
}

export interface ToTensorOptions {
  /** Order of the axes that come in: 'CHW' as Weft's readers give them (default), 'HWC' as canvases have them. */
  readonly layout?: 'CHW' | 'HWC';
}

const toTensorKinds: Kinds<ToTensorOptions> = { layout: oneOf('CHW', 'HWC') };

/**
 * Bytes 0 to 255 to f32 0 to 1, [channels, height, width]; f32 keeps its values. Axes before these three, as of a
 * batch, stay.
 */
export function toTensor(options: ToTensorOptions = {}): Transform<DataTensor, HostTensor> {
  expectOptions('toTensor', options, toTensorKinds);
  const { layout = 'CHW' } = options;
  return (tensor) => {
    const { dtype, shape } = tensor;
    if (shape.length < 3 || (dtype !== 'u8' && dtype !== 'f32')) {
      fail('toTensor', `needs images, u8 or f32 [...,${[...layout]}], got ${dtype}${showShape(shape)}`);
    }
    const data = new Float32Array(tensor.data);
    if (dtype === 'u8') for (let i = 0; i < data.length; i++) data[i] = data[i]! / 255;
    const scaled: HostTensor = { data, shape, dtype: 'f32' };
    return layout === 'CHW' ? scaled : channelsFirst(scaled);
  };
}

/** [..., height, width, channels] to [..., channels, height, width]. */
function channelsFirst({ data, shape }: HostTensor): HostTensor {
  const lead = shape.slice(0, -3);
  const [height, width, channels] = shape.slice(-3) as [number, number, number];
  const [plane, size] = [height * width, height * width * channels];
  const moved = new Float32Array(data.length);
  for (let image = 0; image < sizeOf(lead); image++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < plane; i++)
        moved[image * size + c * plane + i] = data[image * size + i * channels + c]!;
    }
  }
  return { data: moved, shape: [...lead, channels, height, width], dtype: 'f32' };
}

/**
 * (x - mean) / std of each channel of f32 [..., channels, height, width]; one value stands for all channels. Raises a
 * WeftError for bytes, another number of channels, and a std of 0.
 */
export function normalize(
  mean: readonly number[],
  std: readonly number[],
): Transform<DataTensor, HostTensor> {
  const where = 'normalize';
  const list = (values: readonly number[]) => `[${values.join(', ')}]`;
  if (mean.length === 0 || mean.length !== std.length) {
    fail(where, `mean and std need a value for each channel, got ${list(mean)} and ${list(std)}`);
  }
  if (std.some((value) => !(value > 0))) fail(where, `std must be above 0, got ${list(std)}`);
  return (tensor) => {
    const { dtype, shape, data } = tensor;
    const channels = shape.at(-3);
    if (dtype !== 'f32')
      return fail(where, `needs f32, got ${dtype}${showShape(shape)}; put toTensor() before it`);
    if (channels === undefined || (mean.length !== 1 && mean.length !== channels)) {
      fail(where, `mean and std have ${mean.length} values, the image is ${showShape(shape)}`);
    }
    const plane = shape.at(-2)! * shape.at(-1)!;
    const out = new Float32Array(data.length);
    for (let start = 0, i = 0; start < out.length; start += plane, i++) {
      const c = (i % channels!) % mean.length;
      const [center, scale] = [Math.fround(mean[c]!), Math.fround(std[c]!)];
      for (let at = start; at < start + plane; at++) out[at] = Math.fround(data[at]! - center) / scale;
    }
    return { data: out, shape, dtype };
  };
}
