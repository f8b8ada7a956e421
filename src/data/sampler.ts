import { fail } from '../errors.js';
import { anyNumber, expectOptions, flag } from '../kinds.js';
import type { Generator } from '../random.js';

/** In what order the samples of an epoch come; the same generator must give the same order. */
export interface Sampler {
  /** Indices in an epoch. */
  readonly length: number;
  order(generator: Generator): ArrayLike<number>;
}

/** Which samples make each batch of an epoch; the same generator must give the same batches. */
export interface BatchSource {
  /** Batches in an epoch. */
  readonly length: number;
  batches(generator: Generator): readonly ArrayLike<number>[];
}

/** Something with a length: a dataset mostly. */
interface Sized {
  readonly length: number;
}

function checkCount(where: string, name: string, count: number, least = 1): void {
  if (!Number.isInteger(count) || count < least) {
    fail(where, `${name} must be a whole number from ${least}, got ${count}`);
  }
}

/** 0, 1, 2, ... */
export class SequentialSampler implements Sampler {
  readonly length: number;

  constructor(source: Sized) {
    this.length = source.length;
  }

  order(): Int32Array {
    return Int32Array.from({ length: this.length }, (_, i) => i);
  }
}

export interface RandomSamplerOptions {
  /** Draw each index anew from all of them; default false: each comes once before any comes again. */
  readonly replacement?: boolean;
  /** Indices in an epoch; default: as many as there are. */
  readonly numSamples?: number;
}

/** Indices in random order, with or without replacement. */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly replacement: boolean;
  readonly #count: number;

  constructor(source: Sized, options: RandomSamplerOptions = {}) {
    expectOptions('RandomSampler', options, { replacement: flag, numSamples: anyNumber });
    const { replacement = false, numSamples = source.length } = options;
    checkCount('RandomSampler', 'numSamples', numSamples, 0);
    if (source.length === 0 && numSamples > 0)
      fail('RandomSampler', `the source is empty, it can't give ${numSamples} samples`);
    this.#count = source.length;
    this.replacement = replacement;
    this.length = numSamples;
  }

  order(generator: Generator): Int32Array {
    const order = new Int32Array(this.length);
    if (this.replacement) return order.map(() => generator.below(this.#count));
    for (let start = 0; start < order.length; start += this.#count) {
      order.set(generator.permutation(this.#count).subarray(0, order.length - start), start);
    }
    return order;
  }
}

/** The given indices in random order. */
export class SubsetRandomSampler implements Sampler {
  readonly #indices: Int32Array;

  constructor(indices: ArrayLike<number>) {
    this.#indices = Int32Array.from(indices);
  }

  get length(): number {
    return this.#indices.length;
  }

  order(generator: Generator): Int32Array {
    return generator.permutation(this.length).map((i) => this.#indices[i]!);
  }
}

/** Uniform in [0, 1) with 53 bits, for sums of many weights. */
const fine = (generator: Generator): number =>
  ((generator.word() >>> 5) * 2 ** 26 + (generator.word() >>> 6)) / 2 ** 53;

/** The first place of ascending `sums` whose value is above `x`. */
function firstAbove(sums: Float64Array, x: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Index i with a probability in proportion to `weights[i]`. Without replacement each next one is drawn from those that
 * are left, which the smallest of exponential times give (Efraimidis and Spirakis, "Weighted random sampling with a
 * reservoir", 2006).
 */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  readonly replacement: boolean;
  readonly #weights: Float64Array;

  constructor(
    weights: ArrayLike<number>,
    numSamples: number,
    options: { readonly replacement?: boolean } = {},
  ) {
    const where = 'WeightedRandomSampler';
    expectOptions(where, options, { replacement: flag });
    const { replacement = true } = options;
    checkCount(where, 'numSamples', numSamples);
    this.#weights = Float64Array.from(weights);
    const wrong = this.#weights.findIndex((weight) => !(weight >= 0 && weight < Infinity));
    if (wrong >= 0)
      fail(where, `weights must be finite and not negative, weight ${wrong} is ${this.#weights[wrong]}`);
    const positive = this.#weights.filter((weight) => weight > 0).length;
    if (positive === 0) fail(where, `at least one of the ${weights.length} weights must be above 0`);
    if (!replacement && numSamples > positive) {
      fail(
        where,
        `without replacement ${positive} weights above 0 can't give ${numSamples} samples; set replacement`,
      );
    }
    this.length = numSamples;
    this.replacement = replacement;
  }

  order(generator: Generator): Int32Array {
    return this.replacement ? this.#withReplacement(generator) : this.#withoutReplacement(generator);
  }

  #withReplacement(generator: Generator): Int32Array {
    let sum = 0;
    const sums = this.#weights.map((weight) => {
      sum += weight;
      return sum;
    });
    return new Int32Array(this.length).map(() => firstAbove(sums, fine(generator) * sum));
  }

  #withoutReplacement(generator: Generator): Int32Array {
    const times = this.#weights.map((weight) => -Math.log(1 - fine(generator)) / weight);
    const order = Int32Array.from(times.keys()).filter((i) => this.#weights[i]! > 0);
    return order.sort((a, b) => times[a]! - times[b]! || a - b).slice(0, this.length);
  }
}

/** Batches of `batchSize` indices of a sampler, in its order. */
export class BatchSampler implements BatchSource {
  constructor(
    readonly sampler: Sampler,
    readonly batchSize: number,
    readonly dropLast = false,
  ) {
    checkCount('BatchSampler', 'batchSize', batchSize);
  }

  get length(): number {
    const batches = this.sampler.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  batches(generator: Generator): Int32Array[] {
    const given = Array.from(this.sampler.order(generator));
    if (given.length !== this.sampler.length)
      fail('BatchSampler', `the sampler gives ${given.length} indices, its length is ${this.sampler.length}`);
    const wrong = given.findIndex((index) => !Number.isInteger(index));
    if (wrong >= 0) fail('BatchSampler', `index ${wrong} of the sampler is ${given[wrong]}, no whole number`);
    const order = Int32Array.from(given);
    return Array.from({ length: this.length }, (_, batch) =>
      order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize),
    );
  }
}
