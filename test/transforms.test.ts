import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ByteTensor, type DataTensor, transforms as T, type Transform } from '../src/data/index.js';
import type { HostTensor } from '../src/dtype.js';
import { decodeSafetensors } from '../src/io/index.js';
import { Generator } from '../src/random.js';

const golden = decodeSafetensors(readFileSync(new URL('./golden/transforms.safetensors', import.meta.url)));
interface Call {
  readonly key: string;
  readonly image: string;
  readonly name: keyof typeof T.functional;
  readonly arguments: readonly unknown[];
}
const calls = JSON.parse(golden.metadata.calls!) as Call[];

const bytesOf = ({ data, shape }: HostTensor): ByteTensor => ({
  data: Uint8Array.from(data),
  shape,
  dtype: 'u8',
});
const images: Record<string, DataTensor> = {
  u8: bytesOf(golden.tensors['image.u8']!),
  f32: golden.tensors['image.f32']!,
  grey: bytesOf(golden.tensors['image.grey']!),
};

/**
 * Bytes are equal but where a sum is next to a border of rounding: PyTorch adds up in f32 what Weft adds up in f64 or in
 * another order. f32 differs by roundings of 2^-24 in sums of up to 60 numbers below 1, and in sources whose places are
 * some 2^-20 pixels apart at slopes of 1 a pixel.
 */
const INEXACT = ['rotate', 'affine', 'adjustContrast', 'adjustSaturation', 'adjustHue'];

describe('torchvision', () => {
  it.each(calls)('$name($arguments) of $image', ({ key, image, name, arguments: args }) => {
    const change = T.functional[name] as (tensor: DataTensor, ...rest: readonly unknown[]) => DataTensor;
    const before = images[image]!.data.slice();
    const got = change(images[image]!, ...args);
    const wanted = golden.tensors[key]!;
    expect(got.shape).toEqual(wanted.shape);
    expect(got.dtype).toBe(images[image]!.dtype);
    expect(images[image]!.data).toEqual(before);
    const apart = Array.from(wanted.data, (value, i) => Math.abs(value - got.data[i]!));
    const worst = apart.reduce((a, b) => Math.max(a, b), 0);
    if (got.dtype === 'f32') expect(worst).toBeLessThan(5e-6);
    else if (INEXACT.includes(name)) {
      expect(worst).toBeLessThanOrEqual(1);
      expect(apart.filter((difference) => difference > 0).length / apart.length).toBeLessThan(0.01);
    } else expect(worst).toBe(0);
  });
});

const grey = (height: number, width: number): ByteTensor => ({
  data: Uint8Array.from({ length: height * width }, (_, i) => i % 251),
  shape: [1, height, width],
  dtype: 'u8',
});
const flat = (value: number, [c, h, w]: readonly [number, number, number] = [3, 8, 8]): HostTensor => ({
  data: new Float32Array(c * h * w).fill(value),
  shape: [c, h, w],
  dtype: 'f32',
});
const apply = (transform: Transform, tensor: DataTensor, seed = 0): DataTensor => {
  const made = transform(tensor, new Generator(seed));
  if (made instanceof Promise) throw new Error('a promise');
  return made;
};
/** What `seeds` runs of a transform give. */
const runs = <R>(count: number, run: (seed: number) => R): R[] =>
  Array.from({ length: count }, (_, seed) => run(seed));
const share = (flags: readonly boolean[]) => flags.filter(Boolean).length / flags.length;
/** Five standard errors of a share. */
const error = (p: number, n: number) => 5 * Math.sqrt((p * (1 - p)) / n);

