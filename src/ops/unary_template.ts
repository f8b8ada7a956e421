import { defineOp } from '../define.js';
import type { DType } from '../dtype.js';
import { fail } from '../errors.js';
import type { Kinds } from '../kinds.js';
import {
  type BackwardContext,
  type ErrorCase,
  expectDType,
  f32,
  type KernelCall,
  type Sample,
  type SampleInput,
  type TensorType,
  type Tolerance,
  type Value,
} from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import { expectSameShape, pointwise, snake } from './common.js';

type UnaryContext<A> = BackwardContext<A> & { readonly x: Value };
type Call<A> = KernelCall<'x', A>;
type BackwardCall<A> = KernelCall<'dy' | 'v', A>;
/** The units' magnitude is what the spec declares, or else |output|. */
type Tolerances<C> = { readonly [K in 'wasm' | 'webgpu']: Tolerance<C> };

/** What is below `min` is raised to it, then what is above `max` lowered: a zero of x keeps its sign. */
export const between = (x: number, min: number, max: number): number => {
  const raised = x < min ? min : x;
  return raised > max ? max : raised;
};

export const EXACT: Tolerances<unknown> = { wasm: { ulps: 0 }, webgpu: { ulps: 0 } };

/** Away from a kink at zero. */
export const signed = { domain: [0.1, 3], signed: true } as const;

/** Sizes round the four lanes of a vector: 1, 3, 4, 5, a prime and more than one block. */
const shapes: readonly (readonly number[])[] = [[], [3], [4], [5], [2, 17], [4099]];

/** Every shape with the first options, one shape with each of the others. */
const cases = <U>(options: readonly U[]): { shape: readonly number[]; option: U }[] =>
  options.flatMap((option, i) => (i === 0 ? shapes : [[2, 17]]).map((shape) => ({ shape, option })));

/** What the forward and the backward template have in common. */
interface Shared<A extends object, U> {
  readonly summary: string;
  readonly kinds?: Kinds<U>;
  readonly attributes?: (options: U | undefined) => A;
  readonly options?: readonly (U | undefined)[];
  /** The kernel's name without its dtype, default the op's own. */
  readonly kernel?: string;
  /** Several kernels of which the attributes choose, in place of `kernel`. */
  readonly kernels?: Readonly<Record<string, (attrs: A) => boolean>>;
  readonly sample?: Omit<SampleInput, 'shape'>;
  /** Options that are refused. */
  readonly wrong?: readonly { readonly options?: U; readonly message: string }[];
}

type Params = { readonly a?: number; readonly b?: number };

interface UnarySpec<A extends object, U> extends Shared<A, U> {
  /** Kernel parameters `a` and `b`. */
  readonly params?: (attrs: A, dtype: DType) => Params;
  readonly evaluate: (x: number, attrs: A) => number;
  /** The same on i32, for an op that takes both. */
  readonly integer?: (x: number, attrs: A) => number;
  /** What is taken in place of f32. */
  readonly takes?: 'bool';
  /** What is made in place of x's dtype. */
  readonly makes?: 'bool';
  readonly check?: (x: TensorType, attrs: A) => void;
  /** Further calls that are refused. */
  readonly errors?: readonly ErrorCase<'x', U>[];
  readonly backward: ((context: UnaryContext<A>) => Value | null) | null;
  readonly linear?: boolean;
  readonly tolerance?: Tolerances<Call<A>>;
  /** What the tolerance's units are of, where it is not |y|. */
  readonly magnitude?: (x: number, attrs: A) => number;
}

/** Units of the declared magnitude where there is one, unless a backend says otherwise. */
function tolerances<C>(own: Tolerances<C> | undefined, ulps: number, declared: boolean): Tolerances<C> {
  const magnitude = declared ? ('declared' as const) : ('output' as const);
  const { wasm = { ulps }, webgpu = { ulps } } = own ?? {};
  return { wasm: { magnitude, ...wasm }, webgpu: { magnitude, ...webgpu } };
}

/** One variant per kernel and dtype. */
function variants<N extends string, A extends object, U>(
  backend: 'wasm' | 'webgpu',
  name: string,
  spec: Shared<A, U> & { readonly params?: (attrs: A, dtype: DType) => Params },
  operands: readonly N[],
  dtypes: readonly DType[],
) {
  const list = spec.kernels ?? { [spec.kernel ?? snake(name)]: () => true };
  return Object.entries(list).flatMap(([kernel, when]) =>
    dtypes.map((dtype) => {
      const [variant] = pointwise<N, A>(
        `${kernel}_${dtype}`,
        [...operands, 'output'],
        ({ output, attrs }) => {
          const { a = 0, b = 0 } = spec.params?.(attrs, dtype) ?? {};
          return { size: sizeOf(output.shape), a, b };
        },
      )[backend];
      const takes = ({ types, attrs }: KernelCall<N, A>) =>
        (types as unknown as Readonly<Record<N, TensorType>>)[operands[0]!].dtype === dtype && when(attrs);
      return { ...variant!, when: takes };
    }),
  );
}

/** Whole numbers with both ends of i32 and the first whose square does not fit. */
const WHOLE = [-2147483648, 2147483647, 0, -1, 7, 46341, -46342, 1, -3];

