import { fail } from './errors.js';
import { pin } from './graph.js';
import type { Side, Value } from './op.js';

/** Which backend of a device of two what is recorded is bound to. */
export class Sides {
  /** The backend of a device of one; null where there are two. */
  readonly #only: string | null;
  /** The values that tensors stand for. */
  readonly #seen = new WeakSet<Value>();
  /** Where ops that are recorded now run; null where it costs least. */
  #side: Side | null = null;

  constructor(only: string | null) {
    this.#only = only;
  }

  /** Runs `record`, with what it records bound to a side. */
  on<T>(side: Side, record: () => T): T {
    if (side !== 'wasm' && side !== 'webgpu') fail('on', `takes 'wasm' or 'webgpu', got '${String(side)}'`);
    if (this.#only !== null && this.#only !== side) fail('on', `this device computes on ${this.#only} alone`);
    return this.#recording(side, () => {
      const result = record();
      if (!(result instanceof Promise)) return result;
      result.catch(() => {});
      return fail('on', 'the function must not be async: only what it records at once is bound');
    });
  }

  /** Runs `record`, with what it records bound to no side. */
  anywhere(record: () => void): void {
    this.#recording(null, record);
  }

  #recording<T>(side: Side | null, record: () => T): T {
    const before = this.#side;
    this.#side = side;
    try {
      return record();
    } finally {
      this.#side = before;
    }
  }

  /** Notes that a tensor stands for a value: what it is computed from since the last such value is bound. */
  created(value: Value): void {
    if (this.#only !== null) return;
    if (this.#side) pin([value], this.#seen, this.#side);
    this.#seen.add(value);
  }
}
