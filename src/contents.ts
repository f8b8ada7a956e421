import type { BackendCore, Fault } from './backend/backend.js';
import { checkHost, type HostTensor, type TypedArray } from './dtype.js';
import { fail } from './errors.js';
import type { FaultMessages } from './executor.js';
import type { Gradients } from './gradients.js';
import { createInput, leavesOf } from './graph.js';
import type { Pairs, Runner } from './runner.js';
import { sameShape, showShape, sizeOf } from './shape.js';
import type { Store } from './store.js';
import { describe, isLeaf, type Tensor } from './tensor.js';
import type { Trace } from './trace.js';
import type { Turns } from './turns.js';

/** What the contents of a device's tensors go through. */
interface Parts {
  readonly core: BackendCore;
  readonly store: Store;
  readonly runner: Runner;
  readonly gradients: Gradients;
  readonly faults: FaultMessages;
  readonly turns: Turns;
}

/** Reads the contents of a device's tensors and replaces them. */
export class Contents {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async read(tensor: Tensor): Promise<TypedArray> {
    const { core, store, runner, faults, turns } = this.#parts;
    let fault: Fault | null = null;
    // What is asked for afterwards need not wait for the contents to come.
    const { coming, value } = await turns.take(async () => {
      await runner.compute([tensor], []);
      const { value, dtype, shape } = tensor;
      const buffer = store.bufferOf(value);
      const faulted = (found: Fault) => {
        fault = found;
      };
      const coming = core.read(buffer, dtype, sizeOf(shape), faulted);
      coming.catch(() => {});
      return { coming, value };
    });
    const data = await coming;
    try {
      faults.tell(fault ?? core.takeFault());
    } catch (error) {
      // What the device left is no result: later reads must not take it for one.
      store.spoil(value, `is not valid: ${(error as Error).message}`);
      throw error;
    }
    return data;
  }

  /** @param trace of the function that the update becomes part of; null where it runs now. */
  update(pairs: Pairs, trace: Trace | null): Promise<void> {
    this.#checkPairs('update', pairs, trace);
    if (!trace) return this.#parts.turns.take(() => this.#update(pairs));
    const values = pairs.map(([, contents]) => contents.value);
    pairs.forEach(([target], i) => {
      if (!trace.updated.has(target)) trace.updated.set(target, target.value);
      target.replaceValue(values[i]!);
    });
    return Promise.resolve();
  }

  async #update(pairs: Pairs): Promise<void> {
    const { store, runner, gradients } = this.#parts;
    const losses = gradients
      .takeLosses()
      .filter(({ value }) => leavesOf([value], store).every((leaf) => store.isValid(leaf)));
    const unplaced = pairs.map(([target]) => target).filter(({ value }) => !store.has(value));
    if (unplaced.length > 0) await runner.compute(unplaced);
    await runner.compute(losses, pairs);
  }

  stage(pairs: Pairs, trace: Trace | null): void {
    this.#checkPairs('stage', pairs, trace);
    for (const [target] of pairs)
      if (target.requiresGrad) fail('stage', `${describe(target)} requires a gradient`);
    if (trace) void this.update(pairs, trace);
    else for (const [target, contents] of pairs) this.#parts.runner.stage(target, contents.value);
  }

  async write(target: Tensor, contents: HostTensor): Promise<void> {
    const { core, store, runner, turns } = this.#parts;
    if (!sameShape(target.shape, contents.shape) || target.dtype !== contents.dtype) {
      fail('write', `can't put ${contents.dtype}${showShape(contents.shape)} into ${describe(target)}`);
    }
    checkHost('write', contents);
    this.#checkTarget('write', target, null);
    await turns.take(async () => {
      await runner.compute([target], []);
      const storage = store.storageOf(target.value);
      core.write(storage.buffer, contents.data, contents.dtype);
      store.changed(storage);
      target.changed();
    });
  }

  /** Lets a tensor whose memory changed go on as a new leaf: what was recorded from the old one is stale. */
  renew(tensor: Tensor): void {
    const { store } = this.#parts;
    const source = store.source(tensor.value);
    if (source?.kind !== 'stored' || source.version === source.storage.version) return;
    const value = createInput(tensor.shape, tensor.dtype, tensor.label);
    store.adopt(value, source.storage);
    tensor.replaceValue(value);
  }

  #checkPairs(where: string, pairs: Pairs, trace: Trace | null): void {
    for (const [target, contents] of pairs) {
      if (!sameShape(target.shape, contents.shape) || target.dtype !== contents.dtype) {
        fail(where, `can't put ${describe(contents)} into ${describe(target)}`);
      }
      if (trace?.updated.has(target) || this.#parts.runner.hasStaged(target)) continue;
      this.#checkTarget(where, target, trace);
    }
  }

  /** Refuses a tensor whose contents can't be replaced. */
  #checkTarget(where: string, target: Tensor, trace: Trace | null): void {
    const { store } = this.#parts;
    const { value } = target;
    const source = store.source(value);
    if (source ? source.kind === 'stored' : !trace && isLeaf(value)) {
      if (source) store.bufferOf(value);
      return;
    }
    const advice = isLeaf(value)
      ? 'compute it by device.realize() before'
      : 'update the tensor it was made from';
    fail(where, `${describe(target)} has no memory of its own to be changed; ${advice}`);
  }
}
