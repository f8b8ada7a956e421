import type { Device } from '../device.js';
import { checkHost, type DType, type HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { type Shape, sameShape, showShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Initializer } from './init.js';

/** A tensor of a module. It gets its first contents and its device by the module's `to(device)`. */
abstract class Held {
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
    const data = Array.from({ length: this.shape.reduce((a, b) => a * b, 1) }, () => this.value);
    return device.tensor(data, this.shape, this.dtype);
  }
}

/** Ends what a `register...` call began. */
export interface HookHandle {
  remove(): void;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a function without a return statement has this type.
type Perhaps<T> = T | undefined | void;
/** What a module's forward gives. */
export type Output = Tensor | readonly Tensor[];
type Forward = (...inputs: readonly (Tensor | null)[]) => Output;

/** Is called before `forward` with its inputs; a list that it returns takes their place. */
export type ForwardPreHook = (module: Module, inputs: readonly (Tensor | null)[]) => Perhaps<Tensor[]>;
/** Is called after `forward`; what it returns takes the output's place. */
export type ForwardHook = (
  module: Module,
  inputs: readonly (Tensor | null)[],
  output: Output,
) => Perhaps<Output>;
/** Is called during `backward()` with the gradient of a module's output; what it returns takes its place. */
export type BackwardHook = (module: Module, gradOutput: Tensor) => Perhaps<Tensor>;

interface Hooks {
  readonly pre: Set<ForwardPreHook>;
  readonly forward: Set<ForwardHook>;
  readonly backward: Set<BackwardHook>;
}

/** A set's member until its handle is removed. */
function register<T>(set: Set<T>, hook: T): HookHandle {
  set.add(hook);
  return { remove: () => void set.delete(hook) };
}

/**
 * A part of a network. A subclass holds parameters, buffers and modules as properties (also in arrays) and says in
 * `forward` what it computes; names follow the properties, as in PyTorch: `features.0.weight`.
 */
export abstract class Module {
  #training = true;
  #hooks: Hooks | null = null;

  abstract forward(...inputs: never[]): Output;

  /** Whether layers like dropout behave as in training. */
  get training(): boolean {
    return this.#training;
  }

