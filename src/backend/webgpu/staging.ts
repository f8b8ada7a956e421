import type { Fault } from '../backend.js';
import { MAP_READ } from './constants.js';
import type { Health } from './health.js';

/** Of the fault word and its details: `[id, detail, detail, 0]`. */
export const FAULT_BYTES = 16;

/** Where staging memory comes from and goes back to. */
interface StagingOwner {
  readonly health: Health;
  giveStaging(staging: GPUBuffer): void;
  claimFault(epoch: number): boolean;
}

/** Staging memory into which a submit copies the fault word and what may be read, one part per buffer that it is of. */
export class Staged {
  #bytes: Promise<ArrayBuffer> | null = null;
  #parts = 0;
  #mapped = false;

  constructor(
    readonly pool: StagingOwner,
    readonly staging: GPUBuffer,
    readonly size: number,
    readonly epoch: number,
  ) {}

  hold(): this {
    this.#parts++;
    return this;
  }

  /** Gives the memory back when no buffer needs it and nobody reads it. */
  release(): void {
    if (--this.#parts === 0 && !this.#mapped) this.pool.giveStaging(this.staging);
  }

  /** The copied bytes, behind those of the fault word, when the GPU has them. */
  bytes(faulted: (fault: Fault) => void): Promise<ArrayBuffer> {
    this.#bytes ??= this.#map(faulted);
    return this.#bytes;
  }

  async #map(faulted: (fault: Fault) => void): Promise<ArrayBuffer> {
    this.#mapped = true;
    try {
      const { health } = this.pool;
      await health.guard(this.staging.mapAsync(MAP_READ, 0, this.size));
      const [id, ...detail] = new Int32Array(this.staging.getMappedRange(0, FAULT_BYTES));
      if (id && this.pool.claimFault(this.epoch)) faulted({ id, detail: [detail[0]!, detail[1]!] });
      const rest = this.size - FAULT_BYTES;
      const bytes = rest > 0 ? this.staging.getMappedRange(FAULT_BYTES, rest).slice(0) : new ArrayBuffer(0);
      this.staging.unmap();
      this.pool.giveStaging(this.staging);
      return bytes;
    } catch (error) {
      this.staging.destroy();
      throw error;
    }
  }
}

/** The part of staged memory that is of one buffer. */
export interface Snapshot {
  readonly staged: Staged;
  readonly offset: number;
  release(): void;
}
