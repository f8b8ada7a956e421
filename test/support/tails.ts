import { type HostTensor, registry } from '../../src/index.js';
import { generatorOf, type KernelCase } from '../../src/verify/index.js';

/** A call with a name for the test that makes it. */
export interface NamedCase {
  readonly name: string;
  readonly call: KernelCase;
}

function random(shape: readonly number[], name: string): HostTensor {
  const generator = generatorOf(`${name} ${shape.join()}`);
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, dtype: 'f32', data: Float32Array.from({ length }, () => generator.uniform(-1, 1)) };
}

/** One below, at and one above each size: where a kernel's loop over whole tiles gives way to its rest. */
const around = (...sizes: readonly number[]): number[] => sizes.flatMap((size) => [size - 1, size, size + 1]);

function matmul(m: number, n: number, k: number, transposeA = false, transposeB = false): NamedCase {
  const a = random(transposeA ? [k, m] : [m, k], 'a');
  const b = random(transposeB ? [n, k] : [k, n], 'b');
  const call = { op: registry.get('matmul')!, inputs: [a, b], options: { transposeA, transposeB } };
  const marks = `${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}`;
  return { name: `matmul ${m} x ${n} x ${k}${marks}`, call };
}

/** A product with a bias and an activation. */
function linear(m: number, n: number, k: number, activation: string | null = null): NamedCase {
  const inputs = [random([m, k], 'x'), random([n, k], 'weight'), random([n], 'bias')];
  const call = { op: registry.get('linear')!, inputs, options: { activation } };
  return { name: `linear ${m} x ${n} x ${k}, ${activation}`, call };
}

/**
 * Matrix products round the wasm kernels' register tiles (4, 6 rows; 8 columns), bands of tiles (96 rows), depth (512),
 * few rows or columns (5, 8), parts of a stream and rows too wide to be read in place (1024), with primes in the other
 * sizes.
 */
export const matmulTails: readonly NamedCase[] = [
  ...[1, 2, ...around(4, 6), 13].map((m) => matmul(m, 11, 7)),
  ...[1, ...around(8, 16)].map((n) => matmul(5, n, 7)),
  ...[1, 2, 3, 4, 5].map((k) => matmul(7, 19, k, false, true)),
  ...around(96).map((m) => matmul(m, 9, 3, true)),
  ...around(512).map((n) => matmul(2, n, 5)),
  ...around(1024).map((n) => matmul(6, n, 3)),
  ...[1, 2, 3, 4, 5].flatMap((few) => [
    ...around(8, 16).map((k) => matmul(few, 13, k, false, true)),
    ...around(4).map((m) => matmul(m + 8, few, 19)),
    matmul(few, 21, 7, true),
    matmul(19, few, 6, true),
    matmul(19, few, 6, true, true),
    matmul(few, 1031, 67, false, few > 3),
  ]),
  ...[6, 7, 8, 9].flatMap((few) => [
    matmul(few, 13, 5, false, true),
    matmul(13, few, 5, true),
    matmul(few, 14, 5, true, true),
  ]),
  matmul(1, 4099, 33),
  matmul(2, 1027, 257),
  matmul(37, 41, 1031),
  ...around(512).map((k) => matmul(5, 9, k)),
  matmul(13, 17, 769, true, true),
  ...[1, ...around(4, 8)].map((n) => linear(7, n, 5, 'relu')),
  ...around(512).map((k) => linear(5, 9, k)),
  ...[1, 2, 3, 5, 6].flatMap((m) => [
    linear(m, 13, 9, 'sigmoid'),
    linear(13, m, 9, 'tanh'),
    linear(1, m, 300),
  ]),
  linear(97, 11, 769, 'tanh'),
  linear(97, 513, 0, 'sigmoid'),
];

/**
 * The same round the shaders' tiles (32, 64, 128), blocks of the inner axis (16), and sizes that vec4s divide or not, with
 * operands either way round.
 */
