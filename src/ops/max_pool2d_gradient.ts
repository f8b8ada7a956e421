import { defineOp } from '../define.js';
import { fail } from '../errors.js';
import { expectDType, f32, type KernelCall, type Launch, type RefTensor, type Value } from '../op.js';
import { showShape, sizeOf } from '../shape.js';
import { largestOf } from './pool_reference.js';
import {
  expectPooled,
  forEachWindow,
  type Geometry,
  mostWindows,
  type Pooling,
  pooledCase,
  pooledType,
  windowParams,
} from './pool_windows.js';

/** The gradients of one kind of max pooling, each other's adjoints. */
export interface Rules<A> {
  readonly backward: (dy: Value, x: Value, attrs: A) => Value;
  readonly select: (values: Value, x: Value, attrs: A) => Value;
}

/** One launch of a kernel over windows: a wasm unit is a plane, a webgpu invocation an element of what is `made`. */
export const windowLaunch = (
  backend: 'wasm' | 'webgpu',
  kernel: string,
  operands: readonly string[],
  g: Geometry,
  made: number,
): Launch => ({
  kernel,
  operands,
  params: windowParams(g, { countIncludePad: false, divisorOverride: null }),
  units: backend === 'wasm' ? g.planes : made,
});

/** The function f(index of a window's output, index of its winner) over all windows. */
export const forEachWinner = (x: RefTensor, g: Geometry, f: (i: number, winner: number) => void): void =>
  forEachWindow(g, (i, covered) => f(i, largestOf(x.data, covered)));

type BackwardCall<A> = KernelCall<'dy' | 'x', A>;

/** wasm looks for the winners as it goes; webgpu finds them all first, for an element to look at those round it. */
function backwardKernels<U, A extends U & object>(pooling: Pooling<U, A>) {
  const name = 'max_pool2d_backward_f32';
  const plan = ({ types, attrs }: BackwardCall<A>) => pooling.plan(name, types.x, attrs);
  return {
    wasm: [
      {
        name,
        launches: (call: BackwardCall<A>) => [
          windowLaunch('wasm', name, ['dy', 'x', 'output'], plan(call), sizeOf(call.output.shape)),
        ],
      },
    ],
    webgpu: [
      {
        name,
        temporaries: ({ types }: BackwardCall<A>) => ({ winners: 4 * sizeOf(types.dy.shape) }),
        launches(call: BackwardCall<A>) {
          const g = plan(call);
          const { types, output } = call;
          return [
            windowLaunch('webgpu', 'max_pool2d_places_f32', ['x', 'winners'], g, sizeOf(types.dy.shape)),
            windowLaunch('webgpu', name, ['dy', 'winners', 'output'], g, sizeOf(output.shape)),
          ];
        },
      },
    ],
  };
}

export function backwardOp<U, A extends U & object>(name: string, pooling: Pooling<U, A>, rules: Rules<A>) {
  // Of up to n windows that an element wins, n - 1 sums round.
  const tolerance = {
    ulps: ({ types, attrs }: BackwardCall<A>) => mostWindows(pooling.plan(name, types.x, attrs)) - 1,
    magnitude: 'declared',
  } as const;
  const scatter = (dy: Float64Array, x: RefTensor, attrs: A): Float64Array => {
    const dx = new Float64Array(x.data.length);
    forEachWinner(x, pooling.plan(name, x, attrs), (i, winner) => {
      dx[winner]! += dy[i]!;
    });
    return dx;
  };
  const [firstShape, firstOptions] = pooling.cases[0]!;
  const pooled = showShape(pooledCase(pooling, firstShape, firstOptions).shape);
  return defineOp({
    name,
    summary: 'dx = Σ dy over the windows that x wins',
    inputs: ['dy', 'x'],
    attributes: (options: U | undefined, { x }) => pooling.attributes(name, options, x.shape),
    infer({ dy, x }, attrs) {
      expectPooled(name, dy, pooledType(x, pooling.plan(name, x, attrs)));
      return f32(x.shape);
    },
    reference: ({ dy, x }, attrs) => scatter(dy.data, x, attrs),
    magnitude: ({ dy, x }, attrs) => scatter(dy.data.map(Math.abs), x, attrs),
    // Linear in dy; no winner changes with a small change of x.
    backward: { dy: ({ grad, x, attrs }): Value => rules.select(grad, x, attrs), x: () => null },
    kernels: backwardKernels(pooling),
    linear: ['dy'],
    samples: pooling.cases.map(([shape, options]) => ({
      inputs: { dy: { shape: pooledCase(pooling, shape, options).shape }, x: { shape, distinct: true } },
      options,
    })),
    errors: [
      {
        types: { dy: f32([1, 1, 9, 9]), x: f32(firstShape) },
        options: firstOptions,
        message: `${name}: dy must be ${pooled}, it is [1,1,9,9]`,
      },
    ],
    tolerance: { wasm: tolerance, webgpu: tolerance },
  });
}

export function selectOp<U, A extends U & object>(name: string, pooling: Pooling<U, A>, rules: Rules<A>) {
  const kernel = 'max_pool2d_select_f32';
  const variant = (backend: 'wasm' | 'webgpu') => ({
    name: kernel,
    launches({ types, output, attrs }: KernelCall<'values' | 'x', A>) {
      const g = pooling.plan(name, types.x, attrs);
      return [windowLaunch(backend, kernel, ['values', 'x', 'output'], g, sizeOf(output.shape))];
    },
  });
  return defineOp({
    name,
    summary: 'y = values where x is largest in each window',
    inputs: ['values', 'x'],
    attributes: (options: U | undefined, { x }) => pooling.attributes(name, options, x.shape),
    infer({ values, x }, attrs) {
      expectDType(name, { values }, 'f32');
      if (showShape(values.shape) !== showShape(x.shape))
        fail(name, `shapes differ, values is ${showShape(values.shape)}, x is ${showShape(x.shape)}`);
      return pooledType(x, pooling.plan(name, x, attrs));
    },
    reference({ values, x }, attrs, [y]) {
      const out = new Float64Array(sizeOf(y!.shape));
      forEachWinner(x, pooling.plan(name, x, attrs), (i, winner) => {
        out[i] = values.data[winner]!;
      });
      return out;
    },
    backward: { values: ({ grad, x, attrs }): Value => rules.backward(grad, x, attrs), x: () => null },
    kernels: { wasm: [variant('wasm')], webgpu: [variant('webgpu')] },
    linear: ['values'],
    samples: pooling.cases.map(([shape, options]) => ({
      inputs: { values: { shape }, x: { shape, distinct: true } },
      options,
    })),
    errors: [
      {
        types: { values: f32([1, 1, 3, 3]), x: f32([1, 1, 4, 4]) },
        options: pooling.cases[0]![1],
        message: `${name}: shapes differ, values is [1,1,3,3], x is [1,1,4,4]`,
      },
    ],
  });
}