describe('toTensor, normalize and compose', () => {
  it('scale bytes and bring channels to the front', () => {
    const bytes: ByteTensor = { data: Uint8Array.of(0, 51, 255, 102, 1, 2), shape: [1, 2, 3], dtype: 'u8' };
    expect(apply(T.toTensor(), bytes)).toEqual({
      data: Float32Array.of(0, 51 / 255, 1, 102 / 255, 1 / 255, 2 / 255),
      shape: [1, 2, 3],
      dtype: 'f32',
    });
    const planes = apply(T.toTensor({ layout: 'HWC' }), bytes);
    expect(planes.shape).toEqual([3, 1, 2]);
    expect([...planes.data].map((v) => Math.round(v * 255))).toEqual([0, 102, 51, 1, 255, 2]);
    expect(apply(T.toTensor(), flat(7)).data[0]).toBe(7);
    const batch = apply(T.toTensor({ layout: 'HWC' }), { ...bytes, shape: [2, 1, 1, 3] });
    expect(batch.shape).toEqual([2, 3, 1, 1]);
    expect([...batch.data].map((v) => Math.round(v * 255))).toEqual([...bytes.data]);
  });

  it('normalise by channel, batches too', () => {
    const normalize = T.normalize([0.5, 0.25], [0.5, 2]);
    const one = { data: Float32Array.of(1, 0, 0.25, 2.25), shape: [2, 1, 2], dtype: 'f32' } as const;
    expect([...apply(normalize, one).data]).toEqual([1, -1, 0, 1]);
    const batch = { ...one, data: Float32Array.of(1, 0, 0.25, 2.25, 1, 0, 0.25, 2.25), shape: [2, 2, 1, 2] };
    expect([...apply(normalize, batch).data]).toEqual([1, -1, 0, 1, 1, -1, 0, 1]);
    expect([...apply(T.normalize([0.5], [0.5]), one).data]).toEqual([1, -1, -0.5, 3.5]);
  });

  it('go one after another with one generator', async () => {
    const drawn: number[] = [];
    const draw = T.lambda((tensor, generator) => {
      drawn.push(generator.word());
      return tensor;
    });
    apply(T.compose([draw, draw]), flat(0), 5);
    const generator = new Generator(5);
    expect(drawn).toEqual([generator.word(), generator.word()]);
    const later = T.lambda((tensor) => Promise.resolve(tensor));
    expect((await T.compose([later, T.normalize([1], [2])])(flat(3), new Generator(0))).data[0]).toBe(1);
    const n = 2000;
    const often = share(
      runs(
        n,
        (seed) => apply(T.randomApply([T.normalize([1], [1])], { p: 0.3 }), flat(0), seed).data[0] === -1,
      ),
    );
    expect(Math.abs(often - 0.3)).toBeLessThan(error(0.3, n));
  });

  it('fill with NaN, for pixels that are none', () => {
    expect([...apply(T.pad(1, { fill: Number.NaN }), flat(1, [1, 1, 1])).data].map(Number.isNaN)).toEqual([
      ...Array(4).fill(true),
      false,
      ...Array(4).fill(true),
    ]);
  });

  it('refuse what does not fit', () => {
    expect(() => apply(T.normalize([0.5], [0.5]), grey(2, 2))).toThrow(
      'normalize: needs f32, got u8[1,2,2]; put toTensor() before it',
    );
    expect(() => apply(T.normalize([0, 0], [1, 1]), flat(1))).toThrow(
      'normalize: mean and std have 2 values, the image is [3,8,8]',
    );
    expect(() => T.normalize([0], [0])).toThrow('std must be above 0, got [0]');
    expect(() => T.normalize([0], [1, 1])).toThrow('need a value for each channel, got [0] and [1, 1]');
    expect(() => apply(T.toTensor(), { data: Int32Array.of(1), shape: [1, 1, 1], dtype: 'i32' })).toThrow(
      'toTensor: needs images, u8 or f32 [...,C,H,W], got i32[1,1,1]',
    );
  });
});