export const shaderMatmulTails: readonly NamedCase[] = [
  ...[...around(32), 13].map((m) => matmul(m, 17, 5)),
  ...around(64).flatMap((m) => [matmul(m, 65, 15), matmul(65, m, 17, true, true)]),
  ...around(128).flatMap((m) => [matmul(m, 129, 7), matmul(132, m, 20, true, true)]),
  ...around(16).flatMap((k) => [matmul(36, 40, k), matmul(36, 40, k, true, true)]),
  matmul(68, 72, 36, true),
  // Few rows or columns, each way round, and inner axes in parts.
  ...[1, 2, 3, 4].flatMap((few) => [
    matmul(few, 67, 35, few > 2, few % 2 === 0),
    matmul(68, few, 36, few % 2 === 0, few > 2),
  ]),
  ...around(512).map((k) => matmul(6, 7, k)),
  ...around(528).map((k) => linear(3, 9, k, 'relu')),
  linear(9, 3, 600, 'tanh'),
  matmul(33, 5, 1040, true, true),
  matmul(67, 71, 33, false, true),
  ...around(16).map((n) => linear(3, n, 17, 'relu')),
  ...around(64).map((n) => linear(65, n, 5, 'sigmoid')),
  linear(33, 17, 0, 'tanh'),
];

interface Convolution {
  /** Batch, channels, height, width. */
  readonly x: readonly [number, number, number, number];
  readonly filters: number;
  readonly kernel: readonly [number, number];
  readonly options?: {
    readonly stride?: number;
    readonly padding?: number;
    readonly dilation?: number;
    readonly groups?: number;
  };
}

/** The forward pass, with a bias, and both gradients of one convolution. */
function convolution({ x, filters, kernel, options = {} }: Convolution): NamedCase[] {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [batch, channels, ...size] = x;
  const [height, width] = size.map((length, axis) =>
    Math.floor((length + 2 * padding - dilation * (kernel[axis]! - 1) - 1) / stride + 1),
  ) as [number, number];
  const weightShape = [filters, channels / groups, ...kernel];
  const [input, weight] = [random(x, 'x'), random(weightShape, 'weight')];
  const dy = random([batch, filters, height, width], 'dy');
  const name = `[${x}] by [${weightShape}] ${JSON.stringify(options)}`;
  const named = (op: string, inputs: readonly HostTensor[], rest: object): NamedCase => ({
    name: `${op} ${name}`,
    call: { op: registry.get(op)!, inputs, options: { ...options, ...rest } },
  });
  return [
    named('conv2d', [input, weight, random([filters], 'bias')], {}),
    named('conv2dInputGradient', [dy, weight], { shape: x }),
    named('conv2dWeightGradient', [input, dy], { shape: weightShape }),
  ];
}

/**
 * Convolutions round the wasm kernels' tiles: 4 and 6 filters, 8 pixels of a row, 96 pixels of a unit, 512 taps of a
 * block, 48 taps and 8 filters of the weight-gradient, 384 pixels of its block.
 */
export const convolutionTails: readonly NamedCase[] = [
  ...[1, ...around(4, 6, 8), 13].map((filters) => ({ x: [1, 2, 5, 11], filters, kernel: [3, 3] }) as const),
  ...around(8, 16).map((width) => ({ x: [2, 1, 3, width], filters: 3, kernel: [1, 1] }) as const),
  ...around(8).map((width) => ({ x: [1, 2, 4, width + 2], filters: 5, kernel: [2, 3] }) as const),
  ...around(96).map(
    (width) => ({ x: [1, 1, 2, width], filters: 2, kernel: [2, 1], options: { padding: 1 } }) as const,
  ),
  ...[56, 57].map((channels) => ({ x: [1, channels, 4, 5], filters: 5, kernel: [3, 3] }) as const),
  ...around(512).map((channels) => ({ x: [1, channels, 2, 3], filters: 2, kernel: [1, 1] }) as const),
  ...[7, 8, 9, 10, 11].map((filters) => ({ x: [1, 57, 3, 10], filters, kernel: [3, 3] }) as const),
  ...[47, 48, 49, 50].map((channels) => ({ x: [2, channels, 2, 2], filters: 9, kernel: [1, 1] }) as const),
  ...around(384).map((width) => ({ x: [1, 1, 2, width], filters: 1, kernel: [1, 1] }) as const),
  // Input-gradients that spread their columns.
  ...around(8, 16).map((width) => ({ x: [2, 5, 5, width + 3], filters: 4, kernel: [3, 4] }) as const),
  { x: [1, 1, 7, 70], filters: 3, kernel: [2, 2], options: { stride: 2 } } as const,
  { x: [2, 6, 9, 13], filters: 9, kernel: [3, 2], options: { groups: 3, padding: 1, dilation: 2 } } as const,
  { x: [1, 2, 9, 9], filters: 2, kernel: [1, 1], options: { stride: 3, padding: 2 } } as const,
].flatMap(convolution);

