import { bytesOf, type KernelCase, type Operands, product, type Suite } from '../case.js';

/** A square kernel on a square image, no bias, no dilation; the shapes are those of the forward pass. */
interface Convolution {
  readonly batch: number;
  readonly channels: number;
  readonly size: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
}

/** The output's height or width of a convolution or pooling. */
export const outputSize = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** The three passes of a convolution; `alone` by Weft's own choice of kernel only. */
function passes(suite: 'conv2d' | 'depthwise', c: Convolution, alone = false): KernelCase[] {
  const { batch, channels, size, outChannels, kernel, stride, padding, groups } = c;
  const options = { stride, padding, groups };
  const out = outputSize(size, kernel, stride, padding);
  const input = { shape: [batch, channels, size, size], kind: 'image' } as const;
  const weight = { shape: [outChannels, channels / groups, kernel, kernel], kind: 'filter' } as const;
  const outputGradient = { shape: [batch, outChannels, out, out], kind: 'image' } as const;
  const filters = groups === 1 ? ` o${outChannels}` : '';
  const make = (pass: KernelCase['pass'], operands: Operands, wrt?: string, direct = false): KernelCase => ({
    suite,
    name: `${batch}x${channels}x${size}x${size} k${kernel} s${stride} p${padding}${filters}${direct ? ' direct' : ''}`,
    pass,
    flops: 2 * product(outputGradient.shape) * (channels / groups) * kernel ** 2,
    bytes: bytesOf(input.shape, weight.shape, outputGradient.shape),
    operands,
    compute: (net, at) => net.conv2d(at('input'), at('weight'), null, options),
    image: true,
    wrt: wrt ? [wrt] : [],
    window: { kind: suite, options },
    ...(direct ? { without: 'winograd' } : {}),
  });
  const gradients = { input, weight, outputGradient };
  const forward = (direct?: boolean) => make('forward', { input, weight }, undefined, direct);
  const inputGradient = (direct?: boolean) => make('input-gradient', gradients, 'input', direct);
  // Where Weft may choose Winograd's algorithm, the direct one is timed, too.
  const winograd = !alone && kernel === 3 && stride === 1 && groups === 1 && channels >= 16;
  return [
    forward(),
    ...(winograd ? [forward(true)] : []),
    inputGradient(),
    ...(winograd ? [inputGradient(true)] : []),
    make('weight-gradient', gradients, 'weight'),
  ];
}

/** batch, channels, size, outChannels, kernel, stride, padding. */
type Row = readonly [number, number, number, number, number, number, number];

const conv2d = (
  [batch, channels, size, outChannels, kernel, stride, padding]: Row,
  alone?: boolean,
): KernelCase[] =>
  passes('conv2d', { batch, channels, size, outChannels, kernel, stride, padding, groups: 1 }, alone);

export const conv2dSuite: Suite = {
  bound: 'arithmetic',
  cases: (
    [
      [8, 64, 56, 64, 3, 1, 1],
      [1, 64, 56, 64, 3, 1, 1],
      [32, 128, 14, 128, 3, 1, 1],
      [64, 16, 12, 32, 3, 1, 1],
      [64, 1, 28, 8, 5, 1, 2],
      [32, 3, 32, 16, 3, 1, 1],
      [32, 64, 7, 128, 3, 2, 1],
      [32, 256, 14, 64, 1, 1, 0],
    ] as const
  ).flatMap((row) => conv2d(row)),
  // The first six for adapters in software: images of one channel and of three, 3x3, 3x3 by twos, 1x1, a larger image.
  webgpu: (
    [
      [16, 1, 28, 8, 5, 1, 2],
      [8, 3, 32, 16, 3, 1, 1],
      [16, 16, 12, 32, 3, 1, 1],
      [8, 64, 7, 128, 3, 2, 1],
      [4, 256, 14, 64, 1, 1, 0],
      [1, 64, 28, 64, 3, 1, 1],
      [8, 64, 56, 64, 3, 1, 1],
      [32, 128, 14, 128, 3, 1, 1],
      [32, 256, 14, 64, 1, 1, 0],
      [32, 128, 28, 128, 3, 1, 1],
    ] as const
  ).flatMap((row) => conv2d(row, true)),
  small: (
    [
      [2, 3, 6, 4, 3, 1, 1],
      [2, 2, 7, 8, 3, 2, 1],
      [1, 4, 6, 3, 3, 2, 0],
      [2, 4, 5, 8, 1, 1, 0],
    ] as const
  ).flatMap((row) => conv2d(row)),
};

/** A filter of its own for each channel. */
const depthwise = (
  batch: number,
  channels: number,
  size: number,
  kernel: number,
  stride: number,
): KernelCase[] => {
  const shape = { batch, channels, size, outChannels: channels, kernel, stride };
  return passes('depthwise', { ...shape, padding: (kernel - 1) / 2, groups: channels });
};

export const depthwiseSuite: Suite = {
  bound: 'memory',
  cases: [
    ...depthwise(8, 64, 56, 3, 1),
    ...depthwise(8, 64, 56, 3, 2),
    ...depthwise(32, 128, 14, 3, 1),
    ...depthwise(8, 128, 28, 3, 1),
    ...depthwise(1, 32, 112, 3, 1),
    ...depthwise(8, 512, 14, 3, 1),
    ...depthwise(8, 960, 7, 3, 1),
    ...depthwise(8, 96, 28, 5, 1),
    ...depthwise(8, 96, 28, 5, 2),
  ],
  small: [...depthwise(2, 3, 6, 3, 1), ...depthwise(1, 4, 7, 3, 2), ...depthwise(1, 2, 6, 5, 1)],
};
