// The vocabulary: what a graph is made of, what an op's declaration says, and an op as tools see it.
import type { DType } from './dtype.js';
import { fail } from './errors.js';
import type { AnyKinds, Kinds } from './kinds.js';
import type { Features, KernelCall, Lowered, Variant } from './launch.js';
import { type Shape, showShape } from './shape.js';

export type * from './launch.js';

/** What is known of a tensor before it is computed. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What an attribute may be: plain data, by which equal nodes are known. */
export type Attr = number | boolean | string | null | readonly number[] | readonly (readonly number[])[];
/** Everything that decides what an op computes beside its inputs, complete: the caller's options with all defaults. */
export type Attrs = Readonly<Record<string, Attr>>;
export type BackendKind = 'reference' | 'wasm' | 'webgpu';

/** A backend that a woven device has. */
export type Side = Exclude<BackendKind, 'reference'>;

/** A tensor of a graph: plain data, made once. `node` is null for a graph's inputs. */
export interface Value extends TensorType {
  readonly node: Node | null;
  /** Which of the node's outputs this is. */
  readonly index: number;
  readonly label?: string;
}

/** One application of an op. */
export interface Node {
  readonly op: Op;
  readonly inputs: readonly (Value | null)[];
  readonly attrs: Attrs;
  readonly outputs: readonly Value[];
  /** The side of a woven device that it was recorded for; left out, the side where it costs least. */
  readonly on?: Side;
  /** The op that was called where this one is a part of it, or of its gradient: what data errors are told of. */
  readonly called?: string;
}

/** A tensor on the reference backend: double precision, row-major. */
export interface RefTensor extends TensorType {
  readonly data: Float64Array;
}

export const f32 = (shape: Shape): TensorType => ({ shape, dtype: 'f32' });

/** An input's name without the `?` that marks it optional. */
type Plain<K extends string> = K extends `${infer P}?` ? P : K;

export type Named<N extends string, T> = {
  readonly [K in N as Plain<K>]: K extends `${string}?` ? T | null : T;
};

/** How a sample's input is filled. Values are f32 numbers, so that rounding the inputs is no part of an error. */
export interface SampleInput {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Uniform in [low, high]; default [-1, 1]. For i32: whole numbers, both ends included. */
  readonly domain?: readonly [number, number];
  /** Uniform in absolute value over `domain`, with either sign: keeps clear of a kink at zero. */
  readonly signed?: boolean;
  /** A grid of hundredths round the middle of `domain`, in random order: keeps clear of ties. */
  readonly distinct?: boolean;
  /** Computed ones by a getter: most who import an op never look at its samples. */
  readonly values?: readonly number[];
}

/** A call that the checks try an op on. */
export interface Sample<N extends string, U> {
  readonly inputs: { readonly [K in N as Plain<K>]?: SampleInput } | readonly SampleInput[];
  readonly options?: NoInfer<U>;
}

/** A call that an op refuses, and its exact message. */
export interface ErrorCase<N extends string, U> {
  readonly types: { readonly [K in N as Plain<K>]?: TensorType } | readonly TensorType[];
  readonly options?: NoInfer<U>;
  readonly message: string;
}

/**
 * A bound on |kernel - reference|: `ulps` units of f32 roundoff (2^-24) of the magnitude, plus `floor`, which is at least
 * what a result loses below the normal numbers: 2^-150 on wasm, 2^-126 on webgpu, where 0 may be read in place of numbers
 * that lie there, too. The magnitude is the output's own, or, for sums of products, the reference evaluated on absolute
 * inputs, or what the op declares as its `magnitude`.
 */
export interface Tolerance<C> {
  readonly ulps: number | ((call: C) => number);
  readonly magnitude?: 'output' | 'absolute' | 'declared';
  readonly floor?: number;
}

/** What a backward rule is given beside the op's inputs. */
export interface BackwardContext<A> {
  /** Gradient of the loss with respect to the only output; an op with several outputs asks for `grads`. */
  readonly grad: Value;
  /** By output; null where the loss does not depend on it. */
  readonly grads: readonly (Value | null)[];
  readonly output: Value;
  readonly outputs: readonly Value[];
  readonly attrs: A;
}

type Rule<N extends string, A> = (context: Named<N, Value> & BackwardContext<A>) => Value | null;

type Rules<N extends string, A> = { readonly [K in N as Plain<K>]: Rule<N, A> | null };

/** The only reader of an op's output, which the op may take in. */
export interface Reader {
  /** To be compared with ops by identity. */
  readonly op: Op;
  readonly attrs: Attrs;
  /** What it reads beside the output. */
  readonly others: readonly Value[];
  readonly output: TensorType;
}

/** An op's outputs by itself over other inputs: it computes by itself what `without`, an input or behind it, is made of. */
export interface Fold {
  readonly without: Value;
  readonly outputs: readonly Value[];
}

