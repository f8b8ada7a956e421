import { applyTo, applyToList } from './apply.js';
import { boundsOf, type CallOf, ulpsOf } from './bounds.js';
import { attributesOf, common, defaultCost, namer, positional } from './define.js';
import { fail } from './errors.js';
import type {
  Attrs,
  Named,
  Op,
  OpFunction,
  OpSpec,
  RefTensor,
  TensorType,
  Value,
  VariadicFunction,
} from './op.js';

/** What an op says that is composed of others: what it stands for, in place of shapes, kernels and rules. */
export interface CompositionSpec<Names extends readonly string[], A extends object, U>
  extends Pick<
    OpSpec<Names, A, U>,
    | 'name'
    | 'summary'
    | 'inputs'
    | 'kinds'
    | 'attributes'
    | 'reference'
    | 'onceDifferentiable'
    | 'linear'
    | 'samples'
    | 'errors'
    | 'tolerance'
    | 'magnitude'
  > {
  /** The graph that stands for the op: its gradient, its kernels and its cost are those of the ops in it. */
  readonly compose: (inputs: Named<Names[number], Value>, attrs: A) => Value | readonly Value[];
  /** f32 inputs that no gradient reaches. */
  readonly constants?: readonly string[];
}

/** Declares an op that is composed of others, and returns the function that records these. */
export function defineComposition<const Names extends readonly string[], A extends object, U = undefined>(
  spec: CompositionSpec<Names, A, U>,
): OpFunction<Names, U> {
  const op = createComposition(spec as unknown as AnyComposition);
  const record = (...args: unknown[]) => applyTo(op, args)[0]!;
  return Object.assign(record, { op }) as OpFunction<Names, U>;
}

/** {@link defineComposition} with several outputs; its function returns all of them. */
export function defineCompositionWithOutputs<
  const Names extends readonly string[],
  A extends object,
  U = undefined,
>(spec: CompositionSpec<Names, A, U>): OpFunction<Names, U, readonly Value[]> {
  const op = createComposition(spec as unknown as AnyComposition);
  const record = (...args: unknown[]) => applyTo(op, args);
  return Object.assign(record, { op }) as OpFunction<Names, U, readonly Value[]>;
}

/** A composition of any number of inputs, in one list. */
export interface VariadicCompositionSpec<A extends object, U>
  extends Omit<
    CompositionSpec<readonly ['inputs'], A, U>,
    'inputs' | 'attributes' | 'reference' | 'compose' | 'linear' | 'magnitude'
  > {
  readonly attributes: (options: U | undefined, types: readonly TensorType[]) => A;
  readonly compose: (inputs: readonly Value[], attrs: A) => Value;
  readonly reference: (inputs: readonly RefTensor[], attrs: A, output: TensorType) => Float64Array;
  /** Whether it is linear in all inputs together. */
  readonly linear?: boolean;
}

/** A composition of any number of inputs, with several outputs. */
export interface VariadicCompositionWithOutputsSpec<A extends object, U>
  extends Omit<VariadicCompositionSpec<A, U>, 'compose' | 'reference'> {
  readonly compose: (inputs: readonly Value[], attrs: A) => readonly Value[];
  readonly reference: (inputs: readonly RefTensor[], attrs: A) => readonly Float64Array[];
  readonly magnitude?: (inputs: readonly RefTensor[], attrs: A) => readonly Float64Array[];
}

/** Declares a composition of any number of inputs. */
export function defineVariadicComposition<A extends object, U>(
  spec: VariadicCompositionSpec<A, U>,
): VariadicFunction<U> {
  const { compose, reference, ...rest } = spec;
  const op = createVariadic<A, U>({
    ...rest,
    compose: (inputs, attrs) => [compose(inputs, attrs)],
    reference: (inputs, attrs, outputs) => [reference(inputs, attrs, outputs[0]!)],
  });
  return Object.assign((inputs: readonly Value[], options?: U) => applyToList(op, inputs, options)[0]!, {
    op,
  });
}