  /** Puts every parameter and buffer on a device, in order, with its first contents; those that are there already stay. */
  to(device: Device): this {
    for (const [name, held] of this.#held()) held.place(device, name);
    return this;
  }

  /** Sets the mode of this module alone. */
  setTraining(mode: boolean): void {
    this.#training = mode;
  }

  train(mode = true): this {
    this.#training = mode;
    for (const [, child] of this.children()) child.train(mode);
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** Stops training from changing the parameters, as requires_grad_(False); `freeze(false)` lets it again. */
  freeze(frozen = true): this {
    for (const [, parameter] of this.#parameters()) parameter.requiresGrad = !frozen;
    return this;
  }

  /** Direct parts by name. */
  *children(): Generator<[string, Module]> {
    for (const [key, value] of this.parts()) if (value instanceof Module) yield [key, value];
  }

  /** This module and all inside it, by name; that of this one is ''. A module that is met again is left out. */
  *namedModules(prefix = '', seen = new Set<Module>()): Generator<[string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [key, child] of this.children()) yield* child.namedModules(this.#named(prefix, key), seen);
  }

  /** Calls `fn` with every module inside this one, then this one. */
  apply(fn: (module: Module) => void): this {
    for (const [, child] of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Properties, and the elements of those that are arrays. */
  protected *parts(): Generator<[string, unknown]> {
    for (const [key, value] of Object.entries(this)) {
      if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [`${key}.${i}`, item];
      else yield [key, value];
    }
  }

  /** Own parameters and buffers, then those of the parts; one that is met again, by another name, is left out. */
  *#held(prefix = '', seen = new Set<Held>()): Generator<[string, Held]> {
    for (const [key, value] of this.parts()) {
      if (!(value instanceof Held) || seen.has(value)) continue;
      seen.add(value);
      yield [this.#named(prefix, key), value];
    }
    for (const [key, child] of this.children()) yield* child.#held(this.#named(prefix, key), seen);
  }

  *#parameters(): Generator<[string, Parameter]> {
    for (const [name, held] of this.#held()) if (held instanceof Parameter) yield [name, held];
  }

  #named(prefix: string, key: string): string {
    return [prefix, this.partName(key)].filter((part) => part !== '').join('.');
  }

  /** How a property is called in names; a container may leave its own property's name out. */
  protected partName(key: string): string {
    return key;
  }

  /** Every parameter with its name. */
  namedParameters(): [string, Tensor][] {
    return [...this.#parameters()].map(([name, parameter]) => [name, parameter.tensor]);
  }

  /** All parameters, or those alone that training changes. */
  parameters(options: { readonly trainable?: boolean } = {}): Tensor[] {
    const wanted = ({ requiresGrad }: Parameter) => !options.trainable || requiresGrad;
    return [...this.#parameters()].flatMap(([, parameter]) => (wanted(parameter) ? [parameter.tensor] : []));
  }

  /** Every buffer with its name. */
  namedBuffers(): [string, Tensor][] {
    return [...this.#held()].flatMap(([name, held]) => (held instanceof Buffer ? [[name, held.tensor]] : []));
  }

  /** Elements of all parameters, or of those alone that training changes; known without a device. */
  parameterCount(options: { readonly trainable?: boolean } = {}): number {
    let count = 0;
    for (const [, { shape, requiresGrad }] of this.#parameters())
      if (!options.trainable || requiresGrad) count += shape.reduce((a, b) => a * b, 1);
    return count;
  }

  /** Fills the parameters for which `choose` names an initialiser: at `to(device)` or, if they are on one, now. */
  async initialize(choose: (name: string, shape: Shape) => Initializer | null): Promise<this> {
    for (const [name, parameter] of this.#parameters()) {
      const init = choose(name, parameter.shape);
      if (init) await parameter.initialize(init);
    }
    return this;
  }

  /** The contents of every parameter and buffer by name: what `io.encodeSafetensors` takes. */
  async stateDict(): Promise<Record<string, HostTensor>> {
    const entries = [...this.#held()].map(
      async ([name, { tensor }]) => [name, await tensor.toHost()] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  /**
   * Replaces the contents of every parameter and buffer.
   *
   * @param options.strict false lets names be missing or unknown, and returns them.
   * @throws WeftError naming each name that is missing, unknown or misshapen; then nothing was changed.
   */
  async loadStateDict(
    state: Readonly<Record<string, HostTensor>>,
    options: { readonly strict?: boolean } = {},
  ): Promise<{ readonly missing: string[]; readonly unknown: string[] }> {
    const own = new Map([...this.#held()].map(([name, { tensor }]) => [name, tensor]));
    const unknown = Object.keys(state).filter((name) => !own.has(name));
    const missing = [...own.keys()].filter((name) => !Object.hasOwn(state, name));
    const problems: string[] = [];
    if (options.strict ?? true) {
      problems.push(...unknown.map((name) => `'${name}' is not a parameter`));
      problems.push(...missing.map((name) => `'${name}' is missing`));
    }
    const given = [...own].filter(([name]) => Object.hasOwn(state, name));
    for (const [name, tensor] of given) {
      const { shape, dtype } = state[name]!;
      if (sameShape(shape, tensor.shape) && dtype === tensor.dtype)
        checkHost(`loadStateDict: '${name}'`, state[name]!);
      else {
        const wanted = `${tensor.dtype}${showShape(tensor.shape)}`;
        problems.push(`'${name}' must be ${wanted}, it is ${dtype}${showShape(shape)}`);
      }
    }
    if (problems.length > 0) fail('loadStateDict', problems.join('; '));
    for (const [name, tensor] of given) await tensor.device.write(tensor, state[name]!);
    return { missing, unknown };
  }

  /** Calls `hook` before each `forward` of this module. */
  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    return register(this.#hooked().pre, hook);
  }

  /** Calls `hook` after each `forward` of this module: to look at activations, or to change them. */
  registerForwardHook(hook: ForwardHook): HookHandle {
    return register(this.#hooked().forward, hook);
  }

  /** Calls `hook` with the gradient of this module's first output, each time `backward()` has it. */
  registerBackwardHook(hook: BackwardHook): HookHandle {
    return register(this.#hooked().backward, hook);
  }

  /** The hooks; with the first one, `forward` becomes one that calls them. */
  #hooked(): Hooks {
    if (this.#hooks) return this.#hooks;
    const hooks: Hooks = { pre: new Set(), forward: new Set(), backward: new Set() };
    this.#hooks = hooks;
    const plain = this.forward.bind(this) as Forward;
    const forward: Forward = (...given) => {
      let inputs = given;
      for (const hook of hooks.pre) inputs = hook(this, inputs) ?? inputs;
      let output = plain(...inputs);
      for (const hook of hooks.forward) output = hook(this, inputs, output) ?? output;
      const first = Array.isArray(output) ? (output[0] as Tensor) : (output as Tensor);
      for (const hook of hooks.backward) first.registerHook((grad) => hook(this, grad));
      return output;
    };
    Object.defineProperty(this, 'forward', { value: forward });
    return hooks;
  }
}
