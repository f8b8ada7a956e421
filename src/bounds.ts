// How far a kernel may be off: what a declaration's tolerance says, as a bound on each element of a result.
import { fail } from './errors.js';
import type { Attrs, Features, KernelCall, Op, OpSpec, RefTensor, TensorType } from './op.js';

export type AnyCall = KernelCall<string, Attrs>;
export type CallOf = (types: readonly (TensorType | null)[], attrs: Attrs, features: Features) => AnyCall;
type AnyTolerance = OpSpec<readonly string[], Attrs, unknown>['tolerance'];

/** What bounds are worked out from, with inputs by position. */
interface Bounded {
  readonly name: string;
  readonly tolerance: AnyTolerance;
  readonly callOf: CallOf;
  readonly reference: Op['reference'];
  readonly magnitude: Op['reference'] | null;
}

/** The units of roundoff that a declaration's tolerance sets for a call. */
export const ulpsOf =
  (tolerance: AnyTolerance, callOf: CallOf): Op['ulps'] =>
  (backend, types, attrs) => {
    const { ulps = 0 } = tolerance?.[backend] ?? {};
    return typeof ulps === 'function' ? ulps(callOf(types, attrs, new Set())) : ulps;
  };

/**
 * What rounds may lose below the least normal number, 2^-126: half of f32's finest spacing on wasm, on webgpu all of it, for
 * WGSL may take such results for 0.
 */
export const LOST = { wasm: 2 ** -150, webgpu: 2 ** -126 } as const;

/** What adds all of that to a magnitude, whatever the backend: one unit of it is 2^-126. */
export const LOST_POWER = LOST.webgpu * 2 ** 24;

/** The bounds that a declaration's tolerance sets. */
export function boundsOf({ name, tolerance, callOf, reference, magnitude: declared }: Bounded): Op['bounds'] {
  const ulps = ulpsOf(tolerance, callOf);
  return (backend, inputs, attrs, results) => {
    const { magnitude = 'output', floor = 0 } = tolerance?.[backend] ?? {};
    const call = callOf(inputs, attrs, new Set());
    const units = ulps(backend, inputs, attrs);
    const unit = 2 ** -24 * units;
    const magnitudes = {
      output: () => results,
      absolute: () => reference(inputs.map(absolute), attrs, call.outputs),
      declared: () =>
        declared?.(inputs, attrs, call.outputs) ??
        fail(name, "declares no 'magnitude', which its tolerance asks for"),
    }[magnitude]();
    // Each of the roundings that the units count may lose so much, in place of its share of what is rounded.
    const least = Math.max(floor, units * LOST[backend]);
    const bounds = magnitudes.map((values) => values.map((value) => unit * Math.abs(value) + least));
    if (backend === 'wasm' || !inputs.some((input) => input?.dtype === 'f32' && input.data.some(isSubnormal)))
      return bounds;
    const others = reference(inputs.map(flushed), attrs, call.outputs);
    return bounds.map((values, k) =>
      values.map((value, i) => value + LOST.webgpu + distance(results[k]![i]!, others[k]![i]!)),
    );
  };
}

const isSubnormal = (value: number): boolean => value !== 0 && Math.abs(value) < LOST.webgpu;

/**
 * A tensor as WGSL may read it, with 0 in place of numbers below the normal ones. An op may do so in one place and not in
 * another, as a maximum that compares zeros and returns what stood there: what it returns then lies below 2^-126 itself.
 */
const flushed = (tensor: RefTensor | null): RefTensor | null =>
  tensor && (tensor.dtype === 'f32' ? { ...tensor, data: tensor.data.map(flush) } : tensor);
const flush = (value: number): number => (isSubnormal(value) ? 0 : value);

/** |a - b|, infinite where that says nothing: anything may come out then. */
function distance(a: number, b: number): number {
  if (a === b) return 0;
  const between = Math.abs(a - b);
  return Number.isNaN(between) ? Number.POSITIVE_INFINITY : between;
}

const absolute = (tensor: RefTensor | null): RefTensor | null =>
  tensor && (tensor.dtype === 'f32' ? { ...tensor, data: tensor.data.map(Math.abs) } : tensor);