const winograd4 = { padding: 1, algorithm: 'winograd4' } as const;

/** Convolutions that Winograd takes, round its quads and panels of tiles, its tiles of filters and its units of 96 tiles. */
export const winogradTails: readonly NamedCase[] = [
  ...[6, 7, 8, 9, 15, 16, 17].map(
    (width) => ({ x: [1, 16, 6, width], filters: 16, kernel: [3, 3], options: { padding: 1 } }) as const,
  ),
  ...[17, 18, 19, 23, 24, 25].map((filters) => ({ x: [4, 17, 7, 6], filters, kernel: [3, 3] }) as const),
  ...[95, 96, 97].map((filters) => ({ x: [1, 16, 8, 8], filters, kernel: [3, 3] }) as const),
  { x: [1, 16, 14, 27], filters: 17, kernel: [3, 3], options: { padding: 1 } } as const,
  { x: [2, 34, 9, 10], filters: 34, kernel: [3, 3], options: { padding: 2, groups: 2 } } as const,
  ...[1, 2, 3, 4, 5, 14, 15, 16, 17, 18, 33].map(
    (width) => ({ x: [1, 16, 6, width], filters: 17, kernel: [3, 3], options: winograd4 }) as const,
  ),
  ...[16, 23, 25, 97].map(
    (filters) => ({ x: [3, 17, 7, 6], filters, kernel: [3, 3], options: winograd4 }) as const,
  ),
  { x: [8, 16, 1, 49], filters: 16, kernel: [3, 3], options: winograd4 } as const,
].flatMap(convolution);

/**
 * Depthwise convolutions round its tiles of 4 columns and of 2 or 4 rows, blocks of 16 pixels and of 4, 8 and 16 channels,
 * bands of rows (the last of 2 rows) and phases of the stride.
 */
