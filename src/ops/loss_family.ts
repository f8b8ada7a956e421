/**
 * Losses that are a function of corresponding elements of x, target and up to two operands more. A loss is declared by
 * its value and its derivatives; its op and its backward op are made here. Each has one kernel, which writes every
 * element ('none') or adds up blocks while it computes ('mean', 'sum').
 */
import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import {
  type ErrorCase,
  expectDType,
  f32,
  type KernelCall,
  type OpFunction,
  type OpSpec,
  type RefTensor,
  type SampleInput,
  type TensorType,
  type Value,
} from '../op.js';
import {
  broadcastShapes,
  broadcastStrides,
  forEachOffset,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from '../shape.js';
import { mul } from './binary.js';
import { BLOCK, elementUnits, expectSameShape, snake } from './common.js';
import { full } from './fill.js';
import { sum } from './reduce.js';

export type Reduction = 'none' | 'mean' | 'sum';

export interface ReductionOptions {
  /** Each element's loss, their mean or their sum; default 'mean'. */
  readonly reduction?: Reduction;
}

const REDUCTIONS: readonly string[] = ['none', 'mean', 'sum'];

/** The reduction that the options name, or an error. */
export function reductionOf<R extends string = Reduction>(
  name: string,
  options: { readonly reduction?: R } | undefined,
  allowed: readonly string[] = REDUCTIONS,
): R {
  const reduction = options?.reduction ?? ('mean' as R);
  if (!allowed.includes(reduction)) {
    const names = allowed.map((one) => `'${one}'`);
    fail(name, `reduction must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)}, got '${reduction}'`);
  }
  return reduction;
}

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
type Ulps = { readonly wasm: number; readonly webgpu: number };

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
  /** Checks the third operand's shape, beyond that it broadcasts. */
  readonly attributes?: (options: U | undefined) => A;
  /** Kernel parameters. */
  readonly params?: (attrs: A) => { a?: number; b?: number; e?: number };
  readonly reductions?: readonly string[];
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

type Types = Readonly<Record<string, TensorType | null>>;
type Tensors = Readonly<Record<string, RefTensor | null>>;
type Call = KernelCall<string, LossAttrs>;
type AnySpec = LossSpec<readonly string[], LossAttrs, object>;

/** How `shape` is read as `whole`: each element `inner` times, and all `count` over and over; null where it can't be. */
function repetition(shape: Shape, whole: Shape): { inner: number; count: number } | null {
  const strides = broadcastStrides(shape, whole);
  const moving = whole.flatMap((size, axis) => (size > 1 && strides[axis]! > 0 ? [axis] : []));
  if (moving.length === 0) return { inner: Math.max(1, sizeOf(whole)), count: 1 };
  const [first, last] = [moving[0]!, moving.at(-1)!];
  const still = whole.some((size, axis) => axis > first && axis < last && size > 1 && strides[axis] === 0);
  return still ? null : { inner: sizeOf(whole.slice(last + 1)), count: sizeOf(shape) };
}

function expectRepeated(name: string, input: string, type: TensorType, whole: Shape): void {
  const shape = broadcastShapes(type.shape, whole);
  if (!shape || !sameShape(shape, whole))
    fail(name, `${input} must broadcast to ${showShape(whole)}, it is ${showShape(type.shape)}`);
  if (sizeOf(whole) > 0 && !repetition(type.shape, whole)) {
    const what = `${input} ${showShape(type.shape)} has an axis of size 1 between others`;
    fail(name, `${what}, give broadcastTo ${showShape(whole)} instead`);
  }
}

/** A loss and its backward op, as functions and as declarations. */
class Family {
  readonly #pair: readonly [string, string];

  constructor(
    readonly name: string,
    readonly spec: AnySpec,
  ) {
    this.#pair = [spec.inputs[0]!, spec.inputs[1]!];
  }

  /** Operands in the order of kernels: the pair, the third, the weight. */
  get operands(): (string | null)[] {
    const { third, inputs } = this.spec;
    return [...this.#pair, third ?? null, inputs.includes('weight?') ? 'weight' : null];
  }

  check(name: string, types: Types): TensorType {
    const [first, second, third, weight] = this.operands;
    const pair = { [first!]: types[first!]!, [second!]: types[second!]! };
    expectDType(name, types, 'f32');
    expectSameShape(name, pair);
    const { shape } = types[first!]!;
    for (const input of [third, weight]) {
      const type = input && types[input];
      if (type) expectRepeated(name, input, type, shape);
    }
    return f32(shape);
  }

  /** f of each element, with its weight. */
  map(inputs: Tensors, f: (point: Point, weight: number, index: number) => number): Float64Array {
    const [x, t, c, w] = this.operands.map((name) => (name === null ? null : inputs[name]));
    const { shape } = x!;
    const strides = [c, w].map((one) => broadcastStrides(one ? one.shape : [], shape));
    const y = new Float64Array(sizeOf(shape));
    forEachOffset(shape, strides, (i, [p, q]) => {
      y[i] = f({ x: x!.data[i]!, t: t!.data[i]!, c: c ? c.data[p!]! : null }, w ? w.data[q!]! : 1, i);
    });
    return y;
  }

  params({ types, attrs }: Call): Record<string, number> {
    const whole = types[this.#pair[0]]!.shape;
    const [, , third, weight] = this.operands;
    const repeated = (input: string | null | undefined) => {
      const type = input && types[input];
      return (type && repetition(type.shape, whole)) || { inner: 1, count: 0 };
    };
    const [c, w] = [repeated(third), repeated(weight)];
    const own = { a: 0, b: 0, e: 0, ...this.spec.params?.(attrs) };
    const repeats = { cInner: c.inner, cCount: c.count, wInner: w.inner, wCount: w.count };
    return { size: sizeOf(whole), ...own, ...repeats };
  }
}

/** Elements that one GPU workgroup of 64 takes. */
const CHUNK = 1024;

const scaleOf = (shape: Shape, reduction: unknown): number => {
  if (reduction === 'mean') return 1 / sizeOf(shape);
  return reduction === 'batchMean' ? 1 / shape[0]! : 1;
};

function forwardKernels(family: Family) {
  const kernel = `${snake(family.name)}_f32`;
  const { operands } = family;
  const variant = (backend: 'wasm' | 'webgpu') => {
    const chunksOf = ({ types }: Call) =>
      Math.ceil(sizeOf(types[operands[0]!]!.shape) / (backend === 'wasm' ? BLOCK : CHUNK));
    const units = (chunks: number) => (backend === 'wasm' ? chunks : chunks * 64);
    return {
      name: kernel,
      temporaries: (call: Call) => {
        const two = call.attrs.reduction !== 'none' && chunksOf(call) !== 1;
        return two ? { sums: 4 * Math.max(1, chunksOf(call)) } : ({} as Record<string, number>);
      },
      launches(call: Call) {
        const chunks = chunksOf(call);
        const sums = Number(call.attrs.reduction !== 'none');
        const scale = scaleOf(call.types[operands[0]!]!.shape, call.attrs.reduction);
        const common = { ...family.params(call), sums, moves: 0 };
        const launch = (to: string, factor: number) => ({
          kernel,
          operands: [...operands, to],
          params: { ...common, scale: factor },
          units: units(chunks),
        });
        if (!sums || chunks === 1) return [launch('output', scale)];
        const total = { kernel: 'loss_total_f32', operands: ['sums', 'output'], units: units(1) };
        return [launch('sums', 1), { ...total, params: { count: chunks, scale } }];
      },
    };
  };
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

function backwardKernels(family: Family) {
  const { operands } = family;
  const { derivatives } = family.spec;
  const kernelOf = (wrt: unknown) =>
    `${snake(family.name)}_backward_f32${derivatives[String(wrt)]!.kernel ?? ''}`;
  const names = [...new Set(Object.keys(derivatives).map(kernelOf))];
  const variants = (backend: 'wasm' | 'webgpu') =>
    names.map((name) => ({
      name,
      when: ({ attrs }: Call) => kernelOf(attrs.wrt) === name,
      launches(call: Call) {
        const { types, attrs, output } = call;
        const scale = Number(attrs.scale) * (derivatives[String(attrs.wrt)]!.sign ?? 1);
        const moves = Number(types.dy!.shape.length > 0);
        return [
          {
            kernel: name,
            operands: [...operands, 'dy', 'output'],
            params: { ...family.params(call), sums: 0, moves, scale },
            units: elementUnits(sizeOf(output.shape), backend),
          },
        ];
      },
    }));
  return { wasm: variants('wasm'), webgpu: variants('webgpu') };
}

/** Shapes round the lanes of a vector and the blocks of either backend, with the shapes of what is repeated. */
const PLANS: readonly { shape: Shape; reduction: string; third: Shape; weight?: Shape }[] = [
  { shape: [5], reduction: 'none', third: [5] },
  { shape: [2, 3, 7], reduction: 'mean', third: [7], weight: [3, 1] },
  { shape: [4099], reduction: 'sum', third: [1], weight: [4099] },
  { shape: [], reduction: 'mean', third: [] },
  { shape: [3, 17], reduction: 'none', third: [17], weight: [17] },
];

/** Inputs of a sample; what is optional is left out now and then. */
function sampleInputs(family: Family, fill: Readonly<Record<string, object>>, plan: (typeof PLANS)[number]) {
  const { spec } = family;
  const [x, t, third, weight] = family.operands;
  const inputs: Record<string, SampleInput> = {};
  inputs[x!] = { shape: plan.shape, ...fill[x!] };
  inputs[t!] = { shape: plan.shape, ...fill[t!] };
  const optional = third && spec.inputs.includes(`${third}?`);
  if (third && !(optional && plan.shape.length === 1))
    inputs[third] = { shape: spec.thirdShape?.(plan.shape) ?? plan.third, ...fill[third] };
  if (weight && plan.weight) inputs[weight] = { shape: plan.weight, domain: [0.5, 2] };
  return inputs;
}

function samplesOf(family: Family) {
  return family.spec.cases.flatMap(({ options, fill }, k) =>
    (k === 0 ? PLANS : [PLANS[1 + (k % 2)]!, PLANS[4]!]).map((plan) => ({
      inputs: sampleInputs(family, fill, plan),
      options: { ...options, reduction: plan.reduction },
    })),
  );
}

function backwardSamples(family: Family) {
  return family.spec.cases.flatMap(({ options, fill }, k) =>
    Object.keys(family.spec.derivatives).flatMap((wrt) =>
      (k === 0 ? [PLANS[1]!, PLANS[2]!, PLANS[4]!] : [PLANS[1]!]).map((plan) => ({
        inputs: {
          ...sampleInputs(family, fill, plan),
          dy: { shape: plan.reduction === 'none' ? plan.shape : [] },
        },
        options: { ...options, wrt, scale: plan.reduction === 'mean' ? 0.25 : 1 },
      })),
    ),
  );
}

function errorsOf(family: Family, name: string, more: Types, options: object) {
  const { inputs, third } = family.spec;
  const [x, t, , weight] = family.operands;
  const required = third && inputs.includes(third) ? { [third]: f32([2, 3]) } : {};
  const good = { [x!]: f32([2, 3]), [t!]: f32([2, 3]), ...required, ...more };
  const shapes = `shapes differ, ${x} is [2,3], ${t} is [3]`;
  return [
    { types: { ...good, [t!]: f32([3]) }, options, message: `${name}: ${shapes}` },
    {
      types: { ...good, [t!]: { shape: [2, 3], dtype: 'i32' } },
      options,
      message: `${name}: ${t} must be f32, it is i32[2,3]`,
    },
    ...(weight
      ? [
          {
            types: { ...good, weight: f32([2]) },
            options,
            message: `${name}: weight must broadcast to [2,3], it is [2]`,
          },
          {
            types: { ...good, [x!]: f32([2, 4, 3]), [t!]: f32([2, 4, 3]), weight: f32([2, 1, 3]) },
            options,
            message: `${name}: weight [2,1,3] has an axis of size 1 between others, give broadcastTo [2,4,3] instead`,
          },
        ]
      : []),
  ];
}

type AnyRule = (context: Record<string, Value | null> & { grad: Value; attrs: LossAttrs }) => Value | null;
type BackwardFunction = (...args: unknown[]) => Value;

/** dx = dy scale weight f'(x), for the operand that `wrt` names; dy is a scalar or has the shape of x. */
function defineBackward(family: Family): OpFunction<readonly string[], object> {
  const { spec } = family;
  const name = `${family.name}Backward`;
  const inputs = [...spec.inputs, 'dy'];
  const plain = inputs.map((input) => input.replace('?', ''));
  const of = ({ wrt }: LossAttrs) => spec.derivatives[String(wrt)]!;
  const [x, t, third, weight] = family.operands;
  const rules: Record<string, AnyRule | null> = {};
  for (const input of plain) {
    rules[input] =
      input in spec.derivatives
        ? (context) => {
            const { grad, attrs } = context;
            const second = of(attrs).second?.[input];
            if (!second) return null;
            const scaled = mul(context.dy!, full({ shape: [], value: Number(attrs.scale) }));
            const held = weight ? context[weight] : null;
            const g = mul(grad, held ? mul(scaled, held) : scaled);
            const c = third ? context[third]! : null;
            return second(g, { x: context[x!]!, t: context[t!]!, c }, attrs);
          }
        : null;
  }
  rules.dy = (context) => {
    const given = plain.map((input) => (input === 'dy' ? context.grad : context[input]));
    const product = (op as unknown as BackwardFunction)(...given, context.attrs);
    return context.dy!.shape.length === 0 ? sum(product) : product;
  };
  const weighted = (
    inputs: Tensors,
    attrs: LossAttrs,
    f: (point: Point) => number,
    size: (v: number) => number,
  ) =>
    family.map(inputs, (point, w, i) => {
      const dy = inputs.dy!;
      return size(f(point)) * size(w * dy.data[dy.shape.length === 0 ? 0 : i]! * Number(attrs.scale));
    });
  const tolerance = (backend: 'wasm' | 'webgpu') => ({
    // Scale rounds once, and so do the products with dy, weight and derivative.
    ulps: ({ attrs }: Call) => of(attrs).ulps[backend] + 4,
    magnitude: 'declared' as const,
  });
  const op: OpFunction<readonly string[], object> = defineOp({
    name,
    summary: `d${spec.summary.replace(/^y = /, '').replace(/^/, '(')}), by the operand that wrt names, times dy`,
    inputs,
    attributes(options: { wrt?: string; scale?: number } | undefined) {
      const { wrt = plain[0]!, scale = 1 } = options ?? {};
      const names = Object.keys(spec.derivatives);
      if (!names.includes(wrt)) fail(name, `wrt must be one of ${names.join(', ')}, got '${wrt}'`);
      return { ...spec.attributes?.(options), wrt, scale };
    },
    infer(types: Types) {
      const shape = family.check(name, types);
      const { dy } = types;
      if (dy!.shape.length > 0 && !sameShape(dy!.shape, shape.shape))
        fail(name, `dy must be a scalar or ${showShape(shape.shape)}, it is ${showShape(dy!.shape)}`);
      return shape;
    },
    reference: (inputs: Tensors, attrs: LossAttrs) =>
      weighted(
        inputs,
        attrs,
        (point) => of(attrs).evaluate(point, attrs),
        (v) => v,
      ),
    backward: rules,
    kernels: backwardKernels(family),
    inPlace: [x, t, 'dy'],
    linear: ['dy'],
    samples: backwardSamples(family),
    errors: [
      ...errorsOf(family, name, { dy: f32([]) }, {}),
      {
        types: {
          ...Object.fromEntries(
            [x, t, ...(third && spec.inputs.includes(third) ? [third] : [])].map((k) => [k, f32([2])]),
          ),
          dy: f32([3]),
        },
        message: `${name}: dy must be a scalar or [2], it is [3]`,
      },
      {
        types: {
          ...Object.fromEntries(
            [x, t, ...(third && spec.inputs.includes(third) ? [third] : [])].map((k) => [k, f32([2])]),
          ),
          dy: f32([]),
        },
        options: { wrt: 'y' },
        message: `${name}: wrt must be one of ${Object.keys(spec.derivatives).join(', ')}, got 'y'`,
      },
    ],
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
    magnitude: (inputs: Tensors, attrs: LossAttrs) =>
      weighted(inputs, attrs, (point) => (of(attrs).magnitude ?? of(attrs).evaluate)(point, attrs), Math.abs),
  } as unknown as OpSpec<readonly string[], LossAttrs, object>);
  return op;
}

/** Declares a loss; returns its function and that of its gradient. */
export function defineLoss<
  const N extends readonly string[],
  A extends LossAttrs,
  U extends object = ReductionOptions,
>(
  name: string,
  typed: LossSpec<N, A, U>,
): readonly [OpFunction<N, U>, OpFunction<readonly string[], object>] {
  const spec = typed as unknown as AnySpec;
  const family = new Family(name, spec);
  const backward = defineBackward(family);
  const plain = spec.inputs.map((input) => input.replace('?', ''));
  const rules: Record<string, AnyRule | null> = {};
  for (const input of plain) {
    rules[input] =
      input in spec.derivatives
        ? (context) => {
            const { grad, attrs } = context;
            const scale = scaleOf(context[plain[0]!]!.shape, attrs.reduction);
            const given = plain.map((one) => context[one]);
            const { reduction: _, ...own } = attrs;
            return (backward as unknown as BackwardFunction)(...given, grad, { ...own, wrt: input, scale });
          }
        : null;
  }
  const reduce = (values: Float64Array, shape: Shape, { reduction }: LossAttrs): Float64Array =>
    reduction === 'none'
      ? values
      : Float64Array.of(values.reduce((a, b) => a + b, 0) * scaleOf(shape, reduction));
  const tolerance = (backend: 'wasm' | 'webgpu') => ({
    // A sum of n takes n - 1 roundings on the longest way, its scale and the product with it one each.
    ulps({ types, attrs }: Call) {
      const size = sizeOf(types[plain[0]!]!.shape);
      return spec.ulps[backend] + 1 + (attrs.reduction === 'none' ? 0 : size + 1);
    },
    magnitude: 'declared' as const,
  });
  const forward = defineOp({
    name,
    summary: spec.summary,
    inputs: spec.inputs,
    attributes: (options: { reduction?: string } | undefined) => ({
      ...spec.attributes?.(options ?? {}),
      reduction: reductionOf(name, options, spec.reductions),
    }),
    infer(types: Types, { reduction }: LossAttrs) {
      const whole = family.check(name, types);
      if (reduction === 'batchMean' && whole.shape.length === 0)
        fail(name, `'batchMean' needs a batch axis, ${plain[0]} is []`);
      return reduction === 'none' ? whole : f32([]);
    },
    reference: (inputs: Tensors, attrs: LossAttrs) =>
      reduce(
        family.map(inputs, (point, w) => w * spec.evaluate(point, attrs)),
        inputs[plain[0]!]!.shape,
        attrs,
      ),
    backward: rules,
    kernels: forwardKernels(family),
    samples: samplesOf(family),
    errors: [
      ...errorsOf(family, name, {}, {}),
      {
        types: Object.fromEntries(
          plain.filter((_, i) => !spec.inputs[i]!.endsWith('?')).map((k) => [k, f32([2])]),
        ),
        options: { reduction: 'all' },
        message: `${name}: ${reductionMessage(spec.reductions ?? REDUCTIONS)}, got 'all'`,
      },
      ...(spec.errors ?? []),
    ],
    tolerance: { wasm: tolerance('wasm'), webgpu: tolerance('webgpu') },
    magnitude: (inputs: Tensors, attrs: LossAttrs) =>
      reduce(
        family.map(inputs, (point, w) => Math.abs(w * (spec.magnitude ?? spec.evaluate)(point, attrs))),
        inputs[plain[0]!]!.shape,
        attrs,
      ),
  } as unknown as OpSpec<readonly string[], LossAttrs, object>);
  return [forward as unknown as OpFunction<N, U>, backward];
}

const reductionMessage = (allowed: readonly string[]): string => {
  const names = allowed.map((one) => `'${one}'`);
  return `reduction must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
};
