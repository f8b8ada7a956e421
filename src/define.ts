import { applyTo, applyToList } from './apply.js';
import { type AnyCall, boundsOf, type CallOf, ulpsOf } from './bounds.js';
import { fail } from './errors.js';
import type { AnyKinds } from './kinds.js';
import type {
  Attrs,
  BackwardContext,
  Cost,
  Fold,
  Launch,
  Lowered,
  Named,
  Node,
  Op,
  OperandRef,
  OpFunction,
  OpSpec,
  RefTensor,
  SampleInput,
  TensorType,
  Value,
  VariadicFunction,
  Variant,
} from './op.js';
import { sizeOf } from './shape.js';

/** Declares an op and returns the function that records it. */
export function defineOp<const Names extends readonly string[], A extends object, U = undefined>(
  spec: OpSpec<Names, A, U>,
): OpFunction<Names, U> {
  const op = createOp(spec);
  const record = (...args: unknown[]) => applyTo(op, args)[0]!;
  return Object.assign(record, { op }) as OpFunction<Names, U>;
}

/** Declares an op with several outputs; its function returns all of them. */
export function defineOpWithOutputs<const Names extends readonly string[], A extends object, U = undefined>(
  spec: OpSpec<Names, A, U>,
): OpFunction<Names, U, readonly Value[]> {
  const op = createOp(spec);
  const record = (...args: unknown[]) => applyTo(op, args);
  return Object.assign(record, { op }) as OpFunction<Names, U, readonly Value[]>;
}

/** What a variadic op says: the same, with all inputs in one list and one rule for any of them. */
export interface VariadicSpec<A extends object, U>
  extends Omit<
    OpSpec<readonly ['inputs'], A, U>,
    'attributes' | 'infer' | 'reference' | 'backward' | 'kernels'
  > {
  readonly attributes: (options: U | undefined, types: readonly TensorType[]) => A;
  readonly infer: (types: readonly TensorType[], attrs: A) => TensorType;
  readonly reference: (inputs: readonly RefTensor[], attrs: A, output: TensorType) => Float64Array;
  readonly backward: (index: number, inputs: readonly Value[], grad: Value, attrs: A) => Value;
  /** Operands are named `0`, `1`, ... */
  readonly launches: {
    readonly [K in 'wasm' | 'webgpu']: {
      readonly name: string;
      readonly launches: (types: readonly TensorType[], output: TensorType, attrs: A) => readonly Launch[];
    };
  };
}

/** Declares an op that takes any number of inputs. */
export function defineVariadicOp<A extends object, U>(spec: VariadicSpec<A, U>): VariadicFunction<U> {
  type List = readonly TensorType[];
  const op: Op = {
    ...common(spec as unknown as AnySpec),
    variadic: true,
    linear: [0],
    attributes: (types, options) => spec.attributes(options as U, types as List) as unknown as Attrs,
    infer: (types, attrs) => [spec.infer(types as List, attrs as unknown as A)],
    reference: (inputs, attrs, outputs) => [
      spec.reference(inputs as readonly RefTensor[], attrs as unknown as A, outputs[0]!),
    ],
    differentiable: () => true,
    backward: (index, node, grads) =>
      grads[0]
        ? spec.backward(index, node.inputs as readonly Value[], grads[0], node.attrs as unknown as A)
        : null,
    cost: (types, attrs) => defaultCost(types, [spec.infer(types as List, attrs as unknown as A)]),
    variants: (backend) => [spec.launches[backend].name],
    lower(backend, types, attrs, _features, variant) {
      const { name, launches } = spec.launches[backend];
      if (variant !== undefined && variant !== name) return null;
      const output = spec.infer(types as List, attrs as unknown as A);
      const refer = (operand: string | null): OperandRef =>
        operand === 'output' ? { from: 'output', index: 0 } : { from: 'input', index: Number(operand) };
      const resolved = launches(types as List, output, attrs as unknown as A).map((launch) => ({
        ...launch,
        operands: launch.operands.map(refer),
      }));
      return { variant: name, temporaries: [], launches: resolved };
    },
    bounds: (_backend, _inputs, _attrs, results) => results.map(({ length }) => new Float64Array(length)),
    ulps: () => 0,
    fault: () => fail(spec.name, 'a kernel reported a data error that the op does not declare'),
  };
  const record = (inputs: readonly Value[], options?: U) => applyToList(op, inputs, options)[0]!;
  return Object.assign(record, { op });
}

