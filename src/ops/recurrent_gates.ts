import { fail } from '../errors.js';
import { expectDType, type KernelCall, type TensorType, type Variant } from '../op.js';
import { sameShape, showShape } from '../shape.js';
import { expectRank } from './common.js';

/** One launch over [batch, hidden]: a wasm unit is a row of the batch, a GPU invocation an element. */
export function pointwise<N extends string>(kernel: string, operands: readonly string[], state: N) {
  const variant = (backend: 'wasm' | 'webgpu'): Variant<N, object> => ({
    name: kernel,
    launches({ types }: KernelCall<N, object>) {
      const [batch, hidden] = (types as Record<string, TensorType>)[state]!.shape as [number, number];
      const units = backend === 'wasm' ? batch : batch * hidden;
      return [{ kernel, operands, params: { batch, hidden }, units, scratch: 20 * hidden }];
    },
  });
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

/** Checks that `state` is [batch, hidden], that what `wide` names is [batch, gates hidden], and the rest like `state`. */
export function checkGates(
  name: string,
  gates: number,
  state: string,
  wide: readonly string[],
  types: Readonly<Record<string, TensorType>>,
): void {
  expectDType(name, types, 'f32');
  expectRank(name, state, types[state]!, 2, '[batch, hidden]');
  const [batch, hidden] = types[state]!.shape as [number, number];
  for (const [key, type] of Object.entries(types)) {
    const wanted = [batch, wide.includes(key) ? gates * hidden : hidden];
    if (!sameShape(type.shape, wanted))
      fail(
        name,
        `${key} must be ${showShape(wanted)} for ${state} ${showShape([batch, hidden])}, it is ${showShape(type.shape)}`,
      );
  }
}

/** Batch and hidden sizes of the samples. */
export const sizes = [
  [1, 1],
  [2, 3],
  [3, 4],
  [5, 17],
] as const;
/** Gates before their functions, in the samples. */
export const PRE = { domain: [-4, 4] } as const;

/** Element j of each of the gates in row b of [batch, gates hidden]. */
export const gatesAt = (data: Float64Array, count: number, hidden: number, b: number, j: number) =>
  Array.from({ length: count }, (_, k) => data[(b * count + k) * hidden + j]!);
