import type { Device } from '../device.js';
import { checkHost, type HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Initializer } from './init.js';

/** A tensor that training changes. It gets its first contents and its device by the module's `to(device)`. */
export class Parameter {
  #tensor: Tensor | null = null;

  /** @param init first contents, drawn from the device's generator. */
  constructor(
    readonly shape: Shape,
    readonly init: Initializer,
  ) {}

  /** The tensor. @throws WeftError before the module was put on a device. */
  get tensor(): Tensor {
    return (
      this.#tensor ??
      fail(
        'nn',
        `a parameter ${showShape(this.shape)} has no device yet: call to(device) first; it finds parameters and ` +
          'modules in public properties and arrays, not in #private ones',
      )
    );
  }

  /** Makes the tensor, unless it is on `device` already. */
  place(device: Device, label: string): void {
    if (this.#tensor?.device === device) return;
    if (this.#tensor) {
      fail(
        'nn',
        `parameter '${label}' is on another device; build a second module and give it this one's stateDict()`,
      );
    }
    const tensor = device.tensor(this.init(this.shape, device.generator), this.shape);
    tensor.label = label;
    tensor.requiresGrad = true;
    this.#tensor = tensor;
  }
}

/**
 * A part of a network. A subclass holds parameters and modules as properties (also in arrays) and says in `forward` what
 * it computes; names follow the properties, as in PyTorch: `features.0.weight`.
 */
export abstract class Module {
  #training = true;

  abstract forward(...inputs: Tensor[]): Tensor;

  /** Whether layers like dropout behave as in training. */
  get training(): boolean {
    return this.#training;
  }

  /** Puts every parameter on a device, in order, with its first contents; those that are there already stay. */
  to(device: Device): this {
    for (const [name, parameter] of this.#parameters()) parameter.place(device, name);
    return this;
  }

  train(mode = true): this {
    this.#training = mode;
    for (const [, child] of this.children()) child.train(mode);
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** Direct parts by name. */
  *children(): Generator<[string, Module]> {
    for (const [key, value] of this.#parts()) if (value instanceof Module) yield [key, value];
  }

  /** Properties, and the elements of those that are arrays. */
  *#parts(): Generator<[string, unknown]> {
    for (const [key, value] of Object.entries(this)) {
      if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [`${key}.${i}`, item];
      else yield [key, value];
    }
  }

  /** Own parameters, then those of the parts; one that is met again, by another name, is left out. */
  *#parameters(prefix = '', seen = new Set<Parameter>()): Generator<[string, Parameter]> {
    for (const [key, value] of this.#parts()) {
      if (!(value instanceof Parameter) || seen.has(value)) continue;
      seen.add(value);
      yield [prefix + key, value];
    }
    for (const [key, child] of this.children()) {
      yield* child.#parameters(`${prefix}${this.childName(key)}.`, seen);
    }
  }

  /** How a part is called in parameter names; a container may leave its own property's name out. */
  protected childName(key: string): string {
    return key;
  }

  /** Every parameter with its name. */
  namedParameters(): [string, Tensor][] {
    return [...this.#parameters()].map(([name, parameter]) => [name, parameter.tensor]);
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor);
  }

  /** The contents of every parameter by name: what `io.encodeSafetensors` takes. */
  async stateDict(): Promise<Record<string, HostTensor>> {
    const entries = this.namedParameters().map(
      async ([name, tensor]) => [name, await tensor.toHost()] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  /** Replaces every parameter's contents. @throws WeftError naming each name that is missing, unknown or misshapen. */
  async loadStateDict(state: Readonly<Record<string, HostTensor>>): Promise<void> {
    const parameters = this.namedParameters();
    const known = new Set(parameters.map(([name]) => name));
    const problems = Object.keys(state)
      .filter((name) => !known.has(name))
      .map((name) => `'${name}' is not a parameter`);
    for (const [name, tensor] of parameters) {
      const given = state[name];
      if (!given) problems.push(`'${name}' is missing`);
      else if (!sameShape(given.shape, tensor.shape) || given.dtype !== tensor.dtype) {
        const wanted = `${tensor.dtype}${showShape(tensor.shape)}`;
        problems.push(`'${name}' must be ${wanted}, it is ${given.dtype}${showShape(given.shape)}`);
      } else checkHost(`loadStateDict: '${name}'`, given);
    }
    if (problems.length > 0) fail('loadStateDict', problems.join('; '));
    for (const [name, tensor] of parameters) await tensor.device.write(tensor, state[name]!);
  }
}
