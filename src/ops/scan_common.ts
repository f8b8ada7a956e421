import type { KernelCall } from '../op.js';
import type { Shape } from '../shape.js';
import { mapRows, rowsOf } from './rows.js';

export interface AlongOptions {
  /** The axis to go along. */
  readonly axis: number;
  /** From the last element to the first, default false. */
  readonly reverse?: boolean;
}

/** Up to this length one GPU thread goes along a row, else 64 of them take a part each. */
const SERIAL_LIMIT = 32;

/** One wasm unit is a row, or `together` neighbouring ones; on a GPU a row is one thread's or a workgroup's. */
export function scanKernels<N extends string, A extends { readonly axis: number; readonly reverse: boolean }>(
  kernelOf: (call: KernelCall<N, A>) => string,
  kernels: readonly string[],
  operands: readonly string[],
  mode: (attrs: A) => number,
  together = 1,
) {
  const variant = (kernel: string, backend: 'wasm' | 'webgpu', serial: boolean) => ({
    name: backend === 'wasm' ? kernel : `${kernel}__${serial ? 'serial' : 'workgroup'}`,
    when: (call: KernelCall<N, A>) =>
      kernelOf(call) === kernel &&
      (backend === 'wasm' || !serial || rowsOf(call.output.shape, call.attrs.axis).length <= SERIAL_LIMIT),
    launches(call: KernelCall<N, A>) {
      const { attrs } = call;
      const rows = rowsOf(call.output.shape, attrs.axis);
      const inner = backend === 'wasm' ? Math.ceil(rows.inner / together) : rows.inner;
      const count = rows.length === 0 ? 0 : rows.outer * inner;
      const params = {
        ...rows,
        reverse: Number(attrs.reverse),
        mode: mode(attrs),
        serial: Number(serial),
      };
      return [{ kernel, operands, params, units: serial ? count : count * 64 }];
    },
  });
  return {
    wasm: kernels.map((kernel) => variant(kernel, 'wasm', true)),
    webgpu: kernels.flatMap((kernel) => [variant(kernel, 'webgpu', true), variant(kernel, 'webgpu', false)]),
  };
}

/** Replaces every row by what `f` makes of it, in the order of the scan. */
export const mapScans = (
  shape: Shape,
  { axis, reverse }: { readonly axis: number; readonly reverse: boolean },
  inputs: readonly Float64Array[],
  f: (...rows: Float64Array[]) => Float64Array,
): Float64Array => mapRows(shape, axis, inputs, f, reverse);
