import { fail } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** A module of one input and one output. */
export abstract class Layer extends Module {
  abstract override forward(x: Tensor): Tensor;
}

/** Modules one after the other, each on the output of the one before it. */
export class Sequential extends Layer {
  readonly layers: readonly Layer[];

  constructor(...layers: readonly Layer[]) {
    super();
    this.layers = layers;
  }

  get length(): number {
    return this.layers.length;
  }

  /** Layer `index`; a negative one counts from the end. */
  at(index: number): Layer {
    return this.layers.at(index) ?? fail('Sequential', `there is no layer ${index} of ${this.length}`);
  }

  /** The layers from `start` to before `end` as a network of their own, which shares their parameters. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential(...this.layers.slice(start, end));
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.layers[Symbol.iterator]();
  }

  override forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }

  protected override partName(key: string): string {
    return key.replace(/^layers\./, '');
  }
}

/** Modules in a list, called by the module that holds it. */
export class ModuleList<M extends Module = Module> extends Module {
  readonly modules: M[];

  constructor(modules: Iterable<M> = []) {
    super();
    this.modules = [...modules];
  }

  get length(): number {
    return this.modules.length;
  }

  at(index: number): M {
    return this.modules.at(index) ?? fail('ModuleList', `there is no module ${index} of ${this.length}`);
  }

  /** Adds modules at the end. */
  push(...modules: readonly M[]): this {
    this.modules.push(...modules);
    return this;
  }

  [Symbol.iterator](): Iterator<M> {
    return this.modules[Symbol.iterator]();
  }

  override forward(): never {
    return fail('ModuleList', 'has no forward of its own; call those of its modules');
  }

  protected override partName(key: string): string {
    return key.replace(/^modules\./, '');
  }
}

/** Modules by name, called by the module that holds it. */
export class ModuleDict<M extends Module = Module> extends Module {
  readonly modules: Record<string, M>;

  constructor(modules: Readonly<Record<string, M>> = {}) {
    super();
    this.modules = { ...modules };
  }

  /** @throws WeftError that lists the names there are. */
  get(name: string): M {
    const names = Object.keys(this.modules).join(', ');
    return this.modules[name] ?? fail('ModuleDict', `there is no module '${name}'; there are ${names}`);
  }

  set(name: string, module: M): this {
    this.modules[name] = module;
    return this;
  }

  entries(): [string, M][] {
    return Object.entries(this.modules);
  }

  override forward(): never {
    return fail('ModuleDict', 'has no forward of its own; call those of its modules');
  }

  protected override *parts(): Generator<[string, unknown]> {
    yield* Object.entries(this.modules);
  }
}