/** An op that goes through tensors, each for itself, as several ops that come one after the other. */
export interface Turns {
  /** By tensor, the positions of the inputs that are its own, as a parameter and its gradient. */
  readonly own: readonly (readonly number[])[];
  /** What stands for the op's outputs where the tensors of each list have an op of their own. */
  take(lists: readonly (readonly number[])[]): readonly Value[];
}

/** Floating-point operations, and bytes read and written. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** Everything that is said about an op, in one place. Tools ask this and nothing else. */
export interface OpSpec<Names extends readonly string[], A extends object, U> {
  readonly name: string;
  /** One line for `docs/ops.md`: the formula. */
  readonly summary: string;
  /** Names in order; a trailing `?` marks an input that may be left out (null). */
  readonly inputs: Names;
  /** What each option may be; an op takes those that stand here, and refuses others before it reads any. */
  readonly kinds?: Kinds<U>;
  /** Turns the caller's options into attributes: fills in defaults, checks values. */
  readonly attributes?: (options: U | undefined, types: Named<Names[number], TensorType>) => A;
  readonly infer: (types: Named<Names[number], TensorType>, attrs: A) => TensorType | readonly TensorType[];
  /** f64, naive, obviously right. */
  readonly reference: (
    inputs: Named<Names[number], RefTensor>,
    attrs: A,
    outputs: readonly TensorType[],
  ) => Float64Array | readonly Float64Array[];
  /** One rule per input; null says that there is no gradient. A rule that returns null says that it is zero. */
  readonly backward: NoInfer<Rules<Names[number], A>>;
  readonly cost?: (call: KernelCall<Names[number], A>) => Partial<Cost>;
  /** No kernel at all: the output is the input's bytes under another type. */
  readonly view?: boolean;
  /** Holds gradients back on purpose: its rules give null though the output changes with the input. */
  readonly stopsGradient?: boolean;
  /** Marks where a stretch begins or ends whose values the gradient computes anew instead of keeping them. */
  readonly checkpoint?: 'begin' | 'end';
  /** Its gradient has none itself: asking for a second derivative is an error. */
  readonly onceDifferentiable?: boolean;
  /** How many of the last outputs are kept for its gradient alone: differentiating through them is an error. */
  readonly saves?: number;
  readonly kernels: {
    readonly [K in Exclude<BackendKind, 'reference'>]: readonly Variant<Names[number], A>[];
  };
  /** The inputs whose bytes outputs 0, 1, ... overwrite, by kernels that take one operand for both. */
  readonly overwrites?: readonly Plain<Names[number]>[];
  /** Inputs whose bytes an output may take where the backend allows it: kernels that read an element before writing it. */
  readonly inPlace?: readonly Plain<Names[number]>[];
  /** The output that `inPlace` speaks of, default 0. */
  readonly inPlaceOutput?: number;
  /** Inputs of which the op adds up products: what mixed precision keeps in 16 bits, and its outputs with them. */
  readonly factors?: readonly Plain<Names[number]>[];
  /** Inputs in which the op is linear: checked by the adjoint test. */
  readonly linear?: readonly Plain<Names[number]>[];
  /**
   * What computes this op and its only reader by one kernel, in this op's shape; null where none does. There may be views
   * before a reader of nothing else: it counts as one of this op's shape, so only an elementwise one may be taken in.
   */
  readonly absorbs?: (inputs: NoInfer<Named<Names[number], Value>>, attrs: A, reader: Reader) => Value | null;
  /** The output of another op that computes this op's in passing: it is taken where that op is wanted anyway. */
  readonly within?: (inputs: NoInfer<Named<Names[number], Value>>, attrs: A) => Value;
  /** This op with a kernel that also computes one of its inputs, through views or not; null where none does. */
  readonly folds?: (inputs: NoInfer<Named<Names[number], Value>>, attrs: A) => Fold | null;
  /** The op that data errors are told of where this one takes its place; default this one. */
  readonly reportsAs?: string;
  /** The message for a data error that a kernel found; `detail` are the two words that it left. */
  readonly fault?: (
    types: Named<Names[number], TensorType>,
    attrs: A,
    detail: readonly [number, number],
  ) => string;
  readonly samples: readonly Sample<Names[number], U>[];
  readonly errors: readonly ErrorCase<Names[number], U>[];
  readonly tolerance?: { readonly [K in 'wasm' | 'webgpu']: Tolerance<KernelCall<Names[number], A>> };
  /** What rounding errors are measured by where the output may cancel: the formula with every term positive. */
  readonly magnitude?: (
    inputs: Named<Names[number], RefTensor>,
    attrs: A,
    outputs: readonly TensorType[],
  ) => Float64Array | readonly Float64Array[];
}

