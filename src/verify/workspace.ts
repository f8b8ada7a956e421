import type { Backend, DeviceBuffer, HostTensor, Program } from '../index.js';

/** Words behind each buffer that nobody may touch. */
const TAIL = 8;
const GUARD_WORD = 0x5afe5afe;
const NAN_WORD = 0x7fc0dead;
const POISON_BYTES = 2 ** 20;

type Words = Int32Array | Float64Array;

/** A device's memory as raw words: 32 bits, or the f64 of the reference device. */
export interface WordFormat {
  readonly dtype: 'i32' | 'f32';
  readonly guard: number;
  readonly unset: (dtype: HostTensor['dtype']) => number;
  encode(tensor: HostTensor): Words;
  decode(words: Words, dtype: HostTensor['dtype']): Float64Array;
}

export const bits: WordFormat = {
  dtype: 'i32',
  guard: GUARD_WORD,
  unset: (dtype) => (dtype === 'f32' ? NAN_WORD : GUARD_WORD),
  encode: ({ data, dtype }) =>
    dtype === 'f32' ? new Int32Array(Float32Array.from(data).buffer) : Int32Array.from(data),
  decode: (words, dtype) =>
    Float64Array.from(dtype === 'f32' ? new Float32Array(Int32Array.from(words).buffer) : words),
};

export const doubles: WordFormat = {
  dtype: 'f32',
  guard: -987654321.5,
  unset: () => Number.NaN,
  encode: ({ data }) => Float64Array.from(data),
  decode: (words) => Float64Array.from(words),
};

/** A buffer that a program is run on: what it holds before, and what it must hold afterwards (null: an output). */
export interface Bound {
  readonly name: string;
  readonly before: Words;
  readonly expected: Words | null;
  /** What it holds before a run on other inputs. */
  readonly other: Words;
}

/** A tensor with other values: f32 negated, which keeps what is switched by zero or not, whole numbers in reverse. */
export const otherwise = (tensor: HostTensor): HostTensor => ({
  ...tensor,
  data: tensor.dtype === 'f32' ? tensor.data.map((value) => -value) : tensor.data.slice().reverse(),
});

export function withTail(words: Words, format: WordFormat): Words {
  const Kind = words.constructor as new (length: number) => Words;
  const all = new Kind(words.length + TAIL).fill(format.guard);
  all.set(words);
  return all;
}

/** Buffers with a guard before and behind each, where neighbours in time are neighbours in memory. */
export class Workspace {
  readonly buffers: DeviceBuffer[] = [];
  readonly #guards: DeviceBuffer[] = [];

  constructor(
    readonly backend: Backend,
    readonly format: WordFormat,
    readonly bounds: readonly Bound[],
  ) {
    for (const { name, before } of bounds) {
      this.#guard();
      this.buffers.push(backend.allocate(4 * before.length, name));
    }
    this.#guard();
  }

  #guard(): void {
    if (this.backend.kind !== 'wasm') return;
    const buffer = this.backend.allocate(4 * TAIL, 'a guard');
    this.backend.write(buffer, new Int32Array(TAIL).fill(GUARD_WORD), 'i32');
    this.#guards.push(buffer);
  }

  /** A run on other inputs, so that what it leaves behind fits no later run. */
  async runOther(program: Program): Promise<void> {
    await this.#run(
      program,
      this.bounds.map(({ other }) => other),
    );
    // Other indices may be out of range.
    this.backend.takeFault();
  }

  /** One run from the same start. */
  run(program: Program): Promise<Words[]> {
    return this.#run(
      program,
      this.bounds.map(({ before }) => before),
    );
  }

  async #run(program: Program, given: readonly Words[]): Promise<Words[]> {
    const { backend, format } = this;
    given.forEach((words, i) => {
      backend.write(this.buffers[i]!, words, format.dtype);
    });
    program.run(this.buffers);
    const read = (buffer: DeviceBuffer, i: number) =>
      backend.read(buffer, format.dtype, this.bounds[i]!.before.length) as Promise<Words>;
    return Promise.all(this.buffers.map(read));
  }

  /** What a run touched that it must not have. */
  async damage(after: readonly Words[]): Promise<string | null> {
    for (const [i, { name, before, expected }] of this.bounds.entries()) {
      const size = before.length - TAIL;
      for (let k = expected ? 0 : size; k < before.length; k++) {
        if (Object.is(after[i]![k], before[k])) continue;
        return k < size
          ? `${name} was changed at element ${k}`
          : `word ${k - size} behind ${name} was overwritten`;
      }
    }
    for (const guard of this.#guards) {
      const words = await this.backend.read(guard, 'i32', TAIL);
      if (words.some((word) => word !== GUARD_WORD)) return 'memory between the buffers was overwritten';
    }
    return null;
  }

  free(): void {
    for (const buffer of [...this.buffers, ...this.#guards]) buffer.free();
  }
}

let nans: Int32Array<ArrayBuffer> | undefined;

/** Leaves NaNs in the memory that the next program gets, so that reading what was never written shows. */
export function poison(backend: Backend): void {
  if (backend.kind !== 'wasm') return;
  const block = backend.allocate(POISON_BYTES, 'poison');
  nans ??= new Int32Array(POISON_BYTES / 4).fill(NAN_WORD);
  backend.write(block, nans, 'i32');
  block.free();
}
