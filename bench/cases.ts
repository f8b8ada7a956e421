/**
 * What the benchmark runs: every case as plain data, its name, its arithmetic and its least memory traffic.
 * Inputs are in `inputs.ts`; who runs them is a contestant (`measure.ts`) or a peer (`compare/peer.ts`).
 */

/** C = A B with C of shape [m, n]. A transposed operand is stored transposed: A as [k, m], B as [n, k]. */
export interface GemmCase {
  readonly suite: 'gemm';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Square kernel, no bias, no dilation, one group; shapes are those of the forward pass in every pass. */
export interface Conv2dCase {
  readonly suite: 'conv2d';
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly pass: 'forward' | 'input-gradient' | 'weight-gradient';
}

/** Square window, no padding, rounding down. */
export interface PoolingCase {
  readonly suite: 'pooling';
  readonly kind: 'max' | 'average';
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pass: 'forward' | 'backward';
}

export type ElementwiseOp = 'add' | 'relu' | 'exp' | 'tanh' | 'gelu' | 'mul-broadcast-row';

/**
 * On a [rows, columns] tensor; `gelu` is the exact one (erf), `mul-broadcast-row` multiplies by a [columns]
 * vector.
 */
export interface ElementwiseCase {
  readonly suite: 'elementwise';
  readonly op: ElementwiseOp;
  readonly rows: number;
  readonly columns: number;
}

/**
 * One training step: forward, backward, Adam (lr 1e-3, betas 0.9 and 0.999, eps 1e-8), mean cross-entropy
 * over 10 classes. `mlp` is 784-128-10 with ReLU. `cnn` on 28x28 images: conv 1->16 k5, ReLU, max pool 2,
 * conv 16->32 k5, ReLU, max pool 2, flatten (512), linear 128, ReLU, linear 10.
 */
export interface StepCase {
  readonly suite: 'step';
  readonly net: 'mlp' | 'cnn';
  readonly batch: number;
}

export type BenchCase = GemmCase | Conv2dCase | PoolingCase | ElementwiseCase | StepCase;
export type CaseSuite = BenchCase['suite'];
export type Suite = 'peak' | CaseSuite;
export type Pass = 'forward' | 'backward' | 'input-gradient' | 'weight-gradient' | 'step';

/** `peak` is what the machine can do at most: measured by Weft's own kernels, so no peer runs it. */
export const SUITES: readonly Suite[] = ['peak', 'gemm', 'conv2d', 'pooling', 'elementwise', 'step'];

/** The output's height or width of a convolution or pooling. */
export const outputSize = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** [batch, outChannels, height, width] of a convolution's output. */
export function conv2dOutputShape(c: Conv2dCase): [number, number, number, number] {
  const size = (extent: number) => outputSize(extent, c.kernel, c.stride, c.padding);
  return [c.batch, c.outChannels, size(c.height), size(c.width)];
}

/** [batch, channels, height, width] of a pooling's output. */
export function poolingOutputShape(c: PoolingCase): [number, number, number, number] {
  const size = (extent: number) => outputSize(extent, c.kernel, c.stride, 0);
  return [c.batch, c.channels, size(c.height), size(c.width)];
}

/**
 * The case as one line, without suite and pass: `512x512x512 nt` (m x n x k), `8x64x56x56 k3 s1 p1 o64`, `cnn
 * b64`.
 */
export function caseName(c: BenchCase): string {
  switch (c.suite) {
    case 'gemm':
      return `${c.m}x${c.n}x${c.k} ${c.transposeA ? 't' : 'n'}${c.transposeB ? 't' : 'n'}`;
    case 'conv2d':
      return (
        `${c.batch}x${c.channels}x${c.height}x${c.width} ` +
        `k${c.kernel} s${c.stride} p${c.padding} o${c.outChannels}`
      );
    case 'pooling':
      return `${c.kind} ${c.batch}x${c.channels}x${c.height}x${c.width} k${c.kernel} s${c.stride}`;
    case 'elementwise':
      return `${c.op} ${c.rows}x${c.columns}`;
    case 'step':
      return `${c.net} b${c.batch}`;
  }
}

/** The pass that the case times. */
export function passOf(c: BenchCase): Pass {
  if (c.suite === 'step') return 'step';
  return c.suite === 'conv2d' || c.suite === 'pooling' ? c.pass : 'forward';
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** One layer of a step's network: its multiply-adds for one image, its parameters. */
interface StepLayer {
  readonly products: number;
  readonly parameters: number;
}

const STEP_LAYERS: Readonly<Record<StepCase['net'], readonly StepLayer[]>> = {
  mlp: [
    { products: 784 * 128, parameters: 784 * 128 + 128 },
    { products: 128 * 10, parameters: 128 * 10 + 10 },
  ],
  cnn: [
    { products: 24 * 24 * 16 * 25, parameters: 16 * 25 + 16 },
    { products: 8 * 8 * 32 * 16 * 25, parameters: 32 * 16 * 25 + 32 },
    { products: 512 * 128, parameters: 512 * 128 + 128 },
    { products: 128 * 10, parameters: 128 * 10 + 10 },
  ],
};

/**
 * Floating-point operations of one execution. A multiply-add counts two, products with padding count as if
 * computed, an element of an elementwise op counts one whatever the function, a pooled output counts its
 * window (max backward: one). A step counts the matrix products of its three passes (no input gradient for
 * the first layer), nothing else.
 */
export function flopsOf(c: BenchCase): number {
  switch (c.suite) {
    case 'gemm':
      return 2 * c.m * c.n * c.k;
    case 'conv2d':
      return 2 * product(conv2dOutputShape(c)) * c.channels * c.kernel ** 2;
    case 'pooling':
      return product(poolingOutputShape(c)) * (c.kind === 'max' && c.pass === 'backward' ? 1 : c.kernel ** 2);
    case 'elementwise':
      return c.rows * c.columns;
    case 'step':
      return STEP_LAYERS[c.net].reduce(
        (sum, layer, i) => sum + 2 * (i ? 3 : 2) * layer.products * c.batch,
        0,
      );
  }
}

/**
 * The least bytes that one execution must move: every operand once, every result once, all f32. What a
 * backward pass keeps from its forward pass isn't counted. A step counts its images and seven words per
 * parameter (Adam reads the parameter, its gradient and two moments, and writes three of them back).
 */
export function bytesOf(c: BenchCase): number {
  switch (c.suite) {
    case 'gemm':
      return 4 * (c.m * c.k + c.k * c.n + c.m * c.n);
    case 'conv2d': {
      const input = c.batch * c.channels * c.height * c.width;
      return 4 * (input + c.outChannels * c.channels * c.kernel ** 2 + product(conv2dOutputShape(c)));
    }
    case 'pooling':
      return 4 * (c.batch * c.channels * c.height * c.width + product(poolingOutputShape(c)));
    case 'elementwise': {
      const size = c.rows * c.columns;
      const second = c.op === 'add' ? size : c.op === 'mul-broadcast-row' ? c.columns : 0;
      return 4 * (2 * size + second);
    }
    case 'step':
      return 4 * (784 * c.batch + STEP_LAYERS[c.net].reduce((sum, layer) => sum + 7 * layer.parameters, 0));
  }
}

function gemm(m: number, n: number, k: number, layout: 'nn' | 'nt' | 'tn' = 'nn'): GemmCase {
  return { suite: 'gemm', m, n, k, transposeA: layout[0] === 't', transposeB: layout[1] === 't' };
}

/** batch, channels, size, outChannels, kernel, stride, padding. */
type ConvRow = readonly [number, number, number, number, number, number, number];

function conv2d([batch, channels, size, outChannels, kernel, stride, padding]: ConvRow): Conv2dCase[] {
  return (['forward', 'input-gradient', 'weight-gradient'] as const).map((pass) => ({
    ...{ suite: 'conv2d', batch, channels, height: size, width: size },
    ...{ outChannels, kernel, stride, padding, pass },
  }));
}

function pooling(
  batch: number,
  channels: number,
  size: number,
  kernel: number,
  stride: number,
): PoolingCase[] {
  return (['max', 'average'] as const).flatMap((kind) =>
    (['forward', 'backward'] as const).map((pass): PoolingCase => {
      return { suite: 'pooling', kind, batch, channels, height: size, width: size, kernel, stride, pass };
    }),
  );
}

const ELEMENTWISE: readonly ElementwiseOp[] = ['add', 'relu', 'exp', 'tanh', 'gelu', 'mul-broadcast-row'];

function elementwise(rows: number, columns: number): ElementwiseCase[] {
  return ELEMENTWISE.map((op) => ({ suite: 'elementwise', op, rows, columns }));
}

/** The cases of each suite, in the order of the report. */
export const CASES: Readonly<Record<CaseSuite, readonly BenchCase[]>> = {
  gemm: [
    ...[256, 384, 512, 768, 1024].map((size) => gemm(size, size, size)),
    gemm(512, 512, 512, 'nt'),
    gemm(512, 512, 512, 'tn'),
    gemm(64, 128, 784, 'nt'),
    gemm(64, 784, 128, 'nn'),
    gemm(128, 784, 64, 'tn'),
  ],
  conv2d: [
    ...conv2d([8, 64, 56, 64, 3, 1, 1]),
    ...conv2d([1, 64, 56, 64, 3, 1, 1]),
    ...conv2d([32, 128, 14, 128, 3, 1, 1]),
    ...conv2d([64, 16, 12, 32, 3, 1, 1]),
    ...conv2d([64, 1, 28, 8, 5, 1, 2]),
    ...conv2d([32, 3, 32, 16, 3, 1, 1]),
    ...conv2d([32, 64, 7, 128, 3, 2, 1]),
    ...conv2d([32, 256, 14, 64, 1, 1, 0]),
  ],
  pooling: [...pooling(64, 16, 24, 2, 2), ...pooling(8, 64, 56, 3, 2)],
  elementwise: [...elementwise(64, 1024), ...elementwise(1024, 1024)],
  step: [
    { suite: 'step', net: 'mlp', batch: 64 },
    { suite: 'step', net: 'cnn', batch: 64 },
  ],
};

/** Tiny cases of every suite and pass: what the correctness check of the contestants runs. */
export const SMALL_CASES: readonly BenchCase[] = [
  gemm(5, 7, 9),
  gemm(6, 8, 10, 'nt'),
  gemm(16, 12, 20, 'tn'),
  ...conv2d([2, 3, 6, 4, 3, 1, 1]),
  ...conv2d([2, 2, 7, 8, 3, 2, 1]),
  ...conv2d([1, 4, 6, 3, 3, 2, 0]),
  ...conv2d([2, 4, 5, 8, 1, 1, 0]),
  ...pooling(2, 3, 6, 2, 2),
  ...pooling(1, 4, 7, 3, 2),
  ...elementwise(5, 12),
  { suite: 'step', net: 'mlp', batch: 4 },
  { suite: 'step', net: 'cnn', batch: 2 },
];