/** An op as tools see it: inputs by position, attributes untyped. */
export interface Op {
  readonly name: string;
  readonly summary: string;
  readonly inputs: readonly string[];
  readonly optional: ReadonlySet<string>;
  /** What each option may be, by name. */
  readonly kinds: AnyKinds;
  readonly variadic: boolean;
  readonly view: boolean;
  /** Whether it looks for data errors. */
  readonly reports: boolean;
  readonly stopsGradient: boolean;
  readonly checkpoint: 'begin' | 'end' | null;
  readonly onceDifferentiable: boolean;
  readonly saves: number;
  /** What stands for the op in a graph, for an op that is composed of others; null for one with kernels of its own. */
  readonly compose: ((inputs: readonly (Value | null)[], attrs: Attrs) => readonly Value[]) | null;
  /** For outputs 0, 1, ... the position of the input whose bytes it takes; none for most ops. */
  overwrites(inputs: readonly (TensorType | null)[]): readonly number[];
  readonly inPlace: readonly number[];
  readonly inPlaceOutput: number;
  readonly factors: readonly number[];
  readonly linear: readonly number[];
  /** What stands for `node`, one of this op, and the node that alone reads its output, as input `at`; null for most. */
  absorb(node: Node, reader: Node, at: number): Value | null;
  /** An output of another op, of the same inputs, that is this op's; null for most. */
  within(inputs: readonly (Value | null)[], attrs: Attrs): Value | null;
  /** What stands for a node of this op on these inputs and for one that computes an input; null for most. */
  fold(inputs: readonly (Value | null)[], attrs: Attrs): Fold | null;
  /** The op on these inputs tensor by tensor; null for most. */
  turns(inputs: readonly (Value | null)[], attrs: Attrs): Turns | null;
  readonly samples: readonly {
    readonly inputs: readonly (SampleInput | null)[];
    readonly options: unknown;
  }[];
  readonly errors: readonly {
    readonly types: readonly (TensorType | null)[];
    readonly options: unknown;
    readonly message: string;
  }[];
  attributes(types: readonly (TensorType | null)[], options: unknown): Attrs;
  infer(types: readonly (TensorType | null)[], attrs: Attrs): readonly TensorType[];
  reference(
    inputs: readonly (RefTensor | null)[],
    attrs: Attrs,
    outputs: readonly TensorType[],
  ): readonly Float64Array[];
  /** The gradient with respect to input `index`, or null where the op declares none. */
  backward(index: number, node: Node, grads: readonly (Value | null)[]): Value | null;
  differentiable(index: number): boolean;
  cost(types: readonly (TensorType | null)[], attrs: Attrs): Cost;
  variants(backend: Exclude<BackendKind, 'reference'>): readonly string[];
  /** Chooses, of the variants that accept the call, the one of least cost, or the first where they tell none; or the named one. */
  lower(
    backend: Exclude<BackendKind, 'reference'>,
    types: readonly (TensorType | null)[],
    attrs: Attrs,
    features: Features,
    variant?: string,
  ): Lowered | null;
  /** The largest error that a kernel may make in each element of each output; `results` are the reference's. */
  bounds(
    backend: 'wasm' | 'webgpu',
    inputs: readonly (RefTensor | null)[],
    attrs: Attrs,
    results: readonly Float64Array[],
  ): readonly Float64Array[];
  /** The units of f32 roundoff (2^-24) of a magnitude that `bounds` allows, its floor left out; 0 for exact kernels. */
  ulps(backend: 'wasm' | 'webgpu', types: readonly (TensorType | null)[], attrs: Attrs): number;
  /** The whole message for a data error, with the name of the op that was asked for. */
  fault(types: readonly (TensorType | null)[], attrs: Attrs, detail: readonly [number, number]): string;
}

/** What the caller passes: optional inputs at the end may be left out, those before others are null. */
type ValueArgs<Names extends readonly string[]> = Names extends readonly [
  infer First,
  ...infer Rest extends readonly string[],
]
  ? First extends `${string}?`
    ? [(Value | null)?, ...ValueArgs<Rest>]
    : [Value, ...ValueArgs<Rest>]
  : Names extends readonly []
    ? []
    : Value[];

/** The graph function of an op: inputs in order, then its options. */
export type OpFunction<Names extends readonly string[], U, R = Value> = ((
  ...args: [...inputs: ValueArgs<Names>, options?: U]
) => R) & { readonly op: Op };

export type VariadicFunction<U, R = Value> = ((inputs: readonly Value[], options?: U) => R) & {
  readonly op: Op;
};

/** Refuses inputs that are not of `dtype`, naming each. */
export function expectDType(
  name: string,
  types: Readonly<Record<string, TensorType | null>>,
  dtype: DType,
): void {
  for (const [input, type] of Object.entries(types)) {
    if (type && type.dtype !== dtype)
      fail(name, `${input} must be ${dtype}, it is ${type.dtype}${showShape(type.shape)}`);
  }
}
