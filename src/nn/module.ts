import type { Device } from '../device.js';
import { checkHost, type HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { expectOptions, flag } from '../kinds.js';
import { type Shape, sameShape, showShape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import {
  addHooks,
  type BackwardHook,
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  type Hooks,
  type Output,
  register,
} from './hooks.js';
import type { Initializer } from './init.js';
import { Buffer, Held, Parameter } from './parameter.js';

/**
 * A part of a network. A subclass holds parameters, buffers and modules as properties (also in arrays) and says in
 * `forward` what it computes; names follow the properties, as in PyTorch: `features.0.weight`.
 */
export abstract class Module {
  #training = true;
  #hooks: Hooks | null = null;

  /** What the module computes of its inputs. */
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

  /** Sets the mode of this module and of all inside it. */
  train(mode = true): this {
    this.#training = mode;
    for (const [, child] of this.children()) child.train(mode);
    return this;
  }

  /** Leaves training mode: `train(false)`. */
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
    expectOptions('parameters', options, { trainable: flag });
    const wanted = ({ requiresGrad }: Parameter) => !options.trainable || requiresGrad;
    return [...this.#parameters()].flatMap(([, parameter]) => (wanted(parameter) ? [parameter.tensor] : []));
  }

  /** Every buffer with its name. */
  namedBuffers(): [string, Tensor][] {
    return [...this.#held()].flatMap(([name, held]) => (held instanceof Buffer ? [[name, held.tensor]] : []));
  }

  /** Elements of all parameters, or of those alone that training changes; known without a device. */
  parameterCount(options: { readonly trainable?: boolean } = {}): number {
    expectOptions('parameterCount', options, { trainable: flag });
    let count = 0;
    for (const [, { shape, requiresGrad }] of this.#parameters())
      if (!options.trainable || requiresGrad) count += sizeOf(shape);
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
    expectOptions('loadStateDict', options, { strict: flag });
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
    this.#hooks ??= addHooks(this);
    return this.#hooks;
  }
}
