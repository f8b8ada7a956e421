import type { WasmBuffer } from './buffer.js';

/** Bytes that kernels may use which ask for none. */
const LEAST = 128;

/**
 * The private memory that threads have while they run a kernel: one block for all programs of a device, for these run one
 * after the other. It is as large as the most that a living program asks for, and gone with the last program.
 */
export class Scratch {
  readonly #allocate: (bytes: number) => WasmBuffer;
  readonly #users = new Set<object>();
  #block: WasmBuffer | null = null;

  constructor(allocate: (bytes: number) => WasmBuffer) {
    this.#allocate = allocate;
  }

  /** Where it starts now: it may move when a program is made. */
  get address(): number {
    return this.#block?.address ?? 0;
  }

  /** Makes room for `bytes` bytes for as long as `user` is not released. */
  reserve(user: object, bytes: number): void {
    this.#users.add(user);
    if (this.#block && bytes <= this.#block.bytes) return;
    const larger = this.#allocate(Math.max(bytes, LEAST));
    this.#block?.free();
    this.#block = larger;
  }

  release(user: object): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    this.#block?.free();
    this.#block = null;
  }
}
