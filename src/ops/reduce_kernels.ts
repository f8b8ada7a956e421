import type { KernelCall, Launch, TensorType, Variant } from '../op.js';
import { collapse, sizeOf, stridesOf } from '../shape.js';
import { eight } from './common.js';

/** The walk over what is kept and, inside, the walk over what is reduced. */
function walks(x: TensorType, axes: readonly number[]) {
  const strides = stridesOf(x.shape);
  const pick = (keep: boolean) => {
    const chosen = x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) !== keep);
    return collapse(
      chosen.map((axis) => x.shape[axis]!),
      [chosen.map((axis) => strides[axis]!)],
    );
  };
  const [outer, inner] = [pick(true), pick(false)];
  return {
    outer: sizeOf(outer.shape),
    inner: sizeOf(inner.shape),
    outerRank: outer.shape.length,
    innerRank: inner.shape.length,
    outerShape: eight(outer.shape),
    outerStrides: eight(outer.strides[0]!),
    innerShape: eight(inner.shape),
    innerStrides: eight(inner.strides[0]!),
  };
}

/** Where each sum is short, one GPU thread makes one output; else a workgroup does. */
const SERIAL_LIMIT = 32;

/** A kernel, the calls that it takes, and the numbers that its terms and its end need. */
export interface ReduceKernel<A> {
  readonly kernel: string;
  readonly when?: (call: KernelCall<'x', A>) => boolean;
  readonly params?: (call: KernelCall<'x', A>) => { readonly scale?: number; readonly power?: number };
}

export function reduceKernels<A extends { readonly axes: readonly number[] }>(
  kernels: readonly ReduceKernel<A>[],
) {
  type Call = KernelCall<'x', A>;
  const launch = (own: ReduceKernel<A>, call: Call, serial: boolean, perOutput: number): Launch[] => {
    const walk = walks(call.types.x, call.attrs.axes);
    const { scale = 1, power = 0 } = own.params?.(call) ?? {};
    return [
      {
        kernel: own.kernel,
        operands: ['x', 'output'],
        params: { ...walk, serial: Number(serial), scale, power },
        units: walk.outer * perOutput,
      },
    ];
  };
  const reduced = ({ types: { x }, attrs }: Call) => sizeOf(attrs.axes.map((axis) => x.shape[axis]!));
  const takes = (own: ReduceKernel<A>, call: Call) => own.when?.(call) ?? true;
  const wasm = kernels.map(
    (own): Variant<'x', A> => ({
      name: own.kernel,
      when: (call) => takes(own, call),
      launches: (call) => launch(own, call, true, 1),
    }),
  );
  const webgpu = kernels.flatMap((own): Variant<'x', A>[] => [
    {
      name: `${own.kernel}__serial`,
      when: (call) => takes(own, call) && reduced(call) <= SERIAL_LIMIT,
      launches: (call) => launch(own, call, true, 1),
    },
    {
      name: `${own.kernel}__workgroup`,
      when: (call) => takes(own, call),
      launches: (call) => launch(own, call, false, 64),
    },
  ]);
  return { wasm, webgpu };
}

const f32Only = ({ types }: KernelCall<'x', unknown>) => types.x.dtype === 'f32';

/** A kernel for f32, and one for words of i32 and bool. */
export const byDType = (kernel: string) => [
  { kernel: `${kernel}_f32`, when: f32Only },
  { kernel: `${kernel}_i32`, when: (call: KernelCall<'x', unknown>) => !f32Only(call) },
];