type AnySpec = OpSpec<readonly string[], Attrs, unknown>;

/** Names of inputs without the `?` that marks them optional. */
export const plainNames = (names: readonly string[]): string[] =>
  names.map((name) => name.replace(/\?$/, ''));

/** What every declaration says, with inputs by position. */
export function common(spec: Omit<AnySpec, 'infer' | 'backward' | 'kernels' | 'reference'>) {
  const names = plainNames(spec.inputs);
  const position = (name: string) => names.indexOf(name);
  const overwritten = (spec.overwrites ?? []).map(position);
  const byPosition = <T>(named: Readonly<Record<string, T | undefined>> | readonly T[]): (T | null)[] =>
    Array.isArray(named) ? [...named] : names.map((name) => (named as Record<string, T>)[name] ?? null);
  return {
    name: spec.name,
    summary: spec.summary,
    inputs: names,
    kinds: (spec.kinds ?? {}) as AnyKinds,
    optional: new Set(names.filter((_, i) => spec.inputs[i]!.endsWith('?'))),
    view: spec.view ?? false,
    reports: spec.fault !== undefined,
    stopsGradient: spec.stopsGradient ?? false,
    checkpoint: spec.checkpoint ?? null,
    onceDifferentiable: spec.onceDifferentiable ?? false,
    saves: spec.saves ?? 0,
    compose: null as Op['compose'],
    overwrites: () => overwritten,
    inPlace: (spec.inPlace ?? []).map(position),
    inPlaceOutput: spec.inPlaceOutput ?? 0,
    factors: (spec.factors ?? []).map(position),
    linear: (spec.linear ?? []).map(position),
    absorb(node: Node, { op, attrs, inputs, outputs }: Node, at: number): Value | null {
      const named = namer(spec.inputs)(node.inputs) as Named<string, Value>;
      const others = inputs.filter((value, i): value is Value => value !== null && i !== at);
      return spec.absorbs?.(named, node.attrs, { op, attrs, others, output: outputs[0]! }) ?? null;
    },
    within: (inputs: readonly (Value | null)[], attrs: Attrs): Value | null =>
      spec.within?.(namer(spec.inputs)(inputs) as Named<string, Value>, attrs) ?? null,
    fold: (inputs: readonly (Value | null)[], attrs: Attrs): Fold | null =>
      spec.folds?.(namer(spec.inputs)(inputs) as Named<string, Value>, attrs) ?? null,
    turns: () => null,
    samples: spec.samples.map(({ inputs, options }) => ({
      inputs: byPosition<SampleInput>(inputs),
      options,
    })),
    errors: spec.errors.map(({ types, options, message }) => ({
      types: byPosition<TensorType>(types),
      options,
      message,
    })),
  };
}

export function defaultCost(types: readonly (TensorType | null)[], outputs: readonly TensorType[]): Cost {
  const elements = (list: readonly (TensorType | null)[]) =>
    list.reduce((sum, type) => sum + (type ? sizeOf(type.shape) : 0), 0);
  return { flops: elements(outputs), bytes: 4 * (elements(types) + elements(outputs)) };
}

/** Gives a list by position the names of `inputs`. */
export const namer = (inputs: readonly string[]) => {
  const names = plainNames(inputs);
  return <T>(list: readonly T[]) =>
    Object.fromEntries(names.map((name, i) => [name, list[i] ?? null])) as Named<string, T>;
};

const listed = (result: Float64Array | readonly Float64Array[]): readonly Float64Array[] =>
  result instanceof Float64Array ? [result] : result;

export const attributesOf =
  (spec: Pick<AnySpec, 'inputs' | 'attributes'>): Op['attributes'] =>
  (types, options) =>
    spec.attributes ? spec.attributes(options, namer(spec.inputs)(types) as Named<string, TensorType>) : {};

/** A function of named tensors as one of tensors by position. */
export const positional =
  (names: readonly string[], f: AnySpec['reference']): Op['reference'] =>
  (inputs, attrs, outputs) =>
    listed(f(namer(names)(inputs) as Named<string, RefTensor>, attrs, outputs));