function samplesOf<A extends object, U>(
  spec: UnarySpec<A, U>,
  options: readonly (U | undefined)[],
  dtype: DType,
): Sample<'x', U>[] {
  const own = cases(options).map(({ shape, option }) => ({
    inputs: { x: { shape, dtype, ...spec.sample } },
    options: option as U,
  }));
  const whole = { shape: [4099], dtype: 'i32', values: WHOLE } as const;
  return spec.integer ? [...own, { inputs: { x: whole }, options: options.at(-1) as U }] : own;
}

/** y = f(x), element by element: of f32, where it makes sense of i32. */
export function unary<A extends object = Record<never, never>, U = undefined>(
  name: string,
  spec: UnarySpec<A, U>,
) {
  const options = spec.options ?? [undefined];
  const takes: DType = spec.takes ?? 'f32';
  const dtypes: DType[] = spec.integer ? [takes, 'i32'] : [takes];
  const stranger = takes === 'f32' && !spec.integer ? 'i32' : takes === 'f32' ? 'bool' : 'f32';
  return defineOp({
    name,
    summary: spec.summary,
    inputs: ['x'],
    kinds: spec.kinds!,
    attributes: (given: U | undefined) => spec.attributes?.(given) ?? ({} as A),
    infer({ x }, attrs) {
      if (!dtypes.includes(x.dtype))
        fail(name, `x must be ${dtypes.join(' or ')}, it is ${x.dtype}${showShape(x.shape)}`);
      spec.check?.(x, attrs);
      return { shape: x.shape, dtype: spec.makes ?? x.dtype };
    },
    reference: ({ x }, attrs) =>
      x.data.map((value) => (x.dtype === 'i32' ? spec.integer! : spec.evaluate)(value, attrs)),
    backward: { x: spec.backward },
    kernels: {
      wasm: variants('wasm', name, spec, ['x'], dtypes),
      webgpu: variants('webgpu', name, spec, ['x'], dtypes),
    },
    inPlace: ['x'],
    linear: spec.linear ? ['x'] : [],
    samples: samplesOf(spec, options, takes),
    errors: [
      {
        types: { x: { shape: [2, 3], dtype: stranger } },
        options: options[0] as U,
        message: `${name}: x must be ${dtypes.join(' or ')}, it is ${stranger}[2,3]`,
      },
      ...(spec.wrong ?? []).map((wrong) => ({ types: { x: { shape: [2], dtype: takes } }, ...wrong })),
      ...(spec.errors ?? []),
    ],
    tolerance: tolerances(spec.tolerance, 1, spec.magnitude !== undefined),
    magnitude: ({ x }, attrs) => x.data.map((value) => spec.magnitude!(value, attrs)),
  });
}

interface BackwardSpec<A extends object, U> extends Shared<A, U> {
  readonly params?: (attrs: A) => Params;
  /** dx, linear in dy. */
  readonly evaluate: (dy: number, v: number, attrs: A) => number;
  /** The gradient with respect to v, given grad (of dx), dy and v; null where it is zero almost everywhere. */
  readonly second: (context: { grad: Value; dy: Value; v: Value; attrs: A }) => Value | null;
  readonly tolerance?: Tolerances<BackwardCall<A>>;
  /** What the tolerance's units are of, for dy = 1, where it is not |dx|. */
  readonly magnitude?: (v: number, attrs: A) => number;
}

/** dx = dy f'(v), where v is the op's input or its output. */
export function unaryBackward<A extends object = Record<never, never>, U = undefined>(
  name: string,
  spec: BackwardSpec<A, U>,
) {
  const options = spec.options ?? [undefined];
  const op = defineOp({
    name,
    summary: spec.summary,
    inputs: ['dy', 'v'],
    kinds: spec.kinds!,
    attributes: (given: U | undefined) => spec.attributes?.(given) ?? ({} as A),
    infer({ dy, v }) {
      expectDType(name, { dy, v }, 'f32');
      expectSameShape(name, { dy, v });
      return v;
    },
    reference: ({ dy, v }, attrs) => v.data.map((value, i) => spec.evaluate(dy.data[i]!, value, attrs)),
    backward: {
      dy: ({ grad, v, attrs }): Value => op(grad, v, attrs as unknown as U),
      v: ({ grad, dy, v, attrs }): Value | null => spec.second({ grad, dy, v, attrs }),
    },
    kernels: {
      wasm: variants('wasm', name, spec, ['dy', 'v'], ['f32']),
      webgpu: variants('webgpu', name, spec, ['dy', 'v'], ['f32']),
    },
    inPlace: ['dy', 'v'],
    linear: ['dy'],
    samples: cases(options).map(({ shape, option }) => ({
      inputs: { dy: { shape }, v: { shape, ...spec.sample } },
      options: option as U,
    })),
    errors: [
      {
        types: { dy: f32([3]), v: f32([2, 3]) },
        options: options[0] as U,
        message: `${name}: shapes differ, dy is [3], v is [2,3]`,
      },
      {
        types: { dy: f32([2]), v: { shape: [2], dtype: 'i32' } },
        options: options[0] as U,
        message: `${name}: v must be f32, it is i32[2]`,
      },
      ...(spec.wrong ?? []).map((wrong) => ({ types: { dy: f32([2]), v: f32([2]) }, ...wrong })),
    ],
    tolerance: tolerances(spec.tolerance, 4, spec.magnitude !== undefined),
    magnitude: ({ dy, v }, attrs) => v.data.map((value, i) => dy.data[i]! * spec.magnitude!(value, attrs)),
  });
  return op;
}
