import { fail } from '../../errors.js';
import type { LaunchTimes } from '../backend.js';
import { BufferUsage, MAP_READ, QUERY_RESOLVE } from './constants.js';
import type { Health } from './health.js';

/** Queries that one set may hold (WebGPU, 14.2), two for each dispatch. */
const SET = 4096;
const BYTES = 8;

/** Times of a program's dispatches, by timestamp queries. */
class Timestamps {
  readonly #sets: readonly GPUQuerySet[];
  readonly #resolved: GPUBuffer;

  constructor(
    readonly health: Health,
    readonly labels: readonly string[],
  ) {
    const { device } = health;
    const queries = 2 * labels.length;
    this.#sets = Array.from({ length: Math.ceil(queries / SET) }, (_, i) =>
      device.createQuerySet({ label: 'times', type: 'timestamp', count: Math.min(SET, queries - i * SET) }),
    );
    const usage = QUERY_RESOLVE | BufferUsage.copySrc;
    this.#resolved = device.createBuffer({ label: 'times', size: BYTES * queries, usage });
  }

  /** What the pass of dispatch `i` has to write. */
  writes(i: number): GPUComputePassTimestampWrites {
    const query = (2 * i) % SET;
    return {
      querySet: this.#sets[Math.floor((2 * i) / SET)]!,
      beginningOfPassWriteIndex: query,
      endOfPassWriteIndex: query + 1,
    };
  }

  /** Copies the times where they can be read, behind the passes. */
  resolve(encoder: GPUCommandEncoder): GPUBuffer {
    this.#sets.forEach((set, i) => {
      encoder.resolveQuerySet(set, 0, set.count, this.#resolved, i * SET * BYTES);
    });
    const { size } = this.#resolved;
    const usage = BufferUsage.mapRead | BufferUsage.copyDst;
    const staging = this.health.device.createBuffer({ label: 'times, read', size, usage });
    encoder.copyBufferToBuffer(this.#resolved, 0, staging, 0, size);
    return staging;
  }

  async tell(staging: GPUBuffer, times: LaunchTimes): Promise<void> {
    try {
      await this.health.guard(staging.mapAsync(MAP_READ));
      const nanoseconds = new BigUint64Array(staging.getMappedRange());
      this.labels.forEach((label, i) => {
        const start = nanoseconds[2 * i]!;
        times(label, Number(nanoseconds[2 * i + 1]! - start) / 1e6, Number(start) / 1e6);
      });
    } finally {
      staging.destroy();
    }
  }

  free(): void {
    for (const set of this.#sets) set.destroy();
    this.#resolved.destroy();
  }
}

/** Measures runs whose launches somebody wants to know. */
export class LaunchClock {
  readonly #open = new Set<Promise<void>>();
  readonly #of = new Map<object, Timestamps>();

  constructor(
    readonly health: Health,
    readonly available: boolean,
  ) {}

  /** The queries of a program with these dispatches. */
  timestamps(owner: object, labels: () => readonly string[]): Timestamps {
    if (!this.available) {
      const advice =
        'no `timestamp-query` in this device; profile on the wasm device, or give one that has it';
      fail('webgpu', `launches can't be timed: ${advice}`);
    }
    const found = this.#of.get(owner) ?? new Timestamps(this.health, labels());
    this.#of.set(owner, found);
    return found;
  }

  /** Tells a run's times when the GPU has them. */
  expect(timestamps: Timestamps, staging: GPUBuffer, times: LaunchTimes): void {
    const told = timestamps.tell(staging, times);
    this.#open.add(told);
    const ended = () => this.#open.delete(told);
    told.then(ended, ended);
  }

  /** Resolves when all runs before have told their times. */
  async settle(): Promise<void> {
    await Promise.all(this.#open);
  }

  forget(owner: object): void {
    this.#of.get(owner)?.free();
    this.#of.delete(owner);
  }
}

export type { Timestamps };
