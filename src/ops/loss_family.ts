/** The operands of a loss of corresponding elements, and the launches of its kernels. */
import { fail } from '../errors.js';
import { expectDType, f32, type TensorType } from '../op.js';
import {
  broadcastShapes,
  broadcastStrides,
  forEachOffset,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from '../shape.js';
import { BLOCK, elementUnits, expectSameShape, snake } from './common.js';
import type { AnySpec, Call, Point, Tensors, Types } from './loss_spec.js';
import { lossTotal } from './loss_total.js';

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
export class Family {
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

/** What a sum is multiplied by. */
export const scaleOf = (shape: Shape, reduction: unknown): number => {
  if (reduction === 'mean') return 1 / sizeOf(shape);
  return reduction === 'batchMean' ? 1 / shape[0]! : 1;
};

export function forwardKernels(family: Family) {
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
          flat: backend === 'wasm' && !sums,
        });
        if (!sums || chunks === 1) return [launch('output', scale)];
        return [launch('sums', 1), lossTotal(backend, ['sums', 'output'], chunks, scale)];
      },
    };
  };
  return { wasm: [variant('wasm')], webgpu: [variant('webgpu')] };
}

export function backwardKernels(family: Family) {
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
            flat: true,
          },
        ];
      },
    }));
  return { wasm: variants('wasm'), webgpu: variants('webgpu') };
}