export const depthwiseTails: readonly NamedCase[] = [
  ...[1, 2, ...around(4, 8, 16)].flatMap((width) =>
    [1, 2].map(
      (stride) =>
        ({
          x: [1, 2, 4, width],
          filters: 2,
          kernel: [3, 3],
          options: { groups: 2, padding: 1, stride },
        }) as const,
    ),
  ),
  ...[1, 2, 3].map(
    (height) =>
      ({ x: [2, 3, height, 17], filters: 3, kernel: [1, 4], options: { groups: 3, padding: 2 } }) as const,
  ),
  ...[1, 2, 3, 5].map(
    (height) =>
      ({ x: [2, 2, height, 9], filters: 2, kernel: [3, 3], options: { groups: 2, padding: 1 } }) as const,
  ),
  ...[1, 2].map(
    (stride) =>
      ({
        x: [1, 2, 80, 132],
        filters: 2,
        kernel: [3, 3],
        options: { groups: 2, padding: 1, stride },
      }) as const,
  ),
  ...around(4, 8).flatMap((size) =>
    [0, 1, 2, 4, 5].map(
      (padding) =>
        ({
          x: [2, 2, size + 3, size + 2],
          filters: 2,
          kernel: [5, 5],
          options: { groups: 2, padding },
        }) as const,
    ),
  ),
  { x: [1, 1, 50, 520], filters: 1, kernel: [5, 5], options: { padding: 2 } } as const,
  ...around(8).map(
    (channels) =>
      ({
        x: [2, channels, 4, 6],
        filters: channels,
        kernel: [3, 3],
        options: { groups: channels, padding: 1 },
      }) as const,
  ),
  // Four channels in the lanes, and one, two and three more; planes of four to a hundred pixels and more, of nine columns
  // and more; other padding.
  ...[1, 2, 3, 4, 5, 6, 7, 9, 17].flatMap((channels) =>
    (
      [
        [7, 7],
        [2, 2],
        [1, 5],
      ] as const
    ).map(
      ([height, width]) =>
        ({
          x: [2, channels, height, width],
          filters: channels,
          kernel: [3, 3],
          options: { groups: channels, padding: 1 },
        }) as const,
    ),
  ),
  ...[1, ...around(4), 8, 16, 17].map(
    (height) =>
      ({ x: [3, 5, height, 6], filters: 5, kernel: [3, 3], options: { groups: 5, padding: 1 } }) as const,
  ),
  ...[1, 3, ...around(9)].map(
    (width) =>
      ({ x: [1, 4, 9, width], filters: 4, kernel: [3, 3], options: { groups: 4, padding: 1 } }) as const,
  ),
  ...[0, 2].map(
    (padding) => ({ x: [2, 6, 5, 7], filters: 6, kernel: [3, 3], options: { groups: 6, padding } }) as const,
  ),
  // Of 5 x 5: tiles of seven rows and part of one, rows of one column and more, any padding, channels beside four and images.
  ...[1, 2].flatMap((stride) =>
    ([2, 3, 4, ...around(7), ...around(14)] as const).flatMap((height) =>
      [1, 3, 6].map(
        (width) =>
          ({
            x: [2, 5, height, width],
            filters: 5,
            kernel: [5, 5],
            options: { groups: 5, padding: 2, stride },
          }) as const,
      ),
    ),
  ),
  ...[1, 2].flatMap((stride) =>
    [0, 1, 3, 4, 5].map(
      (padding) =>
        ({ x: [2, 4, 7, 7], filters: 4, kernel: [5, 5], options: { groups: 4, padding, stride } }) as const,
    ),
  ),
  ...[3, ...around(8), 17].map(
    (channels) =>
      ({
        x: [3, channels, 7, 5],
        filters: channels,
        kernel: [5, 5],
        options: { groups: channels, padding: 2, stride: 2 },
      }) as const,
  ),
  // Planes up to the size that is still turned over, and beyond.
  ...[
    [14, 14, 1],
    [16, 16, 1],
    [17, 16, 1],
    [15, 28, 2],
    [128, 128, 2],
    [128, 129, 2],
  ].map(
    ([height, width, stride]) =>
      ({
        x: [1, 4, height!, width!],
        filters: 4,
        kernel: [5, 5],
        options: { groups: 4, padding: 2, stride },
      }) as const,
  ),
  {
    x: [1, 2, 11, 13],
    filters: 2,
    kernel: [5, 5],
    options: { groups: 2, padding: 3, stride: 3, dilation: 2 },
  } as const,
].flatMap(convolution);

/** The same round the shaders' tiles of 64 by 64. */
export const shaderConvolutionTails: readonly NamedCase[] = [
  ...around(64).map((filters) => ({ x: [1, 1, 3, 5], filters, kernel: [2, 2] }) as const),
  ...around(64).map((width) => ({ x: [1, 1, 1, width], filters: 3, kernel: [1, 1] }) as const),
  ...around(16).map((channels) => ({ x: [2, channels, 3, 3], filters: 2, kernel: [1, 1] }) as const),
  { x: [1, 6, 5, 7], filters: 9, kernel: [3, 2], options: { groups: 3, padding: 1, dilation: 2 } } as const,
  { x: [2, 2, 9, 9], filters: 2, kernel: [2, 2], options: { stride: 3, padding: 2 } } as const,
].flatMap(convolution);
