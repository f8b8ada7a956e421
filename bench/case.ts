/**
 * What the benchmark runs, said once for every engine: a case is plain data (name, arithmetic, least memory traffic,
 * operands) and a function of a `Net`, which each engine implements. Cases are in `suites/`.
 */

export type Pass =
  | 'forward'
  | 'backward'
  | 'input-gradient'
  | 'weight-gradient'
  | 'forward+backward'
  | 'update'
  | 'step';

/**
 * An operand, in PyTorch's layouts. An engine may keep images [n, c, h, w], filters [o, i, h, w] and a linear layer's
 * weights (dense, [out, in]) in its own.
 */
export interface Operand {
  readonly shape: readonly number[];
  readonly kind?: 'image' | 'filter' | 'dense' | 'labels';
  /** Values are uniform in plus or minus this; default 1. For labels: how many classes. */
  readonly bound?: number;
}

export type Operands = Readonly<Record<string, Operand>>;

export interface ConvOptions {
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
}

export interface PoolOptions {
  readonly kind: 'max' | 'average';
  readonly kernel: number;
  readonly stride: number;
}

/** The functions that cases are made of, over an engine's own tensors. Names, axes and formulas are PyTorch's. */
export interface Net<T> {
  add(a: T, b: T): T;
  mul(a: T, b: T): T;
  relu(x: T): T;
  exp(x: T): T;
  tanh(x: T): T;
  sigmoid(x: T): T;
  /** The exact one, by erf. */
  gelu(x: T): T;
  matmul(a: T, b: T, options?: { readonly transposeA?: boolean; readonly transposeB?: boolean }): T;
  /** x weightᵀ + bias over the last axis; weight is [out, in]. */
  linear(x: T, weight: T, bias: T): T;
  /** The relu of it: an engine that has the two as one uses that. */
  linearRelu(x: T, weight: T, bias: T): T;
  convRelu(x: T, weight: T, bias: T, options: ConvOptions): T;
  conv2d(x: T, weight: T, bias: T | null, options: ConvOptions): T;
  pool2d(x: T, options: PoolOptions): T;
  /** Along the last axis. */
  softmax(x: T): T;
  logSoftmax(x: T): T;
  /** Mean over the rows of logits [n, classes]. */
  crossEntropy(logits: T, labels: T): T;
  /** Over the last axis. */
  layerNorm(x: T, weight: T, bias: T): T;
  /** By the batch's own mean and variance, as in training. */
  batchNorm(x: T, weight: T, bias: T): T;
  groupNorm(x: T, weight: T, bias: T, groups: number): T;
  sum(x: T, axes: readonly number[]): T;
  mean(x: T, axes: readonly number[]): T;
  max(x: T, axes: readonly number[]): T;
  transpose(x: T, axes: readonly number[]): T;
  reshape(x: T, shape: readonly number[]): T;
  /** An image as rows [n, c h w]. */
  flatten(x: T): T;
  /** softmax(q kᵀ / √features) v over the last two axes. */
  attention(q: T, k: T, v: T): T;
  /** x [steps, batch, input] through layers of weightIh, weightHh, biasIh, biasHh each; from zeros; y of the last one. */
  lstm(x: T, weights: readonly T[], hidden: number): T;
}

interface Common {
  readonly suite: SuiteName;
  /** One line, without suite and pass: `512x512x512 nt`, `8x64x56x56 k3 s1 p1 o64`, `cnn b64`. */
  readonly name: string;
  /**
   * Floating-point operations of one execution. A multiply-add counts two, products with padding count as if computed,
   * an element of an elementwise op counts one whatever the function, a pooled output its window (max backward: one), a
   * normalised element or one of a softmax a handful. A step counts the matrix products of its three passes (no input
   * gradient for the first layer), nothing else.
   */
  readonly flops: number;
  /**
   * The least bytes that one execution must move: every operand once, every result once, all of 4 bytes. What a backward
   * pass keeps from its forward pass isn't counted, nor what lies between the members of a chain.
   */
  readonly bytes: number;
  readonly operands: Operands;
}

/** A function of operands, or gradients of it. */
export interface KernelCase extends Common {
  readonly pass: Exclude<Pass, 'update' | 'step'>;
  readonly compute: <T>(net: Net<T>, at: (name: string) => T) => T;
  /** Whether the result of `compute` is [n, c, h, w]. */
  readonly image?: boolean;
  /**
   * Operands whose gradients a pass other than `forward` makes, along the operand `outputGradient`; without that one the
   * result is a scalar. `forward+backward` makes the result, too.
   */
  readonly wrt?: readonly string[];
  /** Part of the names of kernel variants that Weft leaves out: a case of Weft's alone, beside the one with its own choice. */
  readonly without?: string;
  /** The one convolution or pooling that it is: engines have kernels for its gradients. */
  readonly window?:
    | { readonly kind: 'conv2d' | 'depthwise'; readonly options: ConvOptions }
    | { readonly kind: 'pool'; readonly options: PoolOptions };
}

/** A training step: the loss by `compute`, gradients of every operand but `input` and `labels`, an update by Adam. */
export interface StepCase extends Common {
  readonly pass: 'step';
  readonly compute: <T>(net: Net<T>, at: (name: string) => T) => T;
}

export type OptimizerName = 'sgd' | 'momentum' | 'adam' | 'adamw' | 'rmsprop';

/** An optimiser's step: each operand `x` is moved along the operand `x.gradient`. */
export interface UpdateCase extends Common {
  readonly pass: 'update';
  readonly optimizer: OptimizerName;
}

export type BenchCase = KernelCase | StepCase | UpdateCase;

export const SUITE_NAMES = [
  'gemm',
  'gemv',
  'conv2d',
  'depthwise',
  'pooling',
  'softmax',
  'normalisation',
  'elementwise',
  'reduce',
  'transpose',
  'lstm',
  'optimiser',
  'step',
] as const;
export type SuiteName = (typeof SUITE_NAMES)[number];

export interface Suite {
  /** The peak that its cases are held against. */
  readonly bound: 'arithmetic' | 'memory';
  /** What its tables and charts show where it is not the rate. */
  readonly unit?: 'ms';
  readonly cases: readonly BenchCase[];
  /** In their stead on webgpu alone: from what an adapter in software bears to what fills a large GPU. */
  readonly webgpu?: readonly BenchCase[];
  /** Tiny ones of every kind: what the check of the engines runs. */
  readonly small: readonly BenchCase[];
}

/** How many losses (or steps of an optimiser) stand for the result of a step. */
export const STEP_LOSSES = 4;

/** Hyper-parameters as every engine uses them. */
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;
/** Here eps is so small that it makes no difference where it stands: tfjs has it under the root. */
export const UPDATE = { lr: 1e-3, momentum: 0.9, weightDecay: 0.01, alpha: 0.99, eps: 1e-12 } as const;

export const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Bytes of f32 or i32 tensors of these shapes. */
export const bytesOf = (...shapes: readonly (readonly number[])[]): number =>
  4 * shapes.reduce((sum, shape) => sum + product(shape), 0);

/** The case with its suite and pass, as one line. */
export const titleOf = ({ suite, name, pass }: BenchCase): string =>
  pass === suite || pass === 'forward' ? `${suite} ${name}` : `${suite} ${name} ${pass}`;

/** The parameters of a step or update: operands that training moves. */
export const parametersOf = ({ operands }: BenchCase): string[] =>
  Object.keys(operands).filter(
    (name) => name !== 'input' && name !== 'labels' && !name.endsWith('.gradient'),
  );
