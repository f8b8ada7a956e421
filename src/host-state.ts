import type { HostState } from './backend/backend.js';
import type { Generator } from './random.js';

/** What belongs to a device's tensors but is kept by the host: its generator, and what others asked to be kept. */
export class HostParts implements HostState {
  readonly #generator: HostState;
  readonly #forget: () => void;
  readonly #kept: WeakRef<HostState>[] = [];

  /** @param forget drops what was recorded of tensors that go back. */
  constructor(generator: Generator, forget: () => void) {
    this.#forget = forget;
    this.#generator = {
      capture: () => generator.position,
      restore: (position) => {
        if (typeof position === 'number') generator.position = position;
      },
    };
    this.keep(this.#generator);
  }

  /** For as long as somebody else holds it. */
  keep(part: HostState): void {
    this.#kept.push(new WeakRef(part));
  }

  capture(): WeakMap<HostState, unknown> {
    return new WeakMap(this.#parts().map((part) => [part, part.capture()]));
  }

  restore(state: unknown): void {
    this.#forget();
    // Schedules are made after the optimisers whose rates they set: these have the last word.
    for (const part of this.#parts().reverse())
      part.restore((state as WeakMap<HostState, unknown> | undefined)?.get(part));
  }

  #parts(): HostState[] {
    return this.#kept.flatMap((one) => one.deref() ?? []);
  }
}