describe('random transforms', () => {
  const n = 2000;

  it('draw the same for the same seed', () => {
    const all = T.compose([
      T.randomResizedCrop(9),
      T.randomHorizontalFlip(),
      T.randomRotation(30),
      T.randomAffine(10, { translate: [0.1, 0.1], scale: [0.8, 1.2], shear: 5 }),
      T.colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
      T.randomErasing({ p: 1 }),
    ]);
    expect(apply(all, images.u8!, 3)).toEqual(apply(all, images.u8!, 3));
    expect(apply(all, images.u8!, 3)).not.toEqual(apply(all, images.u8!, 4));
  });

  it.each([
    ['randomHorizontalFlip', T.randomHorizontalFlip, T.functional.horizontalFlip],
    ['randomVerticalFlip', T.randomVerticalFlip, T.functional.verticalFlip],
  ] as const)('%s flips as often as it is told', (_, make, flip) => {
    const image = grey(3, 4);
    for (const p of [0, 0.5, 0.8, 1]) {
      const flipped = runs(n, (seed) => {
        const { data } = apply(make({ p }), image, seed);
        const isFlipped = data[0] !== image.data[0];
        expect(data).toEqual(isFlipped ? flip(image).data : image.data);
        return isFlipped;
      });
      expect(Math.abs(share(flipped) - p)).toBeLessThanOrEqual(error(p, n));
    }
  });

  it('randomCrop takes every place equally often', () => {
    // A crop's first pixel tells its place in an image of 5 x 6 with two pixels around: 4 x 5 places.
    const image = { ...grey(5, 6), data: Uint8Array.from({ length: 30 }, (_, i) => i + 1) };
    const counts = new Map<string, number>();
    for (let seed = 0; seed < n; seed++) {
      const { data, shape } = apply(T.randomCrop([6, 6], { padding: 2 }), image, seed);
      expect(shape).toEqual([1, 6, 6]);
      counts.set([...data].join(), (counts.get([...data].join()) ?? 0) + 1);
    }
    expect(counts.size).toBe(20);
    for (const count of counts.values()) expect(Math.abs(count / n - 1 / 20)).toBeLessThan(error(1 / 20, n));
    expect(apply(T.randomCrop(9, { padIfNeeded: true }), image).shape).toEqual([1, 9, 9]);
    expect(() => apply(T.randomCrop(6), image)).toThrow(
      'randomCrop: size 6 x 6 is larger than the padded image, 5 x 6; set padding or padIfNeeded',
    );
  });

  it('randomResizedCrop takes parts of the area and proportions that it is told', () => {
    // Pixels that tell their row and column, so that a crop's corners tell its size: at 2 x 2, a quarter in from each side.
    const size = 64;
    const where = { data: new Float32Array(2 * size * size), shape: [2, size, size], dtype: 'f32' } as const;
    for (let i = 0; i < size * size; i++)
      [where.data[i], where.data[size * size + i]] = [i % size, Math.floor(i / size)];
    const scale = [0.2, 0.5] as const;
    const boxes = runs(n, (seed) => {
      const { data, shape } = apply(T.randomResizedCrop(2, { scale, antialias: false }), where, seed);
      expect(shape).toEqual([2, 2, 2]);
      return { width: 2 * (data[1]! - data[0]!), height: 2 * (data[6]! - data[4]!) };
    });
    for (const { width, height } of boxes) {
      // Sides are whole, so area and proportions are up to half a pixel off a side of at least 24.
      expect(width * height).toBeGreaterThan(scale[0] * size * size * 0.95);
      expect(width * height).toBeLessThan(scale[1] * size * size * 1.05);
      expect(width / height).toBeGreaterThan(0.75 * 0.95);
      expect(width / height).toBeLessThan((4 / 3) * 1.05);
    }
    const meanArea = boxes.reduce((sum, { width, height }) => sum + width * height, 0) / n / (size * size);
    expect(Math.abs(meanArea - 0.35)).toBeLessThan(5 * (0.3 / Math.sqrt(12 * n)) + 0.005);
    expect(Math.abs(share(boxes.map(({ width, height }) => width > height)) - 0.5)).toBeLessThan(
      error(0.5, n) + 0.03,
    );
    // Ten draws can't fit a strip: the middle of the allowed proportions is taken.
    const strip = apply(T.randomResizedCrop(4, { scale: [0.9, 1] }), grey(4, 60));
    expect(strip).toEqual(T.functional.resize(T.functional.crop(grey(4, 60), 0, 27, 4, 5), [4, 4]));
  });

  it('randomRotation and randomAffine stay within their ranges', () => {
    // A dot right of the middle tells the angle, the scale and where the middle went.
    const side = 101;
    const dots = { data: new Float32Array(2 * side * side), shape: [2, side, side], dtype: 'f32' } as const;
    dots.data[50 * side + 50] = 1;
    dots.data[side * side + 50 * side + 90] = 1;
    const placeOf = ({ data }: DataTensor, c: number) => {
      let [x, y, weight] = [0, 0, 0];
      for (let i = 0; i < side * side; i++) {
        const value = data[c * side * side + i]!;
        [x, y, weight] = [x + value * (i % side), y + value * Math.floor(i / side), weight + value];
      }
      return [x / weight, y / weight] as const;
    };
    const count = 300;
    const angles = runs(count, (seed) => {
      const [x, y] = placeOf(
        apply(T.randomRotation([-20, 60], { interpolation: 'bilinear' }), dots, seed),
        1,
      );
      return (Math.atan2(50 - y, x - 50) * 180) / Math.PI;
    });
    // The centre of a dot that is spread over four pixels is off by up to half a pixel in 40: 0.7 degrees.
    expect(Math.min(...angles)).toBeGreaterThan(-20.8);
    expect(Math.max(...angles)).toBeLessThan(60.8);
    const mean = angles.reduce((a, b) => a + b, 0) / count;
    expect(Math.abs(mean - 20)).toBeLessThan(5 * (80 / Math.sqrt(12 * count)));
    expect(Math.max(...angles) - Math.min(...angles)).toBeGreaterThan(74);
    const moved = runs(count, (seed) => {
      const transform = T.randomAffine(0, {
        translate: [0.1, 0.05],
        scale: [0.5, 0.9],
        interpolation: 'bilinear',
      });
      const made = apply(transform, dots, seed);
      const [x, y] = placeOf(made, 0);
      return { x: x - 50, y: y - 50, scale: (placeOf(made, 1)[0] - x) / 40 };
    });
    for (const { x, y, scale } of moved) {
      expect(Math.abs(x)).toBeLessThan(10.6);
      expect(Math.abs(y)).toBeLessThan(5.6);
      expect(scale).toBeGreaterThan(0.48);
      expect(scale).toBeLessThan(0.92);
    }
    expect(Math.max(...moved.map(({ x }) => Math.abs(x)))).toBeGreaterThan(8);
    expect(Math.max(...moved.map(({ scale }) => scale))).toBeGreaterThan(0.85);
  });

  it('colorJitter draws factors from their ranges, in any order', () => {
    const lit = runs(n, (seed) => apply(T.colorJitter({ brightness: 0.4 }), flat(0.5), seed).data[0]! / 0.5);
    expect(Math.min(...lit)).toBeGreaterThanOrEqual(0.6 - 1e-6);
    expect(Math.max(...lit)).toBeLessThanOrEqual(1.4 + 1e-6);
    expect(Math.abs(lit.reduce((a, b) => a + b, 0) / n - 1)).toBeLessThan((5 * 0.8) / Math.sqrt(12 * n));
    // Brightness 2 then contrast 0 gives the mean of what was cut off at 1; the other way round it is not cut off.
    const half: HostTensor = { data: Float32Array.of(0.1, 0.9), shape: [1, 1, 2], dtype: 'f32' };
    const jitter = T.colorJitter({ brightness: [2, 2], contrast: [0, 0] });
    const results = runs(n, (seed) => Math.round(apply(jitter, half, seed).data[0]! * 1e4) / 1e4);
    expect([...new Set(results)].sort()).toEqual([0.6, 1]);
    expect(Math.abs(share(results.map((value) => value === 1)) - 0.5)).toBeLessThan(error(0.5, n));
    expect(apply(T.colorJitter({}), images.u8!)).toBe(images.u8);
  });

  it('randomErasing fills rectangles of the areas that it is told', () => {
    const areas = runs(n, (seed) => {
      const { data } = apply(
        T.randomErasing({ p: 0.6, scale: [0.1, 0.2], value: [9, 8, 7] }),
        flat(1, [3, 40, 40]),
        seed,
      );
      const erased = [...data.subarray(0, 1600)].filter((value) => value === 9).length;
      expect([...data.subarray(1600, 3200)].filter((value) => value === 8).length).toBe(erased);
      expect([...data.subarray(3200)].filter((value) => value === 7).length).toBe(erased);
      return erased / 1600;
    });
    const erased = areas.filter((area) => area > 0);
    expect(Math.abs(erased.length / n - 0.6)).toBeLessThan(error(0.6, n));
    expect(Math.min(...erased)).toBeGreaterThan(0.09);
    expect(Math.max(...erased)).toBeLessThan(0.215);
    const noise = apply(T.randomErasing({ p: 1, value: 'random' }), flat(7)).data;
    expect(new Set(noise).size).toBeGreaterThan(3);
  });

  it('randomGrayscale and grayscale keep or change the channels', () => {
    const made = apply(T.randomGrayscale({ p: 1 }), images.u8!);
    expect(made).toEqual(apply(T.grayscale({ numOutputChannels: 3 }), images.u8!));
    expect(apply(T.grayscale(), images.u8!).shape).toEqual([1, 9, 12]);
    expect(apply(T.randomGrayscale({ p: 0 }), images.u8!)).toBe(images.u8);
  });

  it.each<[string, () => unknown, string]>([
    [
      'p',
      () => T.randomHorizontalFlip({ p: 1.5 }),
      'randomHorizontalFlip: p must be a probability, from 0 to 1, got 1.5',
    ],
    [
      'size',
      () => T.randomCrop(0),
      'randomCrop: size must be a whole number from 1 or [height, width], got 0',
    ],
    [
      'sizes',
      () => T.resize([3, 4, 5] as never),
      'resize: size must be a whole number from 1 or [height, width], got [3,4,5]',
    ],
    ['padding', () => T.pad(-1), 'pad: padding must be whole numbers from 0'],
    [
      'degrees',
      () => T.randomRotation(-3),
      'randomRotation: degrees must be a number from 0 or [low, high], got -3',
    ],
    ['range', () => T.randomRotation([5, -5]), 'randomRotation: degrees must be [low, high], got [5, -5]'],
    [
      'translate',
      () => T.randomAffine(0, { translate: [2, 0] }),
      'translate must be two parts from 0 to 1, got [2, 0]',
    ],
    [
      'scale',
      () => T.randomAffine(0, { scale: [0, 1] }),
      'randomAffine: scale must be [low, high] above 0, got [0, 1]',
    ],
    ['hue', () => T.colorJitter({ hue: 0.6 }), 'colorJitter: hue must be'],
    [
      'brightness',
      () => T.colorJitter({ brightness: [-1, 1] }),
      'colorJitter: brightness must be [low, high] from 0',
    ],
    [
      'erasing',
      () => T.randomErasing({ scale: [0.5, 2] }),
      'scale must be a part of the area, up to 1, got [0.5, 2]',
    ],
    [
      'bytes',
      () => apply(T.randomErasing({ value: 'random' }), grey(4, 4)),
      "value 'random' needs f32; put toTensor() before",
    ],
    [
      'rank',
      () => T.functional.resize({ ...grey(4, 4), shape: [4, 4] }, 2),
      'resize: needs an image, u8 or f32 [channels,height,width], got u8[4,4]',
    ],
    [
      'reflect',
      () => T.functional.pad(grey(3, 3), 3, { paddingMode: 'reflect' }),
      "reflect needs padding below the image's 3 x 3 pixels",
    ],
    [
      'fill',
      () => T.functional.rotate(flat(1), 3, { fill: [1, 2] }),
      'rotate: fill has 2 values, the image has 3 channels',
    ],
    [
      'channels',
      () => T.functional.adjustHue(flat(1, [2, 4, 4]), 0.1),
      'adjustHue: needs an image of 1 or 3 channels, got 2',
    ],
    [
      'factor',
      () => T.functional.adjustContrast(flat(1), -1),
      'adjustContrast: factor must be a number from 0, got -1',
    ],
    [
      'interpolation',
      () => T.functional.resize(flat(1), 3, { interpolation: 'cubic' as never }),
      "resize: interpolation must be one of bilinear, nearest, got 'cubic'",
    ],
    [
      'mode',
      () => T.functional.pad(flat(1), 3, { paddingMode: 'replicate' as never }),
      "pad: paddingMode must be one of constant, edge, reflect, symmetric, got 'replicate'",
    ],
    [
      'rectangle',
      () => T.functional.erase(flat(1), -1, 0, 3, 3, 0),
      'erase: top must be a whole number from 0, got -1',
    ],
    ['crop', () => T.functional.crop(flat(1), 0, 0.5, 3, 3), 'crop: left must be a whole number, got 0.5'],
    [
      'angle',
      () => T.functional.rotate(flat(1), Number.NaN),
      'rotate: angle must be a number of degrees, got NaN',
    ],
    [
      'expand',
      () => T.functional.rotate(flat(1), 3, { expand: true, center: [1, 1] }),
      'rotate: expand takes no center',
    ],
  ])('refuse a wrong %s', (_, make, message) => {
    expect(make).toThrow(message);
  });
});