function createOp<Names extends readonly string[], A extends object, U>(typed: OpSpec<Names, A, U>): Op {
  const spec = typed as unknown as AnySpec;
  const names = plainNames(spec.inputs);
  const named = namer(spec.inputs);
  const inferAll = (types: readonly (TensorType | null)[], attrs: Attrs): readonly TensorType[] => {
    const inferred = spec.infer(named(types) as Named<string, TensorType>, attrs);
    return Array.isArray(inferred) ? inferred : [inferred as TensorType];
  };
  const callOf: CallOf = (types, attrs, features) => {
    const outputs = inferAll(types, attrs);
    return {
      types: named(types) as Named<string, TensorType>,
      output: outputs[0]!,
      outputs,
      attrs,
      features,
    };
  };
  const reference = positional(spec.inputs, spec.reference);
  const magnitude = spec.magnitude ? positional(spec.inputs, spec.magnitude) : null;
  return {
    ...common(spec),
    variadic: false,
    attributes: attributesOf(spec),
    infer: inferAll,
    reference,
    differentiable: (index) => spec.backward[names[index]!] !== null,
    backward(index, node, grads) {
      const rule = spec.backward[names[index]!];
      return rule && grads.some(Boolean) ? ruled(spec, rule, node, grads) : null;
    },
    cost(types, attrs) {
      const call = callOf(types, attrs, new Set());
      return { ...defaultCost(types, call.outputs), ...spec.cost?.(call) };
    },
    variants: (backend) => spec.kernels[backend].map(({ name }) => name),
    lower(backend, types, attrs, features, variant) {
      const call = callOf(types, attrs, features);
      const accepting = spec.kernels[backend].filter(
        ({ name, when }) => (variant === undefined || name === variant) && (when?.(call) ?? true),
      );
      const chosen = leastCost(accepting, call);
      return chosen ? lowerVariant(spec, chosen, call) : null;
    },
    bounds: boundsOf({ name: spec.name, tolerance: spec.tolerance, callOf, reference, magnitude }),
    ulps: ulpsOf(spec.tolerance, callOf),
    fault(types, attrs, detail) {
      const what = spec.fault?.(named(types) as Named<string, TensorType>, attrs, detail);
      if (!what) fail(spec.name, 'a kernel reported a data error that the op does not declare');
      return `${spec.reportsAs ?? spec.name}: ${what}`;
    },
  };
}

/** What a rule gives for a node, of the gradients of its outputs. */
function ruled(
  spec: AnySpec,
  rule: NonNullable<AnySpec['backward'][string]>,
  node: Node,
  grads: readonly (Value | null)[],
): Value | null {
  const through = grads.findIndex((grad, k) => grad && k >= grads.length - (spec.saves ?? 0));
  if (through >= 0) fail(spec.name, `output ${through} is kept for its gradient alone and passes none on`);
  const context = {
    ...namer(spec.inputs)(node.inputs),
    // An op with several outputs asks for `grads`: any of them may be absent.
    get grad() {
      return grads[0] ?? fail(spec.name, 'its rule needs the gradient of its first output');
    },
    grads,
    output: node.outputs[0]!,
    outputs: node.outputs,
    attrs: node.attrs,
  };
  return rule(context as Named<string, Value> & BackwardContext<Attrs>);
}

/** The variant that costs least; one that doesn't tell costs nothing, and the first of equals is taken. */
function leastCost(variants: readonly Variant<string, Attrs>[], call: AnyCall) {
  const [first, ...others] = variants;
  if (!first || others.length === 0) return first ?? null;
  const costs = variants.map(({ cost }) => cost?.(call) ?? 0);
  return variants[costs.indexOf(Math.min(...costs))]!;
}

function lowerVariant(spec: AnySpec, variant: Variant<string, Attrs>, call: AnyCall): Lowered {
  const temporaries = Object.entries(variant.temporaries?.(call) ?? {});
  const outputNames = call.outputs.length === 1 ? ['output'] : call.outputs.map((_, i) => `output${i}`);
  const refer = (operand: string | null): OperandRef => {
    if (operand === null) return { from: 'none' };
    if (operand === 'fault') return { from: 'fault' };
    const input = plainNames(spec.inputs).indexOf(operand);
    if (input >= 0) return call.types[operand] ? { from: 'input', index: input } : { from: 'none' };
    const output = outputNames.indexOf(operand);
    if (output >= 0) return { from: 'output', index: output };
    const temporary = temporaries.findIndex(([name]) => name === operand);
    if (temporary >= 0) return { from: 'temporary', index: temporary };
    return fail(spec.name, `kernel ${variant.name} names an unknown operand '${operand}'`);
  };
  const launches = variant
    .launches(call)
    .map((launch) => ({ ...launch, operands: launch.operands.map(refer) }));
  return { variant: variant.name, temporaries: temporaries.map(([, bytes]) => bytes), launches };
}
