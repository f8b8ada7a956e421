// What is called before and after a module's `forward`, and with the gradient of its output.
import type { Tensor } from '../tensor.js';
import type { Module } from './module.js';

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

/** Of one module, each in the order of registration. */
export interface Hooks {
  readonly pre: Set<ForwardPreHook>;
  readonly forward: Set<ForwardHook>;
  readonly backward: Set<BackwardHook>;
}

/** A set's member until its handle is removed. */
export function register<T>(set: Set<T>, hook: T): HookHandle {
  set.add(hook);
  return { remove: () => void set.delete(hook) };
}

/** The hooks of a module, none at first; its `forward` becomes one that calls them. */
export function addHooks(module: Module): Hooks {
  const hooks: Hooks = { pre: new Set(), forward: new Set(), backward: new Set() };
  const plain = module.forward.bind(module) as Forward;
  const forward: Forward = (...given) => {
    let inputs = given;
    for (const hook of hooks.pre) inputs = hook(module, inputs) ?? inputs;
    let output = plain(...inputs);
    for (const hook of hooks.forward) output = hook(module, inputs, output) ?? output;
    const first = Array.isArray(output) ? (output[0] as Tensor) : (output as Tensor);
    for (const hook of hooks.backward) first.registerHook((grad) => hook(module, grad));
    return output;
  };
  Object.defineProperty(module, 'forward', { value: forward });
  return hooks;
}
