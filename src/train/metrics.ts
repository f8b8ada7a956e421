import { checkHost, type HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { anyNumber, expectOptions, whole } from '../kinds.js';
import {
  type ClassOptions,
  checkLabels,
  classesOf,
  classKinds,
  labelsOf,
  scoreAt,
  scoresOf,
} from './classes.js';

/** What a metric gives: plain data. */
export type MetricValue = number | readonly number[] | readonly (readonly number[])[];

/** Counts over batches. A metric of your own needs these methods and no more. */
export interface Metric<V extends MetricValue = MetricValue> {
  /** Takes a batch: what the model gave, and what was right. */
  update(output: HostTensor, target: HostTensor): void;
  /** Over all batches since the beginning or `reset()`; NaN where there were none. */
  value(): V;
  reset(): void;
  /** The counts as plain data, for a checkpoint within an epoch. */
  stateDict(): readonly number[];
  loadStateDict(state: readonly number[]): void;
}

/** The mean of numbers, each with its weight. */
export class Mean {
  #sum = 0;
  #weight = 0;

  /** @param weight how often the value counts, as the size of the batch it is the mean of. */
  update(value: number, weight = 1): void {
    if (!(weight >= 0)) fail('Mean', `weight must be a number of at least 0, got ${weight}`);
    this.#sum += value * weight;
    this.#weight += weight;
  }

  value(): number {
    return this.#sum / this.#weight;
  }

  reset(): void {
    this.loadStateDict([0, 0]);
  }

  stateDict(): readonly number[] {
    return [this.#sum, this.#weight];
  }

  loadStateDict(state: readonly number[]): void {
    [this.#sum, this.#weight] = checkCounts('Mean', state, 2) as [number, number];
  }
}

/** Refuses a state that another metric left. */
export function checkCounts(where: string, state: readonly number[], length: number): readonly number[] {
  if (!Array.isArray(state) || state.length !== length || !state.every((one) => typeof one === 'number'))
    fail(where, `the state must hold ${length} numbers, it is ${JSON.stringify(state)}`);
  return state;
}

/** A share of all elements. */
abstract class Share implements Metric<number> {
  #hits = 0;
  #count = 0;

  constructor(protected readonly name: string) {}

  update(output: HostTensor, target: HostTensor): void {
    const { hits, count } = this.count(output, target);
    this.#hits += hits;
    this.#count += count;
  }

  protected abstract count(output: HostTensor, target: HostTensor): { hits: number; count: number };

  value(): number {
    return this.#hits / this.#count;
  }

  reset(): void {
    this.loadStateDict([0, 0]);
  }

  stateDict(): readonly number[] {
    return [this.#hits, this.#count];
  }

  loadStateDict(state: readonly number[]): void {
    [this.#hits, this.#count] = checkCounts(this.name, state, 2) as [number, number];
  }
}

/** The share of right classes. */
export class Accuracy extends Share {
  readonly #options: ClassOptions;

  constructor(options: ClassOptions = {}) {
    expectOptions('Accuracy', options, classKinds);
    super('Accuracy');
    this.#options = options;
  }

  protected override count(output: HostTensor, target: HostTensor) {
    const { predicted, labels } = classesOf(this.name, output, target, this.#options);
    return { hits: predicted.filter((label, i) => label === labels[i]).length, count: labels.length };
  }
}

export interface TopKAccuracyOptions {
  readonly k: number;
  readonly ignoreIndex?: number;
}

/** The share of elements whose label is among the k highest scores; of equal scores the first classes' are higher. */
export class TopKAccuracy extends Share {
  readonly #k: number;
  readonly #ignored: number | undefined;

  constructor(options: TopKAccuracyOptions) {
    expectOptions('TopKAccuracy', options, { k: anyNumber, ignoreIndex: whole });
    const { k, ignoreIndex } = options;
    super('TopKAccuracy');
    if (!Number.isSafeInteger(k) || k < 1) fail(this.name, `k must be a whole number from 1, got ${k}`);
    this.#k = k;
    this.#ignored = ignoreIndex;
  }

  protected override count(output: HostTensor, target: HostTensor) {
    checkHost(`${this.name}: output`, output);
    checkHost(`${this.name}: target`, target);
    const scores = scoresOf(this.name, output);
    const labels = labelsOf(this.name, target, output, true);
    if (this.#k > scores.classes) fail(this.name, `k is ${this.#k}, there are ${scores.classes} classes`);
    checkLabels(this.name, labels, scores.classes, this.#ignored);
    let [hits, count] = [0, 0];
    for (const [i, label] of labels.entries()) {
      if (label === this.#ignored) continue;
      count++;
      const own = scores.data[scoreAt(scores, i, label)]!;
      let before = 0;
      for (let other = 0; other < scores.classes; other++) {
        const score = scores.data[scoreAt(scores, i, other)]!;
        if (score > own || (score === own && other < label)) before++;
      }
      if (before < this.#k) hits++;
    }
    return { hits, count };
  }
}
