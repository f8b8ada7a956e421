import type { BackendCore, SharedMemory } from './backend/backend.js';
import type { DType } from './dtype.js';
import { fail } from './errors.js';
import { createInput } from './graph.js';
import type { Value } from './op.js';
import { bytesOf } from './plan.js';
import type { Runner } from './runner.js';
import { checkShape, type Shape } from './shape.js';
import type { Store } from './store.js';
import type { Tensor } from './tensor.js';
import type { Turns } from './turns.js';

/** What buffers that are shared with the caller go through. */
interface Parts {
  readonly core: BackendCore;
  readonly store: Store;
  readonly runner: Runner;
  readonly turns: Turns;
}

/** `GPUBuffer`s that a webgpu device shares with its caller: the caller's as tensors, and those that hold tensors. */
export class GPUBuffers {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A leaf whose contents are those of the caller's buffer: see `Device.fromGPUBuffer`. */
  async adopt(buffer: GPUBuffer, shape: Shape, dtype: DType): Promise<Value> {
    checkShape('fromGPUBuffer', shape);
    if (dtype !== 'f32' && dtype !== 'i32' && dtype !== 'bool')
      fail('fromGPUBuffer', `dtype must be f32, i32 or bool, got '${String(dtype)}'`);
    const value = createInput(shape, dtype);
    this.#parts.store.hold(value, await this.#shared('fromGPUBuffer').adopt(buffer, bytesOf(value)));
    return value;
  }

  /** The buffer that holds a tensor: see `Tensor.gpuBuffer`. */
  of(tensor: Tensor): Promise<GPUBuffer> {
    const { store, runner, turns } = this.#parts;
    const shared = this.#shared('gpuBuffer');
    return turns.take(async () => {
      await runner.compute([tensor], []);
      return shared.bufferOf(store.bufferOf(tensor.value));
    });
  }

  #shared(where: string): SharedMemory {
    const { core } = this.#parts;
    return core.shared ?? fail(where, `a ${core.kind} device has no GPU buffers; open a webgpu device`);
  }
}