/** {@link defineVariadicComposition} with several outputs; its function returns all of them. */
export function defineVariadicCompositionWithOutputs<A extends object, U>(
  spec: VariadicCompositionWithOutputsSpec<A, U>,
): VariadicFunction<U, readonly Value[]> {
  const op = createVariadic(spec);
  return Object.assign((inputs: readonly Value[], options?: U) => applyToList(op, inputs, options), { op });
}

type VariadicParts<A extends object, U> = Omit<VariadicCompositionWithOutputsSpec<A, U>, 'reference'> & {
  readonly reference: (
    inputs: readonly RefTensor[],
    attrs: A,
    outputs: readonly TensorType[],
  ) => readonly Float64Array[];
};

function createVariadic<A extends object, U>(spec: VariadicParts<A, U>): Op {
  type Evaluate = VariadicParts<A, U>['reference'];
  const untyped =
    (f: Evaluate): Op['reference'] =>
    (inputs, attrs, outputs) =>
      f(inputs as readonly RefTensor[], attrs as unknown as A, outputs);
  return createOp({
    spec: {
      ...(spec as object),
      inputs: ['inputs'],
      linear: spec.linear ? ['inputs'] : [],
    } as unknown as AnyComposition,
    variadic: true,
    attributes: (types, options) =>
      spec.attributes(options as U, types as readonly TensorType[]) as unknown as Attrs,
    compose: (inputs, attrs) => spec.compose(inputs as readonly Value[], attrs as unknown as A),
    reference: untyped(spec.reference),
    magnitude: spec.magnitude ? untyped(spec.magnitude) : null,
  });
}

type AnyComposition = CompositionSpec<readonly string[], Attrs, unknown>;

function createComposition(spec: AnyComposition): Op {
  const named = namer(spec.inputs);
  return createOp({
    spec,
    variadic: false,
    attributes: attributesOf(spec),
    compose(inputs, attrs) {
      const composed = spec.compose(named(inputs) as Named<string, Value>, attrs);
      return Array.isArray(composed) ? composed : [composed as Value];
    },
    reference: positional(spec.inputs, spec.reference),
    magnitude: spec.magnitude ? positional(spec.inputs, spec.magnitude) : null,
  });
}

/** A composition's functions with inputs by position. */
interface Parts {
  readonly spec: Omit<AnyComposition, 'attributes' | 'compose' | 'reference' | 'magnitude'>;
  readonly variadic: boolean;
  readonly attributes: Op['attributes'];
  readonly compose: NonNullable<Op['compose']>;
  readonly reference: Op['reference'];
  readonly magnitude: Op['reference'] | null;
}

function createOp({ spec, variadic, attributes, compose, reference, magnitude }: Parts): Op {
  const shared = common(spec);
  const infer: Op['infer'] = (types, attrs) => compose(types.map(placeholder), attrs);
  const callOf: CallOf = (types, attrs, features) => {
    const outputs = infer(types, attrs);
    const entries = types.map((type, i) => [variadic ? String(i) : shared.inputs[i]!, type] as const);
    const named = Object.fromEntries(entries) as Named<string, TensorType>;
    return { types: named, output: outputs[0]!, outputs, attrs, features };
  };
  const never = () => fail(spec.name, 'is composed of other ops and never stands in a graph itself');
  return {
    ...shared,
    variadic,
    attributes,
    compose,
    infer,
    reference,
    differentiable: (index) => !spec.constants?.includes(shared.inputs[index]!),
    backward: never,
    cost: (types, attrs) => defaultCost(types, infer(types, attrs)),
    variants: () => [],
    lower: never,
    bounds: boundsOf({ name: spec.name, tolerance: spec.tolerance, callOf, reference, magnitude }),
    ulps: ulpsOf(spec.tolerance, callOf),
    fault: never,
  };
}

const placeholder = (type: TensorType | null): Value | null =>
  type && { shape: type.shape, dtype: type.dtype, node: null, index: 0 };
