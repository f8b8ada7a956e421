import type { HostTensor } from '../dtype.js';
import { fail } from '../errors.js';
import { anyNumber, expectOptions, type Kinds, oneOf } from '../kinds.js';
import { type ClassOptions, checkLabels, classesOf, classKinds } from './classes.js';
import { checkCounts, type Metric } from './metrics.js';

export interface ConfusionOptions extends ClassOptions {
  /** How many classes there are; 2 with a threshold. */
  readonly classes: number;
}

const confusionKinds: Kinds<ConfusionOptions> = { ...classKinds, classes: anyNumber };

/** Counts by label (row) and told class (column). */
class Counts {
  readonly classes: number;
  readonly #name: string;
  readonly #options: ConfusionOptions;
  readonly #counts: Float64Array;

  constructor(name: string, options: ConfusionOptions) {
    const { classes } = options;
    if (!Number.isSafeInteger(classes) || classes < 2)
      fail(name, `classes must be a whole number from 2, got ${classes}`);
    if (options.threshold !== undefined && classes !== 2)
      fail(name, `a threshold tells 2 classes apart, not ${classes}`);
    this.#name = name;
    this.#options = options;
    this.classes = classes;
    this.#counts = new Float64Array(classes * classes);
  }

  update(output: HostTensor, target: HostTensor): void {
    const { classes } = this;
    const { ignoreIndex } = this.#options;
    const told = classesOf(this.#name, output, target, this.#options);
    if (told.classes !== null && told.classes !== classes)
      fail(this.#name, `outputs have ${told.classes} classes, the metric ${classes}`);
    checkLabels(this.#name, told.labels, classes, ignoreIndex);
    checkLabels(this.#name, told.predicted, classes, undefined, 'told class');
    for (const [i, label] of told.labels.entries()) this.#counts[label * classes + told.predicted[i]!]!++;
  }

  at(label: number, told: number): number {
    return this.#counts[label * this.classes + told]!;
  }

  /** Elements of a class, how often it was told, and how often rightly. */
  of(label: number): { readonly actual: number; readonly told: number; readonly right: number } {
    let [actual, told] = [0, 0];
    for (let other = 0; other < this.classes; other++) {
      actual += this.at(label, other);
      told += this.at(other, label);
    }
    return { actual, told, right: this.at(label, label) };
  }

  reset(): void {
    this.#counts.fill(0);
  }

  stateDict(): readonly number[] {
    return [...this.#counts];
  }

  loadStateDict(state: readonly number[]): void {
    this.#counts.set(checkCounts(this.#name, state, this.#counts.length));
  }
}

/** What metrics over counts share. */
abstract class Counting {
  protected readonly counts: Counts;

  protected constructor(
    name: string,
    options: ConfusionOptions,
    kinds: Kinds<ConfusionOptions> = confusionKinds,
  ) {
    expectOptions(name, options, kinds);
    this.counts = new Counts(name, options);
  }

  update(output: HostTensor, target: HostTensor): void {
    this.counts.update(output, target);
  }

  reset(): void {
    this.counts.reset();
  }

  stateDict(): readonly number[] {
    return this.counts.stateDict();
  }

  loadStateDict(state: readonly number[]): void {
    this.counts.loadStateDict(state);
  }

  protected each<T>(of: (label: number) => T): T[] {
    return Array.from({ length: this.counts.classes }, (_, label) => of(label));
  }
}

/** How often a label (row) was told as a class (column), as sklearn.metrics.confusion_matrix. */
export class ConfusionMatrix extends Counting implements Metric<readonly (readonly number[])[]> {
  constructor(options: ConfusionOptions) {
    super('ConfusionMatrix', options);
  }

  value(): number[][] {
    return this.each((label) => this.each((told) => this.counts.at(label, told)));
  }
}

/** The share of each class's elements that were told right; NaN for a class that did not come. */
export class PerClassAccuracy extends Counting implements Metric<readonly number[]> {
  constructor(options: ConfusionOptions) {
    super('PerClassAccuracy', options);
  }

  value(): number[] {
    return this.each((label) => {
      const { right, actual } = this.counts.of(label);
      return right / actual;
    });
  }
}

export interface AverageOptions extends ConfusionOptions {
  /**
   * How classes make one value: `macro` (default), their mean; `weighted`, by their elements; `micro`, from the counts of
   * all. Classes that neither came nor were told are left out.
   */
  readonly average?: 'macro' | 'micro' | 'weighted';
}

const averageKinds: Kinds<AverageOptions> = {
  ...confusionKinds,
  average: oneOf('macro', 'micro', 'weighted'),
};

/** A quotient of counts for each class, 0 where the divisor is 0, as sklearn's and torchmetrics'. */
abstract class ClassScore extends Counting implements Metric<number> {
  readonly #average: NonNullable<AverageOptions['average']>;

  constructor(name: string, options: AverageOptions) {
    super(name, options, averageKinds);
    const { average = 'macro' } = options;
    this.#average = average;
  }

  protected abstract score(right: number, told: number, actual: number): number;

  /** The score of each class. */
  perClass(): number[] {
    return this.each((label) => this.#scoreOf(this.counts.of(label)));
  }

  #scoreOf({ right, told, actual }: ReturnType<Counts['of']>): number {
    return right === 0 ? 0 : this.score(right, told, actual);
  }

  value(): number {
    const all = this.each((label) => this.counts.of(label)).filter(({ told, actual }) => told + actual > 0);
    if (all.length === 0) return Number.NaN;
    const sum = (of: (one: (typeof all)[0]) => number) => all.reduce((total, one) => total + of(one), 0);
    const actual = sum((one) => one.actual);
    if (this.#average === 'micro')
      return this.#scoreOf({ right: sum((one) => one.right), told: sum((one) => one.told), actual });
    if (this.#average === 'macro') return sum((one) => this.#scoreOf(one)) / all.length;
    return sum((one) => this.#scoreOf(one) * one.actual) / actual;
  }
}

/** The share of what was told as a class that is of it. */
export class Precision extends ClassScore {
  constructor(options: AverageOptions) {
    super('Precision', options);
  }

  protected override score(right: number, told: number): number {
    return right / told;
  }
}

/** The share of a class that was told as such. */
export class Recall extends ClassScore {
  constructor(options: AverageOptions) {
    super('Recall', options);
  }

  protected override score(right: number, _: number, actual: number): number {
    return right / actual;
  }
}

/** The harmonic mean of precision and recall. */
export class F1 extends ClassScore {
  constructor(options: AverageOptions) {
    super('F1', options);
  }

  protected override score(right: number, told: number, actual: number): number {
    return (2 * right) / (told + actual);
  }
}
