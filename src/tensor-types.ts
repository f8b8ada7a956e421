import type { Op, Value } from './op.js';
import type { DropoutOptions } from './ops/dropout.js';
import type * as ops from './ops/index.js';
import type { CategoricalOptions, MultinomialOptions } from './ops/multinomial.js';
import type { Tensor } from './tensor.js';

/** What an op's function takes where a tensor goes: a number stands for a scalar tensor. */
export type TensorLike = Tensor | number;

type OpFunctions = {
  [K in keyof typeof ops as (typeof ops)[K] extends { readonly op: Op } ? K : never]: (typeof ops)[K];
};
type Lifted<T> = T extends readonly Value[]
  ? readonly Tensor[]
  : T extends readonly (Value | null)[]
    ? readonly (Tensor | null)[]
    : T extends Value
      ? TensorLike
      : T extends Value | null
        ? TensorLike | null
        : T;
type LiftedArgs<P> = { [K in keyof P]: Lifted<P[K]> };
type LiftedResult<R> = R extends readonly Value[] ? readonly Tensor[] : Tensor;
/** An op as a function of tensors. */
export type TensorFunction<F> = F extends (...args: infer P extends unknown[]) => infer R
  ? (...args: LiftedArgs<P> extends unknown[] ? LiftedArgs<P> : never) => LiftedResult<R>
  : never;
/** Ops that make tensors of nothing, or of a seed: they need a device, which has methods for them. */
type Creators = 'full' | 'arange' | 'linspace' | 'eye' | 'uniform' | 'normal' | 'exponential' | 'integers';
/** Every op that takes a tensor, by its public name. */
export type TensorFunctions = {
  [K in Exclude<keyof OpFunctions, Creators>]: TensorFunction<OpFunctions[K]>;
};

type Rest<F> = F extends (first: infer _, ...rest: infer P) => infer R ? (...args: P) => R : never;
type OwnMethods =
  | 'reshape'
  | 'permute'
  | 'broadcastTo'
  | 'detach'
  | keyof SeededMethods
  | 'transpose'
  | 'squeeze'
  | 'unsqueeze'
  | 'flatten'
  | 'expand'
  | 'flip'
  | 'repeat'
  | 'select'
  | 'narrow'
  | 'split'
  | 'chunk';
/** Names of ops that take a list of tensors first: functions only. */
type ListFunctions = {
  [K in keyof OpFunctions]: OpFunctions[K] extends (first: infer F, ...rest: never) => unknown
    ? F extends readonly unknown[]
      ? K
      : never
    : never;
}[keyof OpFunctions];
/** Ops as methods: the tensor is the first argument. */
export type TensorMethods = {
  [K in Exclude<keyof TensorFunctions, OwnMethods | ListFunctions>]: Rest<TensorFunctions[K]>;
};

/** Ops that draw random numbers, as methods: `functional` has the same, and gives both their seeds. */
export interface SeededMethods {
  dropout(options?: DropoutOptions): Tensor;
  featureDropout(options?: DropoutOptions): Tensor;
  alphaDropout(options?: DropoutOptions): Tensor;
  bernoulli(): Tensor;
  categorical(options?: CategoricalOptions): Tensor;
  multinomial(options?: MultinomialOptions): Tensor;
}
