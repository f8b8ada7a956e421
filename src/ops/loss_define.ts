/**
 * Losses that are a function of corresponding elements of x, target and up to two operands more. A loss is declared by
 * its value and its derivatives; its op and its backward op are made here. Each has one kernel, which writes every
 * element ('none') or adds up blocks while it computes ('mean', 'sum').
 */
import { LOST_POWER } from '../bounds.js';
import { defineOp, plainNames } from '../define.js';
import { fail } from '../errors.js';
import { type Kinds, number, oneOf } from '../kinds.js';
import { f32, type OpFunction, type OpSpec, type Value } from '../op.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import { mul } from './binary.js';
import { scalar } from './fill.js';
import { backwardKernels, Family, forwardKernels, scaleOf } from './loss_family.js';
import { backwardSamples, errorsOf, goodTypes, samplesOf } from './loss_samples.js';
import {
  type AnySpec,
  type Call,
  type LossAttrs,
  type LossSpec,
  type Point,
  type ReductionOptions,
  reductionKinds,
  type Tensors,
  type Types,
} from './loss_spec.js';
import { sum } from './reduce.js';

type Context = Readonly<Record<string, Value | null>> & { readonly grad: Value; readonly attrs: LossAttrs };
type Rules = Record<string, ((context: Context) => Value | null) | null>;
type AnyFunction = (...args: unknown[]) => Value;
type AnyOpSpec = OpSpec<readonly string[], LossAttrs, object>;
type BackwardOp = OpFunction<readonly string[], object>;

const derivativeOf = ({ spec }: Family, { wrt }: LossAttrs) => spec.derivatives[String(wrt)]!;

const kindsOf = ({ kinds }: AnySpec) => (kinds ?? reductionKinds) as Kinds<ReductionOptions>;

/** Rules of the backward op: second derivatives by each operand, and linear in dy. */
function secondRules(family: Family, apply: () => BackwardOp): Rules {
  const { spec } = family;
  const plain = plainNames([...spec.inputs, 'dy']);
  const [x, t, third, weight] = family.operands;
  const rule = (input: string) => (context: Context) => {
    const { grad, attrs } = context;
    const second = derivativeOf(family, attrs).second?.[input];
    if (!second) return null;
    const scaled = mul(context.dy!, scalar(Number(attrs.scale)));
    const held = weight ? context[weight] : null;
    const g = mul(grad, held ? mul(scaled, held) : scaled);
    return second(g, { x: context[x!]!, t: context[t!]!, c: third ? context[third]! : null }, attrs);
  };
  const rules: Rules = {};
  for (const input of plain) rules[input] = input in spec.derivatives ? rule(input) : null;
  rules.dy = (context) => {
    const given = plain.map((input) => (input === 'dy' ? context.grad : context[input]));
    const product = (apply() as unknown as AnyFunction)(...given, context.attrs);
    return context.dy!.shape.length === 0 ? sum(product) : product;
  };
  return rules;
}

type Evaluate = (point: Point, attrs: LossAttrs) => number;

/** f of each element times its share, dy scale weight; `join` is told the weight as well. */
const timesDy = (
  family: Family,
  inputs: Tensors,
  attrs: LossAttrs,
  f: Evaluate,
  join: (slope: number, share: number, weight: number) => number,
): Float64Array =>
  family.map(inputs, (point, w, i) => {
    const dy = inputs.dy!;
    const share = w * dy.data[dy.shape.length === 0 ? 0 : i]! * Number(attrs.scale);
    return join(f(point, attrs), share, w);
  });

/** |f share|, with what dy scale, its product with the weight, and f lose below the normal numbers. */
const withLost = (slope: number, share: number, weight: number): number =>
  (Math.abs(slope) + LOST_POWER) * (Math.abs(share) + LOST_POWER * (1 + Math.abs(weight)));

function backwardErrors(family: Family, name: string) {
  const good = goodTypes(family);
  const names = Object.keys(family.spec.derivatives).join(', ');
  return [
    ...errorsOf(family, name, { dy: f32([]) }, {}),
    { types: { ...good, dy: f32([3]) }, message: `${name}: dy must be a scalar or [2], it is [3]` },
    {
      types: { ...good, dy: f32([]) },
      options: { wrt: 'y' },
      message: `${name}: wrt must be one of ${names}, got 'y'`,
    },
  ];
}

