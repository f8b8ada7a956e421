/**
 * Philox 4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011).
 * The kernels hold the same function, so a seed gives the same stream on every device and any number of threads.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** Upper 32 bits of the product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Four uniform 32-bit words for a 128-bit counter (low words first; the upper two are zero here) and a 64-bit key. */
export function philox(
  counter: number,
  stream: number,
  key0: number,
  key1: number,
): [number, number, number, number] {
  let [c0, c1, c2, c3] = [counter >>> 0, stream >>> 0, 0, 0];
  let [k0, k1] = [key0 >>> 0, key1 >>> 0];
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, c0);
    const low0 = Math.imul(M0, c0) >>> 0;
    const high1 = mulHigh(M1, c2);
    const low1 = Math.imul(M1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Uniform in [0, 1) with 24 bits, exact in f32: the same value in every kernel. */
export const toUniform = (word: number): number => (word >>> 8) / 0x1000000;

/** The stream (upper half of the counter) from which forks take their seeds; draws take stream 0. */
const FORKS = 0x80000000;

/** A seeded stream of random numbers. Equal seeds give equal streams; nothing else is shared. */
export class Generator {
  readonly #key: [number, number];
  #counter = 0;
  #words: number[] = [];

  /** @param seed a whole number from 0 to 2^53 - 1. */
  constructor(readonly seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`Generator: seed must be a whole number from 0 to 2^53 - 1, got ${seed}`);
    }
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  }

  /**
   * A generator of its own for whole numbers from 0 that say what it is for, such as an epoch and a sample: it
   * depends on this one's seed and on them alone, not on what was drawn before.
   */
  fork(...ids: readonly number[]): Generator {
    let [low, high] = this.#key;
    for (const id of ids) {
      if (!Number.isSafeInteger(id) || id < 0) {
        throw new RangeError(`Generator: fork takes whole numbers from 0 to 2^53 - 1, got ${id}`);
      }
      const [word0, word1] = philox(id, FORKS ^ Math.floor(id / 2 ** 32), low, high);
      [low, high] = [word0, word1 >>> 11];
    }
    return new Generator(high * 2 ** 32 + low);
  }

  /** How many words were drawn so far. Set it to go on from there. */
  get position(): number {
    return 4 * this.#counter - this.#words.length;
  }

  set position(position: number) {
    if (!Number.isSafeInteger(position) || position < 0) {
      throw new RangeError(`Generator: position must be a whole number from 0, got ${position}`);
    }
    this.#counter = Math.floor(position / 4);
    this.#words = [];
    for (let i = 0; i < position % 4; i++) this.word();
  }

  /** Seed and position, which `loadStateDict` goes on from. */
  stateDict(): { readonly seed: number; readonly position: number } {
    return { seed: this.seed, position: this.position };
  }

  loadStateDict({ seed, position }: { readonly seed: number; readonly position: number }): void {
    if (seed !== this.seed) {
      throw new RangeError(
        `Generator: the state is of seed ${seed}, this one has ${this.seed}; open the device with { seed: ${seed} }`,
      );
    }
    this.position = position;
  }

  /** A uniform 32-bit word. */
  word(): number {
    if (this.#words.length === 0) this.#words = philox(this.#counter++, 0, ...this.#key).reverse();
    return this.#words.pop()!;
  }

  /** A uniform number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * toUniform(this.word());
  }

  /** A normal number (Box and Muller). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - toUniform(this.word())));
    return mean + deviation * radius * Math.cos(2 * Math.PI * toUniform(this.word()));
  }

  /** A whole number in [0, bound), without bias (Lemire). */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = this.word();
    while (word >= limit) word = this.word();
    return word % bound;
  }

  /** A permutation of 0..length-1 (Fisher and Yates). */
  permutation(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = order[i]!;
      order[i] = order[j]!;
      order[j] = held;
    }
    return order;
  }
}
