import type { Device } from './device.js';
import { type DType, expectHeld, type HostTensor, type TypedArray } from './dtype.js';
import { fail } from './errors.js';
import type { Op, Value } from './op.js';
import * as ops from './ops/index.js';
import { broadcastShapes, type Shape, showShape, stridesOf } from './shape.js';
import { nameOf } from './store.js';
import type { SeededMethods, TensorFunction, TensorFunctions, TensorMethods } from './tensor-types.js';

/** Is given a gradient, and may return another one to be passed on. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function without a return statement has this type.
export type GradientHook = (grad: Tensor) => Tensor | undefined | void;

export interface Tensor extends TensorMethods, SeededMethods {}

/**
 * A tensor on a device. Calling an op records it; nothing is computed until somebody asks, by `data()`, `item()`,
 * `optimizer.step()` or the call of a compiled function.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods are assigned to the prototype below.
export class Tensor {
  readonly device: Device;
  #value: Value;
  #label: string | undefined;
  /** Whether its memory has new contents since `#value` was recorded. */
  #stale = false;
  #requiresGrad = false;
  #grad: Tensor | null = null;
  #hooks: Set<GradientHook> | null = null;

  /** Tensors are made by a device or by ops. */
  constructor(device: Device, value: Value, label?: string) {
    this.device = device;
    this.#value = value;
    this.#label = label;
    device.created(this);
  }

  /** A name for messages, as a module gives its parameters. */
  get label(): string | undefined {
    return this.#label;
  }

  set label(label: string | undefined) {
    this.#label = label;
    (this.value as { label?: string }).label = label;
  }

  get shape(): Shape {
    return this.#value.shape;
  }

  get dtype(): DType {
    return this.#value.dtype;
  }

  /** The node of the graph that stands for this tensor now. */
  get value(): Value {
    if (this.#stale) {
      this.#stale = false;
      this.device.renew(this);
    }
    return this.#value;
  }

  /**
   * Notes that its memory has new contents: what was recorded from the old ones is stale. A new value stands for them when
   * somebody asks, which between the steps of a compiled function nobody does.
   */
  changed(): void {
    this.#stale = true;
  }

  /** Puts another graph value in this tensor's place, as an update of a parameter does. */
  replaceValue(value: Value): void {
    this.#value = value;
    this.#stale = false;
    if (this.#requiresGrad) this.device.watch(this);
    if (this.#hooks) this.device.hookGradient(value, this.#hooks);
  }

  /** Whether `backward()` fills `grad`; only a tensor that was not computed can ask for it. */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(wanted: boolean) {
    if (wanted && this.dtype !== 'f32')
      fail('requiresGrad', `only f32 tensors have gradients, this is ${describe(this)}`);
    if (wanted && !isLeaf(this.value)) {
      fail('requiresGrad', `${describe(this)} was computed from others; set it on a detach()ed one`);
    }
    this.#requiresGrad = wanted;
    if (wanted) this.device.watch(this);
  }

  /** The gradient that `backward()` left. Inside a compiled function: that of this call alone. */
  get grad(): Tensor | null {
    const trace = this.device.trace;
    return trace ? (trace.grads.get(this) ?? null) : this.#grad;
  }

  set grad(grad: Tensor | null) {
    const trace = this.device.trace;
    if (trace) trace.grads.set(this, grad);
    else this.#grad = grad;
  }

  /** All elements, row-major. @throws WeftError where the tensor can't be read any more, naming why. */
  data(): Promise<TypedArray> {
    return this.device.read(this);
  }

  /** The only element of a tensor of size 1. */
  item(): Promise<number> {
    if (this.shape.some((size) => size !== 1)) fail('item', `needs one element, this is ${describe(this)}`);
    return this.data().then(([element]) => element!);
  }

  /** The elements with shape and dtype, as `device.tensor` takes them. */
  toHost(): Promise<HostTensor> {
    return this.data().then((data) => ({ data, shape: this.shape, dtype: this.dtype }));
  }

  /**
   * The `GPUBuffer` that holds the elements from its start on, without a copy, on a webgpu device; bool elements are u32. It
   * is the device's, for reading, and there until the tensor is disposed or, for what a compiled function returned, until
   * the function runs again.
   */
  gpuBuffer(): Promise<GPUBuffer> {
    return this.device.gpuBuffer(this);
  }

  /** A tensor of its own with the same values, recorded now. */
  clone(): Tensor {
    return this.device.clone(this);
  }

  /** The same values, through which no gradient flows. */
  detach(): Tensor {
    return new Tensor(this.device, ops.detach(this.value), this.label);
  }

  /** @param shape one size may be -1 and is worked out. */
  reshape(shape: Shape): Tensor {
    return new Tensor(this.device, ops.reshape(this.value, { shape }));
  }

  /** @param axes for each axis of the result, the axis that it was. */
  permute(axes: readonly number[]): Tensor {
    return new Tensor(this.device, ops.permute(this.value, { axes }));
  }

  broadcastTo(shape: Shape): Tensor {
    return new Tensor(this.device, ops.broadcastTo(this.value, { shape }));
  }

  /** Exchanges two axes. */
  transpose(axis0: number, axis1: number): Tensor {
    return new Tensor(this.device, ops.transpose(this.value, { axis0, axis1 }));
  }

  /** @param axis the axes to drop where their size is 1, default all. */
  squeeze(axis?: number | readonly number[]): Tensor {
    return new Tensor(this.device, ops.squeeze(this.value, { axis }));
  }

  /** @param axis where the new axis of size 1 stands in the result. */
  unsqueeze(axis: number): Tensor {
    return new Tensor(this.device, ops.unsqueeze(this.value, { axis }));
  }

  /** Makes the axes from startAxis to endAxis one. */
  flatten(startAxis = 0, endAxis = -1): Tensor {
    return new Tensor(this.device, ops.flatten(this.value, { startAxis, endAxis }));
  }

  /** @param shape -1 leaves an axis as it is. */
  expand(shape: Shape): Tensor {
    return new Tensor(this.device, ops.expand(this.value, { shape }));
  }

  flip(axes: number | readonly number[]): Tensor {
    return new Tensor(this.device, ops.flip(this.value, { axes }));
  }

  /** @param repeats along each axis; numbers beyond the rank are for new leading axes. */
  repeat(repeats: readonly number[]): Tensor {
    return new Tensor(this.device, ops.repeat(this.value, { repeats }));
  }

  /** One index of an axis, which goes. */
  select(axis: number, index: number): Tensor {
    return new Tensor(this.device, ops.select(this.value, { axis, index }));
  }

  /** `length` indices of an axis from `start` on. */
  narrow(axis: number, start: number, length: number): Tensor {
    return new Tensor(this.device, ops.narrow(this.value, { axis, start, length }));
  }

  /** @param size of every part but the last, or the size of each. */
  split(size: number | readonly number[], axis = 0): Tensor[] {
    const options = typeof size === 'number' ? { size, axis } : { sizes: size, axis };
    return ops.split(this.value, options).map((value) => new Tensor(this.device, value));
  }

  /** @param chunks how many parts of equal size. */
  chunk(chunks: number, axis = 0): Tensor[] {
    return ops.chunk(this.value, { chunks, axis }).map((value) => new Tensor(this.device, value));
  }

  /**
   * The elements where the mask, a bool tensor that broadcasts with this one, holds: f32, i32 or bool [n]. Gradients flow
   * to them. The mask is read, for it decides the size of the result.
   */
  async maskedSelect(mask: Tensor): Promise<Tensor> {
    const shape = broadcastShapes(this.shape, mask.shape);
    if (!shape || mask.dtype !== 'bool') {
      const shown = `x is ${showShape(this.shape)}, mask is ${mask.dtype}${showShape(mask.shape)}`;
      fail('maskedSelect', `mask must be bool and broadcast with x, ${shown}`);
    }
    const list = this.broadcastTo(shape).reshape([-1]);
    const index = Int32Array.from(holding(await mask.broadcastTo(shape).data()));
    return list.indexSelect(this.device.tensor({ data: index, shape: [index.length], dtype: 'i32' }), {
      axis: 0,
    });
  }

  /** The positions of all elements that are not zero, i32 [n, rank], in row-major order. This tensor is read. */
  async nonzero(): Promise<Tensor> {
    const { shape } = this;
    const strides = stridesOf(shape);
    const places = holding(await this.data());
    const data = Int32Array.from(
      places.flatMap((at) => shape.map((size, axis) => Math.floor(at / strides[axis]!) % size)),
    );
    return this.device.tensor({ data, shape: [places.length, shape.length], dtype: 'i32' });
  }

  /**
   * Adds the derivative of this scalar to `grad` of every tensor it depends on that has `requiresGrad`. Nothing is
   * computed yet.
   *
   * @param seed gradient with respect to this tensor, needed where it is not a scalar.
   */
  backward(seed?: Tensor): void {
    this.device.backward(this, seed);
  }

  /**
   * Calls `hook` with the gradient with respect to this tensor whenever `backward()` finds it; a tensor that it returns is
   * passed on instead. As torch.Tensor.register_hook.
   */
  registerHook(hook: GradientHook): { remove(): void } {
    const hooks = this.#hooks ?? new Set();
    this.#hooks = hooks.add(hook);
    this.device.hookGradient(this.value, hooks);
    return { remove: () => void hooks.delete(hook) };
  }

  /** Lets `backward()` fill `grad` of this tensor too, though it was computed from others. */
  retainGrad(): void {
    if (this.#requiresGrad) return;
    this.registerHook((grad) => {
      this.grad = this.grad ? this.grad.add(grad) : grad;
    });
  }

  /** Gives this tensor new contents, of the same shape, by running the graph that they were recorded in. */
  assign(contents: Tensor): Promise<void> {
    return this.device.update([[this, contents]]);
  }

  /** Frees the device's memory at once; otherwise it is freed some time after the last reference is gone. */
  dispose(): void {
    this.device.release(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return `Tensor(${describe(this)}, ${this.device.info.backend})`;
  }
}

/** Whether a value is computed from nothing that a gradient could pass on to. */
export const isLeaf = ({ node }: Value): boolean =>
  !node || node.inputs.length === 0 || node.op.stopsGradient;

/** Places of the elements that are not zero. */
function holding(data: TypedArray): number[] {
  const places: number[] = [];
  data.forEach((value, at) => {
    if (value !== 0) places.push(at);
  });
  return places;
}

/** Dtype and shape, with the label where there is one: how messages name a tensor. */
export const describe = ({ label, shape, dtype }: Tensor): string => nameOf({ label, shape, dtype });

/** Finds the one device that the arguments of an op live on. */
function deviceOf(name: string, args: readonly unknown[]): Device {
  const tensors = args.flat().filter((arg) => arg instanceof Tensor);
  const [first] = tensors;
  if (!first) return fail(name, 'needs at least one tensor among its arguments');
  const stranger = tensors.find(({ device }) => device !== first.device);
  if (stranger)
    fail(name, `operands live on different devices, ${describe(first)} and ${describe(stranger)}`);
  return first.device;
}

/** The dtype that plain numbers among an op's arguments take: that of the first tensor that holds numbers. */
function numbersOf(args: readonly unknown[]): DType {
  const tensors = args.flat().filter((arg) => arg instanceof Tensor);
  return tensors.find(({ dtype }) => dtype !== 'bool')?.dtype ?? 'f32';
}

function toValue(arg: unknown, name: string, dtype: DType): unknown {
  if (arg instanceof Tensor) return arg.value;
  if (Array.isArray(arg)) return arg.map((one) => toValue(one, name, dtype));
  if (typeof arg !== 'number') return arg;
  expectHeld(name, arg, dtype);
  return ops.full({ shape: [], value: arg, dtype });
}

/** An op's graph function as a function of tensors: positional inputs, then options. */
export function lift<F>(record: F): TensorFunction<F> {
  const { op } = record as { op: Op };
  const inputs = op.inputs.length;
  const call = (...args: unknown[]) => {
    const operands = args.slice(0, inputs);
    const device = deviceOf(op.name, operands);
    const dtype = numbersOf(operands);
    const result = (record as (...values: unknown[]) => Value | readonly Value[])(
      ...args.map((arg, i) => (i < inputs ? toValue(arg, op.name, dtype) : arg)),
    );
    return Array.isArray(result)
      ? result.map((value: Value) => new Tensor(device, value))
      : new Tensor(device, result as Value);
  };
  return call as TensorFunction<F>;
}

const takesTensors = ({ op }: { op: Op }): boolean => op.inputs.length > 0 && op.inputs[0] !== 'seed';

/** All graph functions that take a tensor, lifted. */
export const tensorFunctions = Object.fromEntries(
  Object.entries<unknown>(ops)
    .filter(([, entry]) => typeof entry === 'function' && 'op' in entry && takesTensors(entry as { op: Op }))
    .map(([name, record]) => [name, lift(record)]),
) as unknown as TensorFunctions;

/** Ops that take a list of tensors are functions only; those that take a seed get it from `functional`. */
const functionsOnly = new Set(
  Object.values<unknown>(ops).flatMap((entry) => {
    const { op } = entry as { op?: Op };
    return op && (op.variadic || op.inputs.includes('seed')) ? [op.name] : [];
  }),
);

for (const [name, call] of Object.entries(tensorFunctions)) {
  if (name in Tensor.prototype || functionsOnly.has(name)) continue;
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return (call as (...args: unknown[]) => unknown)(this, ...args);
    },
  });
}
