import type { Device } from './device.js';
import { fail } from './errors.js';
import { gradient } from './gradient.js';
import { leavesOf } from './graph.js';
import type { Value } from './op.js';
import { gradientOps } from './ops/gradient_ops.js';
import * as ops from './ops/index.js';
import type { Store } from './store.js';
import { describe, type GradientHook, Tensor } from './tensor.js';

/** Which of a device's tensors want gradients, and what `backward()` makes for them. */
export class Gradients {
  readonly #device: Device;
  readonly #store: Store;
  /** Values whose tensors want gradients. */
  readonly #watched = new WeakMap<Value, WeakRef<Tensor>>();
  readonly #hooks = new WeakMap<Value, ReadonlySet<GradientHook>>();
  /** Scalars whose backward() was called and that an update must compute before it changes what they depend on. */
  #losses: WeakRef<Tensor>[] = [];

  constructor(device: Device, store: Store) {
    this.#device = device;
    this.#store = store;
  }

  watch(tensor: Tensor): void {
    this.#watched.set(tensor.value, new WeakRef(tensor));
  }

  hook(value: Value, hooks: ReadonlySet<GradientHook>): void {
    this.#hooks.set(value, hooks);
  }

  /** Whether a gradient may have to pass through a value. */
  leadTo(value: Value): boolean {
    const stops = { has: (one: Value) => (one.node?.op.stopsGradient ?? false) || this.#watched.has(one) };
    return leavesOf([value], stops).some((leaf) => this.#watched.has(leaf));
  }

  /** Records the gradients of a loss and adds them to `grad` of the tensors that want them. */
  differentiate(loss: Tensor, seed?: Tensor): void {
    const { trace } = this.#device;
    const leaves = leavesOf([loss.value], { has: (value) => this.#watcher(value) !== null });
    if (trace) this.#observeWishes(leaves);
    const wrt = leaves.filter((value) => this.#watcher(value));
    const grads = gradient(loss.value, wrt, gradientOps, seed?.value, (value, grad) =>
      this.#hooked(value, grad),
    );
    if (!grads.some(Boolean)) fail('backward', `no tensor with requiresGrad leads to ${describe(loss)}`);
    grads.forEach((grad, i) => {
      const tensor = this.#watcher(wrt[i]!);
      if (!grad || !tensor) return;
      const total = tensor.grad ? ops.add(tensor.grad.value, grad) : grad;
      tensor.grad = new Tensor(this.#device, total, tensor.label && `${tensor.label}.grad`);
    });
    if (trace) return;
    this.#losses = this.#losses.filter((one) => one.deref());
    this.#losses.push(new WeakRef(loss));
  }

  /** The losses differentiated since this was last asked, of those that are still held. */
  takeLosses(): Tensor[] {
    const losses = this.#losses.flatMap((one) => one.deref() ?? []);
    this.#losses = [];
    return losses;
  }

  forgetLosses(): void {
    this.#losses = [];
  }

  #watcher(value: Value): Tensor | null {
    const tensor = this.#watched.get(value)?.deref();
    return tensor?.requiresGrad ? tensor : null;
  }

  #hooked(value: Value, grad: Value): Value {
    let passed = new Tensor(this.#device, grad, value.label && `${value.label}.grad`);
    for (const hook of this.#hooks.get(value) ?? []) passed = hook(passed) ?? passed;
    return passed.value;
  }

  /** A compiled function is traced again when one of the stored tensors that it reads starts or stops wanting gradients. */
  #observeWishes(leaves: readonly Value[]): void {
    for (const value of leaves) {
      const tensor = this.#watcher(value);
      if (this.#store.source(value)?.kind !== 'stored') continue;
      this.#device.observe(tensor ? () => tensor.requiresGrad : () => this.#watcher(value) !== null);
    }
  }
}