/** dx = dy scale weight f'(x), for the operand that `wrt` names; dy is a scalar or has the shape of x. */
function defineBackward(family: Family): BackwardOp {
  const { spec } = family;
  const name = `${family.name}Backward`;
  const [x, t] = family.operands;
  const tolerance = (backend: 'wasm' | 'webgpu') => ({
    // Scale rounds once, and so do the products with dy, weight and derivative.
    ulps: ({ attrs }: Call) => derivativeOf(family, attrs).ulps[backend] + 4,
    magnitude: 'declared' as const,
  });
  const { reduction: _, ...backwardKinds } = kindsOf(spec);
  const op: BackwardOp = defineOp({
    name,
    summary: `dx = dy · scale · the derivative of ${family.name} by the operand that wrt names`,
    inputs: [...spec.inputs, 'dy'],
    kinds: { ...backwardKinds, wrt: oneOf(...Object.keys(spec.derivatives)), scale: number },
    attributes(options: { wrt?: string; scale?: number } | undefined) {
      const { wrt = x!, scale = 1 } = options ?? {};
      return { ...spec.attributes?.(options), wrt, scale };
    },
    infer(types: Types) {
      const whole = family.check(name, types);
      const { shape } = types.dy!;
      if (shape.length > 0 && !sameShape(shape, whole.shape))
        fail(name, `dy must be a scalar or ${showShape(whole.shape)}, it is ${showShape(shape)}`);
      return whole;
    },
    reference: (inputs: Tensors, attrs: LossAttrs) =>
      timesDy(family, inputs, attrs, derivativeOf(family, attrs).evaluate, (slope, share) => slope * share),
    backward: secondRules(family, () => op),
    kernels: backwardKernels(family),
    inPlace: [x, t, 'dy'],
    linear: ['dy'],
    samples: backwardSamples(family),
    errors: backwardErrors(family, name),
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
    magnitude(inputs: Tensors, attrs: LossAttrs) {
      const { magnitude, evaluate } = derivativeOf(family, attrs);
      return timesDy(family, inputs, attrs, magnitude ?? evaluate, withLost);
    },
  } as unknown as AnyOpSpec);
  return op;
}

/** Rules of the loss: its backward op, by each operand that has a derivative. */
function firstRules({ spec }: Family, backward: BackwardOp): Rules {
  const plain = plainNames(spec.inputs);
  const rule = (wrt: string) => (context: Context) => {
    const { grad, attrs } = context;
    const { reduction, ...own } = attrs;
    const scale = scaleOf(context[plain[0]!]!.shape, reduction);
    const given = plain.map((one) => context[one]);
    return (backward as unknown as AnyFunction)(...given, grad, { ...own, wrt, scale });
  };
  return Object.fromEntries(plain.map((input) => [input, input in spec.derivatives ? rule(input) : null]));
}

const reduce64 = (values: Float64Array, shape: Shape, { reduction }: LossAttrs): Float64Array =>
  reduction === 'none'
    ? values
    : Float64Array.of(values.reduce((a, b) => a + b, 0) * scaleOf(shape, reduction));

/** Declares a loss; returns its function and that of its gradient. */
export function defineLoss<
  const N extends readonly string[],
  A extends LossAttrs,
  U extends object = ReductionOptions,
>(name: string, typed: LossSpec<N, A, U>): readonly [OpFunction<N, U>, BackwardOp] {
  const spec = typed as unknown as AnySpec;
  const family = new Family(name, spec);
  const backward = defineBackward(family);
  const first = plainNames(spec.inputs)[0]!;
  const tolerance = (backend: 'wasm' | 'webgpu') => ({
    // A sum of n takes n - 1 roundings on the longest way, its scale and the product with it one each.
    ulps: ({ types, attrs }: Call) =>
      spec.ulps[backend] + 1 + (attrs.reduction === 'none' ? 0 : sizeOf(types[first]!.shape) + 1),
    magnitude: 'declared' as const,
  });
  const forward = defineOp({
    name,
    summary: spec.summary,
    inputs: spec.inputs,
    kinds: kindsOf(spec),
    attributes: (options: { reduction?: string } | undefined) => ({
      ...spec.attributes?.(options ?? {}),
      reduction: options?.reduction ?? 'mean',
    }),
    infer(types: Types, { reduction }: LossAttrs) {
      const whole = family.check(name, types);
      if (reduction === 'batchMean' && whole.shape.length === 0)
        fail(name, `'batchMean' needs a batch axis, ${first} is []`);
      return reduction === 'none' ? whole : f32([]);
    },
    reference(inputs: Tensors, attrs: LossAttrs) {
      const each = family.map(inputs, (point, w) => w * spec.evaluate(point, attrs));
      return reduce64(each, inputs[first]!.shape, attrs);
    },
    backward: firstRules(family, backward),
    kernels: forwardKernels(family),
    samples: samplesOf(family),
    errors: [
      ...errorsOf(family, name, {}, {}),
      {
        types: goodTypes(family),
        options: { reduction: 'all' },
        message: `${name}: reduction must be ${kindsOf(spec).reduction.words}, got 'all'`,
      },
      ...(spec.errors ?? []),
    ],
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
    magnitude(inputs: Tensors, attrs: LossAttrs) {
      const size = spec.magnitude ?? spec.evaluate;
      const each = family.map(inputs, (point, w) => Math.abs(w * size(point, attrs)));
      return reduce64(each, inputs[first]!.shape, attrs);
    },
  } as unknown as AnyOpSpec);
  return [forward as unknown as OpFunction<N, U>, backward];
}
