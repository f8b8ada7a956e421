import { type Kinds, oneOf } from '../kinds.js';
import type { ErrorCase, KernelCall, RefTensor, SampleInput, TensorType, Value } from '../op.js';
import type { Shape } from '../shape.js';

export type Reduction = 'none' | 'mean' | 'sum';

export interface ReductionOptions {
  /** Each element's loss, their mean or their sum; default 'mean'. */
  readonly reduction?: Reduction;
}

export const reductionKinds: Kinds<ReductionOptions> = { reduction: oneOf('none', 'mean', 'sum') };

/** One element of each operand; c is null where the third is left out. */
export interface Point {
  readonly x: number;
  readonly t: number;
  readonly c: number | null;
}

/** The operands as values of a graph. */
export interface Operands {
  readonly x: Value;
  readonly t: Value;
  readonly c: Value | null;
}

/** Units of 2^-24 of the magnitude by which a kernel may be off. */
export type Ulps = { readonly wasm: number; readonly webgpu: number };

export type LossAttrs = Readonly<Record<string, number | boolean | string>>;

/** The derivative of the loss with respect to one operand. */
export interface Derivative<A> {
  /** What follows `_backward_f32` in the kernel's name, where operands have kernels of their own. */
  readonly kernel?: string;
  /** -1 where the kernel gives the negative. */
  readonly sign?: -1;
  readonly evaluate: (point: Point, attrs: A) => number;
  readonly ulps: Ulps;
  /** Default: the derivative's own size. */
  readonly magnitude?: (point: Point, attrs: A) => number;
  /** g times the derivative of this derivative by an operand, by the operand's name; zero where there is none. */
  readonly second?: {
    readonly [input: string]: (g: Value, operands: Operands, attrs: A) => Value | null;
  };
}

export interface LossSpec<N extends readonly string[], A extends LossAttrs, U> {
  readonly summary: string;
  /** Two operands of one shape, then the third and `weight?`, if it has them. */
  readonly inputs: N;
  /** The third operand, which may be repeated over leading and trailing axes. */
  readonly third?: string;
  readonly kinds?: Kinds<U>;
  /** Checks the third operand's shape, beyond that it broadcasts. */
  readonly attributes?: (options: U | undefined) => A;
  /** Kernel parameters. */
  readonly params?: (attrs: A) => { a?: number; b?: number; e?: number };
  readonly evaluate: (point: Point, attrs: A) => number;
  readonly ulps: Ulps;
  /** Default: the loss's own size. */
  readonly magnitude?: (point: Point, attrs: A) => number;
  /** By operand. */
  readonly derivatives: { readonly [input: string]: Derivative<A> };
  /** Fillings of the operands that suit the options, by name; the first is used most. */
  readonly cases: readonly {
    readonly options?: U;
    readonly fill: { readonly [input: string]: Omit<SampleInput, 'shape'> };
  }[];
  /** The third operand's shape in a sample where the others have `shape`. */
  readonly thirdShape?: (shape: Shape) => Shape;
  readonly errors?: readonly ErrorCase<N[number], U>[];
}

export type Types = Readonly<Record<string, TensorType | null>>;
export type Tensors = Readonly<Record<string, RefTensor | null>>;
export type Call = KernelCall<string, LossAttrs>;
export type AnySpec = LossSpec<readonly string[], LossAttrs, object>;
