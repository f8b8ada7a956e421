import { fail } from '../../errors.js';
import { MAX_PAGES } from './shared-memory.js';

export const ALIGNMENT = 64;
export const PAGE = 65536;

interface Free {
  start: number;
  bytes: number;
}

/** Blocks of one growing wasm memory: first fit over a list of free blocks in the order of their addresses. */
export class Allocator {
  readonly #memory: WebAssembly.Memory;
  readonly #free: Free[] = [];
  readonly #limit: number;
  #end: number;
  #used = 0;
  #blocks = 0;

  /** @param start first address to hand out; below it lie the module's own constants. */
  constructor(memory: WebAssembly.Memory, start: number, maxBytes = MAX_PAGES * PAGE) {
    this.#memory = memory;
    this.#end = start;
    this.#limit = Math.min(maxBytes, MAX_PAGES * PAGE);
  }

  get bytes(): number {
    return this.#used;
  }

  get blocks(): number {
    return this.#blocks;
  }

  /** The address of `bytes` bytes, 64-byte aligned; as many more lie behind them, so that kernels may read whole vectors. */
  allocate(bytes: number, label: string): number {
    const size = rounded(bytes);
    const found = this.#free.findIndex((block) => block.bytes >= size);
    const start = found >= 0 ? this.#take(found, size) : this.#extend(size, label);
    this.#used += size;
    this.#blocks++;
    return start;
  }

  release(start: number, bytes: number): void {
    const size = rounded(bytes);
    this.#used -= size;
    this.#blocks--;
    const after = this.#free.findIndex((block) => block.start > start);
    const index = after < 0 ? this.#free.length : after;
    this.#free.splice(index, 0, { start, bytes: size });
    this.#merge(index);
    this.#merge(index - 1);
  }

  #take(index: number, size: number): number {
    const block = this.#free[index]!;
    const { start } = block;
    block.start += size;
    block.bytes -= size;
    if (block.bytes === 0) this.#free.splice(index, 1);
    return start;
  }

  #extend(size: number, label: string): number {
    const last = this.#free.at(-1);
    const joins = last !== undefined && last.start + last.bytes === this.#end;
    const start = joins ? last.start : this.#end;
    const missing = start + size + ALIGNMENT - this.#memory.buffer.byteLength;
    if (start + size > this.#limit || (missing > 0 && !this.#grow(missing))) {
      const used = `${megabytes(this.#used)} of ${megabytes(this.#limit)} are in use`;
      fail(
        'wasm',
        `out of memory: ${label} needs ${megabytes(size)}, ${used}; dispose tensors or use smaller batches`,
      );
    }
    if (joins) this.#free.pop();
    this.#end = start + size;
    return start;
  }

  #grow(missing: number): boolean {
    const pages = Math.ceil(missing / PAGE);
    try {
      this.#memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }

  #merge(index: number): void {
    const block = this.#free[index];
    const next = this.#free[index + 1];
    if (!block || !next || block.start + block.bytes !== next.start) return;
    block.bytes += next.bytes;
    this.#free.splice(index + 1, 1);
  }
}

const rounded = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
