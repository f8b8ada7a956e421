// What a module holds: parameters, which training changes, and buffers, which it does not.
import type { Device } from '../device.js';
import type { DType } from '../dtype.js';
import { fail } from '../errors.js';
import { type Shape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Initializer } from './init.js';

/** A tensor of a module. It gets its first contents and its device by the module's `to(device)`. */
export abstract class Held {
  protected held: Tensor | null = null;
  protected abstract readonly kind: string;

  constructor(readonly shape: Shape) {}

  /** The tensor. @throws WeftError before the module was put on a device. */
  get tensor(): Tensor {
    return (
      this.held ??
      fail(
        'nn',
        `a ${this.kind} ${showShape(this.shape)} has no device yet: call to(device) first; it finds parameters, buffers ` +
          'and modules in public properties and arrays, not in #private ones',
      )
    );
  }

  /** Makes the tensor, unless it is on `device` already. */
  place(device: Device, label: string): void {
    if (this.held?.device === device) return;
    if (this.held) {
      const advice = "build a second module and give it this one's stateDict()";
      fail('nn', `${this.kind} '${label}' is on another device; ${advice}`);
    }
    this.held = this.make(device);
    this.held.label = label;
  }

  protected abstract make(device: Device): Tensor;
}

/** A tensor that training changes. */
export class Parameter extends Held {
  protected override readonly kind = 'parameter';
  #init: Initializer;
  #requiresGrad = true;

  /** @param init first contents, drawn from the device's generator. */
  constructor(shape: Shape, init: Initializer) {
    super(shape);
    this.#init = init;
  }

  /** Whether training changes it; a frozen one gets no gradient. */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(wanted: boolean) {
    this.#requiresGrad = wanted;
    if (this.held) this.held.requiresGrad = wanted;
  }

  protected override make(device: Device): Tensor {
    const tensor = device.tensor(this.#init(this.shape, device.generator), this.shape);
    tensor.requiresGrad = this.#requiresGrad;
    return tensor;
  }

  /** Fills it by another initialiser: when it is put on a device or, if it is on one, now. */
  async initialize(init: Initializer): Promise<void> {
    this.#init = init;
    if (!this.held) return;
    const { shape } = this;
    const { device } = this.held;
    await device.write(this.held, { data: init(shape, device.generator), shape, dtype: 'f32' });
  }
}

/** A tensor that belongs to a module's state but that no optimiser changes, such as running statistics. */
export class Buffer extends Held {
  protected override readonly kind = 'buffer';

  /** @param value of every element at first. */
  constructor(
    shape: Shape,
    readonly value: number,
    readonly dtype: DType = 'f32',
  ) {
    super(shape);
  }

  protected override make(device: Device): Tensor {
    const data = Array.from({ length: sizeOf(this.shape) }, () => this.value);
    return device.tensor(data, this.shape, this.dtype);
  }
}
