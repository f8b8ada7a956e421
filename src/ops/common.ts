import { fail } from '../errors.js';
import type { KernelCall, Launch, RefTensor, TensorType, Variant } from '../op.js';
import {
  broadcastShapes,
  broadcastStrides,
  collapse,
  forEachOffset,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from '../shape.js';

/** Output elements that one wasm work unit of an elementwise kernel covers. */
export const BLOCK = 512;

/** Work for a kernel over `size` elements: blocks on wasm, one invocation per element on webgpu. */
export const elementUnits = (size: number, backend: 'wasm' | 'webgpu'): number =>
  backend === 'wasm' ? Math.ceil(size / BLOCK) : size;

interface Kernels<N extends string, A> {
  readonly wasm: Variant<N, A>[];
  readonly webgpu: Variant<N, A>[];
}

/** Scratch memory of assembly/walk.ts: its state, a block for each operand and four vectors, or room for three spread out. */
export const WALK_SCRATCH = 192;
const SPREAD_SCRATCH = 128 + 3 * (4 * 1024 + 16);

/** The same single launch on both backends, with scratch memory for a walk. `units` counts elements. */
export function elementwise<N extends string, A>(
  kernel: string,
  operands: readonly string[],
  params: (call: KernelCall<N, A>) => Launch['params'],
  size: (call: KernelCall<N, A>) => number = ({ output }) => sizeOf(output.shape),
): Kernels<N, A> {
  const variant = (backend: 'wasm' | 'webgpu'): Variant<N, A> => ({
    name: kernel,
    launches(call) {
      const given = params(call);
      const scratch = Number(given.rank ?? 0) > 1 ? SPREAD_SCRATCH : WALK_SCRATCH;
      const launch = { kernel, operands, params: given, units: elementUnits(size(call), backend) };
      return [backend === 'wasm' ? { ...launch, scratch } : launch];
    },
  });
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

/** {@link elementwise} of a kernel whose output depends, element by element, on the same element of full operands. */
export function pointwise<N extends string, A>(
  ...given: Parameters<typeof elementwise<N, A>>
): Kernels<N, A> {
  const { wasm, webgpu } = elementwise(...given);
  const flat = ({ launches, ...variant }: Variant<N, A>): Variant<N, A> => ({
    ...variant,
    launches: (call) => launches(call).map((launch) => ({ ...launch, flat: true })),
  });
  return { wasm: wasm.map(flat), webgpu: webgpu.map(flat) };
}

/** Pads a list of sizes or strides to the eight that a parameter struct holds. */
export const eight = (list: readonly number[]): number[] => [
  ...list,
  ...Array<number>(8 - list.length).fill(0),
];

/** Parameters of a kernel that walks `shape` with one list of strides per operand, collapsed. */
export function walkParams(
  shape: Shape,
  strides: Readonly<Record<string, readonly number[]>>,
): Record<string, number | number[]> {
  const names = Object.keys(strides);
  const walk = collapse(shape, Object.values(strides));
  const params: Record<string, number | number[]> = {
    size: sizeOf(shape),
    rank: walk.shape.length,
    shape: eight(walk.shape),
  };
  names.forEach((name, k) => {
    params[name] = eight(walk.strides[k]!);
  });
  return params;
}

/** {@link walkParams} of two operands with broadcasting. */
export const binaryParams = <A>({ types, output }: KernelCall<'a' | 'b', A>): Launch['params'] =>
  walkParams(output.shape, {
    aStrides: broadcastStrides(types.a.shape, output.shape),
    bStrides: broadcastStrides(types.b.shape, output.shape),
  });

/** Every tensor with its shape, as messages list them. */
export const shapesOf = (types: Readonly<Record<string, TensorType>>): string =>
  Object.entries(types)
    .map(([name, { shape }]) => `${name} is ${showShape(shape)}`)
    .join(', ');

/** The broadcast of all shapes, or an error naming each. */
export function broadcastOrFail(name: string, types: Readonly<Record<string, TensorType>>): Shape {
  const shape = Object.values(types).reduce<Shape | null>(
    (known, type) => known && broadcastShapes(known, type.shape),
    [],
  );
  return shape ?? fail(name, `shapes don't broadcast, ${shapesOf(types)}`);
}

/** Refuses tensors that must have one shape. */
export function expectSameShape(name: string, types: Readonly<Record<string, TensorType>>): void {
  const [first, ...others] = Object.values(types);
  if (others.some(({ shape }) => !sameShape(shape, first!.shape)))
    fail(name, `shapes differ, ${shapesOf(types)}`);
}

/** Refuses two tensors that are not both f32 or both i32. */
export function expectNumbers(name: string, a: TensorType, b: TensorType): void {
  const shown = (type: TensorType) => `${type.dtype}${showShape(type.shape)}`;
  if (a.dtype !== b.dtype) fail(name, `dtypes differ, a is ${shown(a)}, b is ${shown(b)}`);
  if (a.dtype === 'bool') fail(name, `a must be f32 or i32, it is ${shown(a)}`);
}

/** Refuses a tensor that does not have `rank` axes; `axes` names them. */
export function expectRank(name: string, input: string, type: TensorType, rank: number, axes: string): void {
  if (type.shape.length !== rank)
    fail(name, `${input} must have ${rank} axes ${axes}, it is ${showShape(type.shape)}`);
}

/** A whole number of at least `least`, or an error naming the attribute. */
export function expectWhole(name: string, key: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least) {
    fail(name, `${key} must be a whole number of at least ${least}, got ${value}`);
  }
  return value;
}

/** Attributes without one that another op does not have. */
export function omit<T extends object, K extends keyof T>(attrs: T, key: K): Omit<T, K> {
  const { [key]: _, ...rest } = attrs;
  return rest;
}

/** One number for both axes, or a pair [height, width]. */
export type Pair = number | readonly [number, number];

export function pair(name: string, key: string, value: Pair, least: number): [number, number] {
  const list: readonly number[] = typeof value === 'number' ? [value, value] : value;
  if (list.length !== 2) fail(name, `${key} must be a number or a pair, got [${list.join(',')}]`);
  return [expectWhole(name, key, list[0]!, least), expectWhole(name, key, list[1]!, least)];
}

/** An op's name in kernels: `maxPool2d` becomes `max_pool2d`. */
export const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The reference of every broadcasting op of two operands. */
export function broadcastBinary(
  a: RefTensor,
  b: RefTensor,
  shape: Shape,
  f: (a: number, b: number) => number,
): Float64Array {
  const y = new Float64Array(sizeOf(shape));
  forEachOffset(shape, [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape)], (i, [p, q]) => {
    y[i] = f(a.data[p!]!, b.data[q!]!);
  });
  return y;
}
